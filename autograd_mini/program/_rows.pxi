"""Batch calls, compiled: arguments as they were in the last call, the kernel that was compiled for them, the result.

What `_llvm.execution.Rows` does with NumPy, for arguments whose layouts a kernel is there for: tables of addresses, the
numbers that all rows share, whole tiles, a padded tile for the last rows, the careful kernel where a nan came out, the
tree of sums. The readable form stays where this does not apply.
"""

ctypedef void (*Kernel)(Py_ssize_t first, Py_ssize_t tiles, Py_ssize_t live, char** addresses, Py_ssize_t* strides,
                        const double* shared, double* frame, double* sums, char** outs,
                        Py_ssize_t* distances) noexcept nogil

cdef enum:
    ROOM = 4096             # numbers on the stack
    MOST_DIMENSIONS = 32
    AT_ONCE = 20_000        # operations times rows from which on a call lets other threads run

cdef enum Kind:
    UNIT, PACKED, SPACED, STRIDED

KINDS = {"unit": UNIT, "packed": PACKED, "spaced": SPACED, "strided": STRIDED}


cdef class Column:
    """An argument, or a part of one, that is data: its shape in a row, and the layout its kernel reads.

    `first` is the place of its first address among `addresses`, `number` that of its array.
    """

    cdef Py_ssize_t columns, itemsize, first, number, pointers
    cdef int dimensions, type
    cdef Kind kind
    cdef cnp.npy_intp shape[MOST_DIMENSIONS]

    def __init__(self, shape, dtype, kind, first, number, pointers):
        cdef int i
        shape = shape or ()
        self.dimensions, self.columns = len(shape), 1
        for i in range(self.dimensions):
            self.shape[i] = shape[i]
            self.columns *= self.shape[i]
        self.type, self.itemsize = np.dtype(dtype).num, np.dtype(dtype).itemsize
        self.kind, self.first, self.number, self.pointers = KINDS[kind], first, number, pointers


cdef struct Job:
    Py_ssize_t rows
    char** addresses
    Py_ssize_t* strides


cdef bint take(Column column, given, Job* job, list kept) except -1:
    """Note where data lies; False where it is not what the kernel was compiled for."""
    cdef Py_ssize_t down, across, i
    cdef char* base
    if not cnp.PyArray_CheckExact(given):
        given = array_of(given)
    if given is None or cnp.PyArray_TYPE(given) != column.type \
            or cnp.PyArray_NDIM(given) != column.dimensions + 1 or not cnp.PyArray_ISNOTSWAPPED(given):
        return False
    if job.rows < 0:
        job.rows = cnp.PyArray_DIM(given, 0)
    if job.rows != cnp.PyArray_DIM(given, 0):
        return False
    for i in range(column.dimensions):
        if cnp.PyArray_DIM(given, i + 1) != column.shape[i]:
            return False
    if column.dimensions > 1 and not cnp.PyArray_IS_C_CONTIGUOUS(given):
        return False
    down, across = cnp.PyArray_STRIDE(given, 0), column.itemsize
    if column.dimensions == 1:
        across = cnp.PyArray_STRIDE(given, 1)
    if kind_of(down, across, column.itemsize, column.columns) != column.kind:
        return False
    base = <char*>cnp.PyArray_DATA(given)
    for i in range(column.pointers):
        job.addresses[column.first + i] = base + i * across
    job.strides[column.number] = down
    kept.append(given)
    return True


cdef inline Kind kind_of(Py_ssize_t down, Py_ssize_t across, Py_ssize_t size, Py_ssize_t columns) noexcept nogil:
    """The kinds of `_llvm.loading.source`."""
    if down == size:
        return UNIT
    if across == size and columns > 1:
        return PACKED if down == size * columns else SPACED
    return STRIDED


cdef inline double joined(const double* lanes) noexcept nogil:
    """The sum of eight lanes, in the order of `_reduction`."""
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))


