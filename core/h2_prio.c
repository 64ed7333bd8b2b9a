#include "core/h2_prio.h"

void h2_prio_init(h2_prio *p) {
    for (int i = 0; i < H2_PRIO_RINGS; i++) p->head[i] = H2_NO_SLOT;
    p->filled = 0;
    p->turn = false;
}

/* Links s into its ring before `at`. */
static void link_before(h2_streams *t, h2_stream *s, h2_stream *at) {
    s->ready_next = at->slot;
    s->ready_prev = at->ready_prev;
    t->at[at->ready_prev].ready_next = s->slot;
    at->ready_prev = s->slot;
}

/* A non-incremental ring is kept in the order of identifiers (RFC 9218 section 10); its new member
 * is mostly the newest. */
static void add_ordered(h2_prio *p, h2_streams *t, h2_stream *s) {
    h2_stream *head = &t->at[p->head[s->priority]];
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
    p->head[s->priority] = s->slot;
}

void h2_prio_add(h2_prio *p, h2_streams *t, h2_stream *s) {
    if (s->flags & H2_STREAM_READY) return;
    s->flags |= H2_STREAM_READY;
    uint32_t head = p->head[s->priority];
    if (head == H2_NO_SLOT) {
        s->ready_next = s->ready_prev = s->slot;
        p->head[s->priority] = s->slot;
        p->filled = (uint16_t)(p->filled | 1u << s->priority);
    } else if (s->priority & 1) {
        link_before(t, s, &t->at[head]);
    } else {
        add_ordered(p, t, s);
    }
}

void h2_prio_remove(h2_prio *p, h2_streams *t, h2_stream *s) {
    if (!(s->flags & H2_STREAM_READY)) return;
    s->flags = (uint16_t)(s->flags & ~H2_STREAM_READY);
    if (s->ready_next == s->slot) {
        p->head[s->priority] = H2_NO_SLOT;
        p->filled = (uint16_t)(p->filled & ~(1u << s->priority));
        return;
    }
    t->at[s->ready_prev].ready_next = s->ready_next;
    t->at[s->ready_next].ready_prev = s->ready_prev;
    if (p->head[s->priority] == s->slot) p->head[s->priority] = s->ready_next;
}

void h2_prio_set(h2_prio *p, h2_streams *t, h2_stream *s, uint8_t urgency, bool incremental) {
    uint8_t priority = (uint8_t)(urgency * 2 + incremental);
    bool ready = s->flags & H2_STREAM_READY;
    if (priority == s->priority) return;
    if (ready) h2_prio_remove(p, t, s);
    s->priority = priority;
    if (ready) h2_prio_add(p, t, s);
}

h2_stream *h2_prio_next(h2_prio *p, const h2_streams *t) {
    if (!p->filled) return NULL;
    unsigned ring = 0;
    while (!((unsigned)p->filled >> ring & 3u)) ring += 2;
    unsigned both = (unsigned)p->filled >> ring & 3u;
    if (both == 2 || (both == 3 && p->turn)) ring++;
    return &t->at[p->head[ring]];
}

void h2_prio_sent(h2_prio *p, const h2_stream *s) {
    p->turn = !p->turn;
    if ((s->priority & 1) && p->head[s->priority] == s->slot) p->head[s->priority] = s->ready_next;
}
