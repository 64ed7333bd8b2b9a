/* What the parts of the simulator share: one run of a client and a server joined in memory.
 *
 * A run draws everything from its seed: what both sides are told at birth, how the wire carries
 * bytes, what the applets do and which faults happen. It owns both connections and a record of
 * every stream: what was sent, what was told, and what a third party saw on the wire. Whatever
 * differs ends the run by sim_fail. Nothing is shared between runs, and nothing but the headers of
 * core with the flow runner. */
#ifndef H2BOX_TESTS_SIM_SIM_H
#define H2BOX_TESTS_SIM_SIM_H

#include "core/h2_conn.h"
#include "core/limits.h"

#define SIM_NEVER UINT64_MAX

typedef enum side { CLIENT, SERVER } side; /* of a direction: whose bytes they are */

typedef struct sim sim;
typedef struct peer peer;
typedef struct stream stream;

static inline side side_other(side x) { return x == CLIENT ? SERVER : CLIENT; }

/* ---- log.c ---- */

#define LOG_NOTES 48u

typedef struct note {
    uint64_t now;
    const char *who, *verb, *what;
    uint64_t a, b;
} note;

typedef struct sim_log {
    note at[LOG_NOTES];
    uint64_t count;
    uint64_t hash; /* of all bytes and notes */
    bool loud;     /* print them as they come */
} sim_log;

/* verb and what must be literals. */
void log_note(sim *s, const char *who, const char *verb, const char *what, uint64_t a, uint64_t b);
void log_bytes(sim *s, span bytes); /* into the hash */

