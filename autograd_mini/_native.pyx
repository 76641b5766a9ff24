# cython: language_level=3, c_api_binop_methods=True, cdivision=True, boundscheck=False, wraparound=False
# cython: initializedcheck=False, always_allow_keywords=False, embedsignature=False
"""Value, compiled: the class of value.py in 80 bytes a node. All mathematics comes from the table, as _kernels.h.

A node holds plain C numbers and pointers. It has no garbage-collector header, for a graph cannot contain a cycle; it is
freed iteratively, so that depth needs no stack, and freed nodes are kept for reuse, up to FREE_LIST_NODES of them.
"""

cimport cython
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_AsDouble, PyLong_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport Py_EQ, Py_GE, Py_GT, Py_LE, Py_LT, Py_NE, PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF, Py_XINCREF
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset, strdup

from autograd_mini import c_text, hooks, persistence, primitives, recording
from autograd_mini.conversion import branch_on_traced, is_foreign, loses_gradient, real

cdef extern from *:
    """
    #include "_kernels.h"

    typedef struct { PyObject *node; double number; } am_operand;   /* number: the partial, or the constant itself */

    typedef struct {                    /* what few nodes have: a note, or more than two operands */
        PyObject *name, *note;
        am_operand more[1];
    } am_extra;

    typedef struct am_node {
        PyObject_HEAD
        double data;
        union { double grad; struct am_node *next_to_die; };
        double number[2];               /* of each operand: the partial, or the constant itself */
        PyObject *operand[2];           /* NULL for a constant */
        void *extra;                    /* the name, or an am_extra */
        uint32_t stamp_low;
        uint16_t row;
        uint8_t flags, stamp_high;
    } am_node;

    static am_node *am_free_list = NULL;
    static Py_ssize_t am_free_count = 0;
    static PyTypeObject *am_type = NULL;
    #define AM_LEAF 0xFFFF
    #define AM_FREE_LIST_NODES (1 << 20)

    static inline am_node *am_new_node(void)
    {
        am_node *node = am_free_list;
        if (node != NULL) {
            am_free_list = (am_node *)node->extra;
            am_free_count--;
        } else {
            node = (am_node *)PyObject_Malloc(sizeof(am_node));
            if (node == NULL) { PyErr_NoMemory(); return NULL; }
        }
        PyObject_Init((PyObject *)node, am_type);
        return node;
    }

    static inline void am_free_node(am_node *node)
    {
        if (am_free_count < AM_FREE_LIST_NODES) {
            node->extra = am_free_list;
            am_free_list = node;
            am_free_count++;
        } else
            PyObject_Free(node);
    }

    """
    ctypedef struct Operand "am_operand":
        PyObject* node
        double number
    ctypedef struct Extra "am_extra":
        PyObject* name
        PyObject* note
        Operand* more
    ctypedef struct Node "am_node":
        double data
        double grad
        Node* next_to_die
        double* number
        PyObject** operand
        void* extra
        uint32_t stamp_low
        uint16_t row
        uint8_t flags
        uint8_t stamp_high
    PyTypeObject* am_type
    Py_ssize_t am_free_count
    int BUILT_IN_ROWS "AM_ROWS"
    int LEAF "AM_LEAF"
    int FREE_LIST_CAP "AM_FREE_LIST_NODES"
    const char* FINGERPRINT "AM_FINGERPRINT"
    int ADD "AM_ADD", SUB "AM_SUB", MUL "AM_MUL", DIV "AM_DIV", NEG "AM_NEG", POW "AM_POW", ABS "AM_ABS"
    int LESS "AM_LESS", LESS_EQUAL "AM_LESS_EQUAL"
    Node* new_node "am_new_node"() except NULL
    void free_node "am_free_node"(Node*)
    void kernel "am_kernel"(int row, int need, const double* x, double* y, double* p) noexcept

