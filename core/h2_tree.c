#include "core/h2_tree.h"

#include "core/limits.h"

#define NONE       UINT32_MAX
#define ROOT       0u /* its slot and its identifier */
#define FIRST_ROOM 16u

enum node_flags {
    NODE_OPEN = 1 << 0,  /* its stream is open: never given up */
    NODE_READY = 1 << 1, /* it has something to send */
    NODE_QUEUED = 1 << 2 /* it or one below it is ready: it stands in its parent's queue */
};

/* Nodes name each other by slot. A queue is a pairing heap (Fredman, Sedgewick, Sleator and Tarjan,
 * 1986) of the children that have a turn coming, ordered by `cost`. */
typedef struct node {
    uint32_t id;
    uint32_t map_next; /* same bucket, or the next free slot */
    uint32_t parent, child, next, prev;
    uint32_t queue;                            /* the cheapest child, or NONE */
    uint32_t heap_child, heap_next, heap_prev; /* heap_prev: the elder, or who is above */
    uint32_t kept_next, kept_prev;             /* among the idle or the closed */
    uint16_t weight;
    uint8_t flags;
    uint8_t kept;   /* the list it is in */
    uint64_t cost;  /* virtual time when its last turn ends */
    uint64_t clock; /* virtual time among its children */
} node;

typedef struct kept_list { /* oldest first */
    uint32_t first, last, count;
} kept_list;

enum kept_kind { KEPT_IDLE, KEPT_CLOSED, KEPT_KINDS, KEPT_NOT = KEPT_KINDS };

struct h2_tree {
    const mem *mem;
    node *at;
    uint32_t *buckets; /* as many as slots */
    uint32_t room;     /* a power of two */
    uint32_t free;
    uint32_t dependents; /* nodes whose parent is not the root */
    kept_list kept[KEPT_KINDS];
};

/* ---- slots ---- */

static size_t block_size(uint32_t room) { return room * (sizeof(node) + sizeof(uint32_t)); }

static uint32_t *bucket_of(const h2_tree *t, uint32_t id) {
    return &t->buckets[((id * 2654435761u) >> 7) & (t->room - 1)];
}

static void map_put(h2_tree *t, uint32_t slot) {
    uint32_t *bucket = bucket_of(t, t->at[slot].id);
    t->at[slot].map_next = *bucket;
    *bucket = slot;
}

static bool grow(h2_tree *t) {
    uint32_t old = t->room, room = old ? old * 2 : FIRST_ROOM;
    node *at = mem_take_zero(t->mem, block_size(room));
    if (!at) return false;
    if (old) memcpy(at, t->at, old * sizeof *at);
    mem_give(t->mem, t->at, old ? block_size(old) : 0);
    t->at = at;
    t->room = room;
    t->buckets = (uint32_t *)(at + room);
    memset(t->buckets, 0xff, room * sizeof *t->buckets);
    for (uint32_t i = 1; i < old; i++) map_put(t, i); /* it grows when every slot is taken */
    for (uint32_t i = room; i-- > (old ? old : 1);) {
        at[i].map_next = t->free;
        t->free = i;
    }
    return true;
}

static uint32_t find(const h2_tree *t, uint32_t id) {
    if (id == 0) return ROOT;
    for (uint32_t i = *bucket_of(t, id); i != NONE; i = t->at[i].map_next)
        if (t->at[i].id == id) return i;
    return NONE;
}

h2_tree *h2_tree_new(const mem *m) {
    h2_tree *t = mem_take_zero(m, sizeof *t);
    if (!t) return NULL;
    t->mem = m;
    t->free = NONE;
    for (int i = 0; i < KEPT_KINDS; i++) t->kept[i] = (kept_list){NONE, NONE, 0};
    if (!grow(t)) {
        mem_give(m, t, sizeof *t);
        return NULL;
    }
    t->at[ROOT].child = t->at[ROOT].queue = NONE;
    return t;
}

void h2_tree_free(h2_tree *t) {
    if (!t) return;
    mem_give(t->mem, t->at, block_size(t->room));
    mem_give(t->mem, t, sizeof *t);
}

