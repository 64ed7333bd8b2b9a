/* A worker of the proxy between scripted peers, all in one thread: clients that the test plays on
 * one side, a backend on the other, joined by UNIX sockets.
 *
 * The proxy is what it is in the program, from the plan of a command line on; its clock stands
 * still unless the test moves it, its random numbers are the same each time, and its memory is
 * counted and refused on demand. Peers speak through sessions of their own, so what the proxy
 * writes is parsed strictly, and everything that arrives is held against what was sent
 * (world_demand). A peer may also send bytes of the script: it is `wild` from then on, and only
 * what its other side gets is looked at. One world at a time. */
#ifndef H2BOX_TESTS_PROXY_WORLD_H
#define H2BOX_TESTS_PROXY_WORLD_H

#include "applets/proxy/proxy.h"
#include "core/limits.h"

enum { WORLD_ENDS = 12, WORLD_REQUESTS = 24, WORLD_ARRIVALS = 160 };

typedef struct world_content world_content;
typedef struct world_end world_end;
typedef struct world_request world_request;
typedef struct world_arrival world_arrival;

/* What is chosen before anything happens. */
typedef struct world_choice {
    bool back_h2;  /* the backend speaks HTTP/2 */
    bool small;    /* small windows and buffers of the proxy */
    bool narrow;   /* and of the peers */
    bool preloads; /* no push by Link fields otherwise */
    bool tight;  /* one connection to the backend at a time over HTTP/1.1, out after two failures */
    bool sticky; /* the backend is named in a cookie */
} world_choice;

/* ---- content: a stretch of one long pattern, by whose place it is known again ---- */

struct world_content {
    uint32_t begin;   /* where in the pattern */
    uint32_t size;    /* all of it */
    uint32_t allowed; /* what may leave by now */
    uint32_t pulled;
    bool open_end; /* its END is not told before this is taken away */
    bool fails;    /* instead of an END */
    bool told;     /* its size was, so that it is whole with its last byte */
    bool ended;    /* END was told */
    unsigned lent; /* sessions that have it */
};

http_body world_content_body(world_content *c);
/* Whether n bytes are all of it, and could be known to be. */
bool world_content_whole(const world_content *c, uint64_t n);
/* Demands that bytes are those at `at`, and had left. */
void world_content_check(const world_content *c, uint64_t at, span bytes);
span world_content_at(const world_content *c, uint32_t at, size_t n);

/* ---- ends.c: the peers' ends of connections ---- */

struct world_end {
    int fd;      /* -1: closed, or never there */
    bool server; /* an end of the backend */
    bool h2;
    bool wild;    /* it has sent what its session knows nothing of */
    bool deaf;    /* reads nothing now */
    bool shut;    /* no more bytes come from it */
    bool closing; /* closed once all is written */
    bool eof;     /* the proxy has closed its side */
    bool by_hand; /* its session only reads */
    bool drained; /* it has said that it takes no more */
    session *s;   /* NULL: a raw one */
    session_config config;
    unsigned arrivals; /* that it has had */
    uint8_t *kept;     /* input of a session that paused */
    size_t kept_count, kept_room;
};

void ends_open(world_end *e, int fd, bool server, session_start start);
/* Reads, tells and writes what can be; whether anything was. */
bool ends_pump(world_end *e);
void ends_raw(world_end *e, span bytes); /* and it is wild */
void ends_shut(world_end *e);            /* no more bytes from it */
void ends_close(world_end *e);           /* at once */
void ends_free(world_end *e);

/* ---- client.c ---- */

typedef enum world_method {
    WORLD_GET,
    WORLD_HEAD,
    WORLD_POST,
    WORLD_CONNECT,
    WORLD_WEBSOCKET,
    WORLD_METHODS
} world_method;

struct world_request {
    world_end *at;
    http_ref ref;
    unsigned id;
    world_method method;
    bool open;     /* its stream is there */
    bool has_body; /* it does not end with its fields */
    bool trailers, got_trailers, expects;
    world_content up;
    unsigned arrivals;
    /* what came back */
    unsigned interims, status;
    world_arrival *from; /* whose answer it has; NULL: the proxy's own */
    uint64_t got;
    bool ended, closed, promised;
    uint32_t code; /* of CLOSED */
};

world_end *client_connect(bool h2, bool upgrade);

/* Sends a request; NULL: it cannot now. content: its size; POST and tunnels alone have some. */
world_request *client_ask(world_end *e, world_method method, uint32_t content, unsigned flags);
enum { CLIENT_LENGTH = 1, CLIENT_TRAILERS = 2, CLIENT_EXPECTS = 4, CLIENT_WAITS = 8 };
void client_allow(world_request *r, uint32_t n, bool end); /* n bytes more may leave */
void client_reset(world_request *r);
void client_event(world_end *e, const http_event *ev);

/* ---- backend.c ---- */

struct world_arrival {
    world_request *request; /* NULL: nobody's: of a wild client */
    world_end *at;
    http_ref ref;
    unsigned number;
    bool open, connect, websocket, head, promise;
    uint64_t got;
    bool ended, got_trailers;
    bool replied, bare, trailers; /* bare: its answer has no content, whatever it says */
    bool unheard;                 /* its answer may have been lost on the way */
    bool refused;                 /* surely not acted upon */
    unsigned status;
    world_content down;
    char key[32];
};

typedef struct world_reply {
    unsigned status;
    uint32_t content, allowed; /* bytes, and those that may leave now */
    bool length, trailers, waits, fails, preload, refuses_key;
} world_reply;

void backend_listen(void);
void backend_shut(void); /* nobody is there */
bool backend_accept(void);
void backend_event(world_end *e, const http_event *ev);

bool backend_reply(world_arrival *a, const world_reply *how);
/* An answer over HTTP/1.1 that ends with the connection; all its bytes are written now. */
bool backend_reply_by_close(world_arrival *a, uint32_t content, bool old);
void backend_inform(world_arrival *a, unsigned status);
void backend_allow(world_arrival *a, uint32_t n, bool end);
void backend_reset(world_arrival *a, h2_code code);
world_arrival *backend_push(world_arrival *parent);

/* ---- world.c ---- */

typedef struct world {
    world_choice choice;
    proxy proxy;
    proxying worker;
    int64_t held, held_first, held_most;
    uint64_t refuse_at, taken; /* allocations until one is refused; 0: none will be */
    uint64_t refused;
    mem below;
    session_scratch scratch;
    int ear; /* the backend's listener; -1: shut */
    world_end ends[WORLD_ENDS];
    unsigned end_count;
    world_request requests[WORLD_REQUESTS];
    unsigned request_count;
    world_arrival arrivals[WORLD_ARRIVALS];
    unsigned arrival_count;
    bool wild_client, wild_backend, reloaded, draining, loud;
    uint64_t seed; /* for messages; 0: none */
    char front_path[108], back_path[108];
} world;

extern world the_world;

/* False: no memory for it (only with refuse_at). */
bool world_begin(const world_choice *choice, uint64_t refuse_at);
/* All peers read on, all that waits is answered or times out; then nothing may be owed. Ends it:
 * nothing may be left. */
void world_end_all(void);

void world_turn(void); /* until nothing moves, or a good while */
void world_wait(uint32_t ms);
void world_reload(void);
void world_drain(void);
void world_refuse(uint64_t nth); /* allocation of the proxy from now on */

void world_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void world_demand(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