cdef extern from "Python.h":
    ctypedef struct PyMethodDef:
        const char* ml_name
        void* ml_meth
        int ml_flags
        const char* ml_doc
    int METH_O, METH_FASTCALL
    object PyCFunction_NewEx(PyMethodDef*, PyObject*, PyObject*)
    object PyInstanceMethod_New(object)
    void PyType_Modified(PyTypeObject*)
    PyTypeObject* Py_TYPE(PyObject*)
    Py_ssize_t Py_REFCNT(PyObject*)
    void DECREF "Py_DECREF"(PyObject*)
    void XDECREF "Py_XDECREF"(PyObject*)
    ctypedef void (*destructor)(PyObject*)

cdef extern from *:
    """
    #define am_type_dict(type) ((type)->tp_dict)
    #define am_set_dealloc(type, function) ((type)->tp_dealloc = (destructor)(function))
    #define am_set_name(type, text) ((type)->tp_name = (text))
    """
    PyObject* type_dict "am_type_dict"(PyTypeObject*)
    void set_dealloc "am_set_dealloc"(PyTypeObject*, void (*)(PyObject*) noexcept)
    void set_name "am_set_name"(PyTypeObject*, const char*)

cdef enum:
    HAS_GRAD = 1
    TRACED = 2
    HAS_EXTRA = 4
    VISITED = 8
    MOST_OPERANDS = 64

FREE_LIST_NODES = FREE_LIST_CAP
"""How many freed nodes of 80 bytes are kept for reuse at the most."""

functions = {}
cdef list rows = []                  # the table; a node holds the number of its row
cdef uint16_t* arity = NULL
cdef uint64_t clock = 1
cdef int watching = 0                # how many recording blocks are open


cdef inline Node* node_of(object value) noexcept:
    return <Node*><PyObject*>value


cdef inline bint is_value(PyObject* candidate) noexcept:
    return Py_TYPE(candidate) == am_type


cdef inline uint64_t stamp_of(Node* node) noexcept:
    return node.stamp_low | (<uint64_t>node.stamp_high << 32)


cdef inline void set_stamp(Node* node, uint64_t stamp) noexcept:
    node.stamp_low = <uint32_t>stamp
    node.stamp_high = <uint8_t>(stamp >> 32)


cdef inline Extra* extra_of(Node* node) noexcept:
    return <Extra*>node.extra if node.flags & HAS_EXTRA else NULL


cdef inline int operand_count(Node* node) noexcept:
    return 0 if node.row == LEAF else arity[node.row]


cdef inline Operand operand_at(Node* node, int i) noexcept:
    cdef Operand operand
    if i < 2:
        operand.node = node.operand[i]
        operand.number = node.number[i]
        return operand
    return (<Extra*>node.extra).more[i - 2]


cdef Extra* ensure_extra(Node* node) except NULL:
    """The room for a note and further operands; the name moves into it."""
    cdef int more = operand_count(node) - 2
    cdef Extra* extra
    if not node.flags & HAS_EXTRA:
        extra = <Extra*>PyMem_Malloc(sizeof(Extra) + (more if more > 0 else 0) * sizeof(Operand))
        if extra == NULL:
            raise MemoryError()
        memset(extra, 0, sizeof(Extra) + (more if more > 0 else 0) * sizeof(Operand))
        extra.name = <PyObject*>node.extra
        node.extra = extra
        node.flags |= HAS_EXTRA
    return <Extra*>node.extra


cdef inline PyObject* name_of(Node* node) noexcept:
    return (<Extra*>node.extra).name if node.flags & HAS_EXTRA else <PyObject*>node.extra


# Freeing: a node whose last reference was held here joins the list of the dying instead of being freed recursively -----

cdef inline void release(PyObject* operand, Node** dying) noexcept:
    if operand != NULL:
        if Py_REFCNT(operand) == 1 and is_value(operand):
            (<Node*>operand).next_to_die = dying[0]
            dying[0] = <Node*>operand
        else:
            DECREF(operand)