bool h2_tree_has(const h2_tree *t, uint32_t id) { return find(t, id) != NONE; }

/* ---- queues: pairing heaps ---- */

static bool goes_before(const node *a, const node *b) {
    return a->cost < b->cost || (a->cost == b->cost && a->id < b->id);
}

/* Joins two heaps and returns the cheaper top. Either may be NONE. */
static uint32_t join(h2_tree *t, uint32_t a, uint32_t b) {
    if (a == NONE) return b;
    if (b == NONE) return a;
    if (goes_before(&t->at[b], &t->at[a])) {
        uint32_t swap = a;
        a = b;
        b = swap;
    }
    node *top = &t->at[a], *under = &t->at[b];
    under->heap_next = top->heap_child;
    under->heap_prev = a;
    if (top->heap_child != NONE) t->at[top->heap_child].heap_prev = b;
    top->heap_child = b;
    top->heap_next = top->heap_prev = NONE;
    return a;
}

/* Makes one heap of the siblings from `first` on: joins them two by two, then from the last. */
static uint32_t join_siblings(h2_tree *t, uint32_t first) {
    uint32_t pairs = NONE, top = NONE;
    while (first != NONE) {
        uint32_t a = first, b = t->at[a].heap_next;
        first = b == NONE ? NONE : t->at[b].heap_next;
        t->at[a].heap_next = NONE;
        if (b != NONE) t->at[b].heap_next = NONE;
        a = join(t, a, b);
        t->at[a].heap_next = pairs;
        pairs = a;
    }
    while (pairs != NONE) {
        uint32_t a = pairs;
        pairs = t->at[a].heap_next;
        t->at[a].heap_next = NONE;
        top = join(t, top, a);
    }
    if (top != NONE) t->at[top].heap_prev = NONE;
    return top;
}

static void queue_put(h2_tree *t, uint32_t slot) {
    node *n = &t->at[slot], *parent = &t->at[n->parent];
    n->heap_child = n->heap_next = n->heap_prev = NONE;
    parent->queue = join(t, parent->queue, slot);
}

static void queue_take(h2_tree *t, uint32_t slot) {
    node *n = &t->at[slot], *parent = &t->at[n->parent];
    uint32_t below = join_siblings(t, n->heap_child);
    if (parent->queue == slot) {
        parent->queue = below;
        return;
    }
    node *before = &t->at[n->heap_prev];
    if (before->heap_child == slot)
        before->heap_child = n->heap_next;
    else
        before->heap_next = n->heap_next;
    if (n->heap_next != NONE) t->at[n->heap_next].heap_prev = n->heap_prev;
    parent->queue = join(t, parent->queue, below);
}

/* ---- who has a turn coming ---- */

/* The node became ready, or one below it did: it and those above it stand in their queues. Who was
 * away starts level with the others, not with what it did not use. */
static void enqueue(h2_tree *t, uint32_t slot) {
    while (slot != ROOT && !(t->at[slot].flags & NODE_QUEUED)) {
        node *n = &t->at[slot];
        n->flags |= NODE_QUEUED;
        if (n->cost < t->at[n->parent].clock) n->cost = t->at[n->parent].clock;
        queue_put(t, slot);
        slot = n->parent;
    }
}

/* The node is no longer ready, or nothing below it is. */
static void dequeue(h2_tree *t, uint32_t slot) {
    while (slot != ROOT && (t->at[slot].flags & (NODE_QUEUED | NODE_READY)) == NODE_QUEUED &&
           t->at[slot].queue == NONE) {
        t->at[slot].flags &= (uint8_t)~NODE_QUEUED;
        queue_take(t, slot);
        slot = t->at[slot].parent;
    }
}

void h2_tree_set_ready(h2_tree *t, uint32_t id, bool ready) {
    uint32_t slot = find(t, id);
    if (slot == NONE) return;
    if (ready) {
        t->at[slot].flags |= NODE_READY;
        enqueue(t, slot);
    } else {
        t->at[slot].flags &= (uint8_t)~NODE_READY;
        dequeue(t, slot);
    }
}

