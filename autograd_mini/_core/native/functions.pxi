# The public functions of the rows: built-in functions, made from the table when the module is imported.

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
                and registry.over_array:
            return registry.over_array(functions[primitive.name], operands)
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
    signature = ", ".join(primitive.operand_names())
    method.ml_doc = strdup(f"{primitive.name}({signature}, /)\n--\n\n{doc}".encode())
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
    longer = <uint16_t*>PyMem_Realloc(arity, (primitive.index + 1) * sizeof(uint16_t))
    if longer == NULL:
        raise MemoryError()
    arity = longer
    for row in primitives.ROWS[len(rows):primitive.index + 1]:  # with rows whose definition broke off
        arity[len(rows)] = <uint16_t>len(row.partials)
        rows.append(row)
    function = functions[primitive.name] = make_function(primitive, documentation(primitive))
    add_methods(Value, primitive, function, _attach)
    return function


def connect(table, documentation, add_methods, doc):
    """Build the functions of the table, after checking that the kernels were made from the very same table."""
    if c_text.fingerprint(c_text.kernels(table)) != FINGERPRINT.decode():
        raise ImportError("the compiled engine was built from another table of primitives: build it again with "
                          "`pip install .` (or `python setup.py build_ext --inplace`), or set "
                          "AUTOGRAD_MINI_ENGINE=python to use the readable engine")
    set_doc(am_type, strdup(f"Value(data, name=None)\n--\n\n{doc}".encode()))
    for primitive in table:
        define(primitive, documentation, add_methods)
