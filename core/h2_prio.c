#include "core/h2_prio.h"

_Static_assert(H2_STREAM_RINGS == 8 * 2, "a ring for each urgency, incremental or not");

void h2_prio_init(h2_prio *p) {
    p->filled = 0;
    p->turn = false;
    p->tree = NULL;
}

void h2_prio_end(h2_prio *p) { h2_tree_free(p->tree); }

/* ---- rings ---- */

/* Links s into its ring before `at`. */
static void link_before(h2_streams *t, h2_stream *s, h2_stream *at) {
    s->ready_next = at->slot;
    s->ready_prev = at->ready_prev;
    t->at[at->ready_prev].ready_next = s->slot;
    at->ready_prev = s->slot;
}

/* A non-incremental ring is kept in the order of identifiers (RFC 9218 section 10); its new member
 * is mostly the newest. */
static void add_ordered(h2_streams *t, h2_stream *s) {
    h2_stream *head = &t->at[h2_stream_rings(t)[s->priority]];
    h2_stream *at = head;
    do {
        h2_stream *last = &t->at[at->ready_prev];
        if (last->id < s->id) {
            link_before(t, s, at);
            return;
        }
        at = last;
    } while (at != head);
    link_before(t, s, head);
    h2_stream_rings(t)[s->priority] = s->slot;
}

static void ring_add(h2_prio *p, h2_streams *t, h2_stream *s) {
    uint32_t head = h2_stream_rings(t)[s->priority];
    if (head == H2_NO_SLOT) {
        s->ready_next = s->ready_prev = s->slot;
        h2_stream_rings(t)[s->priority] = s->slot;
        p->filled = (uint16_t)(p->filled | 1u << s->priority);
    } else if (s->priority & 1) {
        link_before(t, s, &t->at[head]);
    } else {
        add_ordered(t, s);
    }
}

static void ring_remove(h2_prio *p, h2_streams *t, h2_stream *s) {
    if (s->ready_next == s->slot) {
        h2_stream_rings(t)[s->priority] = H2_NO_SLOT;
        p->filled = (uint16_t)(p->filled & ~(1u << s->priority));
        return;
    }
    t->at[s->ready_prev].ready_next = s->ready_next;
    t->at[s->ready_next].ready_prev = s->ready_prev;
    if (h2_stream_rings(t)[s->priority] == s->slot) h2_stream_rings(t)[s->priority] = s->ready_next;
}

/* ---- ready streams ---- */

/* Whether the tree orders s: it is in it, and the server has not said otherwise. */
static bool in_tree(const h2_prio *p, const h2_stream *s) {
    return p->tree && !(s->flags & H2_STREAM_OVERRIDDEN) && h2_tree_has(p->tree, s->id);
}

void h2_prio_add(h2_prio *p, h2_streams *t, h2_stream *s) {
    if (s->flags & H2_STREAM_READY) return;
    s->flags |= H2_STREAM_READY;
    if (in_tree(p, s))
        h2_tree_set_ready(p->tree, s->id, true);
    else
        ring_add(p, t, s);
}

void h2_prio_remove(h2_prio *p, h2_streams *t, h2_stream *s) {
    if (!(s->flags & H2_STREAM_READY)) return;
    s->flags &= ~(uint32_t)H2_STREAM_READY;
    if (in_tree(p, s))
        h2_tree_set_ready(p->tree, s->id, false);
    else
        ring_remove(p, t, s);
}

static void set(h2_prio *p, h2_streams *t, h2_stream *s, uint8_t priority, uint32_t flags) {
    bool ready = s->flags & H2_STREAM_READY;
    if (priority == s->priority && (s->flags & flags) == flags) return;
    if (ready) h2_prio_remove(p, t, s);
    s->priority = priority;
    s->flags |= flags;
    if (ready) h2_prio_add(p, t, s);
}

void h2_prio_set(h2_prio *p, h2_streams *t, h2_stream *s, uint8_t priority) {
    if (!(s->flags & H2_STREAM_OVERRIDDEN)) set(p, t, s, priority, 0);
}

void h2_prio_override(h2_prio *p, h2_streams *t, h2_stream *s, uint8_t priority) {
    set(p, t, s, priority, H2_STREAM_OVERRIDDEN);
}

/* ---- the tree ---- */

/* Gives the stream its node; a ready one moves there from its ring. */
static void plant(h2_prio *p, h2_streams *t, h2_stream *s) {
    bool ready = s->flags & H2_STREAM_READY;
    if (ready) h2_prio_remove(p, t, s);
    h2_tree_open(p->tree, s->id);
    if (ready) h2_prio_add(p, t, s);
}

void h2_prio_depend(h2_prio *p, h2_streams *t, uint32_t id, h2_stream *s, h2_dependency d) {
    if (!p->tree) {
        p->tree = h2_tree_new(t->mem);
        if (!p->tree) return;
        for (uint32_t i = 0; i < t->begun; i++)
            if (h2_stream_is_open(&t->at[i])) plant(p, t, &t->at[i]);
        for (uint32_t i = 0; i < t->begun; i++) /* RFC 7540 section 5.3.5 */
            if ((t->at[i].flags & H2_STREAM_PUSHED) && h2_tree_has(p->tree, t->at[i].id))
                h2_tree_depend(p->tree, t->at[i].id,
                               (h2_dependency){t->at[i].promised_on, 16, false});
    }
    if (s && !h2_tree_has(p->tree, id)) plant(p, t, s);
    if (s && !h2_tree_has(p->tree, id)) return; /* refused: it stays in its ring */
    h2_tree_depend(p->tree, id, d);
}

void h2_prio_open(h2_prio *p, const h2_stream *s) {
    if (p->tree) h2_tree_open(p->tree, s->id);
}

void h2_prio_close(h2_prio *p, h2_streams *t, h2_stream *s) {
    h2_prio_remove(p, t, s);
    if (p->tree) h2_tree_close(p->tree, s->id);
}

/* ---- turns ---- */

#define MORE_URGENT 0x3fu /* the rings of urgency 0 to 2 */

h2_stream *h2_prio_next(h2_prio *p, const h2_streams *t) {
    if (p->tree && !(p->filled & MORE_URGENT)) {
        uint32_t id = h2_tree_next(p->tree);
        if (id) return h2_stream_find(t, id);
    }
    if (!p->filled) return NULL;
    unsigned ring = 0;
    while (!((unsigned)p->filled >> ring & 3u)) ring += 2;
    unsigned both = (unsigned)p->filled >> ring & 3u;
    if (both == 2 || (both == 3 && p->turn)) ring++;
    return &t->at[h2_stream_rings(t)[ring]];
}

void h2_prio_sent(h2_prio *p, h2_streams *t, const h2_stream *s, uint32_t n) {
    if (in_tree(p, s)) {
        h2_tree_sent(p->tree, s->id, n);
        return;
    }
    p->turn = !p->turn;
    if ((s->priority & 1) && h2_stream_rings(t)[s->priority] == s->slot)
        h2_stream_rings(t)[s->priority] = s->ready_next;
}
