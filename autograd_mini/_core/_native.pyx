# cython: language_level=3, c_api_binop_methods=True, cdivision=True
# cython: binding=False, embedsignature=True, embedsignature.format=clinic
"""Value, compiled: the class of value.py in 80 bytes a node. All mathematics comes from the table, as _kernels.h.

A node holds plain C numbers and pointers. It has no garbage-collector header, for a graph cannot contain a cycle; it is
freed iteratively, so that depth needs no stack, and lies in slabs of its own kind (native/memory.h).
"""

cimport cython
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_AsDouble, PyFloat_CheckExact
from cpython.long cimport PyLong_AsDouble, PyLong_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport Py_EQ, Py_GE, Py_GT, Py_LE, Py_LT, Py_NE, PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF, Py_XINCREF
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcmp, memcpy, memset, strdup

import numpy

from autograd_mini import primitives
from autograd_mini._core import c_text, graph, persistence, recording, registry, rows as row_rules, trees
from autograd_mini._core.errors import TracedValueError
from autograd_mini._core.numbers import (
    TracedNumber,
    branch_on_traced,
    is_foreign,
    no_digits,
    loses_gradient,
    no_seed_or_parameters,
    real,
)

cdef dict ufunc_rows = registry.ufunc_rows

include "native/node.pxi"
include "native/recording.pxi"
include "native/walking.pxi"


