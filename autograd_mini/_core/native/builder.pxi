# Builder: the class of _body/builder.py over C arrays. A subclass adds what it takes from Python, see there.

cdef enum:
    INPUT = -1                  # instead of the number of a row
    CONSTANT = -2
    NOTHING = -1                # instead of a slot
    LANES = 8                   # directions that go forward through a graph together
    WIDTH = 3                   # operands that the steps of a built-in rule can have

cdef enum Condition:
    IS_NUMBER, IS_FACTOR, IS_TRUE, IS_NO_NAN, IS_NAN, IS_NEGATION

cdef enum Outcome:
    AN_OPERAND, A_CONSTANT, AN_OPERATION, THE_INNER

CONDITIONS = {row_rules.FACTOR: IS_FACTOR, row_rules.TRUE: IS_TRUE, row_rules.NUMBER: IS_NO_NAN,
              row_rules.NAN: IS_NAN, row_rules.NEGATION: IS_NEGATION}

cdef struct Shortcut:           # a triple of the column `shortcut`
    int position, condition, outcome, row, count
    double number, result
    int operand[WIDTH]          # the operands that the outcome takes

cdef struct Step:               # one step of a rule: a row of these operands, an operand >= 0 being what is given or made
    int row, count
    int operand[WIDTH]
    double number[WIDTH]        # where the operand is NOTHING


cdef class Code:
    """A row, for builders: its shortcuts, and the steps of the chain rule through it."""

    cdef object primitive
    cdef int count              # of operands
    cdef bint is_built_in
    cdef bytearray zero         # whether a partial is zero everywhere
    cdef Shortcut* shortcuts
    cdef int shortcut_count
    cdef Step* steps[WIDTH]
    cdef int step_count[WIDTH]
    cdef int result[WIDTH]

    def __cinit__(self, primitive):
        cdef int i, k
        self.primitive, self.count = primitive, <int>len(primitive.partials)
        self.is_built_in = number_of(primitive) != OWN
        self.zero = bytearray([rule is None for rule in primitive.partials])
        self.shortcut_count = <int>len(primitive.shortcut)
        self.shortcuts = <Shortcut*>PyMem_Malloc(max(1, self.shortcut_count) * sizeof(Shortcut))
        if self.shortcuts == NULL:
            raise MemoryError()
        for i, (position, condition, result) in enumerate(primitive.shortcut):
            self.shortcuts[i].position = position
            self.shortcuts[i].condition = CONDITIONS.get(condition, IS_NUMBER)
            self.shortcuts[i].number = condition if self.shortcuts[i].condition == IS_NUMBER else 0.0
            if type(result) is int:
                self.shortcuts[i].outcome, self.shortcuts[i].operand[0] = AN_OPERAND, result
            elif result == row_rules.INNER:
                self.shortcuts[i].outcome = THE_INNER
            elif type(result) is tuple:
                self.shortcuts[i].outcome = AN_OPERATION
                self.shortcuts[i].row = row_rules.TABLE[result[0]].index
                self.shortcuts[i].count = <int>len(result) - 1
                for k in range(len(result) - 1):
                    self.shortcuts[i].operand[k] = result[k + 1]
            else:
                self.shortcuts[i].outcome, self.shortcuts[i].result = A_CONSTANT, result

    def __dealloc__(self):
        cdef int i
        PyMem_Free(self.shortcuts)
        for i in range(WIDTH):
            PyMem_Free(self.steps[i])

    cdef int note(self, int position) except -1:
        """Take the steps of the chain rule by one operand in, once."""
        cdef Py_ssize_t i, k
        if self.steps[position] != NULL:
            return 0
        steps, result = row_rules.chain_steps(self.primitive, position)
        self.step_count[position] = <int>len(steps)
        self.steps[position] = <Step*>PyMem_Malloc(max(1, len(steps)) * sizeof(Step))
        if self.steps[position] == NULL:
            raise MemoryError()
        for i, (primitive, operands) in enumerate(steps):
            self.steps[position][i].row = primitive.index
            self.steps[position][i].count = <int>len(operands)
            for k in range(len(operands)):
                self.steps[position][i].operand[k] = NOTHING if type(operands[k]) is float else operands[k]
                self.steps[position][i].number[k] = operands[k] if type(operands[k]) is float else 0.0
        self.result[position] = result
        return 0


