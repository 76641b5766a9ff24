# Recording: from operands to a new node with its value and its local derivatives.

cdef PyTypeObject* numpy_double = <PyTypeObject*><PyObject*>numpy.float64
cdef PyTypeObject* numpy_kinds[12]
numpy_types = (numpy.float32, numpy.int64, numpy.int32, numpy.bool_, numpy.float16, numpy.int16, numpy.int8,
               numpy.uint64, numpy.uint32, numpy.uint16, numpy.uint8, numpy.intp)
for at in range(12):
    numpy_kinds[at] = <PyTypeObject*><PyObject*>numpy_types[at]


cdef inline int read(PyObject* operand, double* number) except -1:
    """1 for a node, 0 for a constant, 2 for what is not a number of ours; the number goes to `number`."""
    if is_value(operand):
        number[0] = (<Node*>operand).data
        return 1
    if PyFloat_CheckExact(<object>operand) or Py_TYPE(operand) == numpy_double:
        number[0] = PyFloat_AS_DOUBLE(<object>operand)
        return 0
    return read_other(operand, number)


cdef bint is_plain(PyObject* operand) noexcept:
    """Whether an operand is a Value, a float or a number of NumPy's."""
    cdef int i
    if is_value(operand) or PyFloat_CheckExact(<object>operand) or Py_TYPE(operand) == numpy_double:
        return True
    for i in range(12):
        if Py_TYPE(operand) == numpy_kinds[i]:
            return True
    return False


cdef int read_other(PyObject* operand, double* number) except -1:
    cdef int i
    if PyLong_CheckExact(<object>operand):
        try:
            number[0] = PyLong_AsDouble(<object>operand)
            return 0
        except OverflowError:
            pass
    for i in range(12):
        if Py_TYPE(operand) == numpy_kinds[i]:
            number[0] = PyFloat_AsDouble(<object>operand)
            return 0
    if is_foreign(<object>operand):
        return 2
    number[0] = real(<object>operand, "an operand")
    return 0


cdef int evaluate(int row, primitive, PyObject** operands, const double* x, double* y, double* p) except -1:
    """Value of a row, and partials by those operands that are nodes (none where `operands` is NULL).

    By the compiled kernel, or by the row itself where a user added it.
    """
    cdef int i, need = 0, count = <int>len(primitive.partials)
    if row != OWN:
        for i in range(count):
            if operands != NULL and is_value(operands[i]):
                need |= 1 << i
        kernel(row, need, x, y, p)
        return 0
    numbers = [x[i] for i in range(count)]
    y[0] = primitive.number(*numbers)
    for i in range(count):
        if operands != NULL and is_value(operands[i]):
            p[i] = primitive.partial(i, y[0], *numbers)
    return 0


cdef Node* blank(double data, int row) except NULL:
    cdef Node* node = new_node()
    node.data = data
    node.number[0] = node.number[1] = 0.0
    node.operand[0] = node.operand[1] = NULL
    node.extra = NULL
    node.row = <uint16_t>row
    node.flags = MADE
    set_stamp(node, clock)
    return node


cdef inline object own(Node* node):
    """A new node as a Python object; the reference that came with it is handed over."""
    value = <object><PyObject*>node
    DECREF(<PyObject*>node)
    return value


cdef inline Node* make(int row, int count, PyObject** operands, const double* x) except NULL:
    """A node of a built-in row with one or two operands: nodes and their numbers, or NULL and a constant."""
    cdef double y
    cdef double p[2]
    cdef int i, need = 0
    cdef uint8_t flags = 0
    for i in range(count):
        if operands[i] != NULL:
            need |= 1 << i
    kernel(row, need, x, &y, p)
    cdef Node* node = new_node()
    node.data = y
    for i in range(2):
        if i < count and operands[i] != NULL:
            node.number[i] = p[i]
            node.operand[i] = operands[i]
            flags |= (<Node*>operands[i]).flags
            Py_INCREF(<object>operands[i])
        else:
            node.number[i] = x[i] if i < count else 0.0
            node.operand[i] = NULL
    node.extra = NULL
    node.row = <uint16_t>row
    node.flags = (flags & TRACED) | MADE
    set_stamp(node, clock)
    return node


cdef inline object record1(int row, PyObject* a):
    cdef double x = (<Node*>a).data
    if watching:
        return record(rows[row], &a, 1)
    return own(make(row, 1, &a, &x))


cdef inline object record2(int row, PyObject* a, PyObject* b):
    """Two operands, at least one of them a node; NotImplemented where the other one knows better."""
    cdef double x[2]
    cdef PyObject* nodes[2]
    cdef int first = read(a, &x[0])
    cdef int second = read(b, &x[1])
    if first == 2 or second == 2:
        return NotImplemented
    nodes[0] = a if first else NULL
    nodes[1] = b if second else NULL
    if first and not second:
        x[0] = (<Node*>a).data  # now: a number's __float__ may have assigned it
    if watching:
        return record(rows[row], [a, b], 2)
    return own(make(row, 2, nodes, x))


cdef object record(primitive, PyObject** operands, int count):
    """The general case: any number of operands, rows of the user's own, open recording blocks."""
    cdef double x[MOST_OPERANDS]
    cdef double p[MOST_OPERANDS]
    cdef double y
    cdef int i, kind
    cdef int row = number_of(primitive)
    cdef uint8_t flags = 0
    cdef Extra* extra = NULL
    for i in range(count):
        kind = read(operands[i], &x[i])
        if kind == 2:
            x[i] = real(<object>operands[i], "an operand")
        elif kind == 1:
            flags |= (<Node*>operands[i]).flags & TRACED
    for i in range(count):
        if is_value(operands[i]):
            x[i] = (<Node*>operands[i]).data  # now: a number's __float__ may have assigned it
    evaluate(row, primitive, operands, x, &y, p)
    note = None
    if watching:
        note = recording.observe(primitive, tuple([<object>operands[i] if is_value(operands[i]) else x[i]
                                                   for i in range(count)]), y)
    cdef Node* node = blank(y, row)
    if count > 2 or note is not None or row == OWN:
        try:
            extra = ensure_extra(node, count)
        except MemoryError:
            node.row = LEAF
            DECREF(<PyObject*>node)
            raise
    result = own(node)
    node.flags |= flags
    for i in range(count):
        if is_value(operands[i]):
            put_operand(node, extra, i, operands[i], p[i])
        else:
            put_operand(node, extra, i, NULL, x[i])
    keep(extra, primitive if row == OWN else None, note)
    return result


cdef void keep(Extra* extra, row, note):
    """A row of the user's own and a note go with the node."""
    if row is not None:
        Py_INCREF(row)
        extra.row = <PyObject*>row
    if note is not None:
        Py_INCREF(note)
        extra.note = <PyObject*>note


cdef void put_operand(Node* node, Extra* extra, int i, PyObject* operand, double number) noexcept:
    Py_XINCREF(operand)
    if i < 2:
        node.operand[i] = operand
        node.number[i] = number
    else:
        extra.more[i - 2].node = operand
        extra.more[i - 2].number = number
