/* The network and the files, as applets see them: loops, workers, listeners, dials, links, timers,
 * files.
 *
 * The only layer that touches libuv. Everything belongs to one loop and is used on its thread, but
 * for what is said to be otherwise. A callback may close or free any object, its own too: what must
 * wait is put off to the end of the turn.
 *
 * One turn: links with something to read and links that were touched go on the dirty list; one
 * flush before the loop sleeps reads each, feeds its session, which tells its events, writes it,
 * and ends those that are to be closed. Each side of a socket ends by itself where the session can
 * use that (session_half_eof, session_shut). A `const char *why` is static storage; of TLS, which
 * may name a day or a host, it is good until sixteen more of the thread were made. */
#ifndef H2BOX_NETIO_NET_H
#define H2BOX_NETIO_NET_H

#include <sys/types.h>

#include "core/mem.h"
#include "core/session.h"
#include "tls/tls.h"

/* ---- loop (loop.c) ---- */

typedef struct loop loop;

/* A loop with its pools, wheel and the scratch space its sessions share, or NULL when the system
 * refuses. */
loop *loop_new(void);

/* Closes what is still open in it (links and dials are told), delivers what was posted, and frees
 * it. Not from a callback of this loop. Waits for a read of a file that a thread has begun. */
void loop_free(loop *l);

/* Until loop_stop, or until nothing is left to wait for: links, dials, listeners, files being
 * opened, armed timers, watched signals. The mailbox is not waited for. */
void loop_run(loop *l);
void loop_stop(loop *l); /* on its own thread; what was to be written this turn still is */

uint64_t loop_now_ms(const loop *l); /* monotonic, as of this turn */
uint64_t loop_now_us(void);          /* monotonic, read now */
int64_t loop_unix_seconds(loop *l);  /* wall clock, read at most once a turn */
const mem *loop_mem(
    loop *l); /* the loop's pooled allocator, for sessions and applets on this loop */
uint32_t loop_random(loop *l); /* from the system's generator */

/* Calls fn(user) on the loop's thread soon, exactly once. The one call that any thread may make.
 * False when memory is refused or the loop has ended (of a worker: until worker_join; a loop of
 * your own must still be there). */
bool loop_post(loop *l, void (*fn)(void *user), void *user);

/* Calls run(user) on a thread of libuv's pool, for work that takes long or blocks, then done on the
 * loop; `ran` is false when the loop ended before its turn came. The loop waits for it: at its end
 * too, when links are gone. False when memory is refused: nothing follows. */
bool loop_work(loop *l, void (*run)(void *user), void (*done)(void *user, bool ran), void *user);

/* Something to do before the loop sleeps, outside of every callback: what a body's done() must not
 * do itself, for one. Embed it in who wants it; zeroed but for run: not queued. */
typedef struct loop_task {
    struct loop_task *next, **prev;
    void (*run)(struct loop_task *t);
} loop_task;

/* Runs t before the loop sleeps; queueing twice is once. */
void loop_soon(loop *l, loop_task *t);
void loop_task_cancel(loop *l, loop_task *t); /* harmless when it is not queued */

/* ---- kept bytes (buf.c) ---- */

typedef struct buf buf;

/* Keeps bytes of an event beyond its callback: pins the buffer they were read into, or copies them
 * when they are few (below 4 KiB) or lie elsewhere. *kept is where they are until buf_unpin. NULL
 * when memory is refused. Call it inside the event's callback. */
buf *buf_pin(loop *l, span bytes, span *kept);
void buf_unpin(buf *b); /* on the same loop; NULL is nothing */

/* Bytes of memory that the pin holds: a whole buffer, or the copy. What a stream's cap should
 * count. */
size_t buf_charge(const buf *b);

/* ---- timers (timer.c) ---- */

typedef struct timer { /* embed it; zeroed: not armed */
    struct timer *next, **prev;
    uint64_t due_ms;
    void (*fire)(struct timer *t);
    void *user;
} timer;