cdef list codes = []            # of the built-in rows
cdef Shortcut* shortcuts_of[0x10000]
cdef int shortcut_counts[0x10000]


cdef inline Code code_of(int row):
    return <Code>codes[row]


def take_codes():
    """Make the code of every built-in row."""
    for row in rows:
        codes.append(Code(row))
        shortcuts_of[row.index] = (<Code>codes[row.index]).shortcuts
        shortcut_counts[row.index] = (<Code>codes[row.index]).shortcut_count


cdef inline uint64_t mixed(uint64_t hash, uint64_t word) noexcept:
    hash ^= word
    hash = (hash ^ (hash >> 32)) * 0x9E3779B97F4A7C15u  # the bits of small whole numbers are high ones
    return hash ^ (hash >> 29)


cdef struct Entry:              # what a slot holds
    int row                     # a row's number, BUILT_IN_ROWS + place among the user's own, INPUT or CONSTANT
    int first                   # where its operands begin
    double number               # a constant


cdef int downwards(const void* a, const void* b) noexcept nogil:
    return (<int*>b)[0] - (<int*>a)[0]


cdef class Entries:
    """Rows, columns and slots of the entries of a sparse matrix, while they are found."""

    cdef int* memory
    cdef Py_ssize_t count, room

    def __dealloc__(self):
        PyMem_Free(self.memory)

    cdef int append(self, int row, int column, int slot) except -1:
        if self.count == self.room:
            self.room = 2 * self.room + 1024
            self.memory = <int*>grown(self.memory, 3 * self.room * sizeof(int))
        self.memory[3 * self.count], self.memory[3 * self.count + 1] = row, column
        self.memory[3 * self.count + 2] = slot
        self.count += 1
        return 0

    cdef bytes content(self):
        return (<char*>self.memory)[:3 * self.count * sizeof(int)] if self.count else b""


