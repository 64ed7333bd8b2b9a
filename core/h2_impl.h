/* The inside of h2_conn, for h2_recv*, h2_send, h2_judge, h2_watch, h2_upgrade and h2_conn, and for
 * tests that look in.
 */
#ifndef H2BOX_CORE_H2_IMPL_H
#define H2BOX_CORE_H2_IMPL_H

#include "core/h2_conn.h"
#include "core/h2_flow.h"
#include "core/h2_guard.h"
#include "core/h2_prio.h"
#include "core/h2_stream.h"
#include "core/limits.h"
#include "core/outq.h"

typedef enum h2_phase { /* what the next input byte is part of */
                        H2_PHASE_PREFACE,
                        H2_PHASE_HEAD,     /* a frame header */
                        H2_PHASE_WHOLE,    /* a payload that is needed in one piece */
                        H2_PHASE_PAD,      /* the Pad Length of DATA */
                        H2_PHASE_DATA,     /* the content of DATA */
                        H2_PHASE_DATA_END, /* its last byte was told and the frame is still to be
                                              traced */
                        H2_PHASE_SKIP      /* bytes that nobody wants */
} h2_phase;

typedef enum h2_ending { H2_ENDING_NO, H2_ENDING_TELL, H2_ENDING_TOLD } h2_ending;

typedef struct h2_block { /* a header block that CONTINUATION frames complete */
    h2_frame frame;       /* the HEADERS or PUSH_PROMISE; stream_id 0: none is open */
    uint32_t promised_id;
    uint32_t depends_on;
    uint32_t padding;
    uint32_t length; /* bytes gathered in h2_conn.part */
    uint16_t weight;
    uint8_t continuations;
    bool exclusive;
    bool traced;
} h2_block;

typedef struct h2_early { /* PRIORITY_UPDATE that came before its stream */
    uint32_t id;
    uint8_t priority;
} h2_early;

/* Both directions of HPACK, made for the first block or the first setting that says something. */
typedef struct h2_codec {
    hpack_dec dec;
    hpack_enc enc;
} h2_codec;

struct h2_conn {
    const mem *mem;
    const h2_config *config;
    h2_scratch *scratch;
    h2_trace trace;

    h2_streams streams;
    h2_prio prio;
    outq out;
    h2_codec *codec; /* NULL: nothing has been compressed yet */
    h2_guard guard;
    uint64_t now_ms;
    uint32_t seed; /* against aimed collisions in the encoder's index */
    bool server;

    /* receiving */
    uint8_t phase; /* h2_phase */
    uint8_t head_n;
    uint8_t head[H2_FRAME_HEAD]; /* a frame header that came in pieces */
    h2_frame frame;              /* the frame being received */
    uint32_t left;               /* bytes of it that are still to come in this phase */
    uint32_t pad_left;           /* and of its padding, after them */
    uint8_t *part; /* block so far, then the payload so far, when they came in pieces */
    uint32_t part_n, part_room;
    bool part_told; /* an event shows it: drop it at the next step */
    h2_block block;
    bool peer_settings_seen;

    /* what the peer's SETTINGS say, and how far ours are agreed */
    uint32_t peer[H2_SETTING_SLOTS];
    uint64_t settings_deadline;
    uint64_t part_deadline;    /* for what stands in part; 0: nothing does */
    uint64_t window_deadline;  /* when windows are looked at next; 0: no stream is open */
    uint64_t content_deadline; /* and whether content comes */
    uint32_t data_sent;        /* bytes of DATA, to compare with those at the last look */
    uint32_t stall_sent;
    uint32_t control; /* bytes of frames but HEADERS, DATA and their like that were queued since the
                         queue was last without own bytes */
    uint8_t settings_unacked;
    bool shut;    /* the connection's window was, when windows were last looked at */
    bool blocked; /* output stopped for want of connection window */
    bool paused;  /* step has left input over: nothing of the peer's is late meanwhile */

    /* streams */
    uint32_t next_id;      /* of the next stream we open or promise */
    uint32_t last_peer_id; /* the highest the peer opened or promised */
    uint32_t peer_opened;  /* server: how many the peer opened */
    uint32_t peer_last;    /* the peer's GOAWAY: our streams above it were not processed */
    uint32_t our_last;     /* our GOAWAY: the peer's streams above it are ignored */
    uint32_t peer_streams; /* the peer's open ones, counted against our limit */
    uint32_t our_streams;  /* ours, counted against the peer's limit */
    uint32_t reserved;     /* promised by the peer and not begun */
    uint32_t *resets;      /* ring of identifiers we reset, LIMIT_RESET_MEMORY of them */
    uint32_t reset_count;
    uint32_t early_count;
    h2_early *early; /* LIMIT_EARLY_PRIORITIES of them */