/* Arms t to fire once, `ms` milliseconds after this turn's loop_now_ms (up to 10 ms late, never
 * early); arming again moves it. Constant time. An armed timer keeps the loop running. */
void timer_arm(loop *l, timer *t, uint64_t ms);
void timer_cancel(timer *t); /* harmless when it is not armed */

/* Calls fire(user) once, on a turn of its own, when loop_now_us() has come to due_us: late by what
 * the system needs to wake a thread (from 5 us on), not by a wheel's tick. One for a loop, which
 * setting it again moves; due_us 0 takes it back. For what has to happen in step with a clock; it
 * keeps the loop running. On the loop's own thread. */
void loop_alarm(loop *l, uint64_t due_us, void (*fire)(void *user), void *user);

/* ---- signals (loop.c) ---- */

/* Calls fn on this loop when the process gets signo, until the loop ends; so the loop runs until
 * loop_stop. SIGPIPE is always ignored. */
bool loop_on_signal(loop *l, int signo, void (*fn)(void *user, int signo), void *user);

/* ---- hosts that are dialled again and again (known_host.c) ---- */

/* Keeps the addresses of one host and port from one dial to the next (link_birth), for fresh_ms; 0:
 * until none of them can be connected to. Dials that wait for them share one look-up. Outlives the
 * dials that use it. NULL when memory is refused. */
typedef struct known_host known_host;
known_host *known_host_new(loop *l, uint32_t fresh_ms);
void known_host_free(known_host *h); /* NULL is nothing */

/* One more client waits for what dials have begun to look up (dial_lookup): it is not later for it
 * than if nobody else had asked. */
void known_host_share(known_host *h, uint32_t whose);

/* ---- links (link.c): a socket, optional TLS and a session ---- */

typedef struct net_link net_link;

typedef struct link_calls {
    /* One event of the session; spans in it live until this returns. After OVER what is left is
     * flushed and the link ends. */
    void (*event)(void *user, net_link *k, const http_event *ev);
    /* The last call: the link is gone after it (k is NULL when a link that accept allowed could not
     * be made). However it ends, streams have been told CLOSED, the session OVER, and bodies are
     * released before; link_session is NULL by now. why is NULL after a normal end, else a message
     * for people. */
    void (*closed)(void *user, net_link *k, const char *why);
    /* Bytes as they come from the peer, after TLS (for --hexdump); may be NULL. */
    void (*bytes)(void *user, span received);
} link_calls;

/* How fast a link may be, in bytes a second; 0: as fast as it can. A burst of 0 is a second's
 * worth; it is what may pass at once after a pause. */
typedef struct link_rates {
    uint32_t read_rate, read_burst, write_rate, write_burst;
    uint32_t least_rate; /* a peer that has let its socket become full must take so much on average,
                            or the link dies: it has least_grace_ms to begin with, what it takes
                            buys time, and never more than least_most_ms ahead */
    uint32_t least_grace_ms, least_most_ms;
} link_rates;

/* What links of one loop may read and write together, by the same figures (of least_rate nothing):
 * they take turns at it. It outlives them. NULL when memory is refused; without limits until set.
 */
typedef struct quota quota;
quota *quota_new(loop *l);
void quota_set(quota *q, const link_rates *r); /* at any time */
bool quota_limits(const quota *q);
void quota_free(quota *q); /* NULL is nothing */

/* A proxy of HTTP/1.1 that is asked for a tunnel, by CONNECT. */
typedef struct dial_proxy {
    const char *host; /* as that of dial_open */
    uint16_t port;
    const char *credentials; /* "user:password", for Basic (RFC 7617); NULL: none */
} dial_proxy;