cdef class Builder:
    """Collects operations in slots; the class of _body/builder.py, compiled."""

    cdef readonly bint simplified, merged
    cdef readonly dict names
    cdef readonly list constant_leaves      # the leaves that were loaded as constants
    cdef Entry* entries
    cdef int* operands
    cdef int* table                         # slots by the hash of what they hold
    cdef int* places
    cdef PyObject** nodes                   # of the slots of nodes; each is kept alive
    cdef int count, room, inputs, place_count
    cdef Py_ssize_t operand_count, operand_room
    cdef uint64_t mask, used
    cdef list own                           # Code of the user's own rows
    cdef dict own_at

    def __cinit__(self, bint simplified=True, bint merged=True):
        self.simplified, self.merged = simplified, merged
        self.names, self.own, self.own_at, self.constant_leaves = {}, [], {}, []
        self.grow_table(1 << 6)

    def __dealloc__(self):
        cdef int i
        if self.nodes != NULL:
            for i in range(self.count):
                XDECREF(self.nodes[i])
        for memory in (<size_t>self.entries, <size_t>self.operands, <size_t>self.table, <size_t>self.places,
                       <size_t>self.nodes):
            PyMem_Free(<void*><size_t>memory)

    # Slots

    cdef Code code(self, int row):
        return code_of(row) if row < BUILT_IN_ROWS else <Code>self.own[row - BUILT_IN_ROWS]

    cdef int row_number(self, primitive) except -1:
        cdef int row = number_of(primitive)
        if row != OWN:
            return row
        if primitive not in self.own_at:
            self.own_at[primitive] = BUILT_IN_ROWS + <int>len(self.own)
            self.own.append(Code(primitive))
        return self.own_at[primitive]

    cdef int width(self, int row) noexcept:
        return 0 if row < 0 else arity[row] if row < BUILT_IN_ROWS else (<Code>self.own[row - BUILT_IN_ROWS]).count

    cdef int append(self, int row, const int* operands, int count, double number) except -1:
        cdef int i
        if self.count == self.room:
            self.room = 2 * self.room if self.room else 256
            self.entries = <Entry*>grown(self.entries, self.room * sizeof(Entry))
            if self.nodes != NULL:
                self.nodes = <PyObject**>grown(self.nodes, self.room * sizeof(PyObject*))
                memset(self.nodes + self.count, 0, (self.room - self.count) * sizeof(PyObject*))
        if self.operand_count + count > self.operand_room:
            self.operand_room = 2 * (self.operand_room + count + 256)
            self.operands = <int*>grown(self.operands, self.operand_room * sizeof(int))
        self.entries[self.count].row = row
        self.entries[self.count].number = number
        self.entries[self.count].first = <int>self.operand_count
        for i in range(count):
            self.operands[self.operand_count + i] = operands[i]
        self.operand_count += count
        self.count += 1
        return self.count - 1

    cdef uint64_t hash_of(self, int row, const int* operands, int count, double number) noexcept:
        cdef uint64_t bits, hash = <uint64_t>(row + 3)
        cdef int i
        if row == CONSTANT:
            memcpy(&bits, &number, sizeof(double))
            return mixed(hash, bits)
        for i in range(count):
            hash = mixed(hash, <uint64_t>operands[i])
        return hash

    cdef int grow_table(self, uint64_t size) except -1:
        cdef int* old = self.table
        cdef uint64_t i, at
        cdef uint64_t old_size = self.mask + 1 if old != NULL else 0
        cdef Entry* entry
        self.table = <int*>PyMem_Malloc(size * sizeof(int))
        if self.table == NULL:
            self.table = old
            raise MemoryError()
        memset(self.table, 0xFF, size * sizeof(int))
        self.mask = size - 1
        for i in range(old_size):
            if old[i] != NOTHING:
                entry = &self.entries[old[i]]
                at = self.hash_of(entry.row, self.operands + entry.first, self.width(entry.row), entry.number)
                while self.table[at & self.mask] != NOTHING:
                    at += 1
                self.table[at & self.mask] = old[i]
        PyMem_Free(old)
        return 0

    cdef int find(self, int row, const int* operands, int count, double number) except -1:
        """The slot of an operation or a constant, which is new unless it is there already."""
        cdef uint64_t at
        cdef Entry* entry
        cdef int slot
        if 2 * self.used > self.mask:
            self.grow_table(4 * (self.mask + 1))
        at = self.hash_of(row, operands, count, number) & self.mask
        while self.table[at] != NOTHING:
            entry = &self.entries[self.table[at]]
            if entry.row == row and (memcmp(&entry.number, &number, sizeof(double)) == 0 if row == CONSTANT else
                                     memcmp(self.operands + entry.first, operands, count * sizeof(int)) == 0):
                return self.table[at]
            at = (at + 1) & self.mask
        slot = self.append(row, operands, count, number)
        self.table[at] = slot
        self.used += 1
        return slot

    cdef inline int number_slot(self, double number) except -1:
        return self.find(CONSTANT, NULL, 0, number)

    cdef inline bint is_constant(self, int slot) noexcept:
        return self.entries[slot].row == CONSTANT

    cdef int operate(self, int row, const int* operands, int count) except -1:
        """The slot of what a row makes of some slots: a constant, something shorter, one there already, or a new one."""
        cdef int slot, i, shortcuts
        cdef Shortcut* shortcut
        if self.simplified:
            for i in range(count):
                if not self.is_constant(operands[i]):
                    break
            else:
                return self.folded(row, operands, count)
            if row < BUILT_IN_ROWS:
                shortcut, shortcuts = shortcuts_of[row], shortcut_counts[row]
            else:
                shortcut, shortcuts = self.code(row).shortcuts, self.code(row).shortcut_count
            for i in range(shortcuts):
                if self.meets(operands[shortcut.position], shortcut):
                    return self.shortened(shortcut, operands)
                shortcut += 1
            if self.merged:
                return self.find(row, operands, count, 0.0)
        return self.append(row, operands, count, 0.0)

    cdef int folded(self, int row, const int* operands, int count) except -1:
        cdef double x[MOST_OPERANDS]
        cdef double p[MOST_OPERANDS]
        cdef double y
        cdef int i
        for i in range(count):
            x[i] = self.entries[operands[i]].number
        evaluate(row if row < BUILT_IN_ROWS else OWN, self.code(row).primitive, NULL, x, &y, p)
        return self.number_slot(y)

    cdef bint meets(self, int slot, const Shortcut* shortcut) noexcept:
        cdef double number = self.entries[slot].number
        if shortcut.condition == IS_NEGATION:
            return self.entries[slot].row == NEG
        if self.entries[slot].row != CONSTANT:
            return False
        if shortcut.condition == IS_NUMBER: return number == shortcut.number
        if shortcut.condition == IS_FACTOR: return number != 0 and isfinite(number)
        if shortcut.condition == IS_TRUE: return number != 0
        if shortcut.condition == IS_NO_NAN: return number == number
        return number != number

    cdef int shortened(self, const Shortcut* shortcut, const int* operands) except -1:
        cdef int chosen[WIDTH]
        cdef int i
        if shortcut.outcome == AN_OPERAND:
            return operands[shortcut.operand[0]]
        if shortcut.outcome == THE_INNER:
            return self.operands[self.entries[operands[shortcut.position]].first]
        if shortcut.outcome == A_CONSTANT:
            return self.number_slot(shortcut.result)
        for i in range(shortcut.count):
            chosen[i] = operands[shortcut.operand[i]]
        return self.operate(shortcut.row, chosen, shortcut.count)

    def input(self):
        """A new input."""
        self.inputs += 1
        return self.append(INPUT, NULL, 0, 0.0)

    def constant(self, double number):
        """The slot of a constant; equal bits share one."""
        return self.number_slot(number)

    def apply(self, primitive, operands):
        """The slot of what a row makes of the numbers in some slots."""
        cdef int chosen[MOST_OPERANDS]
        cdef int i, count = <int>len(operands)
        if count != len(primitive.partials):
            raise TypeError(f"{primitive!r} cannot be applied to {count} operands")
        for i in range(count):
            chosen[i] = operands[i]
            if not 0 <= chosen[i] < self.count:
                raise ValueError(f"there is no slot {chosen[i]}")
        return self.operate(self.row_number(primitive), chosen, count)

    # Loading

    def load(self, roots, inputs=(), bint exactly=False, others=()):
        """Take in the graph of some Values; returns their slots, and those of `others`, -1 where they are not in it."""
        cdef Path order
        cdef Py_ssize_t i
        cdef double* kept = NULL
        cdef int* flat = NULL
        cdef int* slots = NULL
        cdef Py_ssize_t* where
        cdef list found = []
        memset(&order, 0, sizeof(Path))
        if exactly and self.nodes == NULL:
            self.nodes = <PyObject**>grown(NULL, max(self.room, 256) * sizeof(PyObject*))
            self.room = self.room or 256
            self.entries = <Entry*>grown(self.entries, self.room * sizeof(Entry))
            memset(self.nodes, 0, self.room * sizeof(PyObject*))
        given = [self.input() for _ in inputs]
        try:
            try:
                for root in roots:
                    walk(checked(root), &order)
            finally:
                unmark(&order)
            kept = <double*>grown(NULL, max(1, order.count) * sizeof(double))
            flat = <int*>grown(NULL, max(1, edges(&order)) * sizeof(int))
            slots = <int*>grown(NULL, max(1, order.count) * sizeof(int))
            at = [*roots, *inputs, *others]
            positions = flatten(&order, kept, flat, at)
            if not is_fresh(&order):
                graph.require_fresh(reached(tuple(roots), False))
            for i in range(order.count):
                slots[i] = NOTHING
            for i, position in enumerate(positions[len(roots):len(roots) + len(given)]):
                if position >= 0:
                    slots[<Py_ssize_t>position] = given[i]
            while self.merged and self.simplified and not exactly and self.mask < 4 * <uint64_t>order.count:
                self.grow_table(4 * (self.mask + 1))
            self.take_in(&order, flat, slots, exactly)
            for position in positions[:len(roots)] + positions[len(roots) + len(given):]:
                found.append(slots[<Py_ssize_t>position] if position >= 0 else NOTHING)
            return found
        finally:
            PyMem_Free(order.nodes)
            PyMem_Free(kept)
            PyMem_Free(flat)
            PyMem_Free(slots)

    cdef int known(self, place) except -1:
        """A slot that is there; ValueError for any other."""
        cdef int slot = place
        if not 0 <= slot < self.count:
            raise ValueError(f"there is no slot {place}")
        return slot

    cdef int require_nodes(self) except -1:
        if self.nodes == NULL:
            raise ValueError("nodes are made from a graph that was loaded exactly")
        return 0

    cdef int take_in(self, Path* order, const int* flat, int* slots, bint exactly) except -1:
        cdef int chosen[MOST_OPERANDS]
        cdef Py_ssize_t i, edge = 0
        cdef int k, count, row
        cdef Node* node
        cdef PyObject* name
        for i in range(order.count):
            node = order.nodes[i]
            count = operand_count(node)
            if slots[i] != NOTHING:
                edge += count
            elif node.row == LEAF:
                if exactly:
                    self.inputs += 1
                    slots[i] = self.append(INPUT, NULL, 0, 0.0)
                else:
                    self.constant_leaves.append(<object><PyObject*>node)
                    slots[i] = self.number_slot(node.data)
            else:
                for k in range(count):
                    chosen[k] = self.number_slot(operand_at(node, k).number) if flat[edge] == NOTHING \
                        else slots[flat[edge]]
                    edge += 1
                row = node.row if node.row != OWN else self.row_number(row_of(node))
                slots[i] = self.append(row, chosen, count, 0.0) if exactly else self.operate(row, chosen, count)
            name = name_of(node)
            if name != NULL:
                self.names.setdefault(slots[i], <object>name)
            if exactly:
                Py_INCREF(<object><PyObject*>node)
                self.nodes[slots[i]] = <PyObject*>node
        return 0

    def node(self, value):
        """The slot of a Value of its own that was not loaded: an input."""
        checked(value)
        self.require_nodes()
        slot = self.input()
        Py_INCREF(value)
        self.nodes[<int>slot] = <PyObject*>value
        return slot

    def load_code(self, list inputs, tuple constants, tuple primitives, const unsigned char[::1] code):
        """Take in the content of a body, given the slots of its inputs; returns the slot of each of its own."""
        cdef const int32_t* words = <const int32_t*>&code[0] if code.shape[0] else NULL
        cdef Py_ssize_t at = 0, length = code.shape[0] // sizeof(int32_t)
        cdef int chosen[MOST_OPERANDS]
        cdef int k, count, row, made = 0
        cdef list numbers = [self.row_number(primitive) for primitive in primitives]
        cdef int* slots = <int*>grown(NULL, (len(inputs) + len(constants) + length + 1) * sizeof(int))
        try:
            for given in inputs:
                slots[made] = given
                made += 1
            for number in constants:
                slots[made] = self.number_slot(number)
                made += 1
            while at < length:
                row = numbers[words[at]]
                count = self.width(row)
                if at + count >= length:
                    raise ValueError("the code ends in the middle of an operation")
                for k in range(count):
                    if not 0 <= words[at + 1 + k] < made:
                        raise ValueError(f"there is no slot {words[at + 1 + k]}")
                    chosen[k] = slots[words[at + 1 + k]]
                slots[made] = self.operate(row, chosen, count)
                made += 1
                at += 1 + count
            return [slots[k] for k in range(made)]
        finally:
            PyMem_Free(slots)

    # Derivatives

    def pull(self, seeds, targets):
        """Reverse mode: the slots of the cotangents of the targets, -1 where nothing comes, given those of some slots."""
        cdef int slot, k, operand, share, row, count = self.count
        cdef bytearray relevant = bytearray(max(1, count))
        cdef int* totals = <int*>grown(NULL, max(1, count) * sizeof(int))
        cdef Code code
        try:
            memset(totals, 0xFF, count * sizeof(int))
            for place, total in seeds.items():
                totals[self.known(place)] = self.known(total)
            self.mark(targets, relevant, count)
            for slot in range(count - 1, -1, -1):
                row = self.entries[slot].row
                if totals[slot] == NOTHING or row < 0 or not relevant[slot]:
                    continue
                code = self.code(row)
                for k in range(code.count):
                    operand = self.operands[self.entries[slot].first + k]
                    if not code.zero[k] and relevant[operand]:
                        self.add(totals, operand, self.share(totals[slot], slot, k, code))
            return [totals[<int>target] if 0 <= target < count else NOTHING for target in targets]
        finally:
            PyMem_Free(totals)

    def push(self, seeds, outputs):
        """Forward mode: the slots of the tangents of the outputs, -1 where nothing comes, given those of some slots."""
        cdef int slot, k, operand, row, share, count = self.count
        cdef int* totals = <int*>grown(NULL, max(1, count) * sizeof(int))
        cdef Code code
        try:
            memset(totals, 0xFF, count * sizeof(int))
            for place, total in seeds.items():
                totals[self.known(place)] = self.known(total)
            for slot in range(count):
                row = self.entries[slot].row
                if row < 0 or totals[slot] != NOTHING:
                    continue
                code = self.code(row)
                for k in range(code.count):
                    operand = self.operands[self.entries[slot].first + k]
                    if not code.zero[k] and totals[operand] != NOTHING:
                        self.add(totals, slot, self.share(totals[operand], slot, k, code))
            return [totals[<int>output] if 0 <= output < count else NOTHING for output in outputs]
        finally:
            PyMem_Free(totals)

    def sparse(self, roots, targets, bint triangle=False):
        """Reverse mode for many roots, each over its own cone: (row, column, slot) of every derivative, as 32-bit integers."""
        cdef int slot, k, operand, row, column, lowest, place, size, held, count = self.count
        cdef int one = self.number_slot(1.0)
        cdef int* memory = <int*>grown(NULL, (5 * <Py_ssize_t>count + 1) * sizeof(int))
        cdef int* last = memory             # the last target that a slot depends on
        cdef int* column_of = memory + count
        cdef int* totals = memory + 2 * count
        cdef int* seen = memory + 3 * count
        cdef int* cone = memory + 4 * count
        cdef Code code
        cdef Entries found = Entries()
        try:
            memset(memory, 0xFF, 4 * <Py_ssize_t>count * sizeof(int))
            for column, target in enumerate(targets):
                last[self.known(target)] = column_of[<int>target] = column
            for slot in range(count):
                row = self.entries[slot].row
                if row >= 0:
                    code = self.code(row)
                    for k in range(code.count):
                        if not code.zero[k]:
                            last[slot] = max(last[slot], last[self.operands[self.entries[slot].first + k]])
            for place, root in enumerate(roots):
                slot, lowest = root, place if triangle else 0
                if slot < 0 or slot >= count or last[slot] < lowest:
                    continue
                cone[0], size, held, seen[slot], totals[slot] = slot, 1, 0, place, one
                while held < size:
                    slot = cone[held]
                    held += 1
                    row = self.entries[slot].row
                    if row < 0:
                        continue
                    code = self.code(row)
                    for k in range(code.count):
                        operand = self.operands[self.entries[slot].first + k]
                        if not code.zero[k] and last[operand] >= lowest and seen[operand] != place:
                            cone[size], seen[operand] = operand, place
                            size += 1
                qsort(cone, size, sizeof(int), downwards)
                for held in range(size):
                    slot = cone[held]
                    row = self.entries[slot].row
                    if row >= 0:
                        code = self.code(row)
                        for k in range(code.count):
                            operand = self.operands[self.entries[slot].first + k]
                            if not code.zero[k] and last[operand] >= lowest:
                                self.add(totals, operand, self.share(totals[slot], slot, k, code))
                for held in range(size - 1, -1, -1):
                    slot = cone[held]
                    if column_of[slot] >= lowest:
                        found.append(place, column_of[slot], totals[slot])
                    totals[slot] = NOTHING
            return found.content()
        finally:
            PyMem_Free(memory)

    cdef int mark(self, targets, bytearray relevant, int count) except -1:
        """Mark the targets and what depends on them."""
        cdef int slot, k
        for target in targets:
            if 0 <= target < count:
                relevant[<int>target] = 1
        for slot in range(count):
            for k in range(self.width(self.entries[slot].row)):
                if relevant[self.operands[self.entries[slot].first + k]]:
                    relevant[slot] = 1
        return 0

    cdef int add(self, int* totals, int slot, int share) except -1:
        cdef int pair[2]
        if totals[slot] == NOTHING:
            totals[slot] = share
        else:
            pair[0], pair[1] = totals[slot], share
            totals[slot] = self.operate(ADD, pair, 2)
        return 0

    cdef int share(self, int factor, int slot, int position, Code code) except -1:
        """The chain rule on one edge: a cotangent or tangent times the derivative of a slot by one of its operands."""
        cdef int given[WIDTH + 2]
        cdef int made[64]
        cdef int k
        if not code.is_built_in:
            return self.by_rule(code.primitive, position, (factor, slot, *[
                self.operands[self.entries[slot].first + k] for k in range(code.count)]))
        code.note(position)
        given[0], given[1] = factor, slot
        for k in range(code.count):
            given[2 + k] = self.operands[self.entries[slot].first + k]
        if code.step_count[position] > 64:
            raise ValueError(f"the rule of {code.primitive!r} takes more than 64 steps")
        for k in range(code.step_count[position]):
            made[k] = NOTHING
        return self.play(code.steps[position], code.result[position], given, code.count + 2, made)

    cdef int play(self, const Step* steps, int wanted, const int* given, int count, int* made) except -1:
        """The slot of what a step makes; steps that turn out not to be needed are not taken."""
        cdef int chosen[WIDTH]
        cdef const Step* step
        cdef Shortcut* shortcut
        cdef Code code
        cdef int i, k
        if wanted < count:
            return given[wanted]
        if made[wanted - count] != NOTHING:
            return made[wanted - count]
        step = &steps[wanted - count]
        for k in range(step.count):
            chosen[k] = NOTHING
        code = code_of(step.row)
        for i in range(code.shortcut_count):
            shortcut = &code.shortcuts[i]
            if shortcut.outcome != AN_OPERAND:
                break
            k = shortcut.position
            if chosen[k] == NOTHING:
                chosen[k] = self.played(steps, step, k, given, count, made)
            if self.meets(chosen[k], shortcut):
                made[wanted - count] = self.played(steps, step, shortcut.operand[0], given, count, made)
                return made[wanted - count]
        for k in range(step.count):
            if chosen[k] == NOTHING:
                chosen[k] = self.played(steps, step, k, given, count, made)
        made[wanted - count] = self.operate(step.row, chosen, step.count)
        return made[wanted - count]

    cdef int played(self, const Step* steps, const Step* step, int k, const int* given, int count, int* made) except -1:
        if step.operand[k] == NOTHING:
            return self.number_slot(step.number[k])
        return self.play(steps, step.operand[k], given, count, made)

    # What comes out

    cdef bytearray needed_by(self, outputs, bint stop_at_nodes):
        cdef bytearray needed = bytearray(max(1, self.count))
        cdef int slot, k
        for output in outputs:
            if output >= 0:
                needed[<int>output] = 1
        for slot in range(self.count - 1, -1, -1):
            if needed[slot] and not (stop_at_nodes and self.nodes[slot] != NULL):
                for k in range(self.width(self.entries[slot].row)):
                    needed[self.operands[self.entries[slot].first + k]] = 1
        return needed

    def fields(self, outputs):
        """What a Body is made of: inputs, constants, rows, code, outputs."""
        cdef bytearray needed = self.needed_by(outputs, False)
        cdef list constants = [], used = []
        cdef dict used_at = {}
        cdef int* numbers = NULL
        cdef int32_t* words = NULL
        cdef Py_ssize_t length = 0
        cdef int slot, k, row, place = self.inputs, input_place = 0
        self.places = <int*>grown(self.places, max(1, self.count) * sizeof(int))
        self.place_count = self.count
        try:
            numbers = <int*>grown(NULL, (BUILT_IN_ROWS + len(self.own)) * sizeof(int))
            memset(numbers, 0xFF, (BUILT_IN_ROWS + len(self.own)) * sizeof(int))
            words = <int32_t*>grown(NULL, (self.operand_count + self.count + 1) * sizeof(int32_t))
            for slot in range(self.count):
                self.places[slot] = NOTHING
                if self.entries[slot].row == INPUT:
                    self.places[slot] = input_place
                    input_place += 1
                elif self.entries[slot].row == CONSTANT and needed[slot]:
                    self.places[slot] = place
                    constants.append(self.entries[slot].number)
                    place += 1
            for slot in range(self.count):
                row = self.entries[slot].row
                if row < 0 or not needed[slot]:
                    continue
                if numbers[row] == NOTHING:
                    numbers[row] = <int>len(used)
                    used.append(self.code(row).primitive)
                words[length] = numbers[row]
                length += 1
                for k in range(self.width(row)):
                    words[length] = self.places[self.operands[self.entries[slot].first + k]]
                    length += 1
                self.places[slot] = place
                place += 1
            code = (<char*>words)[:length * sizeof(int32_t)]
            return (self.inputs, tuple(constants), tuple(used), code,
                    tuple([self.places[self.known(slot)] for slot in outputs]))
        finally:
            PyMem_Free(numbers)
            PyMem_Free(words)

    def place(self, int slot):
        """Where a slot is in the body that was made last, or -1 if it was left out."""
        return self.places[slot] if 0 <= slot < self.place_count else NOTHING

    def made(self, slots, kind):
        """Values for some slots, after `load(..., exactly=True)`; -1 is a 0."""
        self.require_nodes()
        cdef bytearray needed = self.needed_by(slots, True)
        cdef PyObject* operands[MOST_OPERANDS]
        cdef double x[MOST_OPERANDS]
        cdef int slot, k, operand, row, count
        cdef Node* node
        cdef list numbers
        for slot in range(self.count):
            row = self.entries[slot].row
            if not needed[slot] or row < 0 or self.nodes[slot] != NULL:
                continue
            count = self.width(row)
            for k in range(count):
                operand = self.operands[self.entries[slot].first + k]
                operands[k] = self.nodes[operand]
                x[k] = self.entries[operand].number if operands[k] == NULL else (<Node*>operands[k]).data
            if row < BUILT_IN_ROWS and count <= 2 and not watching:
                node = make(row, count, operands, x)
            else:
                numbers = [x[k] if operands[k] == NULL else None for k in range(count)]
                for k in range(count):
                    if operands[k] == NULL:
                        operands[k] = <PyObject*>numbers[k]
                value = record(self.code(row).primitive, operands, count)
                Py_INCREF(value)
                node = node_of(value)
            self.nodes[slot] = <PyObject*>node
        return [kind(0.0) if found < 0 else
                <object>self.nodes[<int>found] if self.nodes[<int>found] != NULL else
                kind(self.entries[<int>found].number) for found in slots]