cdef void free_graph(PyObject* self) noexcept:
    cdef Node* node
    cdef Node* dying = <Node*>self
    cdef Extra* extra
    cdef int i
    dying.next_to_die = NULL
    while dying != NULL:
        node = dying
        dying = node.next_to_die
        release(node.operand[0], &dying)
        release(node.operand[1], &dying)
        if node.extra != NULL:
            if node.flags & HAS_EXTRA:
                extra = <Extra*>node.extra
                for i in range(operand_count(node) - 2):
                    release(extra.more[i].node, &dying)
                XDECREF(extra.name)
                XDECREF(extra.note)
                PyMem_Free(extra)
            else:
                DECREF(<PyObject*>node.extra)
        free_node(node)


# Recording ------------------------------------------------------------------------------------------------------------

cdef inline int read(PyObject* operand, double* number) except -1:
    """1 for a node, 0 for a constant, 2 for what is not a number of ours; the number goes to `number`."""
    if is_value(operand):
        number[0] = (<Node*>operand).data
        return 1
    if PyFloat_CheckExact(<object>operand):
        number[0] = PyFloat_AS_DOUBLE(<object>operand)
        return 0
    return read_other(<object>operand, number)


cdef int read_other(object operand, double* number) except -1:
    if PyLong_CheckExact(operand):
        try:
            number[0] = PyLong_AsDouble(operand)
            return 0
        except OverflowError:
            pass
    if is_foreign(operand):
        return 2
    number[0] = real(operand, "an operand")
    return 0


cdef int evaluate(int row, int need, const double* x, double* y, double* p) except -1:
    """Value and partials of a row: the compiled kernel, or the row itself where a user added it."""
    cdef int i
    if row < BUILT_IN_ROWS:
        kernel(row, need, x, y, p)
        return 0
    primitive = rows[row]
    numbers = [x[i] for i in range(arity[row])]
    y[0] = float(primitive.value(*numbers))
    for i in range(arity[row]):
        if need & (1 << i):
            rule = primitive.partials[i]
            p[i] = 0.0 if rule is None else primitives.number(rule, y[0], *numbers)
    return 0


cdef Node* blank(double data, int row) except NULL:
    cdef Node* node = new_node()
    node.data = data
    node.number[0] = node.number[1] = 0.0
    node.operand[0] = node.operand[1] = NULL
    node.extra = NULL
    node.row = <uint16_t>row
    node.flags = 0
    set_stamp(node, clock)
    return node


cdef inline object own(Node* node):
    """A new node as a Python object; the reference that came with it is handed over."""
    value = <object><PyObject*>node
    DECREF(<PyObject*>node)
    return value


cdef inline object record1(int row, PyObject* a):
    cdef double x, y, p = 0.0
    x = (<Node*>a).data
    if row < BUILT_IN_ROWS and not watching:
        kernel(row, 1, &x, &y, &p)
    else:
        return record(row, &a, 1)
    cdef Node* node = new_node()
    node.data = y
    node.number[0] = p
    node.operand[0] = a
    node.operand[1] = NULL
    node.extra = NULL
    node.row = <uint16_t>row
    node.flags = (<Node*>a).flags & TRACED
    set_stamp(node, clock)
    Py_INCREF(<object>a)
    return own(node)


