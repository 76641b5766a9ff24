# Walking a graph with a stack of its own, in the order of graph.topological_order, and the sweeps over numbers.

cdef struct Path:
    Node** nodes
    Py_ssize_t count
    Py_ssize_t room
    uint64_t newest             # when the last of its leaves was assigned
    uint64_t age                # how long before the end of time its oldest operation was built


cdef void* grown(void* memory, size_t size) except NULL:
    cdef void* larger = PyMem_Realloc(memory, size)
    if larger == NULL:
        raise MemoryError()
    return larger


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


cdef inline void fetch(const Node* node) noexcept:
    """Have a node, which lies in two lines of the cache, at hand a little later."""
    prefetch(node)
    prefetch(<const char*>node + sizeof(Node) - 8)


cdef int walk(Node* root, Path* order) except -1:
    """Operands before users, first operand first, as graph.topological_order; every node of `order` is left VISITED.

    A node waits twice: first to be visited, then, with its lowest bit set, to be put in order behind its operands.
    Nodes that were made one after the other mostly lie so in memory: on the way down and up, those ahead are fetched.
    """
    cdef Path pending
    cdef Node* node
    cdef Node* above
    cdef PyObject* operand
    cdef int i
    if root.flags & VISITED:
        return 0
    memset(&pending, 0, sizeof(Path))
    try:
        node = above = root
        while True:
            if <size_t>node & 1:
                node = <Node*>(<size_t>node - 1)
                push(order, node)
                fetch(node + 12)
            elif not node.flags & VISITED:
                node.flags |= VISITED
                if node.row == LEAF:
                    order.newest = max(order.newest, stamp_of(node))
                    push(order, node)
                else:
                    order.age = max(order.age, ~stamp_of(node))
                    push(&pending, <Node*>(<size_t>node + 1))
                    if node.flags & HAS_EXTRA:
                        for i in range(operand_count(node) - 1, 1, -1):
                            operand = operand_at(node, i).node
                            if operand != NULL:
                                push(&pending, <Node*>operand)
                    operand = node.operand[1]
                    if operand != NULL:
                        push(&pending, <Node*>operand)
                    if node.operand[0] != NULL:
                        fetch(<Node*>(<char*>node - 8 * (<char*>above - <char*>node)))
                        above = node
                        node = <Node*>node.operand[0]
                        continue
            if not pending.count:
                break
            pending.count -= 1
            node = pending.nodes[pending.count]
    except MemoryError:
        for i in range(pending.count):
            (<Node*>(<size_t>pending.nodes[i] & ~<size_t>1)).flags &= ~VISITED
        (<Node*>(<size_t>node & ~<size_t>1)).flags &= ~VISITED
        unmark(order)
        raise
    finally:
        PyMem_Free(pending.nodes)
    return 0


cdef void unmark(Path* order) noexcept:
    cdef Py_ssize_t i
    for i in range(order.count):
        order.nodes[i].flags &= ~VISITED


cdef inline double chain(double cotangent, double partial) noexcept:
    """The row `chain`: 0 times anything is 0."""
    cdef double share = cotangent * partial
    return 0.0 if share != share and (cotangent == 0 or partial == 0) else share


cdef inline void hand_on(double cotangent, Operand operand) noexcept:
    """One edge of the chain rule. The first one that reaches a node clears its mark and what was there before."""
    cdef Node* node = <Node*>operand.node
    if node == NULL:
        return
    if node.flags & VISITED:
        node.grad = 0.0
        node.flags = (node.flags | HAS_GRAD) & ~VISITED
    node.grad += chain(cotangent, operand.number)


cdef void sweep_back(Path* order, double seed) noexcept:
    """From the last node of an order, which is the root, to all others; it leaves no mark behind.

    A leaf, which has no operands, keeps the number of this pass in the place of their numbers.
    """
    cdef Node* node
    cdef Operand operand
    cdef Py_ssize_t i
    cdef int k
    node = order.nodes[order.count - 1]
    node.grad = seed
    node.flags = (node.flags | HAS_GRAD) & ~VISITED
    for i in range(order.count - 1, -1, -1):
        node = order.nodes[i]
        if i >= 12:
            fetch(order.nodes[i - 12])
        if node.row == LEAF:
            node.number[0] = passes
            continue
        for k in range(2):
            operand.node = node.operand[k]
            operand.number = node.number[k]
            hand_on(node.grad, operand)
        if node.flags & HAS_EXTRA:
            for k in range(2, operand_count(node)):
                hand_on(node.grad, operand_at(node, k))


cdef bint is_mixed(Path* order, uint64_t now) noexcept:
    """Whether a leaf was assigned after one of these nodes was built from it, but before `now`: two points in one."""
    cdef Py_ssize_t i
    cdef int k
    cdef uint64_t stamp
    cdef PyObject* operand
    if order.newest <= ~order.age:
        return False
    for i in range(order.count):
        stamp = stamp_of(order.nodes[i])
        for k in range(operand_count(order.nodes[i])):
            operand = operand_at(order.nodes[i], k).node
            if operand != NULL and stamp < stamp_of(<Node*>operand) <= now:
                return True
    return False


cdef list reached(tuple roots, bint only_leaves):
    cdef Path order
    cdef Py_ssize_t i
    memset(&order, 0, sizeof(Path))
    try:
        try:
            for root in roots:
                walk(checked(root), &order)
        finally:
            unmark(&order)  # before any Python object is made: that may run a collection, whose finalizers may walk too
        return [<object><PyObject*>order.nodes[i] for i in range(order.count)
                if not only_leaves or order.nodes[i].row == LEAF]
    finally:
        PyMem_Free(order.nodes)