bool h2_tree_any(const h2_tree *t) { return t->at[ROOT].queue != NONE; }

uint32_t h2_tree_next(const h2_tree *t) {
    uint32_t slot = t->at[ROOT].queue;
    while (slot != NONE && !(t->at[slot].flags & NODE_READY)) slot = t->at[slot].queue;
    return slot == NONE ? 0 : t->at[slot].id;
}

void h2_tree_sent(h2_tree *t, uint32_t id, uint32_t n) {
    for (uint32_t slot = find(t, id); slot != ROOT && slot != NONE; slot = t->at[slot].parent) {
        node *at = &t->at[slot], *parent = &t->at[at->parent];
        bool queued = at->flags & NODE_QUEUED;
        if (queued) queue_take(t, slot);
        if (at->cost > parent->clock) parent->clock = at->cost;
        at->cost += (uint64_t)n * 256 / at->weight;
        if (queued) queue_put(t, slot);
    }
}

/* ---- the shape ---- */

/* Takes the node, and all below it, away from its parent. */
static void detach(h2_tree *t, uint32_t slot) {
    node *n = &t->at[slot];
    uint32_t parent = n->parent;
    if (n->flags & NODE_QUEUED) queue_take(t, slot);
    if (n->prev != NONE)
        t->at[n->prev].next = n->next;
    else
        t->at[parent].child = n->next;
    if (n->next != NONE) t->at[n->next].prev = n->prev;
    if (parent != ROOT) t->dependents--;
    dequeue(t, parent);
}

static void attach(h2_tree *t, uint32_t slot, uint32_t parent) {
    node *n = &t->at[slot];
    n->parent = parent;
    n->prev = NONE;
    n->next = t->at[parent].child;
    if (n->next != NONE) t->at[n->next].prev = slot;
    t->at[parent].child = slot;
    if (parent != ROOT) t->dependents++;
    n->cost = t->at[parent].clock;
    if (n->flags & NODE_QUEUED) {
        n->flags &= (uint8_t)~NODE_QUEUED;
        enqueue(t, slot);
    }
}

static void move(h2_tree *t, uint32_t slot, uint32_t parent) {
    detach(t, slot);
    attach(t, slot, parent);
}

static void keep_not(h2_tree *t, uint32_t slot) {
    node *n = &t->at[slot];
    if (n->kept == KEPT_NOT) return;
    kept_list *l = &t->kept[n->kept];
    if (n->kept_prev != NONE)
        t->at[n->kept_prev].kept_next = n->kept_next;
    else
        l->first = n->kept_next;
    if (n->kept_next != NONE)
        t->at[n->kept_next].kept_prev = n->kept_prev;
    else
        l->last = n->kept_prev;
    l->count--;
    n->kept = KEPT_NOT;
}

/* Gives the node up: what depended on it depends on its parent, with its share of the weight (RFC
 * 7540 section 5.3.4). */
static void drop(h2_tree *t, uint32_t slot) {
    node *n = &t->at[slot];
    uint32_t sum = 0, parent = n->parent;
    for (uint32_t i = n->child; i != NONE; i = t->at[i].next) sum += t->at[i].weight;
    while (n->child != NONE) {
        uint32_t child = n->child;
        uint32_t weight = (uint32_t)n->weight * t->at[child].weight / sum;
        t->at[child].weight = (uint16_t)(weight ? weight : 1);
        move(t, child, parent);
    }
    detach(t, slot);
    keep_not(t, slot);
    uint32_t *at = bucket_of(t, n->id);
    while (*at != slot) at = &t->at[*at].map_next;
    *at = n->map_next;
    n->map_next = t->free;
    t->free = slot;
}

/* Puts the node behind those that are kept already; the oldest gives way. `spared` is not dropped:
 * the caller is about to use it. */
static void keep(h2_tree *t, uint32_t slot, enum kept_kind kind, uint32_t spared) {
    kept_list *l = &t->kept[kind];
    if (l->count >= LIMIT_TREE_KEPT) {
        uint32_t oldest = l->first;
        if (oldest == spared) oldest = t->at[oldest].kept_next;
        if (oldest != NONE) drop(t, oldest);
    }
    node *n = &t->at[slot];
    n->kept = (uint8_t)kind;
    n->kept_next = NONE;
    n->kept_prev = l->last;
    if (l->last != NONE)
        t->at[l->last].kept_next = slot;
    else
        l->first = slot;
    l->last = slot;
    l->count++;
}