cdef inline object record2(int row, PyObject* a, PyObject* b):
    """Two operands, at least one of them a node; NotImplemented where the other one knows better."""
    cdef double x[2]
    cdef double p[2]
    cdef double y
    cdef int first, second
    cdef uint8_t flags = 0
    first = read(a, &x[0])
    second = read(b, &x[1])
    if first == 2 or second == 2:
        return NotImplemented
    if watching or row >= BUILT_IN_ROWS:
        return record(row, [a, b], 2)
    kernel(row, first | (second << 1), x, &y, p)
    cdef Node* node = new_node()
    node.data = y
    if first:
        node.number[0] = p[0]
        node.operand[0] = a
        flags = (<Node*>a).flags
        Py_INCREF(<object>a)
    else:
        node.number[0] = x[0]
        node.operand[0] = NULL
    if second:
        node.number[1] = p[1]
        node.operand[1] = b
        flags |= (<Node*>b).flags
        Py_INCREF(<object>b)
    else:
        node.number[1] = x[1]
        node.operand[1] = NULL
    node.extra = NULL
    node.row = <uint16_t>row
    node.flags = flags & TRACED
    set_stamp(node, clock)
    return own(node)


cdef object record(int row, PyObject** operands, int count):
    """The general case: any number of operands, rows of the user's own, open recording blocks."""
    cdef double x[MOST_OPERANDS]
    cdef double p[MOST_OPERANDS]
    cdef double y
    cdef int i, kind, need = 0
    cdef uint8_t flags = 0
    cdef Extra* extra
    if count > MOST_OPERANDS:
        raise TypeError(f"a primitive can have {MOST_OPERANDS} operands at the most, not {count}")
    for i in range(count):
        kind = read(operands[i], &x[i])
        if kind == 2:
            real(<object>operands[i], "an operand")
        elif kind == 1:
            need |= 1 << i
            flags |= (<Node*>operands[i]).flags & TRACED
    evaluate(row, need, x, &y, p)
    note = None
    if watching:
        note = recording.observe(rows[row], tuple([<object>operands[i] if need & (1 << i) else x[i]
                                                   for i in range(count)]), y)
    cdef Node* node = blank(y, row)
    result = own(node)
    node.flags = flags
    extra = ensure_extra(node) if count > 2 or note is not None else NULL
    for i in range(count):
        put_operand(node, extra, i, operands[i] if need & (1 << i) else NULL, p[i] if need & (1 << i) else x[i])
    if note is not None:
        Py_INCREF(note)
        extra.note = <PyObject*>note
    return result


cdef void put_operand(Node* node, Extra* extra, int i, PyObject* operand, double number) noexcept:
    Py_XINCREF(operand)
    if i < 2:
        node.operand[i] = operand
        node.number[i] = number
    else:
        extra.more[i - 2].node = operand
        extra.more[i - 2].number = number


# Walking --------------------------------------------------------------------------------------------------------------

cdef struct Path:
    Node** nodes
    Py_ssize_t count
    Py_ssize_t room


cdef inline int push(Path* path, Node* node) except -1:
    cdef Node** nodes
    if path.count == path.room:
        path.room = 2 * path.room if path.room else 1024
        nodes = <Node**>PyMem_Realloc(path.nodes, path.room * sizeof(Node*))
        if nodes == NULL:
            raise MemoryError()
        path.nodes = nodes
    path.nodes[path.count] = node
    path.count += 1
    return 0


cdef int walk(Node* root, Path* order) except -1:
    """Operands before users, first operand first, as graph.topological_order; every node of `order` is left VISITED."""
    cdef Path pending
    cdef Node* node
    cdef PyObject* operand
    cdef int i
    memset(&pending, 0, sizeof(Path))
    try:
        push(&pending, root)
        while pending.count:
            pending.count -= 1
            node = pending.nodes[pending.count]
            if <size_t>node & 1:
                push(order, <Node*>(<size_t>node - 1))
            elif not node.flags & VISITED:
                node.flags |= VISITED
                if node.row == LEAF:
                    push(order, node)
                    continue
                push(&pending, <Node*>(<size_t>node + 1))
                if node.flags & HAS_EXTRA:
                    for i in range(operand_count(node) - 1, 1, -1):
                        operand = operand_at(node, i).node
                        if operand != NULL and not (<Node*>operand).flags & VISITED:
                            push(&pending, <Node*>operand)
                for i in range(1, -1, -1):
                    operand = node.operand[i]
                    if operand != NULL and not (<Node*>operand).flags & VISITED:
                        push(&pending, <Node*>operand)
    except MemoryError:
        for i in range(pending.count):
            (<Node*>(<size_t>pending.nodes[i] & ~<size_t>1)).flags &= ~VISITED
        unmark(order)
        raise
    finally:
        PyMem_Free(pending.nodes)
    return 0


