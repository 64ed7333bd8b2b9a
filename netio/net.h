/* The network and the files, as applets see them: loops, workers, listeners, dials, links, timers, files.
 *
 * The only layer that touches libuv. Everything belongs to one loop and is used on its thread, but for what is said to be otherwise. A callback
 * may close or free any object, its own too: frees are put off to the end of the loop's turn.
 *
 * One turn: reads feed sessions and call on_event; touched links go on the dirty list; one flush writes them all. */
#ifndef H2BOX_NETIO_NET_H
#define H2BOX_NETIO_NET_H

#include "core/mem.h"
#include "core/session.h"
#include "tls/tls.h"

/* ---- loop (loop.c) ---- */

typedef struct loop loop;

/* A loop with its pools, wheel and the scratch space its sessions share, or NULL when the system refuses. */
loop *loop_new(void);
void loop_free(loop *l); /* closes what is still open in it, then frees it */

void loop_run(loop *l);  /* until loop_stop, or until nothing is left to wait for */
void loop_stop(loop *l); /* on its own thread */

uint64_t loop_now_ms(const loop *l); /* monotonic, as of this turn */
uint64_t loop_now_us(void);          /* monotonic, read now */
int64_t loop_unix_seconds(loop *l);  /* wall clock, read at most once a turn */
const mem *loop_mem(loop *l);        /* the loop's pooled allocator, for sessions and applets on this loop */
uint32_t loop_random(loop *l);       /* from the system's generator */

/* Calls fn(user) on the loop's thread soon. The one call that any thread may make. False when memory is refused. */
bool loop_post(loop *l, void (*fn)(void *user), void *user);

/* ---- timers (wheel.c) ---- */

typedef struct timer { /* embed it; zeroed: not armed */
    struct timer *next, **prev;
    uint64_t due_ms;
    void (*fire)(struct timer *t);
    void *user;
} timer;

/* Arms t to fire in `ms` milliseconds (at 10 ms accuracy, never early); arming again moves it. */
void timer_arm(loop *l, timer *t, uint64_t ms);
void timer_cancel(timer *t);

/* ---- signals (loop.c) ---- */

/* Calls fn on this loop for SIGTERM, SIGINT, SIGQUIT or SIGHUP, until the loop ends. SIGPIPE is always ignored. */
bool loop_on_signal(loop *l, int signo, void (*fn)(void *user, int signo), void *user);

/* ---- links (link.c): a socket, optional TLS and a session ---- */

typedef struct net_link net_link;

typedef struct link_calls {
    /* One event of the session; spans in it live until this returns. */
    void (*event)(void *user, net_link *k, const http_event *ev);
    /* The last call: the link is gone after it. why is NULL after a normal end, else a message for people. */
    void (*closed)(void *user, net_link *k, const char *why);
    /* Bytes as they come from the peer, after TLS (for --hexdump); may be NULL. */
    void (*bytes)(void *user, span received);
} link_calls;

typedef struct link_birth {
    const link_calls *calls;
    void *user;
    const session_config *config; /* outlives the link */
    h2_trace trace;
    uint32_t idle_ms;             /* no streams and no bytes for this long: the link drains; 0: never */
    uint32_t write_ms;            /* a pending write makes no progress for this long: the link dies; 0: never */
} link_birth;

/* Made by listen and dial. */
session *link_session(net_link *k);
loop *link_loop(net_link *k);
void *link_user(net_link *k);
void link_set_user(net_link *k, void *user);

/* Says that the session was used outside of its event callback: its output will be flushed this turn. */
void link_touch(net_link *k);

/* Bytes read from and written to the socket so far. */
uint64_t link_received(const net_link *k);
uint64_t link_sent(const net_link *k);

/* "127.0.0.1", "::1", or the path of a UNIX socket; static until the link ends. */
const char *link_peer(net_link *k);

/* Ends it after a flush of what can be written at once; closed follows. */
void link_close(net_link *k, const char *why);

/* Stops and starts reading from the peer (back-pressure beyond stream credit). */
void link_pause(net_link *k);
void link_resume(net_link *k);

