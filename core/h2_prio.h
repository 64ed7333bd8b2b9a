/* Which stream sends next: RFC 9218 urgency and incremental, in sixteen rings of ready streams.
 *
 * A stream is ready while it has a body to send, a window to send it in and no LATER. Every call is
 * O(1), but for adding to the middle of a non-incremental ring, which walks past streams with
 * higher identifiers. */
#ifndef H2BOX_CORE_H2_PRIO_H
#define H2BOX_CORE_H2_PRIO_H

#include "core/h2_stream.h"

#define H2_PRIO_RINGS   16
#define H2_PRIO_DEFAULT (3 * 2) /* u=3, not incremental: RFC 9218 section 4 */

typedef struct h2_prio {
    uint32_t head[H2_PRIO_RINGS]; /* by urgency * 2 + incremental */
    uint16_t filled;              /* bit per ring */
    bool turn;                    /* both rings of an urgency are filled: whose turn it is */
} h2_prio;

void h2_prio_init(h2_prio *p);

/* Makes s ready, if it is not yet. */
void h2_prio_add(h2_prio *p, h2_streams *t, h2_stream *s);

/* Makes s not ready, if it is. */
void h2_prio_remove(h2_prio *p, h2_streams *t, h2_stream *s);

/* Changes the priority of s, ready or not. */
void h2_prio_set(h2_prio *p, h2_streams *t, h2_stream *s, uint8_t urgency, bool incremental);

/* The stream to send a frame of, or NULL when none is ready. */
h2_stream *h2_prio_next(h2_prio *p, const h2_streams *t);

/* A frame of s was sent: the next of its ring may have a turn (RFC 9218 section 10). */
void h2_prio_sent(h2_prio *p, const h2_stream *s);

#endif