cdef void unmark(Path* order) noexcept:
    cdef Py_ssize_t i
    for i in range(order.count):
        order.nodes[i].flags &= ~VISITED


cdef inline void hand_on(double cotangent, Operand operand) noexcept:
    """One edge of the chain rule: 0 times anything is 0, as in the row `chain`."""
    cdef double share
    if operand.node != NULL:
        share = cotangent * operand.number
        if share != share and (cotangent == 0 or operand.number == 0):
            share = 0.0
        (<Node*>operand.node).grad += share


cdef list reached(tuple roots, bint only_leaves):
    cdef Path order
    cdef Py_ssize_t i
    memset(&order, 0, sizeof(Path))
    try:
        try:
            for root in roots:
                walk(node_of(root), &order)
            return [<object><PyObject*>order.nodes[i] for i in range(order.count)
                    if not only_leaves or order.nodes[i].row == LEAF]
        finally:
            unmark(&order)
    finally:
        PyMem_Free(order.nodes)


def topological_order(*roots):
    """graph.topological_order for compiled nodes."""
    return reached(roots, False)


def leaves(*roots):
    """graph.leaves for compiled nodes."""
    return reached(roots, True)


# The class ------------------------------------------------------------------------------------------------------------

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
        if node.row != LEAF:
            raise TypeError("a Value cannot be initialised again")
        node.data = PyFloat_AS_DOUBLE(data) if PyFloat_CheckExact(data) else real(data)
        if name is not None:
            self.name = name

    def __cinit__(self, *arguments, **keywords):
        node_of(self).row = LEAF
        set_stamp(node_of(self), clock)

    @staticmethod
    def restore(double data, name, operation, tuple operands, tuple partials, grad, stamp, note, is_traced=False):
        """A node with exactly these fields; what pickling, copying and tracing are made of."""
        cdef int i, row = LEAF if operation is None else operation.index
        cdef Extra* extra = NULL
        cdef bint is_node
        cdef Node* node
        if row != LEAF and (row >= len(rows) or rows[row] is not operation):
            raise TypeError(f"{operation!r} is not in the table")
        if row != LEAF and (len(operands) != arity[row] or len(partials) != arity[row]):
            raise TypeError(f"{operation!r} takes {arity[row]} operands and partials")
        node = blank(data, row)
        value = own(node)
        node.flags = TRACED if is_traced else 0
        if note is not None or len(operands) > 2:
            extra = ensure_extra(node)
        for i in range(len(operands)):
            is_node = is_value(<PyObject*>operands[i])
            if is_node:
                node.flags |= node_of(operands[i]).flags & TRACED
            put_operand(node, extra, i, <PyObject*>operands[i] if is_node else NULL,
                        partials[i] if is_node else operands[i])
        if note is not None:
            Py_INCREF(note)
            extra.note = <PyObject*>note
        value.name = name
        value.grad = grad
        set_stamp(node, stamp)
        return value

    @property
    def data(self):
        """The number. A leaf's may be assigned; graphs built from it before are stale from then on."""
        return self._data

    @data.setter
    def data(self, number):
        global clock
        if self._row != LEAF:
            raise AttributeError(f"the data of a {rows[self._row].name!r} node follows from its operands: "
                                 "assign the leaves and build the expression again")
        self._data = real(number)
        clock += 1
        set_stamp(node_of(self), clock)

    @property
    def grad(self):
        """The gradient that the last backward pass left here; None where none has come by."""
        return self._grad if self._flags & HAS_GRAD else None

    @grad.setter
    def grad(self, number):
        if number is None:
            self._flags &= ~HAS_GRAD
        else:
            self._grad = real(number, "grad")
            self._flags |= HAS_GRAD

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
        return None if self._row == LEAF else rows[self._row]

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
        cdef int row = primitive.index
        operands = tuple(operands)
        if row >= len(rows) or rows[row] is not primitive or len(operands) != arity[row]:
            raise TypeError(f"{primitive!r} cannot be applied to {len(operands)} operands")
        for i in range(len(operands)):
            pointers[i] = <PyObject*>operands[i]
        return record(row, pointers, <int>len(operands))

    def backward(self, seed=1.0):
        """Set `grad` of every node this one depends on to the derivative of this one by it, times `seed`.

        One pass in reverse topological order applies the chain rule: every node hands its gradient, times the local
        derivative, to its operands, and an operand used several times gets the sum. What an earlier call left is
        overwritten, never added to.
        """
        cdef Path order
        cdef Node* node
        cdef Operand operand
        cdef Py_ssize_t i
        cdef int k
        cdef double first = real(seed, "seed")
        memset(&order, 0, sizeof(Path))
        try:
            walk(node_of(self), &order)
            for i in range(order.count):
                node = order.nodes[i]
                node.grad = 0.0
                node.flags = (node.flags | HAS_GRAD) & ~VISITED
            self._grad = first
            for i in range(order.count - 1, -1, -1):
                node = order.nodes[i]
                for k in range(2):
                    operand.node = node.operand[k]
                    operand.number = node.number[k]
                    hand_on(node.grad, operand)
                if node.flags & HAS_EXTRA:
                    for k in range(2, operand_count(node)):
                        hand_on(node.grad, operand_at(node, k))
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

    def __neg__(self):
        return record1(NEG, <PyObject*>self)

    def __abs__(self):
        return record1(ABS, <PyObject*>self)

    def __pos__(self):
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
        return hooks.represent(self)

    def __format__(self, spec):
        return format(self._data, spec) if spec else str(self)

    def _repr_mimebundle_(self, *choice, **choices):
        return hooks.mimebundle(self) if hooks.mimebundle else {"text/plain": repr(self)}

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        return hooks.array_ufunc(ufunc, method, inputs, keywords) if hooks.array_ufunc else NotImplemented

    def __reduce__(self):
        return persistence.reduce(self, "native")

    def __copy__(self):
        return persistence.shallow_copy(self)

    def __deepcopy__(self, memo):
        return persistence.deepcopy(self, memo)


