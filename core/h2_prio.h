/* Which stream sends next: by the peer's dependency tree (RFC 7540 section 5.3) when it uses one,
 * else by urgency and incremental (RFC 9218), in sixteen rings of ready streams.
 *
 * A stream is ready while it has a body to send, a window to send it in and no LATER. A stream
 * whose urgency the server has set itself stands in its ring even when there is a tree; the tree as
 * a whole then counts as the first of urgency 3, the default. Every call is O(1) on the rings, but
 * for adding to the middle of a non-incremental one, which walks past streams with higher
 * identifiers; what the tree costs stands in h2_tree.h. */
#ifndef H2BOX_CORE_H2_PRIO_H
#define H2BOX_CORE_H2_PRIO_H

#include "core/h2_stream.h"
#include "core/h2_tree.h"

#define H2_PRIO_DEFAULT (3 * 2) /* u=3, not incremental: RFC 9218 section 4 */

typedef struct h2_prio {
    h2_tree *tree;   /* NULL: the peer has not used one */
    uint16_t filled; /* bit per ring: the rings are by urgency * 2 + incremental */
    bool turn;       /* both rings of an urgency are filled: whose turn it is */
} h2_prio;

void h2_prio_init(h2_prio *p);
void h2_prio_end(h2_prio *p);

/* Whether any stream is ready. */
static inline bool h2_prio_any(const h2_prio *p) {
    return p->filled || (p->tree && h2_tree_any(p->tree));
}

/* Makes s ready, if it is not yet. */
void h2_prio_add(h2_prio *p, h2_streams *t, h2_stream *s);

/* Makes s not ready, if it is. */
void h2_prio_remove(h2_prio *p, h2_streams *t, h2_stream *s);

/* The peer's RFC 9218 priority for s, ready or not: one that the server has set stays (RFC 9218
 * section 8). */
void h2_prio_set(h2_prio *p, h2_streams *t, h2_stream *s, uint8_t priority);

/* The server's own priority for s, over what the peer asks for in either scheme. */
void h2_prio_override(h2_prio *p, h2_streams *t, h2_stream *s, uint8_t priority);

/* The peer's dependency for the stream with this identifier, open (s) or not (NULL); the first one
 * makes the tree, with all open streams in it. A refusal of memory leaves the order as it is. */
void h2_prio_depend(h2_prio *p, h2_streams *t, uint32_t id, h2_stream *s, h2_dependency d);

/* A stream has opened, or is about to be retired. */
void h2_prio_open(h2_prio *p, const h2_stream *s);
void h2_prio_close(h2_prio *p, h2_streams *t, h2_stream *s);

/* The stream to send a frame of, or NULL when none is ready. */
h2_stream *h2_prio_next(h2_prio *p, const h2_streams *t);

/* A frame of n bytes of s was sent: the next of its ring may have a turn (RFC 9218 section 10), or
 * who shares with it in the tree. */
void h2_prio_sent(h2_prio *p, h2_streams *t, const h2_stream *s, uint32_t n);

#endif
