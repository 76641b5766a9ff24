# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False, binding=False, nonecheck=True
"""The scalar interpreter, compiled: one example, any number of operations, called with little more than the work costs.

All mathematics comes from the table, as _interpreter.h. The slots of a call are on the C stack or, where they are many, in
a buffer of the call's own, so calls may nest and run in parallel.
"""

cimport cython
cimport numpy as cnp
from cpython.pyport cimport PY_SSIZE_T_MAX
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check, PyFloat_FromDouble
from cpython.long cimport PyLong_AsDouble, PyLong_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_RawFree, PyMem_RawMalloc
from libc.stdint cimport int32_t, uintptr_t
from libc.string cimport memcpy, memset

from functools import update_wrapper

import numpy as np

from autograd_mini._body.loops import Loop
from autograd_mini.program._layout import number_array

cnp.import_array()

cdef extern from *:
    """
    #include "_interpreter.h"
    """
    ctypedef struct Instruction "am_instruction":
        int32_t row
        int32_t* operand
    int BUILT_IN_ROWS "AM_ROWS"
    const char* AM_FINGERPRINT
    const Instruction* run_until_other "am_run"(const Instruction* now, const double* slots, double* result) noexcept nogil

ctypedef void (*Compiled)(const double* numbers, double* results, double* frame) noexcept nogil

cdef enum:
    ON_STACK = 512          # slots
    LONG = 20_000           # operations from which on a call lets other threads run

FINGERPRINT = AM_FINGERPRINT.decode()
"""Tells which table the kernels were made from."""

ROWS = BUILT_IN_ROWS

cdef tuple NUMPY_NUMBERS = tuple({np.dtype(code).type for code in np.typecodes["Float"] + np.typecodes["AllInteger"]})