/* How a name is looked up. */
typedef struct dial_lookup {
    uint32_t limit_ms; /* for the first try, twice that for the second, and so on; 0: as long as the
                          system's resolver takes, and once */
    uint32_t tries;    /* with a limit: how many */
    uint32_t whose;    /* 0: the program wants it; else a client does: link_network. Names of one
                          network wait for each other, and few of them at that */
} dial_lookup;

typedef enum dial_family { DIAL_ANY, DIAL_IPV4, DIAL_IPV6 } dial_family;

/* With TLS, a link is opened after its handshake, and its session is born then, for the protocol
 * that ALPN chose: HTTP/2 for "h2", else HTTP/1.1. A dial whose handshake fails is told `failed`;
 * of an accepted connection, `closed` is told with a NULL link and the reason. */
typedef struct link_birth {
    const link_calls *calls;
    void *user;
    const session_config *config; /* outlives the link */
    tls_config *tls; /* NULL: cleartext. The link holds it; its caller may drop it after the call */
    const char *tls_name;      /* dial: as tls_birth.name; need live for dial_open only */
    tls_tickets *tls_tickets;  /* dial: as tls_birth.tickets */
    const dial_proxy *through; /* dial: NULL: none; need live for dial_open only */
    dial_family family;        /* dial: which addresses of what is connected to are tried */
    dial_lookup lookup;        /* dial: of what is connected to */
    known_host
        *known; /* dial: of the host and port that are connected to; NULL: each looks it up */
    h2_trace trace;
    bool proxy_header; /* accept: a header of the PROXY protocol, version 1 or 2, comes before all
                          else; what it says is what link_peer, link_local and their ports tell.
                          Without one, whole and in time, there is no link: `closed` is told as of a
                          handshake that fails */
    const link_rates *rates; /* NULL: no limits; need live for the call only */
    quota *quota;     /* what it may read and write together with others; NULL: none; outlives it */
    uint32_t idle_ms; /* no streams and no bytes for this long: the link drains; 0: never */
    uint32_t
        write_ms; /* a full socket takes next to nothing for this long: the link dies; 0: never */
} link_birth;

/* Made by listen and dial. */
session *link_session(net_link *k);
loop *link_loop(net_link *k);
void *link_user(net_link *k);

/* As link_birth.idle_ms from now on: what is right may depend on the protocol. */
void link_set_idle(net_link *k, uint32_t idle_ms);

/* The quota that it was born with has got limits. A link that memory is refused for ends. */
void link_set_quota(net_link *k, quota *q);

/* Says that the session was used outside of its own event callback: its output will be flushed this
 * turn. */
void link_touch(net_link *k);

/* What its handshake came to; NULL: cleartext. Until the link ends. */
const tls_facts *link_tls(const net_link *k);

/* "127.0.0.1", "::1", or the path of a UNIX socket; static until the link ends. Ports are 0 with a
 * UNIX socket. */
const char *link_peer(net_link *k);
uint16_t link_peer_port(net_link *k);
const char *link_local(net_link *k); /* our end */

/* Tells networks from each other that peers are in, and is not 0: an address of IPv4, 64 bits of
 * one of IPv6 (a site has at least as many: RFC 6177), all that come by UNIX sockets. */
uint32_t link_network(net_link *k);
uint16_t link_local_port(net_link *k);

/* Ends it this turn, after a flush of what can be written at once; `closed` follows, with this why,
 * never from within. For an orderly end use session_drain or session_close, and link_touch. */
void link_close(net_link *k, const char *why);

/* ---- listeners (listen.c) ---- */

typedef struct listener listener;

/* Each accepted connection becomes a link; accept fills in what it is born with and returns false
 * to refuse it. After true, `opened` is called with the link, before any event, unless memory is
 * refused. */
typedef struct listen_calls {
    bool (*accept)(void *user, link_birth *birth);
    void (*opened)(void *user, net_link *k);
} listen_calls;

