/* What the parts of the flow runner share: scripts, the player of one script in one mode, its logs.
 *
 * A player owns one connection under test and plays its peer: it feeds what `>` lines say, keeps
 * what the connection wrote and told in two logs, and compares them with the `<` and `event` lines.
 * A fault of the connection or of the script leaves by flow_fail. Nothing here is shared between
 * players. */
#ifndef H2BOX_TESTS_FLOWS_FLOW_H
#define H2BOX_TESTS_FLOWS_FLOW_H

#include <setjmp.h>
#include <stdio.h>

#include "core/h2_impl.h"
#include "core/session.h"

/* ---- script.c ---- */

typedef struct script {
    const char *path;
    char *text;   /* the file, cut into lines */
    char **lines; /* without comments; empty ones stay, so that numbers are right */
    unsigned count;
    bool no_loopback; /* says `set loopback no` */
    bool heavy;       /* repeats a lot: not for modes that play it many times */
} script;

/* Reads and lints a script: it must begin with a comment that names its source (an RFC section or a
 * CVE). False with a message on stderr. */
bool script_read(script *s, const char *path);
void script_free(script *s);

/* The next word of *s, cut off and ended; a word that begins with a quote goes to the closing one
 * and keeps both. NULL at the end. */
char *script_word(char **s);

typedef struct bytes_buf {
    uint8_t *p;
    size_t n, room;
} bytes_buf;

void bytes_buf_put(bytes_buf *b, const void *p, size_t n);
void bytes_buf_zeros(bytes_buf *b, size_t n);
void bytes_buf_free(bytes_buf *b);
/* Appends the text, with \xNN, \\, \", \n, \r, \t, {N} (N times the letter a) and {N:HEX} (N times
 * that byte) turned into bytes. */
void script_unescape(bytes_buf *out, const char *text, size_t n);

/* ---- log.c ---- */

typedef struct log_entry {
    char *head;     /* kind, identifier, flags: must match as a whole */
    char *alt[2];   /* what may follow: numbers, text or fields; either may be NULL */
    bytes_buf body; /* of DATA, while it may still grow */
    uint32_t id;
    bool is_body, end;
} log_entry;

typedef struct flow_log {
    log_entry *entries;
    size_t first, count, room;
} flow_log;