    /* flow control of the connection */
    int32_t send_window, recv_window;
    uint32_t recv_owed;    /* may be announced */
    uint32_t recv_unpaid;  /* held back while the applet holds too much */
    uint32_t held;         /* told to the applet, not yet credited */
    uint32_t free_updates; /* WINDOW_UPDATE frames that DATA of ours has paid for */

    /* telling */
    uint32_t tell;    /* gone streams that are still to be told */
    uint32_t told;    /* the gone stream that was told last: the others are behind it; or
                         H2_NO_SLOT */
    bool room_wanted; /* there was no room: tell when there is */
    bool goaway_received, draining, drain_final;
    bool refused;         /* server: REFUSED was told of last_peer_id, and the answer may be due */
    bool settings_wanted; /* a call waits for the peer's first SETTINGS: tell ROOM then */
    uint8_t ping_out;     /* bit 0: the applet's PING, bit 1: drain's */
    uint8_t ending;       /* h2_ending */
    uint8_t ping_opaque[8]; /* of the applet's PING */
    uint64_t drain_deadline;
    verdict over;
};

/* ---- h2_conn.c ---- */

/* c->codec, made if need be; NULL when memory is refused. */
h2_codec *h2_conn_codec(h2_conn *c);

/* Whether we may have reset it and forgotten that since. */
static inline bool h2_conn_forgot_resets(const h2_conn *c) {
    return c->reset_count > LIMIT_RESET_MEMORY;
}

/* Whether the identifier is one that we give out (odd for a client). */
static inline bool h2_conn_is_ours(const h2_conn *c, uint32_t id) {
    return (id & 1u) != (c->server ? 1u : 0u);
}

/* Whether a stream with this identifier was ever opened or promised. */
static inline bool h2_conn_is_idle(const h2_conn *c, uint32_t id) {
    if (h2_conn_is_ours(c, id)) return id >= c->next_id;
    return id > c->last_peer_id &&
           !c->drain_final; /* those that GOAWAY refused are ignored, not idle */
}

/* Whether the peer's RFC 7540 priorities order our output: RFC 9218 section 2.1 lets either side
 * switch them off. */
static inline bool h2_conn_obeys_tree(const h2_conn *c) {
    return c->config->obey_priority && c->server && !c->peer[H2_SLOT_NO_RFC7540_PRIORITIES] &&
           !c->config->settings[H2_SLOT_NO_RFC7540_PRIORITIES];
}

/* A peer's priority for a stream that may not be there yet. */
void h2_conn_set_priority(h2_conn *c, uint32_t id, span value);

#define H2_DRAIN_OPAQUE "h2drain" /* with its NUL: the eight bytes of drain's PING */

/* Queues the second GOAWAY of a drain. */
void h2_conn_drain_finish(h2_conn *c);

/* Announces what the stream's receive window is owed, when that is worth a frame. */
void h2_conn_credit_stream(h2_conn *c, h2_stream *s);

/* Credits bytes to the connection's receive window that no applet holds. */
void h2_conn_credit_connection(h2_conn *c, uint32_t n);

/* ---- h2_judge.c: who dies ---- */

/* Carries out a verdict: RST_STREAM and close, or GOAWAY and the end. */
void h2_judge(h2_conn *c, verdict v);

/* Charges the guard; ends the connection when the budget is used up, and returns false. */
bool h2_judge_charge(h2_conn *c, h2_guard_cost cost);

/* The stream is closed: out of every list, its CLOSED queued, its bytes given back to the
 * connection. */
void h2_judge_retire(h2_conn *c, h2_stream *s, verdict v);

/* Both directions may have ended: retires the stream if so. */
void h2_judge_settle(h2_conn *c, h2_stream *s);

/* The applet holds n bytes of content less: the connection is credited what it was not before. */
void h2_judge_held(h2_conn *c, uint32_t n);

/* The connection ends, and what is open with it; OVER is due. Nothing is written. */
void h2_judge_end(h2_conn *c, verdict v);
void h2_judge_end_streams(h2_conn *c); /* with that verdict, those that came since */

/* What GOAWAY names: never more than a GOAWAY before it (RFC 9113 section 6.8). */
uint32_t h2_judge_last_taken(const h2_conn *c);