@cython.final
cdef class Value:
    cdef double _data, _grad
    cdef double _number0, _number1
    cdef PyObject* _operand0
    cdef PyObject* _operand1
    cdef void* _extra
    cdef uint32_t _stamp_low
    cdef uint16_t _row
    cdef uint8_t _flags, _stamp_high

    __array_priority__ = 1000

    def __init__(self, data, name=None):
        cdef Node* node = node_of(self)
        if node.flags & MADE:
            raise TypeError("a Value cannot be initialised again: make a new one, or assign to its data")
        node.data = PyFloat_AS_DOUBLE(data) if PyFloat_CheckExact(data) else real(data)
        if name is not None:
            self.name = name
        node.flags |= MADE

    def __cinit__(self, *arguments, **keywords):
        node_of(self).row = LEAF
        node_of(self).number[0] = passes
        set_stamp(node_of(self), clock)

    @staticmethod
    def restore(double data, name, operation, tuple operands, tuple partials, grad, stamp, note, is_traced=False):
        """A node with exactly these fields; what pickling, copying and tracing are made of.

        Raises TypeError where they do not fit together.
        """
        cdef int i, count = 0 if operation is None else <int>len(operation.partials)
        cdef int row = LEAF if operation is None else number_of(operation)
        cdef Extra* extra = NULL
        cdef bint is_node
        cdef Node* node
        fits = len(operands) == len(partials) == count and all([
            type(partial) is float if type(operand) is Value else type(operand) is float and partial is None
            for operand, partial in zip(operands, partials)])
        if not fits:
            raise TypeError(f"a node of {operation!r} takes {count} operands and a partial for each that is a Value")
        node = blank(data, LEAF)
        value = own(node)
        if note is not None or count > 2 or row == OWN:
            extra = ensure_extra(node, count)
        node.row = <uint16_t>row
        node.flags |= TRACED if is_traced else 0
        for i in range(count):
            is_node = is_value(<PyObject*>operands[i])
            if is_node:
                node.flags |= node_of(operands[i]).flags & TRACED
            put_operand(node, extra, i, <PyObject*>operands[i] if is_node else NULL,
                        partials[i] if is_node else operands[i])
        keep(extra, operation if row == OWN else None, note)
        value.name = name
        value.grad = grad
        set_stamp(node, stamp)
        return value

    @property
    def data(self):
        """The number. A leaf's may be assigned; graphs built from it before are stale from then on."""
        if self._flags & TRACED and recording.is_differentiating():
            return TracedNumber(self._data)
        return self._data

    @data.setter
    def data(self, number):
        global clock
        if self._row != LEAF:
            raise AttributeError(f"the data of a {row_of(node_of(self)).name!r} node follows from its operands: "
                                 "assign the leaves and build the expression again")
        self._data = real(number)
        self._flags |= MADE
        clock += 1
        set_stamp(node_of(self), clock)

    @property
    def grad(self):
        """The gradient that the last backward pass left here; None where there was none since the node was made.

        It is 0 in a leaf that no pass has reached since.
        """
        if not self._flags & HAS_GRAD:
            return 0.0 if self._row == LEAF and self._pass < passes and not self._flags & TRACED else None
        if self._flags & TRACED and recording.is_differentiating():
            raise TracedValueError("grad of a traced Value would freeze a number into the program: take the derivative "
                                   "with autograd_mini.gradient, or trace value_and_grad(f)")
        return self._grad

    @grad.setter
    def grad(self, number):
        if number is not None:
            self._grad = real(number, "grad")
        if self._row == LEAF and (number is None or not self._flags & HAS_GRAD):
            node_of(self).number[0] = passes
        self._flags = self._flags & ~HAS_GRAD if number is None else self._flags | HAS_GRAD

    @property
    def _pass(self):
        """The number of the backward pass that left `grad` in this leaf, or came before it was made or assigned."""
        return node_of(self).number[0] if self._row == LEAF else 0.0

    @property
    def name(self):
        """The name that texts and drawings use, on any node; None where there is none."""
        cdef PyObject* name = name_of(node_of(self))
        return None if name == NULL else <object>name

    @name.setter
    def name(self, name):
        cdef Node* node = node_of(self)
        cdef PyObject* old = name_of(node)
        cdef PyObject* new = NULL
        if name is not None:
            if not isinstance(name, str):
                raise TypeError(f"a name is a text or None, not {type(name).__name__}")
            Py_INCREF(name)
            new = <PyObject*>name
        if node.flags & HAS_EXTRA:
            (<Extra*>node.extra).name = new
        else:
            node.extra = <void*>new
        XDECREF(old)

    @property
    def operation(self):
        """The row of the primitive that made this node; None for a leaf."""
        return None if self._row == LEAF else row_of(node_of(self))

    @property
    def operands(self):
        """The operands in order: Values, and plain floats for constants."""
        cdef int i
        cdef Operand operand
        result = []
        for i in range(operand_count(node_of(self))):
            operand = operand_at(node_of(self), i)
            result.append(operand.number if operand.node == NULL else <object>operand.node)
        return tuple(result)

    @property
    def partials(self):
        """The local derivative by each operand, taken when the node was made; None for constants."""
        cdef int i
        cdef Operand operand
        result = []
        for i in range(operand_count(node_of(self))):
            operand = operand_at(node_of(self), i)
            result.append(None if operand.node == NULL else operand.number)
        return tuple(result)

    @property
    def stamp(self):
        """When a leaf was last assigned, or a node was built: the time of the engine's clock."""
        return stamp_of(node_of(self))

    @property
    def is_traced(self):
        """Whether the number will differ from call to call of the Program that is being recorded."""
        return bool(self._flags & TRACED)

    @property
    def note(self):
        """What recording blocks noted when this node was built, or None."""
        cdef Extra* extra = extra_of(node_of(self))
        return None if extra == NULL or extra.note == NULL else <object>extra.note

    def apply(self, primitive, operands):
        """Record a primitive: its result, with the local derivatives at this point."""
        cdef int i
        cdef PyObject* pointers[MOST_OPERANDS]
        operands = tuple(operands)
        if not isinstance(primitive, row_rules.Primitive) or len(operands) != len(primitive.partials):
            raise TypeError(f"{primitive!r} cannot be applied to {len(operands)} operands")
        for i in range(len(operands)):
            pointers[i] = <PyObject*>operands[i]
        return record(primitive, pointers, <int>len(operands))

    def backward(self, parameters=None, seed=1.0):
        """Set `grad` of every node this one depends on to the derivative of this one by it, times `seed`.

        One pass in reverse topological order applies the chain rule: every node hands its gradient, times the local
        derivative, to its operands, and an operand used several times gets the sum. What an earlier call left is
        overwritten, never added to. `parameters`, a Value or any nesting of lists, tuples, dicts and arrays of them,
        are set too where this node does not depend on them: to 0.

        Raises TypeError for a parameter that is no Value, StaleGraphError for a graph that mixes two points: one part
        built before a leaf was assigned, another one behind it.
        """
        global passes
        cdef Path order
        cdef double first
        cdef Value parameter
        if parameters is None and PyFloat_CheckExact(seed):
            first = PyFloat_AS_DOUBLE(seed)
            unreached = None
        else:
            parameters, first = no_seed_or_parameters(parameters, seed)
            unreached = [parameter for parameter in trees.values(parameters, "a parameter")]
        memset(&order, 0, sizeof(Path))
        try:
            walk(node_of(self), &order)
            if is_mixed(&order, stamp_of(node_of(self))):
                unmark(&order)
                graph.require_one_point(reached((self,), False), self.stamp)
            passes += 1
            if unreached is not None:
                for parameter in unreached:
                    parameter._grad = 0.0
                    parameter._flags |= HAS_GRAD
                    if parameter._row == LEAF:
                        node_of(parameter).number[0] = passes
            sweep_back(&order, first)
        finally:
            PyMem_Free(order.nodes)

    def __add__(left, right):
        if PyLong_CheckExact(left) and left == 0:  # where sum() starts
            return right
        return record2(ADD, <PyObject*>left, <PyObject*>right)

    def __sub__(left, right):
        return record2(SUB, <PyObject*>left, <PyObject*>right)

    def __mul__(left, right):
        return record2(MUL, <PyObject*>left, <PyObject*>right)

    def __truediv__(left, right):
        return record2(DIV, <PyObject*>left, <PyObject*>right)

    def __pow__(left, right, modulus):
        if modulus is not None:
            raise TypeError("pow(a, b, modulus) is for integers, not for Values")
        return record2(POW, <PyObject*>left, <PyObject*>right)

    def __mod__(left, right):
        return record2(MOD, <PyObject*>left, <PyObject*>right)

    def __floordiv__(left, right):
        return record2(FLOORDIV, <PyObject*>left, <PyObject*>right)

    def __divmod__(left, right):
        return left // right, left % right

    def __neg__(self):
        return record1(NEG, <PyObject*>self)

    def __abs__(self):
        return record1(ABS, <PyObject*>self)

    def __floor__(self):
        return record1(FLOOR, <PyObject*>self)

    def __ceil__(self):
        return record1(CEIL, <PyObject*>self)

    def __trunc__(self):
        return record1(TRUNC, <PyObject*>self)

    def __round__(self, digits=None):
        no_digits(digits)
        return record1(ROUND, <PyObject*>self)

    def __pos__(self):
        return self

    def conjugate(self):
        """The number itself, which is real; np.var and np.vdot ask for it."""
        return self

    def __richcmp__(self, other, int comparison):
        cdef PyObject* a = <PyObject*>self
        cdef PyObject* b = <PyObject*>other
        if comparison == Py_LT: return record2(LESS, a, b)
        if comparison == Py_LE: return record2(LESS_EQUAL, a, b)
        if comparison == Py_GT: return record2(LESS, b, a)
        if comparison == Py_GE: return record2(LESS_EQUAL, b, a)
        if not is_value(b) and (is_foreign(other) or not hasattr(type(other), "__float__")):
            return NotImplemented
        if node_of(self).flags & TRACED or (is_value(b) and node_of(other).flags & TRACED):
            raise branch_on_traced("==")
        same = node_of(self).data == (<Node*>b).data if is_value(b) else (<Value>self)._data == other
        return same if comparison == Py_EQ else not same

    def __hash__(self):
        return <Py_ssize_t>(<size_t><PyObject*>self >> 4)

    def __bool__(self):
        if self._flags & TRACED:
            raise branch_on_traced("the truth")
        return self._data != 0

    def __float__(self):
        raise loses_gradient("float")

    def __int__(self):
        raise loses_gradient("int")

    def __complex__(self):
        raise loses_gradient("complex")

    def __repr__(self):
        return registry.represent(self)

    def __format__(self, spec):
        if not isinstance(spec, str):
            raise TypeError(f"a format is a text, not {type(spec).__name__}")
        return format(self.data, spec) if spec else str(self)

    def _repr_mimebundle_(self, *choice, **choices):
        return registry.mimebundle(self) if registry.mimebundle else {"text/plain": repr(self)}

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        cdef Py_ssize_t count = len(inputs)
        cdef int row
        if not keywords and count <= 2 and method == "__call__" and ufunc in ufunc_rows:
            row = ufunc_rows[ufunc]
            if count == 1 and arity[row] == 1:
                return record1(row, <PyObject*>inputs[0])
            if count == 2 == arity[row] and is_plain(<PyObject*>inputs[0]) and is_plain(<PyObject*>inputs[1]):
                return record2(row, <PyObject*>inputs[0], <PyObject*>inputs[1])
        return registry.array_ufunc(ufunc, method, inputs, keywords) if registry.array_ufunc else NotImplemented

    def __array_function__(self, function, types, args, keywords):
        return registry.array_function(function, args, keywords) if registry.array_function else NotImplemented

    def __reduce__(self):
        return persistence.reduce(self, "native")

    def __copy__(self):
        return persistence.shallow_copy(self)

    def __deepcopy__(self, memo):
        return persistence.deepcopy(self, memo)


include "native/functions.pxi"
include "native/builder.pxi"


def room():
    """How many nodes the slabs of memory have room for, living, freed and not made yet."""
    return am_room


def _watch(count):
    global watching
    watching = count


recording.watchers.append(_watch)
am_type = <PyTypeObject*><PyObject*>Value
set_memory(am_type, free_graph)
set_name(am_type, b"autograd_mini.Value")
(<object>type_dict(am_type))["__module__"] = "autograd_mini"
PyType_Modified(am_type)
if (<object>Value).__basicsize__ != 80 and sizeof(void*) == 8:
    raise ImportError("a compiled node does not have the layout it was written for")