/* ---- listeners (listen.c) ---- */

typedef struct listener listener;

/* Each accepted connection becomes a link; accept fills in what it is born with and returns false to refuse it. After true, `opened` is
 * called with the link, before any event. */
typedef struct listen_calls {
    bool (*accept)(void *user, link_birth *birth);
    void (*opened)(void *user, net_link *k);
} listen_calls;

typedef struct listen_address {
    char text[110];   /* "0.0.0.0", "::", or a path */
    uint16_t port;    /* 0 with a UNIX socket */
    bool reuse_port;  /* SO_REUSEPORT: every worker listens for itself */
} listen_address;

/* Numeric addresses to listen on for host (NULL: every IPv4 and IPv6 address, as two), at most `room`; returns their number, 0 with *why set. Blocking. */
size_t listen_resolve(const char *host, uint16_t port, listen_address *out, size_t room,
                      const char **why);

/* NULL with *why: a message such as "address already in use". Port 0 picks one: see listen_port. */
listener *listen_open(loop *l, const listen_address *a, const listen_calls *calls, void *user,
                      const char **why);
uint16_t listen_port(const listener *s);
void listen_close(listener *s);

/* ---- dials (dial.c) ---- */

typedef struct dial dial;

typedef struct dial_calls {
    void (*opened)(void *user, net_link *k);
    void (*failed)(void *user, const char *why); /* "connection refused", "name not found", "timed out" */
} dial_calls;

/* Resolves host (name or numeric; "unix:PATH") and connects, trying the addresses in turn; exactly one of the calls follows, never within
 * dial_open itself. timeout_ms 0: the system's own. NULL when memory is refused. */
dial *dial_open(loop *l, const char *host, uint16_t port, const link_birth *birth,
                uint32_t timeout_ms, const dial_calls *calls, void *user);
void dial_cancel(dial *d);

/* ---- workers (worker.c): a thread with a loop ---- */

typedef struct worker worker;

/* Starts n threads; each makes a loop, calls start(user, index, loop) on it, runs it, and calls end(user, index, loop) before it frees it. start returns
 * false to give up. Returns NULL when a thread could not be started or a start gave up (the others are stopped and joined). */
worker *worker_start(unsigned n, bool (*start)(void *user, unsigned index, loop *l),
                     void (*end)(void *user, unsigned index, loop *l), void *user);
loop *worker_loop(worker *w, unsigned index);
void worker_join(worker *w); /* waits for all to end, and frees */
unsigned worker_cores(void); /* processors this process may use */

/* ---- files (file.c) ---- */

typedef struct file file;
typedef struct file_cache file_cache;

typedef enum file_status {
    FILE_OK,
    FILE_DIRECTORY, /* it is one: no body */
    FILE_MISSING,   /* not there, not readable, not regular (FIFO, device, socket) */
    FILE_BUSY       /* no descriptors or memory just now */
} file_status;

/* Opened files, their stat results and the bytes of small ones, bounded by limits.h and refreshed when older than
 * a second. root is a directory; nothing outside of it is opened but through symbolic links. */
file_cache *file_cache_new(loop *l, const char *root, const char **why);
void file_cache_free(file_cache *c);

/* Opens root + path (path begins with '/', is already decoded and normalised, no NUL). Answers at once when cached, else by a thread of
 * libuv's pool: done is called exactly once, within this call or later, with a file that must be given to file_close, or NULL unless FILE_OK. */
void file_open(file_cache *c, span path, void (*done)(void *user, file_status st, file *f),
               void *user);
void file_close(file *f);
uint64_t file_size(const file *f);
int64_t file_mtime(const file *f); /* seconds since the epoch */

/* Makes a body that sends the whole of f on one stream of the link; it holds its own reference to f. Big files are read without blocking
 * the loop: when a pull said LATER, the stream is woken and the link touched as soon as there is more. A file that
 * shrinks meanwhile fails the body (the stream is reset). False when memory is refused. Small files cost no allocation. */
bool file_body(file *f, net_link *k, http_ref ref, http_body *body);

#endif