/* Whether we reset this stream lately, so that frames for it may still be on their way. */
bool h2_judge_was_reset(const h2_conn *c, uint32_t id);

/* ---- h2_watch.c: what takes too long ---- */

/* Judges what has passed its time; called by step without input, so that what has come counts
 * before what is late. */
void h2_watch_clock(h2_conn *c);

/* When that must be called next; UINT64_MAX: never. */
uint64_t h2_watch_deadline(const h2_conn *c);

/* A stream has opened. */
void h2_watch_stream(h2_conn *c);

/* Step takes no input now, or takes it again. */
void h2_watch_paused(h2_conn *c, bool paused);

/* ---- h2_recv.c ---- */

/* Takes one step through *in; true when *ev holds an event or nothing more can be done without
 * input. */
bool h2_recv_some(h2_conn *c, span *in, http_event *ev);

/* A trace record that says what a frame header does; the caller adds the rest. */
static inline h2_trace_frame h2_trace_of(h2_frame f, bool sent) {
    return (h2_trace_frame){.sent = sent,
                            .type = f.type,
                            .flags = f.flags,
                            .length = f.length,
                            .stream_id = f.stream_id};
}

/* A DATA frame is whole: tells the trace, which shows a frame after its content, and goes on behind
 * its padding. */
void h2_recv_data_end(h2_conn *c);

/* Tells the trace of a received frame whose payload is all in hand. */
void h2_recv_trace(h2_conn *c, h2_frame f, span payload, verdict v);

/* Forgets the payload, and the header block, that came in pieces. */
void h2_recv_drop(h2_conn *c);

/* Keeps a fragment of the open header block, behind what c->part holds of it. False when memory is
 * refused. */
bool h2_recv_keep(h2_conn *c, span fragment);

/* ---- h2_recv_block.c: HEADERS, PUSH_PROMISE, CONTINUATION ---- */

verdict h2_recv_block_headers(h2_conn *c, h2_frame f, span payload, http_event *ev);
verdict h2_recv_block_promise(h2_conn *c, h2_frame f, span payload, http_event *ev);
verdict h2_recv_block_continuation(h2_conn *c, h2_frame f, span payload, http_event *ev);

/* Server: the peer has opened one more, which may be the last. */
void h2_recv_block_count(h2_conn *c, uint32_t id);

/* Server: answers what REFUSED was told of, if nobody has. */
void h2_recv_block_refuse(h2_conn *c);

/* ---- h2_recv_control.c: everything else but DATA ---- */

verdict h2_recv_control(h2_conn *c, h2_frame f, span payload, http_event *ev);

/* Applies settings of the peer, which are whole entries. */
verdict h2_recv_control_settings(h2_conn *c, span payload);

/* ---- h2_send.c ---- */

/* Queues one frame. Memory refused: the connection ends. */
void h2_send_frame(h2_conn *c, h2_frame_type type, uint8_t flags, uint32_t id, span payload);

/* Writes our settings as a SETTINGS frame has them; returns their bytes. */
size_t h2_send_settings(const h2_config *c, uint8_t *payload);

/* What begins the connection; a server sends `before` in front of it. */
void h2_send_preface(h2_conn *c, span before);
void h2_send_goaway(h2_conn *c, uint32_t last_id, h2_code code, const char *why);
void h2_send_reset(h2_conn *c, uint32_t id, h2_code code);
void h2_send_window_update(h2_conn *c, uint32_t id, uint32_t n);

/* Queues a header block: HEADERS, or PUSH_PROMISE when promised_id is not 0, with as many
 * CONTINUATION as it takes. */
verdict h2_send_block(h2_conn *c, uint32_t id, uint32_t promised_id, bool end, const http_field *f,
                      size_t n, h2_trace_section section);

/* Frames DATA until about budget bytes or max_pieces spans are queued or nothing may be sent. */
void h2_send_bodies(h2_conn *c, size_t budget, size_t max_pieces);

/* Gives n written bytes back to whom they belong. */
void h2_send_written(h2_conn *c, size_t n);

/* Releases the body of a stream; nothing of it may be queued. */
void h2_send_release(h2_stream *s);

/* Frees the copied trailers. */
void h2_send_forget_trailers(h2_conn *c, h2_stream *s);

struct h2_trailers {
    size_t size; /* of this allocation */
    uint32_t count;
    http_field fields[]; /* their bytes follow */
};

#endif