def count(*roots):
    """How many nodes the roots reach."""
    cdef Path order
    memset(&order, 0, sizeof(Path))
    try:
        for root in roots:
            walk(checked(root), &order)
        return order.count
    finally:
        unmark(&order)
        PyMem_Free(order.nodes)


def topological_order(*roots):
    """graph.topological_order for compiled nodes."""
    return reached(roots, False)


def leaves(*roots):
    """graph.leaves for compiled nodes."""
    return reached(roots, True)


cdef Py_ssize_t edges(Path* order) noexcept:
    cdef Py_ssize_t i, total = 0
    for i in range(order.count):
        total += operand_count(order.nodes[i])
    return total


cdef list flatten(Path* order, double* kept, int* flat, list wanted):
    """Every node's operands as places in the order, and the places of the wanted nodes, -1 where there is none.

    Meanwhile each node holds its place in the order where its gradient is, which comes back at the end.
    """
    cdef Py_ssize_t i, edge = 0
    cdef int k
    cdef PyObject* operand
    cdef Node* node
    cdef list places = [NOTHING] * len(wanted)
    for i in range(order.count):
        node = order.nodes[i]
        kept[i] = node.grad
        node.place = i
        for k in range(operand_count(node)):
            operand = operand_at(node, k).node
            flat[edge] = NOTHING if operand == NULL else <int>(<Node*>operand).place
            edge += 1
    for i in range(len(wanted)):
        if is_value(<PyObject*>wanted[i]):
            node = node_of(wanted[i])
            if 0 <= node.place < order.count and order.nodes[node.place] == node:
                places[i] = node.place
    for i in range(order.count):
        order.nodes[i].grad = kept[i]
    return places


cdef bint is_fresh(Path* order) noexcept:
    cdef Py_ssize_t i
    cdef int k
    cdef PyObject* operand
    cdef uint64_t stamp
    for i in range(order.count):
        stamp = stamp_of(order.nodes[i])
        for k in range(operand_count(order.nodes[i])):
            operand = operand_at(order.nodes[i], k).node
            if operand != NULL and stamp_of(<Node*>operand) > stamp:
                return False
    return True


def cotangents(list outputs, list inputs, double[:, ::1] results):
    """Reverse mode over numbers: results[i, j] is the derivative of output i by input j."""
    cdef Path order
    cdef Py_ssize_t i, j
    cdef Node* node
    for i in range(len(outputs)):
        for j in range(len(inputs)):
            checked(inputs[j]).flags &= ~HAS_GRAD
        memset(&order, 0, sizeof(Path))
        try:
            walk(checked(outputs[i]), &order)
            sweep_back(&order, 1.0)
        finally:
            PyMem_Free(order.nodes)
        for j in range(len(inputs)):
            node = node_of(inputs[j])
            results[i, j] = node.grad if node.flags & HAS_GRAD else 0.0


def tangents(list outputs, list inputs, const double[:, ::1] directions, double[:, ::1] results):
    """Forward mode over numbers: results[i] are the tangents of output i where input j has the tangents directions[j].

    As many directions go through the graph at a time as LANES; sums are taken in the order of the operands.
    """
    cdef Path order
    cdef Py_ssize_t i, j, first, edge
    cdef int k, lane, lanes, count
    cdef double* kept = NULL
    cdef int* flat = NULL
    cdef double* tangent = NULL
    cdef bytearray has
    cdef double partial
    cdef double* into
    cdef const double* source
    cdef Node* node
    memset(&order, 0, sizeof(Path))
    try:
        try:
            for root in outputs:
                walk(checked(root), &order)
        finally:
            unmark(&order)
        kept = <double*>grown(NULL, max(1, order.count) * sizeof(double))
        flat = <int*>grown(NULL, max(1, edges(&order)) * sizeof(int))
        places = flatten(&order, kept, flat, [*outputs, *inputs])
        tangent = <double*>grown(NULL, max(1, order.count) * LANES * sizeof(double))
        for first in range(0, directions.shape[1], LANES):
            lanes = <int>min(LANES, directions.shape[1] - first)
            has = bytearray(max(1, order.count))
            for j in range(len(inputs)):
                i = places[len(outputs) + j]
                if i >= 0:
                    has[i] = 2
                    for lane in range(lanes):
                        tangent[i * LANES + lane] = directions[j, first + lane]
            edge = 0
            for i in range(order.count):
                node = order.nodes[i]
                count = operand_count(node)
                into = tangent + i * LANES
                for k in range(count):
                    j = flat[edge + k]
                    if j == NOTHING or not has[j] or has[i] == 2:
                        continue
                    partial = operand_at(node, k).number
                    source = tangent + j * LANES
                    if has[i]:
                        for lane in range(lanes):
                            into[lane] += chain(source[lane], partial)
                    else:
                        for lane in range(lanes):
                            into[lane] = chain(source[lane], partial)
                        has[i] = 1
                edge += count
            for j in range(len(outputs)):
                i = places[j]
                for lane in range(lanes):
                    results[j, first + lane] = tangent[i * LANES + lane] if has[i] else 0.0
    finally:
        PyMem_Free(order.nodes)
        PyMem_Free(kept)
        PyMem_Free(flat)
        PyMem_Free(tangent)