/* A node below the root, in no list of the kept ones; NONE when memory is refused. */
static uint32_t add(h2_tree *t, uint32_t id) {
    if (t->free == NONE && !grow(t)) return NONE;
    uint32_t slot = t->free;
    node *n = &t->at[slot];
    t->free = n->map_next;
    *n = (node){.id = id,
                .child = NONE,
                .queue = NONE,
                .weight = H2_DEPENDENCY_DEFAULT.weight,
                .kept = KEPT_NOT};
    map_put(t, slot);
    attach(t, slot, ROOT);
    return slot;
}

/* ---- what peers ask for ---- */

static bool is_below(const h2_tree *t, uint32_t slot, uint32_t above) {
    while (slot != ROOT && slot != above) slot = t->at[slot].parent;
    return slot == above;
}

/* What it has had beyond its siblings counts by the new weight, too: else a stream that was light
 * would wait on after it has become heavy. */
static void set_weight(h2_tree *t, uint32_t slot, uint16_t weight) {
    node *n = &t->at[slot];
    uint64_t clock = t->at[n->parent].clock;
    bool queued = n->flags & NODE_QUEUED;
    if (queued) queue_take(t, slot);
    if (n->cost > clock) n->cost = clock + (n->cost - clock) * n->weight / weight;
    n->weight = weight;
    if (queued) queue_put(t, slot);
}

/* Whether the children of `parent` may all become children of `slot`: the tree must not become
 * deeper than LIMIT_TREE_DEPENDENTS. */
static bool room_for_exclusive(const h2_tree *t, uint32_t slot, uint32_t parent) {
    if (parent != ROOT) return true;
    uint32_t moved = 0;
    for (uint32_t i = t->at[ROOT].child; i != NONE; i = t->at[i].next) moved += i != slot;
    return t->dependents + moved <= LIMIT_TREE_DEPENDENTS;
}

bool h2_tree_depend(h2_tree *t, uint32_t id, h2_dependency d) {
    uint32_t slot = find(t, id), parent = find(t, d.on);
    if (parent == NONE || d.on == id) {
        d = H2_DEPENDENCY_DEFAULT;
        parent = ROOT;
    }
    if (slot == NONE) {
        slot = add(t, id);
        if (slot == NONE) return false;
        keep(t, slot, KEPT_IDLE, parent);
    }
    set_weight(t, slot, d.weight);
    if (parent != ROOT && t->at[slot].parent == ROOT && t->dependents >= LIMIT_TREE_DEPENDENTS)
        parent = ROOT;
    /* A stream that is to depend on one of its own dependents: that one moves up first (RFC 7540
     * section 5.3.3). */
    if (parent != ROOT && is_below(t, parent, slot)) move(t, parent, t->at[slot].parent);
    if (parent != t->at[slot].parent) move(t, slot, parent);
    if (!d.exclusive || !room_for_exclusive(t, slot, parent)) return true;
    for (uint32_t i = t->at[parent].child, next; i != NONE; i = next) {
        next = t->at[i].next;
        if (i != slot) move(t, i, slot);
    }
    return true;
}

bool h2_tree_open(h2_tree *t, uint32_t id) {
    uint32_t slot = find(t, id);
    if (slot == NONE) slot = add(t, id);
    if (slot == NONE) return false;
    keep_not(t, slot);
    t->at[slot].flags |= NODE_OPEN;
    return true;
}

void h2_tree_close(h2_tree *t, uint32_t id) {
    uint32_t slot = find(t, id);
    if (slot == NONE || !(t->at[slot].flags & NODE_OPEN)) return;
    h2_tree_set_ready(t, id, false);
    t->at[slot].flags &= (uint8_t)~NODE_OPEN;
    keep(t, slot, KEPT_CLOSED, NONE);
}