cdef class RowsCaller:
    """Calls a kernel over rows with nested arguments: `made` is the `Rows` it comes from.

    `arguments` are layouts with a Place for what rows share and a Column for data, `result` one with Places. For sums
    and means (`divides`), `places` says which sum each output is; for results row by row (`by_row`) it is empty.
    Fewer than `least` rows are left to the choice, more than `most` to the readable form, which has threads.
    """

    cdef tuple arguments, columns
    cdef object result, made, plain_of, careful_of, machines
    cdef Interpreter once
    cdef Kernel plain, careful
    cdef Py_ssize_t inputs, outputs, pointers, count, careful_count, frame, careful_frame, least, most, work
    cdef list places
    cdef bint by_row, divides
    cdef readonly Py_ssize_t rows
    cdef int block, tile

    def __init__(self, tuple arguments, tuple columns, result, Interpreter once, kernels, Py_ssize_t outputs,
                 list places, bint divides, Py_ssize_t least, Py_ssize_t most, Py_ssize_t work, int block,
                 int tile):
        self.arguments, self.columns, self.result, self.once = arguments, columns, result, once
        self.plain_of, self.careful_of = kernels
        self.outputs, self.places, self.divides, self.by_row = outputs, places, divides, not places
        self.least, self.most, self.work, self.block, self.tile = least, most, work, block, tile
        self.inputs, self.machines = once.inputs, []
        self.pointers = sum([(<Column>column).pointers for column in columns])
        self.rows = 0
        machine, self.count, self.frame, address = self.plain_of()
        self.machines.append(machine)
        self.plain = <Kernel><uintptr_t>address

    cdef int make_careful(self) except -1:
        if self.careful == NULL:
            machine, self.careful_count, self.careful_frame, address = self.careful_of()
            self.machines.append(machine)
            self.careful = <Kernel><uintptr_t>address
        return 0

    def __call__(self, tuple arguments, out=None):
        """The result, in `out` where it is given, or NotImplemented where something is laid out in another way."""
        return self.call(arguments, out)

    cdef object call(self, tuple arguments, out):
        cdef char* addresses_memory[64]
        cdef Py_ssize_t strides_memory[64]
        cdef Job job
        cdef Py_ssize_t i, room, sources = len(self.columns)
        cdef double small[ROOM]
        cdef double* memory = small
        cdef list kept = []
        if len(arguments) != len(self.arguments):
            return NotImplemented
        job.rows, job.addresses, job.strides = -1, addresses_memory, strides_memory
        if self.pointers > 64 or sources > 64:
            job.addresses = <char**>PyMem_RawMalloc(self.pointers * sizeof(char*))
            job.strides = <Py_ssize_t*>PyMem_RawMalloc(sources * sizeof(Py_ssize_t))
        try:
            if job.addresses == NULL or job.strides == NULL:
                raise MemoryError()
            room = self.once.room()
            if room > ROOM:
                memory = <double*>PyMem_RawMalloc(room * sizeof(double))
                if memory == NULL:
                    raise MemoryError()
            for i in range(len(arguments)):
                if not load(self.arguments[i], arguments[i], memory, &job, kept):
                    return NotImplemented
            if job.rows < self.least or job.rows > self.most or (
                    out is not None and not is_writable(self.result, out, job.rows, kept)):
                return NotImplemented
            self.once.evaluate(memory, memory + room - self.once.outputs)
            self.rows = job.rows
            return self.run(&job, memory + room - self.once.outputs, out)
        finally:
            if memory != small:
                PyMem_RawFree(memory)
            if job.addresses != addresses_memory:
                PyMem_RawFree(job.addresses)
                PyMem_RawFree(job.strides)

    cdef object run(self, Job* job, const double* shared, out):
        """The kernel over all rows, and the result."""
        cdef Py_ssize_t blocks = (job.rows + self.block - 1) // self.block, tiles_size = 0, i, k, place, n, at, outs = 0
        cdef Py_ssize_t rest = job.rows % self.tile, whole = job.rows // self.tile
        cdef double small[ROOM]
        cdef double* memory = small
        cdef double* sums
        cdef double* frame
        cdef double* again
        cdef double* totals
        cdef double* made
        cdef char* tiles
        cdef char** padded
        cdef char** results
        cdef char** made_at
        cdef Py_ssize_t* tile_strides
        cdef Py_ssize_t* distances
        cdef Py_ssize_t* tile_distances
        cdef Column column
        cdef list arrays = []
        if self.by_row:
            outs = self.outputs
        for column in self.columns:
            tiles_size += self.tile * ((column.columns * column.itemsize + 7) // 8)
        # sums, the careful ones of a block, frame, padded tiles and results, totals, and six tables
        n = (8 * (blocks * self.count + max(self.count, self.outputs)) + max(self.frame, self.careful_frame)
             + tiles_size + outs * self.tile + blocks * self.count + self.outputs
             + self.pointers + len(self.columns) + 4 * outs + 8)
        if n > ROOM:
            memory = <double*>PyMem_RawMalloc(n * sizeof(double))
            if memory == NULL:
                raise MemoryError()
        try:
            sums = <double*>((<uintptr_t>memory + 63) // 64 * 64)
            again = sums + 8 * blocks * self.count
            frame = again + 8 * max(self.count, self.outputs)
            tiles = <char*>(frame + max(self.frame, self.careful_frame))
            made = <double*>tiles + tiles_size
            totals = made + outs * self.tile
            padded = <char**>(totals + blocks * self.count + self.outputs)
            tile_strides = <Py_ssize_t*>(padded + self.pointers)
            results = <char**>(tile_strides + len(self.columns))
            made_at = results + outs
            distances = <Py_ssize_t*>(made_at + outs)
            tile_distances = distances + outs
            memset(sums, 0, 8 * blocks * self.count * sizeof(double))
            if self.by_row:
                answer = rows_of(self.result, out, job.rows, results, distances)
                for i in range(outs):
                    made_at[i], tile_distances[i] = <char*>(made + i * self.tile), sizeof(double)
            if rest:
                for column in self.columns:
                    fill_tile(column, job, self.tile, rest, tiles, padded, tile_strides)
                    tiles += self.tile * ((column.columns * column.itemsize + 7) // 8) * sizeof(double)
            if self.work * job.rows > AT_ONCE:
                with nogil:
                    if whole:
                        self.plain(0, whole, self.tile, job.addresses, job.strides, shared, frame, sums, results,
                                   distances)
            elif whole:
                self.plain(0, whole, self.tile, job.addresses, job.strides, shared, frame, sums, results, distances)
            if rest:
                self.plain(0, 1, rest, padded, tile_strides, shared, frame, sums + 8 * (blocks - 1) * self.count,
                           made_at, tile_distances)
            for i in range(blocks):
                for k in range(self.count):
                    totals[i * self.count + k] = joined(sums + 8 * (i * self.count + k))
                for k in range(self.count):
                    if totals[i * self.count + k] != totals[i * self.count + k]:
                        if self.careful == NULL:
                            self.make_careful()
                            return self.run(job, shared, out)
                        self.mend(i, job, shared, frame, again, results, distances, padded, tile_strides, made_at,
                                  tile_distances, totals + i * self.count)
                        break
            if self.by_row:
                for i in range(outs):
                    for k in range(rest):
                        (<double*>(results[i] + (job.rows - rest + k) * distances[i]))[0] = made[i * self.tile + k]
                return answer
            n = blocks
            while n > 1:
                for i in range(n // 2):
                    for k in range(self.count):
                        totals[i * self.count + k] = (totals[2 * i * self.count + k]
                                                      + totals[(2 * i + 1) * self.count + k])
                if n % 2:
                    for k in range(self.count):
                        totals[n // 2 * self.count + k] = totals[(n - 1) * self.count + k]
                n = (n + 1) // 2
            made = totals + blocks * self.count
            for i in range(self.outputs):
                place = self.places[i]
                made[i] = totals[place] / job.rows if self.divides else totals[place]
            return build(self.result, made)
        finally:
            if memory != small:
                PyMem_RawFree(memory)

    cdef void mend(self, Py_ssize_t block, Job* job, const double* shared, double* frame, double* again, char** results,
                   Py_ssize_t* distances, char** padded, Py_ssize_t* tile_strides, char** made_at,
                   Py_ssize_t* tile_distances, double* totals) noexcept:
        """Compute a block once more, with every product of the chain rule checked."""
        cdef Py_ssize_t k, start = block * self.block, stop = min(start + self.block, job.rows)
        cdef Py_ssize_t whole = (stop - start) // self.tile, rest = (stop - start) % self.tile
        memset(again, 0, 8 * self.careful_count * sizeof(double))
        with nogil:
            if whole:
                self.careful(start, whole, self.tile, job.addresses, job.strides, shared, frame, again, results,
                             distances)
            if rest:
                self.careful(0, 1, rest, padded, tile_strides, shared, frame, again, made_at, tile_distances)
        for k in range(self.careful_count):
            totals[k] = joined(again + 8 * k)


cdef void fill_tile(Column column, Job* job, Py_ssize_t tile, Py_ssize_t rest, char* memory, char** padded,
                    Py_ssize_t* strides) noexcept:
    """Copy the last rows into a whole tile of the same layout, again and again until it is full."""
    cdef Py_ssize_t k, size = column.itemsize, down = job.strides[column.number]
    if column.kind == PACKED or column.kind == SPACED:
        size *= column.columns
    for k in range(column.pointers):
        padded[column.first + k] = memory + k * tile * size
        repeat(padded[column.first + k], job.addresses[column.first + k] + (job.rows - rest) * down, down, size, rest,
               tile)
    strides[column.number] = size


cdef void repeat(char* into, const char* source, Py_ssize_t down, Py_ssize_t size, Py_ssize_t rest,
                 Py_ssize_t tile) noexcept:
    """Fill a tile with `rest` entries of some size that lie `down` bytes apart."""
    cdef Py_ssize_t row
    if down == size:
        memcpy(into, source, rest * size)
    else:
        for row in range(rest):
            memcpy(into + row * size, source + row * down, size)
    while rest < tile:
        row = min(rest, tile - rest)
        memcpy(into + rest * size, into, row * size)
        rest += row


cdef object rows_of(layout, given, Py_ssize_t rows, char** results, Py_ssize_t* distances):
    """Arrays for the results of all rows, those given or new ones, and where each output goes."""
    cdef Place place
    cdef Py_ssize_t i
    cdef cnp.npy_intp shape[MOST_DIMENSIONS]
    if type(layout) is Place:
        place = <Place>layout
        array = given
        if given is None:
            shape[0] = rows
            for i in range(place.dimensions):
                shape[i + 1] = place.shape[i]
            array = cnp.PyArray_SimpleNew(place.dimensions + 1, shape, cnp.NPY_DOUBLE)
        for i in range(place.size):
            results[place.start + i] = <char*>cnp.PyArray_DATA(array) + i * sizeof(double)
            distances[place.start + i] = place.size * sizeof(double)
        return array
    if type(layout) is dict:
        made = {key: rows_of(entry, None if given is None else given[key], rows, results, distances)
                for key, entry in (<dict>layout).items()}
        return made if given is None else given
    entries = [rows_of(entry, None if given is None else given[i], rows, results, distances)
               for i, entry in enumerate(layout)]
    if given is not None:
        return given
    if type(layout) is list:
        return entries
    return type(layout)(*entries) if hasattr(layout, "_fields") else tuple(entries)


cdef bint is_writable(layout, given, Py_ssize_t rows, list kept) except -1:
    """Whether arrays can take the results as new ones would: the same shapes, and memory that holds no argument."""
    cdef Place place
    cdef Py_ssize_t i
    if type(layout) is Place:
        place = <Place>layout
        if not cnp.PyArray_CheckExact(given) or cnp.PyArray_TYPE(given) != cnp.NPY_DOUBLE \
                or not cnp.PyArray_ISCARRAY(given) or cnp.PyArray_NDIM(given) != place.dimensions + 1 \
                or cnp.PyArray_DIM(given, 0) != rows:
            return False
        for i in range(place.dimensions):
            if cnp.PyArray_DIM(given, i + 1) != place.shape[i]:
                return False
        for array in kept:
            if np.may_share_memory(given, array):
                return False
        return True
    if type(given) is not type(layout) or len(given) != len(layout):
        return False
    if type(layout) is dict:
        for key, entry in (<dict>layout).items():
            if key not in given or not is_writable(entry, given[key], rows, kept):
                return False
        return True
    for i in range(len(layout)):
        if not is_writable(layout[i], given[i], rows, kept):
            return False
    return True


cdef object array_of(given):
    """What the caller gave in place of an array, as one; None where that is no array of numbers."""
    try:
        return number_array(given, "")
    except TypeError:
        return None