cdef class Interpreter:
    """The operations of a body as instructions; or a compiled function that does the same.

    The function is given by its address and takes (const double *numbers, double *results, double *frame); `frame` is
    how many numbers the last of them must have room for. `keeps` is what the function lives in.
    """

    cdef Instruction* code
    cdef double* constants
    cdef int32_t* output_slots
    cdef readonly Py_ssize_t inputs, outputs
    cdef Py_ssize_t constant_count, count, results
    cdef list others                # of the rows that C does not know (primitive, operand slots), and every Repeated
    cdef Compiled compiled
    cdef Py_ssize_t frame
    cdef object keeps
    cdef bint is_long

    def __cinit__(self, body, uintptr_t address=0, Py_ssize_t frame=0, keeps=None):
        cdef Py_ssize_t place, i
        cdef tuple operands
        self.inputs, self.outputs = body.inputs, len(body.outputs)
        self.others = []
        self.is_long = body.work > LONG
        if address:
            self.compiled, self.frame, self.keeps = <Compiled>address, frame, keeps
            return
        self.constant_count, self.count = len(body.constants), len(body.statements)
        self.results = body.slots - self.inputs - self.constant_count
        self.code = <Instruction*>PyMem_Malloc((self.count + 1) * sizeof(Instruction))
        self.constants = <double*>PyMem_Malloc(max(1, self.constant_count) * sizeof(double))
        self.output_slots = <int32_t*>PyMem_Malloc(max(1, self.outputs) * sizeof(int32_t))
        if self.code == NULL or self.constants == NULL or self.output_slots == NULL:
            raise MemoryError()
        for place, (primitive, operands) in enumerate(body.statements):
            if type(primitive) is Loop or primitive.index < 0:
                self.code[place].row = BUILT_IN_ROWS  # where the interpreter stops
                self.code[place].operand[0] = len(self.others)
                self.others.append(Repeated(primitive, operands) if type(primitive) is Loop else (primitive, operands))
                continue
            self.code[place].row = primitive.index
            for i in range(3):
                self.code[place].operand[i] = operands[i] if i < len(operands) else 0
        self.code[self.count].row = BUILT_IN_ROWS
        for place, number in enumerate(body.constants):
            self.constants[place] = number
        for place, slot in enumerate(body.outputs):
            self.output_slots[place] = slot

    def __dealloc__(self):
        PyMem_Free(self.code)
        PyMem_Free(self.constants)
        PyMem_Free(self.output_slots)

    cdef Py_ssize_t room(self):
        """How many numbers a call needs: slots and outputs."""
        return self.inputs + self.constant_count + self.results + self.frame + self.outputs

    cdef int evaluate(self, double* slots, double* outputs) except -1:
        """The outputs, given the inputs in the first slots."""
        cdef Py_ssize_t place, before
        cdef double* results = slots + self.inputs + self.constant_count
        cdef Repeated repeated
        if self.compiled != NULL:
            if self.is_long:
                with nogil:
                    self.compiled(slots, outputs, results)
            else:
                self.compiled(slots, outputs, results)
            return 0
        memcpy(slots + self.inputs, self.constants, self.constant_count * sizeof(double))
        place = before = 0
        while True:
            if self.is_long and self.count > LONG:
                with nogil:
                    place = run_until_other(self.code + place, slots, results) - self.code
            else:
                place = run_until_other(self.code + place, slots, results) - self.code
            if place == self.count:
                break
            results += place - before
            other = self.others[self.code[place].operand[0]]
            if type(other) is Repeated:
                repeated = <Repeated>other
                repeated.evaluate(slots, results)
                results += repeated.results
            else:
                primitive, operands = other
                results[0] = primitive.number(*[slots[<Py_ssize_t>slot] for slot in operands])
                results += 1
            place += 1
            before = place
        for place in range(self.outputs):
            outputs[place] = slots[self.output_slots[place]]
        return 0

    def run(self, const double[::1] numbers):
        """The outputs for one example, as an array."""
        if numbers.shape[0] != self.inputs:
            raise ValueError(f"{self.inputs} numbers are needed, not {numbers.shape[0]}")
        result = np.empty(self.outputs)
        cdef double[::1] outputs = result
        cdef double* slots = <double*>PyMem_RawMalloc(max(1, self.room()) * sizeof(double))
        if slots == NULL:
            raise MemoryError()
        try:
            if self.inputs:
                memcpy(slots, &numbers[0], self.inputs * sizeof(double))
            if self.outputs:
                self.evaluate(slots, &outputs[0])
        finally:
            PyMem_RawFree(slots)
        return result

    def rows(self, const double[::1] numbers, const double[:, :] columns, const int[::1] places, double[:, ::1] out):
        """Fill out[row] with the outputs for each row of `columns`, whose columns are the inputs at `places`."""
        cdef Py_ssize_t row, i, done, size = self.inputs + self.constant_count
        cdef double* slots = <double*>PyMem_RawMalloc(max(1, self.room()) * sizeof(double))
        cdef double* results = slots + size
        if slots == NULL:
            raise MemoryError()
        try:
            if self.inputs:
                memcpy(slots, &numbers[0], self.inputs * sizeof(double))
            if self.others or self.compiled != NULL:
                for row in range(out.shape[0]):
                    for i in range(places.shape[0]):
                        slots[places[i]] = columns[row, i]
                    self.evaluate(slots, &out[row, 0])
                return
            with nogil:
                memcpy(slots + self.inputs, self.constants, self.constant_count * sizeof(double))
                for row in range(out.shape[0]):
                    for i in range(places.shape[0]):
                        slots[places[i]] = columns[row, i]
                    run_until_other(self.code, slots, results)
                    for i in range(self.outputs):
                        out[row, i] = slots[self.output_slots[i]]
        finally:
            PyMem_RawFree(slots)


