/* The inside of h1_conn, for the files h1_*, and for tests that look in. */
#ifndef H2BOX_CORE_H1_IMPL_H
#define H2BOX_CORE_H1_IMPL_H

#include "core/h1.h"
#include "core/h1_body.h"
#include "core/h1_parse.h"
#include "core/h2_frame.h"
#include "core/limits.h"
#include "core/outq.h"

enum {                         /* h1_stream.flags */
       H1_RECV_DONE = 1 << 0,  /* the peer's message is whole */
       H1_SEND_DONE = 1 << 1,  /* ours is, as far as the queue */
       H1_HEADED = 1 << 2,     /* our request or final response is made */
       H1_FINAL = 1 << 3,      /* client: the final response has begun */
       H1_LATER = 1 << 4,      /* the body said LATER: wait for wake */
       H1_CHUNKED = 1 << 5,    /* our content goes out in chunks */
       H1_NO_CONTENT = 1 << 6, /* the answer has none, whatever its fields say (HEAD) */
       H1_TUNNEL = 1 << 7,     /* CONNECT, or Upgrade: all is DATA once it is accepted */
       H1_UPGRADE = 1 << 8,    /* which of the two */
       H1_CLOSE = 1 << 9,      /* the connection ends after this exchange */
       H1_OLD = 1 << 10,       /* server: the request is of HTTP/1.0 */
       H1_EXPECT = 1 << 11,    /* server: the client waits for 100 before it sends content */
       H1_GONE = 1 << 12,      /* closed */
       H1_TELL = 1 << 13,      /* CLOSED is still to be told */
       H1_EARLY = 1 << 14,     /* closed before both sides were done */
       H1_RETRY = 1 << 15,     /* surely not acted upon by the peer */
       H1_BY_PEER = 1 << 16,   /* the peer closed it */
       H1_OFFER = 1 << 17,     /* client: asks for h2c */
       H1_UNSENT = 1 << 18,    /* client: the tunnel was refused: its body goes nowhere */
       H1_HEARD = 1 << 19      /* client: something of an answer has come */
};

/* One request and its answer. */
typedef struct h1_stream {
    uint32_t id;
    uint32_t flags;
    uint32_t lent;             /* bytes of the body in the output queue */
    uint32_t held;             /* told to the applet, not yet credited */
    uint32_t discarded;        /* content received after the answer was complete */
    uint32_t code;             /* why it closed */
    uint32_t informs;          /* client: 1xx responses so far */
    uint16_t line;             /* verdict's */
    uint8_t scope;             /* verdict_scope */
    uint16_t refusal;          /* server: the status that its fault is to be answered with */
    const char *why;           /* verdict's */
    const http_body_ops *body; /* NULL: none, or released */
    void *body_user;
    uint64_t body_offset;
    uint64_t send_left; /* of our content-length, or FIELDS_NO_LENGTH */
    void *user;
    uint8_t *head; /* heads that wait for those before them to be sent */
    uint32_t head_n, head_room;
    uint32_t trailers_n;
    char protocol[LIMIT_PROTOCOL + 1]; /* that it is upgraded to */
    uint8_t *trailers;                 /* lines to send after the body */
} h1_stream;

typedef enum h1_phase { /* what the next input byte is part of */
                        H1_PHASE_HEAD,
                        H1_PHASE_BODY,
                        H1_PHASE_TRAILERS
} h1_phase;

typedef enum h1_ending { H1_ENDING_NO, H1_ENDING_TELL, H1_ENDING_TOLD } h1_ending;

struct h1_conn {
    const mem *mem;
    const h1_config *config;
    h1_scratch *scratch;
    h2_trace trace;
    outq out;
    uint64_t now_ms;
    bool server, secure, bare;
    bool torn; /* as h1_conn_torn says */

    /* streams: a ring by id / 2, from first to next */
    h1_stream *ring;
    uint32_t room; /* places in it, a power of two */
    uint32_t first_id, next_id;
    uint32_t sending_id; /* whose bytes go into the queue */
    uint32_t reading_id; /* whose message is read now, or next */
    uint32_t live;       /* not closed */
    uint32_t tell;       /* closed, and still to be told */

    /* receiving */
    uint8_t phase;  /* h1_phase */
    uint8_t blank;  /* bytes of an empty line before a request */
    bool part_told; /* an event shows it: drop it at the next step */
    bool line_seen; /* the first line in part was looked at */
    bool paused;    /* step has left input over: nothing of the peer's is late meanwhile */
    bool eof;       /* the peer sends no more, and what that means was not looked at */
    bool half;      /* it may still read */
    bool nominates; /* its Connection names fields: what trailers it has are not told */
    h1_body body;   /* of the message that is read */
    uint8_t *part;  /* a head or trailers that came in pieces */
    uint32_t part_n, part_room;
    uint32_t line_at;          /* where its last line begins */
    uint64_t head_deadline;    /* for what stands in part; 0: nothing does */
    uint64_t content_deadline; /* for content; 0: none is awaited */