# The functions of the rows: built-in functions, made at import from the table -----------------------------------------

cdef class _Owner:
    """What a row's function is bound to: its row, and where pickle finds it again."""
    cdef int row
    cdef object name

    def __getattr__(self, name):
        if name == self.name:
            return functions[name]
        raise AttributeError(name)

    def __reduce__(self):
        return _owner, (self.name,)


def _owner(name):
    return functions[name].__self__


cdef PyObject* call_unary(PyObject* owner, PyObject* operand) except NULL:
    cdef int row = (<_Owner>owner).row
    cdef double x, y, p
    if is_value(operand):
        result = record1(row, operand)
    elif PyFloat_CheckExact(<object>operand) and row < BUILT_IN_ROWS:
        x = PyFloat_AS_DOUBLE(<object>operand)
        kernel(row, 0, &x, &y, &p)
        result = y
    else:
        result = call_other(row, (<object>operand,))
    Py_INCREF(result)
    return <PyObject*>result


cdef PyObject* call_several(PyObject* owner, PyObject** operands, Py_ssize_t count) except NULL:
    cdef int row = (<_Owner>owner).row
    cdef Py_ssize_t i
    result = NotImplemented
    if count == 2 and arity[row] == 2 and (is_value(operands[0]) or is_value(operands[1])):
        result = record2(row, operands[0], operands[1])
    if result is NotImplemented:
        result = call_other(row, tuple([<object>operands[i] for i in range(count)]))
    Py_INCREF(result)
    return <PyObject*>result