typedef struct listen_address {
    char text[110];  /* "0.0.0.0", "::", or what is no address: the path of a UNIX socket */
    uint16_t port;   /* 0 with a UNIX socket */
    bool reuse_port; /* SO_REUSEPORT: every worker listens for itself */

    /* Of listen_open alone; 0: as ever. */
    int backlog;       /* connections that wait for accept; LIMIT_BACKLOG */
    int fastopen;      /* those of them that have sent data before the handshake (RFC 7413); none */
    uint32_t retry_ms; /* pause when there are no descriptors or memory left;
                          LIMIT_ACCEPT_RETRY_MS */
    bool inherited;    /* fd listens already, at this address; it is taken over by a call that
                          succeeds */
    bool bound;        /* inherited, and may not listen yet: listen_bind */
    int fd;
} listen_address;

/* Numeric addresses to listen on for host (NULL: every IPv4 and IPv6 address, as two; "unix:PATH"),
 * at most `room`; returns their number, 0 with *why set. reuse_port is false in them. Blocking. */
size_t listen_resolve(const char *host, uint16_t port, listen_address *out, size_t room,
                      const char **why);

#define LISTEN_IN_USE "address already in use" /* *why of the next two for that */

/* Whether a TCP address can be had by this process alone, which SO_REUSEPORT would not tell: binds
 * it for a moment, and takes no connection. Port 0 becomes one that is free. False with *why. */
bool listen_probe(loop *l, listen_address *a, const char **why);

/* A socket for this address that does not listen, so that nobody waits in its queue until somebody
 * takes it over (`inherited` and `bound`), or each of several a dup(2) of it. The caller's; -1 with
 * *why. */
int listen_bind(loop *l, const listen_address *a, const char **why);

/* NULL with *why: a message such as "address already in use". Port 0 picks one: see listen_port. A
 * UNIX socket that nobody listens on any more is replaced; ours is removed by listen_close. */
listener *listen_open(loop *l, const listen_address *a, const listen_calls *calls, void *user,
                      const char **why);
uint16_t listen_port(const listener *s); /* for tests; programs ask listen_probe first */

/* Its socket, which stays the listener's; for tests. */
int listen_socket(const listener *s);
void listen_close(listener *s);

/* The same, but connections whose handshake is under way go on; `opened` has no user then. */
void listen_leave(listener *s);

/* ---- dials (dial.c) ---- */

typedef struct dial dial;

typedef struct dial_calls {
    void (*opened)(void *user, net_link *k);
    void (*failed)(void *user,
                   const char *why); /* "connection refused", "name not found", "timed out" */
} dial_calls;

/* `why` of failed when it is not the peer that failed, and when the peer was silent. */
#define DIAL_NO_MEMORY     "out of memory"
#define DIAL_NO_FILES      "too many open files"
#define DIAL_ENDED         "the program ends"
#define DIAL_NAMES_FULL    "too many names wait to be looked up"
#define DIAL_TIMED_OUT     "timed out"
#define DIAL_TLS_TIMED_OUT "the handshake took too long"

/* The limit of dial_lookup. */
#define DIAL_NO_NAME_IN_TIME "the name servers do not answer in time"

/* Resolves host (name or numeric; "unix:PATH") and connects, trying the addresses in turn, or
 * through a proxy, which then resolves it; all that until the session begins within timeout_ms (0:
 * the system's own limits). Exactly one of the calls follows, never within dial_open itself; the
 * dial is gone by then. NULL when memory is refused. */
dial *dial_open(loop *l, const char *host, uint16_t port, const link_birth *birth,
                uint32_t timeout_ms, const dial_calls *calls, void *user);
void dial_cancel(dial *d); /* no call follows */

/* ---- workers (worker.c): a thread with a loop ---- */

typedef struct worker worker;

/* Starts n threads; each makes a loop, calls start(user, index, loop) on it, runs it, closes what
 * is still open in it (told as ever), and calls end(user, index, loop) before it ends the loop.
 * start returns false to give up; then there is no end. Returns when every start has; NULL when a
 * thread could not be started or a start gave up (the others are stopped and joined). */
