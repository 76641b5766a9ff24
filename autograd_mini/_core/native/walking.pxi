# Walking a graph with a stack of its own, in the order of graph.topological_order.

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
        finally:
            unmark(&order)  # before any Python object is made: that may run a collection, whose finalizers may walk too
        return [<object><PyObject*>order.nodes[i] for i in range(order.count)
                if not only_leaves or order.nodes[i].row == LEAF]
    finally:
        PyMem_Free(order.nodes)


def topological_order(*roots):
    """graph.topological_order for compiled nodes."""
    return reached(roots, False)


def leaves(*roots):
    """graph.leaves for compiled nodes."""
    return reached(roots, True)
