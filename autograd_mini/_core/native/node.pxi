# The layout of a node in C, access to its parts, and how graphs are freed.
#
# Freed iteratively: a node whose last reference was held by a dying one joins the list of the dying. Their memory is
# memory.h's.

cdef extern from *:
    """
    #include "_kernels.h"

    typedef struct { PyObject *node; double number; } am_operand;   /* number: the partial, or the constant itself */

    typedef struct {                    /* what few nodes have: a note, a row of the user's own, many operands */
        PyObject *name, *note, *row;
        int count;                      /* of operands */
        am_operand more[1];             /* the operands from the third on */
    } am_extra;

    typedef struct am_node {
        PyObject_HEAD
        double data;
        union { double grad; struct am_node *next_to_die; int64_t place; };
        double number[2];               /* of each operand: the partial, or the constant itself */
        PyObject *operand[2];           /* NULL for a constant */
        void *extra;                    /* the name, or an am_extra */
        uint32_t stamp_low;
        uint16_t row;
        uint8_t flags, stamp_high;
    } am_node;

    static PyTypeObject *am_type = NULL;
    #define AM_LEAF 0xFFFF
    #define AM_OWN 0xFFFE               /* the row is in `extra` */
    #ifdef __GNUC__
    #define am_prefetch(address) __builtin_prefetch(address)
    #else
    #define am_prefetch(address) ((void)0)
    #endif
    #include "native/memory.h"

    static inline am_node *am_new_node(void)
    {
        am_node *node = am_take();
        if (node != NULL)
            PyObject_Init((PyObject *)node, am_type);
        return node;
    }

    static PyObject *am_alloc(PyTypeObject *type, Py_ssize_t count)    /* leaves, made by calling the class */
    {
        am_node *node = am_new_node();
        if (node != NULL)
            memset((char *)node + sizeof(PyObject), 0, sizeof(am_node) - sizeof(PyObject));
        return (PyObject *)node;
    }
    """
    ctypedef struct Operand "am_operand":
        PyObject* node
        double number
    ctypedef struct Extra "am_extra":
        PyObject* name
        PyObject* note
        PyObject* row
        int count
        Operand* more
    ctypedef struct Node "am_node":
        double data
        double grad
        Node* next_to_die
        int64_t place
        double* number
        PyObject** operand
        void* extra
        uint32_t stamp_low
        uint16_t row
        uint8_t flags
        uint8_t stamp_high
    PyTypeObject* am_type
    Py_ssize_t am_free_count
    Py_ssize_t am_trim_at
    Py_ssize_t am_room
    int BUILT_IN_ROWS "AM_ROWS"
    int LEAF "AM_LEAF"
    int OWN "AM_OWN"
    const char* FINGERPRINT "AM_FINGERPRINT"
    int ADD "AM_ADD", SUB "AM_SUB", MUL "AM_MUL", DIV "AM_DIV", NEG "AM_NEG", POW "AM_POW", ABS "AM_ABS", FLOOR "AM_FLOOR"
    int MOD "AM_MOD", FLOORDIV "AM_FLOORDIV", CEIL "AM_CEIL", TRUNC "AM_TRUNC", ROUND "AM_ROUND"
    int LESS "AM_LESS", LESS_EQUAL "AM_LESS_EQUAL"
    Node* new_node "am_new_node"() except NULL
    void free_node "am_give"(Node*) noexcept
    void trim "am_trim"() noexcept
    void prefetch "am_prefetch"(const void*) noexcept
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
    #define am_set_memory(type, function) ((type)->tp_dealloc = (destructor)(function), (type)->tp_alloc = am_alloc)
    #define am_set_doc(type, text) ((type)->tp_doc = (text))
    #define am_set_name(type, text) ((type)->tp_name = (text))
    """
    PyObject* type_dict "am_type_dict"(PyTypeObject*)
    void set_memory "am_set_memory"(PyTypeObject*, void (*)(PyObject*) noexcept)
    void set_doc "am_set_doc"(PyTypeObject*, const char*)
    void set_name "am_set_name"(PyTypeObject*, const char*)

cdef enum:
    HAS_GRAD = 1
    TRACED = 2
    HAS_EXTRA = 4
    VISITED = 8
    MADE = 16
    MOST_OPERANDS = 1024

functions = {}
cdef list rows = []                  # the rows that come with the package, by their numbers
cdef int arity[0x10000]
cdef uint64_t clock = 1
cdef double passes = 0               # backward passes so far
cdef int watching = 0                # how many recording blocks are open


cdef inline Node* node_of(object value) noexcept:
    return <Node*><PyObject*>value


cdef inline bint is_value(PyObject* candidate) noexcept:
    return Py_TYPE(candidate) == am_type


cdef inline Node* checked(object value) except NULL:
    """The node of what has to be a compiled Value; TypeError for anything else."""
    if not is_value(<PyObject*>value):
        raise TypeError(f"a graph ends in a Value, not in something of type {type(value).__name__}")
    return node_of(value)


cdef inline uint64_t stamp_of(Node* node) noexcept:
    return node.stamp_low | (<uint64_t>node.stamp_high << 32)


cdef inline void set_stamp(Node* node, uint64_t stamp) noexcept:
    node.stamp_low = <uint32_t>stamp
    node.stamp_high = <uint8_t>(stamp >> 32)


cdef inline Extra* extra_of(Node* node) noexcept:
    return <Extra*>node.extra if node.flags & HAS_EXTRA else NULL


cdef inline int operand_count(Node* node) noexcept:
    return (<Extra*>node.extra).count if node.row == OWN else arity[node.row]


cdef inline object row_of(Node* node):
    """The row that made a node."""
    return <object>(<Extra*>node.extra).row if node.row == OWN else rows[node.row]


cdef int number_of(primitive) except -1:
    """The number of a row, or OWN."""
    cdef int row = primitive.index
    return row if 0 <= row < len(rows) and rows[row] is primitive else OWN


cdef inline Operand operand_at(Node* node, int i) noexcept:
    cdef Operand operand
    if i < 2:
        operand.node = node.operand[i]
        operand.number = node.number[i]
        return operand
    return (<Extra*>node.extra).more[i - 2]


cdef Extra* ensure_extra(Node* node, int count) except NULL:
    """The room for a note, a row and further operands; the name moves into it."""
    cdef size_t size = sizeof(Extra) + (count - 2 if count > 2 else 0) * sizeof(Operand)
    cdef Extra* extra
    if not node.flags & HAS_EXTRA:
        extra = <Extra*>PyMem_Malloc(size)
        if extra == NULL:
            raise MemoryError()
        memset(extra, 0, size)
        extra.name = <PyObject*>node.extra
        extra.count = count
        node.extra = extra
        node.flags |= HAS_EXTRA
    return <Extra*>node.extra


cdef inline PyObject* name_of(Node* node) noexcept:
    return (<Extra*>node.extra).name if node.flags & HAS_EXTRA else <PyObject*>node.extra


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
        prefetch(node - 12)
        prefetch(<char*>(node - 12) + sizeof(Node) - 8)
        release(node.operand[0], &dying)
        release(node.operand[1], &dying)
        if node.extra != NULL:
            if node.flags & HAS_EXTRA:
                extra = <Extra*>node.extra
                for i in range(extra.count - 2):
                    release(extra.more[i].node, &dying)
                XDECREF(extra.name)
                XDECREF(extra.note)
                XDECREF(extra.row)
                PyMem_Free(extra)
            else:
                DECREF(<PyObject*>node.extra)
        free_node(node)
    if am_free_count > am_trim_at:
        trim()