    /* ending */
    bool closing;     /* no message after those that are open */
    bool refused;     /* server: REFUSED was told of the last request, and the answer may be due */
    bool draining;    /* at the applet's wish */
    bool room_wanted; /* there was no room: tell when there is */
    bool greeting;    /* bare: the response that nobody sends is still to be told */
    uint8_t ending;   /* h1_ending */
    uint8_t switched; /* client: to h2c */
    span offered;     /* HTTP2-Settings: server, of the request just told; client, of the next */
    verdict over;
};

/* ---- h1_conn.c ---- */

/* The stream with this identifier, also when it is closed; NULL when it is none of the ring. */
static inline h1_stream *h1_conn_at(const h1_conn *c, uint32_t id) {
    if (id - c->first_id >= c->next_id - c->first_id || !(id & 1)) return NULL;
    return &c->ring[(id >> 1) & (c->room - 1)];
}

/* A new stream with the next identifier; NULL when memory is refused. Moves all streams. */
h1_stream *h1_conn_add(h1_conn *c);

/* Both messages may be whole: retires the stream if so. */
void h1_conn_settle(h1_conn *c, h1_stream *s);

/* Client: the server answers nothing more. What it has not answered was not acted upon (RFC 9112
 * section 9.6). */
void h1_conn_abandon(h1_conn *c);

/* Ends the connection: open streams are closed, nothing more is read. */
void h1_conn_end(h1_conn *c, verdict v);

/* Memory was refused where nobody can be told otherwise. */
void h1_conn_no_memory(h1_conn *c);

/* ---- h1_recv.c ---- */

/* Takes one step through *in; true when *ev holds an event or nothing more can be done without
 * input. */
bool h1_recv_some(h1_conn *c, span *in, http_event *ev);

/* Forgets what came in pieces. */
void h1_recv_drop(h1_conn *c);

/* Whether the peer's end is still to be looked at, and can be. */
bool h1_recv_ended(const h1_conn *c);

/* The peer's fault: tells of it if it can still be answered with a status, and ends. What *ev has
 * of a new request is told with it. */
void h1_recv_judge(h1_conn *c, h1_fault f, http_event *ev);

/* Server: answers what REFUSED was told of, if nobody has. */
void h1_recv_refuse(h1_conn *c);

/* Judges what is late, and when that must be called next; UINT64_MAX: never. */
void h1_recv_clock(h1_conn *c, http_event *ev);
uint64_t h1_recv_deadline(const h1_conn *c);

/* ---- h1_recv_head.c: what a whole head means ---- */

/* Fields that h1_scratch has room for: those of a head, and pseudo-header fields before them. */
#define H1_FIELDS (LIMIT_HEADER_FIELDS + 5u)

/* Room for the fields of a head of n bytes, and for names that are not told as they lie there. */
bool h1_recv_head_room(h1_scratch *s, size_t n);

/* Server: what is known of a request by the first line of its head, which may be cut. */
void h1_recv_head_begun(h1_conn *c, span head, http_event *ev);

/* Client: fills head_bytes and head_plain with the bytes of names and values. */
void h1_recv_head_size(const h1_fields *f, http_event *ev);

typedef enum h1_taken {
    H1_TAKEN,
    H1_WAIT,  /* not now: it is to be offered again */
    H1_JUDGED /* broken, and judged */
} h1_taken;

/* Server: a request, into *ev. */
h1_taken h1_recv_head_request(h1_conn *c, span head, http_event *ev);

/* Client: a response; *ev stays empty when it switches to h2c. */
h1_taken h1_recv_head_response(h1_conn *c, span head, http_event *ev);

/* ---- h1_send.c: heads, serialised ---- */

verdict h1_send_request(h1_conn *c, h1_stream *s, const http_field *f, size_t n, bool body);
verdict h1_send_response(h1_conn *c, h1_stream *s, const http_field *f, size_t n, bool body);
verdict h1_send_interim(h1_conn *c, h1_stream *s, const http_field *f, size_t n);
verdict h1_send_trailers(h1_conn *c, h1_stream *s, const http_field *f, size_t n);

/* Server: the answer to a fault, by us. False when memory is refused. */
bool h1_send_error(h1_conn *c, h1_stream *s, uint16_t status);

/* ---- h1_output.c: from streams into the queue ---- */

/* Takes heads and content into the queue, up to about budget bytes or max_pieces spans. */
void h1_output_streams(h1_conn *c, size_t budget, size_t max_pieces);

/* Those that need no pull: what stands before the first body. */
void h1_output_heads(h1_conn *c);

/* Whether that would bring anything. */
bool h1_output_ready(const h1_conn *c);

/* Gives n written bytes back to whom they belong. */
void h1_output_written(h1_conn *c, size_t n);

/* Forgets streams and bodies that are done with. */
void h1_output_reap(h1_conn *c);

/* Gives back all that a stream holds; nothing of its body may be queued. */
void h1_output_forget(h1_conn *c, h1_stream *s);

#endif