cdef class Repeated:
    """A loop: its step, and where its operands are."""

    cdef Interpreter step
    cdef int32_t* operands
    cdef Py_ssize_t trips, carry, shared, streams, columns
    cdef readonly Py_ssize_t results
    cdef bint is_reversed

    def __cinit__(self, loop, operands):
        cdef Py_ssize_t place
        self.step = Interpreter(loop.step)
        self.trips, self.carry, self.shared, self.streams = loop.trips, loop.carry, loop.shared, loop.streams
        self.columns, self.results, self.is_reversed = loop.columns, loop.results, loop.is_reversed
        self.operands = <int32_t*>PyMem_Malloc(max(1, len(operands)) * sizeof(int32_t))
        if self.operands == NULL:
            raise MemoryError()
        for place, slot in enumerate(operands):
            self.operands[place] = slot

    def __dealloc__(self):
        PyMem_Free(self.operands)

    cdef int evaluate(self, const double* slots, double* results) except -1:
        """The results, given the slots of the body."""
        cdef Py_ssize_t trip, place, k, known = self.carry + self.shared
        cdef Py_ssize_t room = self.step.room()
        cdef double* own = <double*>PyMem_RawMalloc(max(1, room) * sizeof(double))
        cdef double* made = own + room - self.carry - self.columns
        if own == NULL:
            raise MemoryError()
        try:
            for k in range(known):
                own[k] = slots[self.operands[k]]
            for trip in range(self.trips):
                place = self.trips - 1 - trip if self.is_reversed else trip
                for k in range(self.streams):
                    own[known + k] = slots[self.operands[known + k * self.trips + place]]
                self.step.evaluate(own, made)
                memcpy(own, made, self.carry * sizeof(double))
                for k in range(self.columns):
                    results[self.carry + k * self.trips + place] = made[self.carry + k]
            memcpy(results, own, self.carry * sizeof(double))
        finally:
            PyMem_RawFree(own)
        return 0


cdef class Place:
    """A part of a layout, for C: where it starts, how long it is, its shape; a number has no dimensions."""

    cdef Py_ssize_t start, size
    cdef int dimensions
    cdef bint is_number
    cdef cnp.npy_intp shape[64]

    def __init__(self, start, shape):
        cdef int i
        self.start = start
        self.is_number = shape is None
        self.dimensions = 0 if shape is None else len(shape)
        self.size = 1
        for i in range(self.dimensions):
            self.shape[i] = shape[i]
            self.size *= self.shape[i]


cdef class Caller:
    """Calls a body with nested arguments, where these are what they usually are: floats, ints, arrays of float64.

    `arguments` and `result` are layouts with a Place for each part. After the `most` calls it does no more.
    """

    cdef Interpreter interpreter
    cdef tuple arguments
    cdef object result
    cdef Py_ssize_t calls, most

    def __init__(self, Interpreter interpreter, tuple arguments, result, Py_ssize_t most=PY_SSIZE_T_MAX):
        self.interpreter, self.arguments, self.result, self.most = interpreter, arguments, result, most

    @property
    def is_spent(self):
        """Whether it has been called `most` times."""
        return self.calls >= self.most

    def __call__(self, tuple arguments):
        """The result, or NotImplemented where the arguments are unusual or it has been called `most` times."""
        cdef double small[ON_STACK]
        cdef double* slots = small
        cdef Py_ssize_t i, room = self.interpreter.room()
        if len(arguments) != len(self.arguments) or self.calls >= self.most:
            return NotImplemented
        if room > ON_STACK:
            slots = <double*>PyMem_RawMalloc(room * sizeof(double))
            if slots == NULL:
                raise MemoryError()
        try:
            for i in range(len(arguments)):
                if not load(self.arguments[i], arguments[i], slots, NULL, None):
                    return NotImplemented
            self.calls += 1
            self.interpreter.evaluate(slots, slots + room - self.interpreter.outputs)
            return build(self.result, slots + room - self.interpreter.outputs)
        finally:
            if slots != small:
                PyMem_RawFree(slots)


@cython.freelist(8)
cdef class Entry:
    """A method of one program, as `Quick` hands it out."""

    cdef Quick quick
    cdef object program
    cdef dict callers

    def __call__(self, *arguments, **keywords):
        if not keywords:
            caller = self.callers.get(self.quick.name)
            if type(caller) is RowsCaller:
                result = (<RowsCaller>caller).call(arguments, None)
                if result is not NotImplemented:
                    return result
            elif caller is not None:
                result = caller(arguments)
                if result is not NotImplemented:
                    return result
        return self.quick.method(self.program, *arguments, **keywords)

    @property
    def __wrapped__(self):
        if self.quick is None:  # no AttributeError, which would ask __getattr__
            raise TypeError("a method of a Program is handed out by a Program")
        return self.quick.method.__get__(self.program)

    @property
    def __doc__(self):
        return self.quick.method.__doc__

    def __getattr__(self, name):
        return getattr(self.__wrapped__, name)

    def __repr__(self):
        return repr(self.__wrapped__)

    def __reduce__(self):
        return getattr, (self.program, self.quick.name)


