/* The streams of a connection: their states, their slots, and the way from an identifier to its
 * stream.
 *
 * One block holds all streams; it grows by doubling and is given back when the last stream is gone,
 * so pointers are good only until the next h2_stream_add. A slot outlives its stream's identifier
 * while bytes it lent are still queued. */
#ifndef H2BOX_CORE_H2_STREAM_H
#define H2BOX_CORE_H2_STREAM_H

#include "core/http.h"
#include "core/mem.h"

typedef enum h2_state {
#define H2_STATE(name, send_headers, recv_headers, send_end, recv_end) H2_STATE_##name,
#include "core/h2_state.def"
#undef H2_STATE
    H2_STATE_INVALID
} h2_state;

typedef enum h2_move { H2_SEND_HEADERS, H2_RECV_HEADERS, H2_SEND_END, H2_RECV_END } h2_move;

/* The h2_state after a move, H2_STATE_INVALID when the move is not allowed. */
uint8_t h2_stream_next(uint8_t from, h2_move move);

#define H2_NO_SLOT UINT32_MAX

#define H2_STREAM_RINGS 16u

enum {                                /* h2_stream.flags */
       H2_STREAM_LATER = 1 << 0,      /* the body said LATER: wait for wake */
       H2_STREAM_READY = 1 << 1,      /* linked in h2_prio */
       H2_STREAM_PEER_FINAL = 1 << 2, /* the peer's request or final response has come */
       H2_STREAM_OUR_FINAL = 1 << 3,  /* our request or final response is sent */
       H2_STREAM_NO_CONTENT =
           1 << 4, /* the answer has no content whatever content-length says (HEAD, 204, 304) */
       H2_STREAM_TELL = 1 << 5,  /* CLOSED is still to be told */
       H2_STREAM_GONE = 1 << 6,  /* closed: the identifier is no longer in the map */
       H2_STREAM_EARLY = 1 << 7, /* closed before both sides were done */
       H2_STREAM_RETRY = 1 << 8, /* surely not processed by the peer */
       H2_STREAM_PUSHED = 1 << 9,
       H2_STREAM_COUNTED = 1 << 10,    /* counts against the concurrency limit of its opener */
       H2_STREAM_TUNNEL = 1 << 11,     /* CONNECT: DATA alone may follow (RFC 9113 section 8.5) */
       H2_STREAM_BY_PEER = 1 << 12,    /* closed by the peer's RST_STREAM */
       H2_STREAM_OVERRIDDEN = 1 << 13, /* the server has set its priority itself */
       H2_STREAM_SHUT = 1 << 14,       /* its window was, when stalls were last looked for */
       H2_STREAM_HELD = 1 << 15,       /* its window or the connection's was */
       H2_STREAM_QUIET = 1 << 16       /* no content has come since then */
};

typedef struct h2_trailers h2_trailers;

typedef struct h2_stream {
    uint32_t id; /* 0: free slot */
    uint32_t slot;
    uint32_t map_next; /* same bucket, or the next free or gone slot */
    uint32_t ready_next, ready_prev;
    int32_t send_window; /* may be negative: RFC 9113 section 6.9.2 */
    int32_t recv_window; /* what the peer may still send */
    uint32_t recv_owed;  /* credited by the applet, not yet announced */
    uint32_t recv_held;  /* told to the applet, not yet credited */
    uint32_t lent;       /* bytes of the body in the output queue */
    union {
        uint32_t discarded;   /* content received after our side was done */
        uint32_t promised_on; /* server: the stream that a pushed one was promised on */
        uint32_t promises;    /* client: pushes promised on it */
    };
    uint32_t code;       /* why it closed */
    uint32_t stall_mark; /* of body_offset, when stalls were last looked for */
    uint32_t flags;
    uint8_t state;             /* h2_state */
    uint8_t priority;          /* urgency * 2 + incremental */
    uint8_t scope;             /* verdict_scope of the judgement that closed it */
    uint16_t line;             /* verdict's */
    const char *why;           /* verdict's */
    const http_body_ops *body; /* NULL: none, or released */
    void *body_user;
    uint64_t body_offset;
    uint64_t recv_left; /* content-length still to come, or FIELDS_NO_LENGTH */
    void *user;
    h2_trailers *trailers; /* to send after the body */
} h2_stream;

_Static_assert(sizeof(h2_stream) <= 128, "a stream is at most 128 bytes");

typedef struct h2_streams {
    const mem *mem;
    h2_stream *at;  /* by slot; before them rings, and as many buckets: slots chained by map_next */
    uint32_t room;  /* slots, a power of two */
    uint32_t begun; /* of these, slots that were ever used: the others are not even zeroed */
    uint32_t wanted; /* slots the last block came to have, less each time: what to begin with */
    uint32_t used;   /* slots that are not free */
    uint32_t live;   /* of these, streams that are not closed */
    uint32_t free;   /* first free slot */
    uint32_t gone; /* closed slots, oldest first, that wait for their last bytes or their CLOSED */
    uint32_t gone_last;
} h2_streams;

/* H2_STREAM_RINGS slots for h2_prio, which come and go with the streams. Only while room is not 0.
 */
static inline uint32_t *h2_stream_rings(const h2_streams *t) {
    return (uint32_t *)t->at - H2_STREAM_RINGS;
}

/* Whether the slot holds a stream that is not closed. */
static inline bool h2_stream_is_open(const h2_stream *s) {
    return s->id && !(s->flags & H2_STREAM_GONE);
}

void h2_stream_init(h2_streams *t, const mem *m);
void h2_stream_end(h2_streams *t);

/* A zeroed stream with this identifier, in the map; NULL when memory is refused. Moves all streams.
 */
h2_stream *h2_stream_add(h2_streams *t, uint32_t id);

/* The stream with this identifier, or NULL when it is idle or closed. */
h2_stream *h2_stream_find(const h2_streams *t, uint32_t id);

/* The stream a reference means, or NULL when the reference is stale. */
h2_stream *h2_stream_of(const h2_streams *t, http_ref ref);

/* Takes the identifier out of the map and puts the slot at the end of the gone list. */
void h2_stream_retire(h2_streams *t, h2_stream *s);

/* Frees the slots on the gone list for which drop(user, s) is true. */
void h2_stream_reap(h2_streams *t, bool (*drop)(void *user, h2_stream *s), void *user);

/* Gives the block back when nothing uses it. */
void h2_stream_trim(h2_streams *t);

#endif