worker *worker_start(unsigned n, bool (*start)(void *user, unsigned index, loop *l),
                     void (*end)(void *user, unsigned index, loop *l), void *user);
loop *worker_loop(worker *w, unsigned index); /* to post to, until worker_join */
void worker_join(worker *w);                  /* waits for all to end, and frees */
unsigned worker_cores(void);                  /* processors this process may use */

/* ---- files (file.c) ---- */

typedef struct file file;
typedef struct file_cache file_cache;

typedef enum file_status {
    FILE_OK,
    FILE_DIRECTORY, /* it is one: no body */
    FILE_MISSING,   /* not there, not readable, not regular (FIFO, device, socket) */
    FILE_BUSY       /* no descriptors or memory just now */
} file_status;

/* Opened files, their stat results (also "missing") and the bytes of small ones, bounded by
 * limits.h. No answer is older than a second: an entry in use is checked again in the background
 * from half that age on, so that files in demand never wait. root is a directory; nothing outside
 * of it is opened but through symbolic links. */
file_cache *file_cache_new(loop *l, const char *root, const char **why);

/* From now on symbolic links that lead out of the root are as if they were not there. To be called
 * before the first file_open. */
void file_cache_confine(file_cache *c);

/* Who still waits for a file is answered FILE_BUSY now; files and bodies that are out stay good. */
void file_cache_free(file_cache *c);

/* Opens root + path (which begins with '/', is already decoded and normalised, holds no NUL).
 * Answers at once when cached, else by a thread of libuv's pool, and never blocks. done is called
 * exactly once, within this call or later, with a file that must be given to file_close, or NULL
 * unless FILE_OK. path need live for this call only. */
void file_open(file_cache *c, span path, void (*done)(void *user, file_status st, file *f),
               void *user);
file *file_hold(file *f); /* one more file_close is due */
void file_close(file *f);
uint64_t file_size(const file *f);
int64_t file_mtime(const file *f); /* seconds since the epoch */

/* Tells this version of a file from all others, and files from each other. */
uint64_t file_version(const file *f);

#define FILE_ETAG 13u
span file_etag(const file *f); /* its entity tag, quotes included; until file_close */

/* Up to n bytes from offset on, as pread(2) has it: may block, for loop_work. */
ssize_t file_read(const file *f, uint64_t offset, void *p, size_t n);

/* Makes a body that sends the whole of f on one stream of the link; it holds its own reference to
 * f, until release (also to be called by hand when the session refuses the body). Big files are
 * read without blocking the loop: when a pull said LATER, the stream is woken and the link touched
 * as soon as there is more. A file that shrinks meanwhile fails the body (the stream is reset).
 * False when memory is refused. Small files cost no allocation. */
bool file_body(file *f, net_link *k, http_ref ref, http_body *body);

/* The same for `length` (not 0) bytes from `start` on, which must lie within the file. */
bool file_body_part(file *f, net_link *k, http_ref ref, uint64_t start, uint64_t length,
                    http_body *body);

/* ---- folders (folder.c) ---- */

typedef struct folder folder;

typedef struct folder_entry {
    const char *name; /* as the file system has it: any byte but '/' and NUL */
    uint64_t size;
    int64_t modified; /* seconds since the epoch */
    bool is_folder;   /* else it is a regular file */
} folder_entry;

/* What reading a folder below the cache's root needs: path as for file_open. The cache may be freed
 * meanwhile. NULL when the system refuses. */
folder *folder_open(file_cache *c, span path);

/* Tells all files and folders in it, in no order, until `entry` says false. Blocks: for loop_work.
 */
file_status folder_read(const folder *d, bool (*entry)(void *user, const folder_entry *e),
                        void *user);
void folder_close(folder *d); /* on any thread */

#endif