cdef class Quick:
    """A method of Programs that goes straight to the program's caller of that name, where there is one.

    The caller takes the arguments as a tuple. Keywords, and calls that it leaves alone, are the method's.
    """

    cdef object method
    cdef str name
    cdef dict __dict__

    def __init__(self, method):
        self.method, self.name = method, method.__name__
        update_wrapper(self, method)

    def __get__(self, program, kind):
        if program is None:
            return self.method
        cdef Entry entry = Entry.__new__(Entry)
        entry.quick, entry.program, entry.callers = self, program, program._callers
        return entry


cdef bint is_numpy_number(given) noexcept:
    """Whether this is a number of NumPy's own, which is converted without a line of Python."""
    for kind in NUMPY_NUMBERS:
        if type(given) is kind:
            return True
    return False


@cython.boundscheck(True)
cdef bint load(layout, given, double* slots, Job* job, list kept) except -1:
    """Put the numbers of an argument into their slots, and where data lies into the job, where there is one.

    False where that takes more than is done here. `kept` gets the arrays of data: whatever becomes of the lists they
    lie in, in this thread or another, they live as long as the call.
    """
    cdef Place place
    cdef Py_ssize_t i, step
    cdef char* source
    if type(layout) is Place:
        place = <Place>layout
        if place.is_number:
            if PyFloat_Check(given):
                slots[place.start] = PyFloat_AS_DOUBLE(given)
                return True
            if PyLong_CheckExact(given) or is_numpy_number(given):
                try:
                    slots[place.start] = given
                except OverflowError:
                    return False
                return True
            return False
        if not cnp.PyArray_CheckExact(given) or cnp.PyArray_TYPE(given) != cnp.NPY_DOUBLE:
            given = array_of(given)
            if given is None:
                return False
            given = given.astype(float)
        if cnp.PyArray_NDIM(given) != place.dimensions:
            return False
        for i in range(place.dimensions):
            if cnp.PyArray_DIM(given, i) != place.shape[i]:
                return False
        if cnp.PyArray_ISCARRAY_RO(given):
            memcpy(slots + place.start, cnp.PyArray_DATA(given), place.size * sizeof(double))
            return True
        if place.dimensions != 1 or not cnp.PyArray_ISBEHAVED_RO(given):
            return False
        source, step = <char*>cnp.PyArray_DATA(given), cnp.PyArray_STRIDE(given, 0)
        for i in range(place.size):
            slots[place.start + i] = (<double*>(source + i * step))[0]
        return True
    if type(layout) is Column:
        return take(<Column>layout, given, job, kept)
    if type(layout) is dict:
        if type(given) is not dict or len(given) != len(layout):
            return False
        for key, entry in (<dict>layout).items():
            if key not in <dict>given or not load(entry, (<dict>given)[key], slots, job, kept):
                return False
        return True
    if cnp.PyArray_CheckExact(given) and cnp.PyArray_NDIM(given) == 1:
        given = type(layout)(given) if type(layout) is list or type(layout) is tuple else given
    if type(given) is not type(layout) or len(given) != len(layout):
        return False
    for i in range(len(layout)):
        if not load(layout[i], given[i], slots, job, kept):
            return False
    return True


cdef object build(layout, const double* outputs):
    """The result in its structure."""
    cdef Place place
    cdef Py_ssize_t i
    if type(layout) is Place:
        place = <Place>layout
        if place.is_number:
            return PyFloat_FromDouble(outputs[place.start])
        array = cnp.PyArray_SimpleNew(place.dimensions, place.shape, cnp.NPY_DOUBLE)
        memcpy(cnp.PyArray_DATA(array), outputs + place.start, place.size * sizeof(double))
        return array
    if type(layout) is tuple:
        entries = PyTuple_New(len(<tuple>layout))
        for i in range(len(<tuple>layout)):
            entry = build((<tuple>layout)[i], outputs)
            Py_INCREF(entry)
            PyTuple_SET_ITEM(entries, i, entry)
        return entries
    if type(layout) is list:
        return [build(entry, outputs) for entry in <list>layout]
    if type(layout) is dict:
        return {key: build(entry, outputs) for key, entry in (<dict>layout).items()}
    return type(layout)(*[build(entry, outputs) for entry in layout])


include "_rows.pxi"
