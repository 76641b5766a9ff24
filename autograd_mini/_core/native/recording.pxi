# Recording: from operands to a new node with its value and its local derivatives.

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


cdef int evaluate(int row, uint64_t need, const double* x, double* y, double* p) except -1:
    """Value and partials of a row: the compiled kernel, or the row itself where a user added it."""
    cdef int i
    if row < BUILT_IN_ROWS:
        kernel(row, <int>need, x, y, p)
        return 0
    primitive = rows[row]
    numbers = [x[i] for i in range(arity[row])]
    y[0] = primitive.number(*numbers)
    for i in range(arity[row]):
        if need & (<uint64_t>1 << i):
            p[i] = primitive.partial(i, y[0], *numbers)
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
    cdef int i, kind
    cdef uint64_t need = 0
    cdef uint8_t flags = 0
    cdef Extra* extra
    if count > MOST_OPERANDS:
        raise TypeError(f"a primitive can have {MOST_OPERANDS} operands at the most, not {count}")
    for i in range(count):
        kind = read(operands[i], &x[i])
        if kind == 2:
            x[i] = real(<object>operands[i], "an operand")
        elif kind == 1:
            need |= <uint64_t>1 << i
            flags |= (<Node*>operands[i]).flags & TRACED
    evaluate(row, need, x, &y, p)
    note = None
    if watching:
        note = recording.observe(rows[row], tuple([<object>operands[i] if need & (<uint64_t>1 << i) else x[i]
                                                   for i in range(count)]), y)
    cdef Node* node = blank(y, row)
    result = own(node)
    node.flags = flags
    extra = ensure_extra(node) if count > 2 or note is not None else NULL
    for i in range(count):
        if need & (<uint64_t>1 << i):
            put_operand(node, extra, i, operands[i], p[i])
        else:
            put_operand(node, extra, i, NULL, x[i])
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
