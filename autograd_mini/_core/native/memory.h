/* Where nodes lie: in slabs of their own, one behind the other in the order in which they are made.
 *
 * A graph of a million nodes is read from memory, not from the cache; asking for its slabs in huge pages saves a fifth of
 * the time. Freed nodes join a list and are made again from there. Slabs without a living node go back to the system when
 * far more than AM_KEPT_NODES lie idle. */

#include <stdint.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#define AM_KEPT_NODES ((Py_ssize_t)1 << 20)     /* freed nodes that are never given back: 80 MB */
#define AM_SMALLEST_SLAB ((Py_ssize_t)1 << 9)   /* nodes; a further slab holds as many as all before it together */
#define AM_LARGEST_SLAB ((Py_ssize_t)1 << 18)
#define AM_HUGE_PAGE ((uintptr_t)1 << 21)

typedef struct { am_node *first, *end; Py_ssize_t idle; } am_slab;

static am_slab *am_slabs = NULL;                /* in the order of their addresses */
static Py_ssize_t am_slab_count = 0, am_room = 0;       /* am_room: the nodes of all slabs */
static am_node *am_next = NULL, *am_end = NULL;         /* what no node was made of yet in the newest slab */
static void *am_free_list = NULL;               /* linked by `extra` */
static Py_ssize_t am_free_count = 0, am_trim_at = 2 * AM_KEPT_NODES;

static void am_ask_for_huge_pages(const am_slab *slab)
{
#ifdef MADV_HUGEPAGE
    uintptr_t from = ((uintptr_t)slab->first + AM_HUGE_PAGE - 1) & ~(AM_HUGE_PAGE - 1);
    uintptr_t to = (uintptr_t)slab->end & ~(AM_HUGE_PAGE - 1);
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
    (void)slab;
#endif
}

static int am_add_slab(void)
{
    Py_ssize_t count = am_room < AM_SMALLEST_SLAB ? AM_SMALLEST_SLAB : am_room < AM_LARGEST_SLAB ? am_room : AM_LARGEST_SLAB;
    Py_ssize_t at = am_slab_count;
    am_slab slab = {NULL, NULL, 0}, *slabs = (am_slab *)PyMem_RawRealloc(am_slabs, (at + 1) * sizeof(am_slab));
    if (slabs == NULL)
        return -1;
    am_slabs = slabs;
    slab.first = (am_node *)PyMem_RawMalloc(count * sizeof(am_node));
    if (slab.first == NULL)
        return -1;
    slab.end = slab.first + count;
    am_ask_for_huge_pages(&slab);
    for (; at > 0 && slabs[at - 1].first > slab.first; at--)
        slabs[at] = slabs[at - 1];
    slabs[at] = slab;
    am_slab_count++;
    am_room += count;
    am_next = slab.first;
    am_end = slab.end;
    return 0;
}

static am_slab *am_slab_of(const am_node *node)
{
    Py_ssize_t low = 0, high = am_slab_count;
    while (high - low > 1) {
        Py_ssize_t middle = (low + high) / 2;
        if (am_slabs[middle].first <= node)
            low = middle;
        else
            high = middle;
    }
    return &am_slabs[low];
}

/* Give back slabs whose nodes are all free, as long as AM_KEPT_NODES stay at hand. */
static void am_trim(void)
{
    Py_ssize_t i, left = 0, spare = am_free_count - AM_KEPT_NODES;
    am_node *node;
    void **link = &am_free_list;
    for (node = am_free_list; node != NULL; node = node->extra)
        am_slab_of(node)->idle++;
    for (i = 0; i < am_slab_count; i++) {
        am_slab *slab = &am_slabs[i];
        Py_ssize_t room = slab->end - slab->first;
        int goes = slab->idle == room && room <= spare;
        slab->idle = goes ? -1 : 0;
        if (goes)
            spare -= room;
    }
    for (node = am_free_list; node != NULL; node = node->extra)
        if (am_slab_of(node)->idle == 0) {
            *link = node;
            link = &node->extra;
        }
    *link = NULL;
    for (i = 0; i < am_slab_count; i++)
        if (am_slabs[i].idle == 0)
            am_slabs[left++] = am_slabs[i];
        else {
            am_free_count -= am_slabs[i].end - am_slabs[i].first;
            am_room -= am_slabs[i].end - am_slabs[i].first;
            PyMem_RawFree(am_slabs[i].first);
        }
    am_slab_count = left;
    am_trim_at = 2 * (am_free_count > AM_KEPT_NODES ? am_free_count : AM_KEPT_NODES);
}

static inline am_node *am_take(void)
{
    am_node *node;
#ifdef AM_NO_SLABS                      /* tools/sanitize: the allocator sees what uses a freed node */
    node = (am_node *)PyObject_Malloc(sizeof(am_node));
#else
    if (am_free_list != NULL) {
        node = (am_node *)am_free_list;
        am_free_list = node->extra;
        am_free_count--;
        am_prefetch(am_free_list);
        am_prefetch((char *)am_free_list + sizeof(am_node) - 8);
        return node;
    }
    node = am_next < am_end || am_add_slab() == 0 ? am_next++ : NULL;
#endif
    if (node == NULL)
        PyErr_NoMemory();
    return node;
}

static inline void am_give(am_node *node)
{
#ifdef AM_NO_SLABS
    PyObject_Free(node);
#else
    node->extra = am_free_list;
    am_free_list = node;
    am_free_count++;
#endif
}
