# The public functions of the rows: built-in functions, made from the table when the module is imported.

cdef class _Owner:
    """What a row's function is bound to: its row, and where pickle finds it again; it outlives the function."""
    cdef int row
    cdef readonly object primitive
    cdef PyMethodDef method

    def __dealloc__(self):
        free(<void*>self.method.ml_name)
        free(<void*>self.method.ml_doc)

    def __getattr__(self, name):
        if self.primitive is not None and name == self.primitive.name:
            return registry.function_of(self.primitive)
        raise AttributeError(name)

    def __reduce__(self):
        return _owner, (self.primitive,)


def _owner(primitive):
    return registry.function_of(primitive).__self__


cdef PyObject* call_unary(PyObject* owner, PyObject* operand) except NULL:
    cdef int row = (<_Owner>owner).row
    cdef double x, y, p
    if row == OWN:
        result = call_other(<_Owner>owner, (<object>operand,))
    elif is_value(operand):
        result = record1(row, operand)
    elif PyFloat_CheckExact(<object>operand):
        x = PyFloat_AS_DOUBLE(<object>operand)
        kernel(row, 0, &x, &y, &p)
        result = y
    else:
        result = call_other(<_Owner>owner, (<object>operand,))
    Py_INCREF(result)
    return <PyObject*>result


cdef PyObject* call_several(PyObject* owner, PyObject** operands, Py_ssize_t count) except NULL:
    cdef int row = (<_Owner>owner).row
    cdef Py_ssize_t i
    result = NotImplemented
    if count == 2 and row != OWN and arity[row] == 2 and (is_value(operands[0]) or is_value(operands[1])):
        result = record2(row, operands[0], operands[1])
    if result is NotImplemented:
        result = call_other(<_Owner>owner, tuple([<object>operands[i] for i in range(count)]))
    Py_INCREF(result)
    return <PyObject*>result


cdef object call_other(_Owner owner, tuple operands):
    """Anything but the common case: readings of a rule, arrays, other kinds of number, the wrong number of operands."""
    primitive = owner.primitive
    cdef double x[MOST_OPERANDS]
    cdef double p[MOST_OPERANDS]
    cdef double y
    cdef int i, count = <int>len(primitive.partials)
    if len(operands) != count:
        raise TypeError(f"{primitive.name}() takes {count} operand{'s' * (count > 1)}, got {len(operands)}")
    for operand in operands:
        if isinstance(operand, row_rules.Operators):
            return operand.apply(primitive, operands)
        if not is_value(<PyObject*>operand) and not PyFloat_CheckExact(operand) and is_foreign(operand) \
                and registry.over_array:
            return registry.over_array(primitive, operands)
    for operand in operands:
        if is_value(<PyObject*>operand):
            return operand.apply(primitive, operands)
    for i in range(count):
        x[i] = real(operands[i], "an operand")
    evaluate(owner.row, primitive, NULL, x, &y, p)
    return y


cdef object make_function(primitive):
    cdef _Owner owner = _Owner()
    module = "autograd_mini"
    owner.row, owner.primitive = number_of(primitive), primitive
    owner.method.ml_name = strdup(primitive.name.encode())
    if len(primitive.partials) == 1:
        owner.method.ml_meth, owner.method.ml_flags = <void*>call_unary, METH_O
    else:
        owner.method.ml_meth, owner.method.ml_flags = <void*>call_several, METH_FASTCALL
    return PyCFunction_NewEx(&owner.method, <PyObject*>owner, <PyObject*>module)


def describe(function, str text):
    """Put a docstring to the function of a row, and its signature, which stands before it."""
    cdef _Owner owner = function.__self__
    signature = ", ".join(owner.primitive.operand_names())
    free(<void*>owner.method.ml_doc)
    owner.method.ml_doc = strdup(f"{owner.primitive.name}({signature}, /)\n--\n\n{text}".encode())


def _attach(kind, name, function):
    (<object>type_dict(am_type))[name] = PyInstanceMethod_New(function)
    PyType_Modified(am_type)


cdef object add_methods


def define(primitive):
    """The function of a row; one with a name of its own in the table is a method of Value too."""
    function = make_function(primitive)
    if primitives.TABLE.get(primitive.name) is primitive:
        functions[primitive.name] = function
        add_methods(Value, primitive, function, _attach)
    if registry.document:
        describe(function, registry.document(primitive, function))
    return function


def connect(table, methods, doc):
    """Build the functions of the table, after checking that the kernels were made from the very same table."""
    global add_methods
    if not c_text.is_stamp_of(FINGERPRINT.decode(), table):
        raise ImportError("the compiled engine was built from another table of primitives: build it again with "
                          "`pip install .` (or `python setup.py build_ext --inplace`), or set "
                          "AUTOGRAD_MINI_ENGINE=python to use the readable engine")
    add_methods = methods
    set_doc(am_type, strdup(f"Value(data, name=None)\n--\n\n{doc}".encode()))
    rows.extend(table)
    for primitive in table:
        arity[primitive.index] = <int>len(primitive.partials)
    take_codes()
    for primitive in table:
        define(primitive)