cdef object call_other(int row, tuple operands):
    """Anything but the common case: readings of a rule, arrays, other kinds of number, the wrong number of operands."""
    primitive = rows[row]
    cdef double x[MOST_OPERANDS]
    cdef double p[MOST_OPERANDS]
    cdef double y
    cdef int i, count = arity[row]
    if len(operands) != count:
        raise TypeError(f"{primitive.name}() takes {count} operand{'s' * (count > 1)}, got {len(operands)}")
    for operand in operands:
        if isinstance(operand, primitives.Operators):
            return operand.apply(primitive, operands)
        if not is_value(<PyObject*>operand) and not PyFloat_CheckExact(operand) and is_foreign(operand) \
                and hooks.over_array:
            return hooks.over_array(primitive, operands)
    for operand in operands:
        if is_value(<PyObject*>operand):
            return operand.apply(primitive, operands)
    for i in range(count):
        x[i] = real(operands[i], "an operand")
    evaluate(row, 0, x, &y, p)
    return y


cdef object make_function(primitive, str doc):
    cdef PyMethodDef* method = <PyMethodDef*>PyMem_Malloc(sizeof(PyMethodDef))
    cdef _Owner owner = _Owner()
    module = "autograd_mini"
    owner.row, owner.name = primitive.index, primitive.name
    method.ml_name = strdup(primitive.name.encode())
    method.ml_doc = strdup(doc.encode())
    if len(primitive.partials) == 1:
        method.ml_meth, method.ml_flags = <void*>call_unary, METH_O
    else:
        method.ml_meth, method.ml_flags = <void*>call_several, METH_FASTCALL
    return PyCFunction_NewEx(method, <PyObject*>owner, <PyObject*>module)


def _attach(kind, name, function):
    (<object>type_dict(am_type))[name] = PyInstanceMethod_New(function)
    PyType_Modified(am_type)


def define(primitive, documentation, add_methods):
    """Take a row of the table into the engine; returns its function."""
    global arity
    cdef uint16_t* longer
    if len(primitive.partials) > MOST_OPERANDS:
        raise ValueError(f"primitive {primitive.name!r} has more than {MOST_OPERANDS} operands")
    longer = <uint16_t*>PyMem_Realloc(arity, (len(rows) + 1) * sizeof(uint16_t))
    if longer == NULL:
        raise MemoryError()
    arity = longer
    arity[len(rows)] = <uint16_t>len(primitive.partials)
    rows.append(primitive)
    function = functions[primitive.name] = make_function(primitive, documentation(primitive))
    add_methods(Value, primitive, function, _attach)
    return function


def connect(table, documentation, add_methods, doc):
    """Build the functions of the table, after checking that the kernels were made from the very same table."""
    if c_text.fingerprint(c_text.kernels(table)) != FINGERPRINT.decode():
        raise ImportError("the compiled engine was built from another table of primitives: build it again with "
                          "`pip install .` (or `python setup.py build_ext --inplace`), or set "
                          "AUTOGRAD_MINI_ENGINE=python to use the readable engine")
    (<object>type_dict(am_type))["__doc__"] = doc
    for primitive in table:
        define(primitive, documentation, add_methods)


def _watch(count):
    global watching
    watching = count


recording.watchers.append(_watch)
am_type = <PyTypeObject*><PyObject*>Value
set_dealloc(am_type, free_graph)
set_name(am_type, b"autograd_mini.Value")
(<object>type_dict(am_type))["__module__"] = "autograd_mini"
PyType_Modified(am_type)
if (<object>Value).__basicsize__ != 80 and sizeof(void*) == 8:
    raise ImportError("a compiled node does not have the layout it was written for")