log_entry *log_add(flow_log *l, const char *head_format, ...) __attribute__((format(printf, 2, 3)));
void log_alt(log_entry *e, int which, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void log_alt_fields(log_entry *e, const http_field *f, size_t n);
void log_alt_text(log_entry *e, int which, span text);
/* Bytes as a script writes them; long runs of one letter as {N}. */
void log_print_text(bytes_buf *out, span s);
void log_alt_hex(log_entry *e, int which, span bytes); /* hex and two digits a byte */
log_entry *log_next(flow_log *l);                      /* the oldest not taken, or NULL */
log_entry *log_last(flow_log *l);                      /* the newest not taken, or NULL */
void log_take(flow_log *l);                            /* forgets the oldest */
void log_free(flow_log *l);

/* Whether the expectation (words, * for any one word) names the entry. */
bool log_match(const log_entry *e, const char *expected);
void log_print(const log_entry *e, char *out, size_t room);

/* ---- memory.c: the allocator hook that counts, and refuses when told ---- */

typedef struct memory {
    mem hook;
    size_t held, blocks, peak;
    unsigned calls, refuse_at; /* refuse the refuse_at-th allocation; 0: none */
    bool refused;
} memory;

void memory_init(memory *m, unsigned refuse_at);

/* ---- player ---- */

typedef enum cut_kind { CUT_WHOLE, CUT_BYTES, CUT_RANDOM, CUT_LOOPBACK } cut_kind;

typedef struct flow_body flow_body;
typedef struct flow_link flow_link;

typedef struct player {
    script *script;
    unsigned line; /* that is being played, from 1 */
    const char *mode;
    cut_kind cut;
    uint64_t random;
    bool lenient; /* allocations are refused: expectations are not looked at */
    jmp_buf out;
    char message[2048];

    session_config config;
    bool server, attach, started;
    uint64_t now_ms;
    memory memory;
    session_scratch scratch;
    h2_conn *conn;
    session *session; /* instead of conn, when HTTP/1.1 may be spoken */
    flow_link *link;  /* in loopback mode, instead of both */
    bool text;        /* what the connection writes is HTTP/1.1 */
    const char *page; /* what refused requests are answered with, in quotes; NULL: nothing */

    bytes_buf pending; /* what `>` lines wrote and the connection has not taken */
    bool half;         /* and then the peer shuts its side */
    unsigned round;    /* of `repeat` */
    bytes_buf shown;   /* what a message shows of it */
    bytes_buf output;  /* what the connection wrote and reader.c has not cut into frames */
    bool preface_seen;
    hpack_dec dec; /* of the connection's header blocks */
    hpack_list list;
    memory dec_memory;
    bytes_buf block; /* a header block of the connection that is not whole */
    size_t block_entry;
    uint32_t block_id;   /* the stream of that block; 0 when all are whole */
    uint32_t table_size; /* the HEADER_TABLE_SIZE that the script announced */
    uint32_t frame_size; /* and the MAX_FRAME_SIZE */
    uint32_t frame_max;  /* that is in force for the connection's frames */

    flow_log frames, events;
    char *ignored[16];
    unsigned ignored_count;
    http_ref *refs;
    size_t ref_count;
    flow_body *bodies;
    char *words; /* the line being taken apart */
    uint64_t traced;
    size_t fed; /* bytes that the peer sent */
} player;

/* Ends the play with "file:line: [mode] message". */
_Noreturn void flow_fail(player *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* writer.c: appends what a `>` line says to p->pending. */
void writer_line(player *p, char *line);

/* A copy of a line to take apart; the one before ends. */
char *script_copy(player *p, const char *line);

/* Reads a number: decimal, 0x..., or $ (1, 3, 5 ... by round of repeat). */
uint32_t writer_number(player *p, const char *word);
uint32_t writer_code(player *p, const char *word);
int writer_setting(const char *name); /* identifier, or -1 */

/* reader.c: cuts p->output into frames and logs them; HTTP/1.1 is left there. */
void reader_frames(player *p);

/* The words of a `<` line that begins with a quote: the connection must have written that next. */
void reader_text(player *p, char *line);

/* events.c: logs what step told. */
void events_add(player *p, const http_event *ev);
http_ref events_ref(player *p, uint32_t id);
void events_learn(player *p, http_ref ref);

/* actions.c: `do` lines, and the bodies they send. */
void actions_do(player *p, char *line);
const char *actions_check_bodies(
    player *p); /* after the connection is gone: what is wrong, or NULL */
void actions_free(player *p);

/* pump.c: bytes in and out. */
void pump_start(player *p);
h2_trace pump_trace(player *p);         /* a sink that reads everything */
void pump_feed(player *p);              /* p->pending, by the mode's cuts */
void pump_drain(player *p);             /* all output, into the log */
void pump_step(player *p, span *in);    /* leaves what the connection will not take now */
session *pump_session(const player *p); /* NULL: it is an h2_conn alone */
void pump_end(player *p);               /* checks what is left behind, frees the connection */

/* play.c: one script, one mode. False with p->message. */
bool play(player *p);

/* ---- loopback.c: the connection as a link of the network layer ---- */

flow_link *loopback_open(player *p);
session *loopback_session(flow_link *k);
void loopback_feed(player *p, span bytes);
void loopback_drain(player *p);
void loopback_eof(player *p);
void loopback_half(player *p); /* shuts the runner's side; the link may go on */
bool loopback_shut(player *p); /* waits until the connection has closed its side */
void loopback_close(flow_link *k);
bool loopback_running(void); /* inside of a turn: a fault cannot leave by a jump */
uint64_t loopback_now_ms(void);
void loopback_end(void); /* of the process */

#endif