/* Prints the message, the seed and the last notes, and ends the process. */
_Noreturn void sim_fail(sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- memory.c: the allocator hook that counts, fills what it gives and takes, and refuses ---- */

typedef struct memory {
    mem hook;
    sim *sim;
    size_t held, blocks, peak;
    uint32_t refuse; /* calls of ten thousand that are refused */
    uint64_t random;
    unsigned refused;
} memory;

void memory_init(memory *m, sim *s, uint64_t seed);

/* Test memory itself: ends the process when there is none. */
void *memory_block(size_t n);

/* ---- message.c: header fields ---- */

typedef struct field_list {
    http_field *at;
    size_t n;
    uint8_t *bytes;
    uint32_t size; /* as RFC 9113 section 6.5.2 counts */
    bool given;    /* the sender has sent it */
    bool told;     /* the receiver was told */
} field_list;

typedef enum message_kind {
    MESSAGE_REQUEST,
    MESSAGE_CONNECT,
    MESSAGE_EXTENDED, /* CONNECT with :protocol */
    MESSAGE_PUSH,
    MESSAGE_RESPONSE,
    MESSAGE_INTERIM,
    MESSAGE_TRAILERS
} message_kind;

/* Draws a list. method: NULL for any; status: of responses; length: content-length to name, or
 * FIELDS_NO_LENGTH; most: its size at most, as RFC 9113 section 6.5.2 counts. */
void message_draw(sim *s, field_list *l, message_kind kind, const char *method, unsigned status,
                  uint64_t length, uint32_t most);
void message_free(field_list *l);
span message_value(const field_list *l, const char *name);

/* A copy for one call, to be freed right after it: nothing of it may be retained. */
field_list message_copy(const field_list *l);

/* What differs from the fields told, in words; NULL when nothing does. */
const char *message_differs(const field_list *l, const http_field *f, size_t n);

/* ---- body.c: bodies that are sent ---- */

typedef struct body_piece body_piece;

typedef struct body {
    sim *sim;
    stream *stream;
    side side; /* who sends it */
    uint64_t size;
    uint64_t fail_at; /* FAILED instead of the byte at this offset; SIM_NEVER: never */
    uint32_t step;    /* bytes lent at once at most */
    bool mixed;       /* any number up to that */
    uint32_t later;   /* percent of pulls that say LATER */
    bool end_apart;   /* says MORE with its last byte and END with an empty span */
    uint64_t lent, given_back;
    bool accepted, waiting, ended, failed, released;
    body_piece *first, *last; /* lent and not given back */
} body;

/* A body the core has not taken yet. */
body *body_new(stream *st, side from, uint64_t size);
http_body body_face(body *b);
void body_free(body *b);

/* Compares bytes told with what the body of that stream and direction has at this offset. */
bool body_same(const sim *s, uint32_t id, side from, uint64_t offset, span bytes);

/* ---- streams: what is known of each (model.c) ---- */

typedef enum duty { /* what an applet has still to do for a stream */
                    DUTY_WAKE,
                    DUTY_CREDIT,
                    DUTY_TRAILERS,
                    DUTY_RESET,
                    DUTY_PRIORITIZE,
                    DUTY_DETACH,
                    DUTY_STALE, /* calls with a stale reference */
                    DUTY_INFORM,
                    DUTY_PUSH,
                    DUTY_REPLY,
                    DUTIES
} duty;

#define MAX_INTERIM 3u

typedef struct message { /* one direction of a stream */
    field_list interim[MAX_INTERIM];
    unsigned interims, interims_told;
    field_list head;
    field_list trailers;
    bool has_trailers;
    body *body;    /* NULL: none */
    uint64_t told; /* content */
    bool end_told;
} message;

typedef struct view { /* a stream as one applet knows it */
    http_ref ref;
    bool known;    /* it holds a reference */
    bool live;     /* and knows no reason why that should be stale */
    bool attached; /* CLOSED must come */
    bool closed_told;
    bool stale;    /* a call said so: only CLOSED may come */
    unsigned gone; /* times the trace said that it is closed */
    bool reset_called;
    uint32_t reset_code;
    uint64_t held;     /* told, not credited */
    uint64_t credited; /* in all */
    bool reply_at_end; /* answer when the request has ended */
    uint64_t at[DUTIES];
} view;

typedef struct wire_half { /* what one side has sent on a stream */
    bool opened, ended, reset;
    bool content; /* DATA was seen */
    unsigned resets;
    uint32_t reset_code;             /* of the first */
    bool end_arrived, reset_arrived; /* at the other side */
    uint64_t flow;                   /* DATA bytes as flow control counts them */
    uint64_t padding;                /* of these, Pad Length bytes included */
    uint64_t granted;                /* WINDOW_UPDATE bytes sent */
    uint64_t granted_arrived;        /* and come to the other side */
} wire_half;

struct stream {
    sim *sim;
    uint32_t id;
    stream *parent;          /* of a push */
    uint32_t promised_under; /* the limit of streams when it was promised */
    bool pushed, connect, head_method;
    bool tunnel;     /* CONNECT of either kind */
    bool too_large;  /* the request is over what the server takes */
    bool before_ack; /* opened before the client knew the server's limits */
    bool given_up;   /* one side lost its patience */
    bool refused;    /* the server's core refused it for being one too many */
    bool connected;  /* a tunnel that the server took */
    bool answered;   /* server: reply was called and taken */
    message sent[2]; /* by side */
    view view[2];
    wire_half wire[2];
};

/* ---- plan.c: what the seed draws ---- */

typedef struct plan {
    h2_config config[2];
    uint32_t conn_seed[2];
    bool shared_scratch;

    size_t capacity;    /* of the pipes */
    uint32_t delay_ms;  /* at most */
    uint32_t read_most; /* bytes at once at most */
    uint32_t stall;     /* percent of reads that stall the reader first */
    uint32_t stall_ms;
    uint32_t niov, budget; /* of output at most */
    uint32_t partial;      /* percent of writes that take only a part */
    uint32_t slow_write;   /* percent of writes that take time */

    unsigned requests;
    unsigned pace_ms; /* between requests at most */
    uint32_t body_most;
    uint32_t field_most; /* size of a section at most */
    uint32_t with_body, with_trailers, with_length, with_interim, with_push, with_connect;
    bool hoard;               /* credit is given back after a long time */
    uint32_t with_dependency; /* HEADERS that get priority fields */
    uint32_t with_priority, early_reply, late, detached, later, end_apart, huge;
    uint32_t think_ms; /* time an applet takes at most */

    bool resets, fails, noise; /* noise: PING, ALTSVC, ORIGIN, stale calls */
    uint32_t refuse;           /* allocations of ten thousand */
    uint64_t cut_after;        /* bytes on the wire, both directions; SIM_NEVER: no cut */
    uint64_t drain_at[2], close_at[2], abandon_at;
    unsigned splices;
    uint32_t final_drain; /* 0: none, 1: by the client, 2: by the server */
} plan;

void plan_draw(sim *s);

/* ---- channel.c: bytes on their way ---- */

typedef struct channel_segment channel_segment;

typedef struct channel {
    uint8_t *bytes;
    size_t first, count, room;
    channel_segment *segments;
    size_t segment_first, segment_count, segment_room;
    uint64_t written, read; /* positions in the direction's bytes */
    size_t capacity;
    bool closed; /* nothing more will be written */
} channel;

void channel_free(channel *p);
size_t channel_space(const channel *p);
void channel_write(channel *p, span bytes, uint64_t arrives);
bool channel_any(const channel *p, uint64_t now); /* whether bytes have arrived */
size_t channel_ready(const channel *p, uint64_t now);
uint64_t channel_next(const channel *p, uint64_t now); /* when more arrives; SIM_NEVER */
span channel_peek(const channel *p, size_t n);
void channel_take(channel *p, size_t n);
void channel_cut(channel *p, size_t keep); /* drops all but the first `keep` bytes, and closes */

/* ---- wire.c: a third party that reads both directions; rules.c: what it holds senders to ---- */

typedef struct fact fact;

typedef struct limits { /* what a sender has acknowledged */
    uint32_t initial_window, max_frame, max_streams, push;
} limits;

typedef struct settings_seen {
    uint32_t value[H2_SETTING_SLOTS];
    uint32_t mask;
    bool spliced;
} settings_seen;

#define WIRE_GOAWAYS 8u
#define WIRE_PENDING 64u
#define WIRE_PINGS   64u

typedef struct goaway_seen {
    uint32_t last, code;
    uint8_t text[128];
    size_t text_n;
} goaway_seen;

typedef struct frame_list {
    h2_frame *at;
    size_t first, count, room;
} frame_list;

typedef struct wire {
    sim *sim;
    side from;
    channel pipe;

    /* reading */
    uint8_t preface_n;
    uint8_t head[H2_FRAME_HEAD];
    uint8_t head_n;
    h2_frame frame;
    uint32_t left;        /* of the payload */
    uint32_t padding;     /* of DATA */
    uint64_t arrives;     /* when what is written now arrives */
    uint8_t payload[160]; /* the beginning of it */
    uint32_t payload_n;
    bool begun;           /* the first frame has passed */
    uint32_t block_id;    /* of an open header block; 0: none */
    uint32_t block_size;  /* payload bytes of it */
    uint32_t block_added; /* priority fields that were put into it */
    h2_frame block_frame;

    /* facts that the other side learns as bytes arrive */
    fact *facts;
    size_t fact_first, fact_count, fact_room;

    /* what the sender has done and may do */
    limits limits;
    settings_seen pending[WIRE_PENDING]; /* SETTINGS that came to it, not acknowledged */
    unsigned pending_n;
    unsigned settings_arrived, settings_acked; /* spliced ones too */
    bool ack_arrived;                          /* at the other side, of its own SETTINGS */
    uint8_t pings[WIRE_PINGS][8];              /* PINGs that came to it, not answered */
    unsigned pings_n;
    uint64_t flow, flow_arrived, granted, granted_arrived;
    uint32_t last_id;       /* the highest it opened or promised */
    uint32_t refused_above; /* client: by a GOAWAY that came */
    goaway_seen goaway[WIRE_GOAWAYS];
    unsigned goaways, goaways_told;

    frame_list queued;   /* frames that the sender's trace told, to be written */
    size_t queued_bytes; /* of them, about */
    size_t queued_own;   /* without those of DATA, at most */
    frame_list passed;   /* frames on their way, to be told by the trace of the other side */
} wire;

void wire_init(wire *w, sim *s, side from);
void wire_free(wire *w);

/* The sender wrote these bytes: they are read, checked and put on their way. */
void wire_write(wire *w, span bytes);

/* Whether a frame may be put in between. */
bool wire_between(const wire *w);

/* Puts a frame of nobody's in between. */
void wire_splice(wire *w, h2_frame f, const uint8_t *payload);

/* The other side has used the bytes up to the pipe's read position. */
void wire_arrived(wire *w);

/* A trace sink tells a frame: the sender's, which has queued it, or the other side's, which has
 * taken it. A header block counts as one frame. */
void wire_queued(wire *w, const h2_trace_frame *f);
void wire_taken(wire *w, const h2_trace_frame *f);

/* w->frame has begun; *dropped: it answers a frame of nobody's and must not go on. */
void rules_begin(wire *w, bool *dropped);
void rules_end(wire *w); /* it is complete; w->payload holds its beginning */

/* The other side knows of a frame; begin: of its head alone. */
void rules_arrived(wire *w, h2_frame f, bool begin, const uint8_t *payload,
                   const settings_seen *settings);
void rules_final(sim *s); /* nothing is on its way any more */

/* ---- splice.c: frames put in between ---- */

typedef struct splice {
    uint64_t at;
    side from;
    uint8_t kind;
    uint32_t value;
} splice;

void splice_draw(sim *s);
uint64_t splice_next(const sim *s); /* when one is due */
bool splice_due(sim *s);            /* one can be put in now */
void splice_put(sim *s);
void splice_free(sim *s);

/* ---- peer.c: an endpoint ---- */

typedef enum chore { /* what an applet has still to do for its connection */
                     CHORE_OPEN,
                     CHORE_PING,
                     CHORE_ALTSVC,
                     CHORE_ORIGIN,
                     CHORE_DRAIN,
                     CHORE_CLOSE,
                     CHORES
} chore;

struct peer {
    sim *sim;
    side side;
    const char *name;
    memory memory;
    h2_conn *conn;
    h2_scratch *scratch;

    /* writing */
    span iov[64];
    size_t niov, writing; /* bytes of the spans that this write takes; 0: none is pending */
    uint8_t *shown;       /* what they held when output gave them */
    uint64_t write_ends;

    bool paused; /* step said so, and nothing was written since */
    uint64_t stalled_until;
    uint64_t idled;       /* milliseconds, by stalls and slow writes */
    bool over, eof, shut; /* OVER was told; the transport's end was; we have shut it */

    /* applet */
    uint64_t at[CHORES];
    uint64_t due; /* not later than the first duty or chore */
    unsigned opened, left_to_open;
    bool waits_for_room;
    unsigned settings_told;
    bool ping_out;
    uint8_t ping[8];
    uint64_t held;         /* told, not credited, of all live streams */
    uint64_t told, traced; /* content of all streams */
    bool drained, closed;  /* as the applet asked */
    bool timed_out;
    uint32_t close_code;
    bool cut_told;                  /* a CLOSED said that the connection ends */
    unsigned notices, notices_told; /* ALTSVC and ORIGIN sent and told */
    unsigned resets;                /* RST_STREAM frames sent */
    unsigned goaways_queued;        /* as the trace told */
    unsigned strays;    /* frames of DATA taken for streams that it had closed: each is a glitch */
    uint32_t told_last; /* the highest stream of the other side that was told */
    uint64_t updates;   /* WINDOW_UPDATE frames that its small DATA will call for */
    size_t trailers_given; /* bytes of all that it was asked to keep */
};

void peer_birth(peer *p);
void peer_end(peer *p);
bool peer_can_read(const peer *p);
bool peer_can_write(const peer *p);
bool peer_has_time(const peer *p); /* step without input is called for */
void peer_read(peer *p);
void peer_write(peer *p);
void peer_tick(peer *p);
bool peer_sees_eof(const peer *p);
void peer_eof(peer *p);
bool peer_can_shut(const peer *p); /* it is over, and all is written */
void peer_shut(peer *p);
uint64_t peer_next(const peer *p); /* when it can do more by itself */

/* Whether it may have lost its patience by now, and say so by this code. */
bool peer_times_out(const peer *p, uint32_t code);

/* ---- idle.c ---- */

void peer_check_idle(peer *p);   /* nothing is open: nothing may be held */
void peer_check_memory(peer *p); /* a ceiling, at any time */

/* ---- notice.c: ALTSVC and ORIGIN ---- */

void notice_send(peer *p, bool altsvc);
void notice_told(peer *p, const http_event *ev);

/* ---- model.c; ends.c: how streams may end ---- */

/* A stream without an identifier; model_add gives it one, and the run owns it from then on. */
stream *model_new(sim *s);
void model_add(stream *st, uint32_t id);
void model_drop(stream *st); /* it was never added */
stream *model_find(const sim *s, uint32_t id);
void model_free(sim *s);

/* Holds an event against what was sent; returns its stream, or NULL. */
stream *model_event(peer *p, const http_event *ev);

/* Whether a RST_STREAM with this code by this side has a cause. */
void model_reset(sim *s, stream *st, side by, uint32_t code);

/* The same for GOAWAY, and whether it names all streams that were told. */
void model_goaway(sim *s, side by, const goaway_seen *g);

/* Whether this direction was sent to its end. */
bool model_ended(const stream *st, side from);

/* The run is quiet: every stream must have come to its end in a known way. */
void model_final(sim *s);

/* ---- applet.c: what both applets do; client.c, server.c: what one does ---- */

void applet_event(peer *p, stream *st, const http_event *ev);
bool applet_due(const peer *p);
void applet_act(peer *p);            /* does one thing that is due */
uint64_t applet_next(const peer *p); /* not later than the next thing is due */
void applet_chore(peer *p, chore c, uint64_t at);
void applet_plan(view *v, peer *p, duty d, uint64_t at); /* sets a duty's time */
void applet_later(view *v, peer *p, duty d);             /* sets it a drawn while from now */

/* Whether the verdict of a call on a stream says that it was done; learns from it that the stream
 * is gone. */
bool applet_done(peer *p, stream *st, verdict v, const char *call);

/* What is common to all streams a side comes to know. */
void applet_learn(peer *p, stream *st, http_ref ref, bool attached);
void applet_forget(peer *p, stream *st);

/* Draws a body for this side of the stream, perhaps with trailers. */
void applet_body(peer *p, stream *st, uint64_t size, bool trailers);
void applet_sent(peer *p, stream *st); /* its head, and body if any, were taken */

/* The largest field section that the other side takes. */
uint32_t applet_section_most(const peer *p);

/* A body's size, so that it takes no more frames than a run has time for. */
uint64_t applet_size(peer *p);

void client_open(peer *p);
void client_event(peer *p, stream *st, const http_event *ev);
void server_event(peer *p, stream *st, const http_event *ev);
void server_duty(peer *p, stream *st, duty d);

/* ---- run.c ---- */

struct sim {
    uint64_t seed, random;
    uint64_t now;
    plan plan;
    sim_log log;
    memory scratch_memory;
    h2_scratch scratches[2];
    peer peer[2];
    wire wire[2];
    stream **streams[2]; /* by opener and order */
    size_t stream_count[2], stream_room[2];
    splice *splices;
    size_t splice_count, splice_room; /* not in order */
    unsigned early_count;             /* priorities given to streams that were idle then */
    bool cut;
    uint64_t carried; /* bytes of both directions */
    uint64_t rounds;
};

/* Random numbers of the run. */
uint32_t sim_draw(sim *s, uint32_t below); /* 0 to below - 1; below > 0 */
bool sim_chance(sim *s, uint32_t percent);
uint64_t sim_mix(uint64_t x);

/* Whether memory may be refused in this run: then only safety is looked at. */
static inline bool sim_starved(const sim *s) { return s->plan.refuse != 0; }

/* Plays one seed; returns the hash of all that happened. */
uint64_t run_seed(uint64_t seed, bool loud);

#endif
