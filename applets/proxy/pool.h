/* A worker's connections to its backends: which backend a request goes to, and on which connection.
 *
 * One pool a worker and plan generation; it owns the links it dials, keeps HTTP/1.1 ones for the
 * next request, spreads streams over HTTP/2 ones, and knows who is down. A request that needs a
 * connection is a `pool_seat` embedded in who asks; it is given a link with room for one more
 * stream, at once or later, or a reason. Events of streams are passed on to their users; those of
 * connections stay here. Belongs to one loop. */
#ifndef H2BOX_APPLETS_PROXY_POOL_H
#define H2BOX_APPLETS_PROXY_POOL_H

#include "applets/proxy/plan.h"

typedef struct pool pool;
typedef struct pool_link pool_link;
typedef struct pool_seat pool_seat;

typedef enum pool_refusal {
    POOL_CONNECT, /* nobody could be connected to: 502 */
    POOL_DOWN,    /* all backends are out or asleep: 502 */
    POOL_STRICT,  /* the one that its cookie names is not there: 503 */
    POOL_FULL,    /* too many wait already: 503 */
    POOL_SLOW,    /* no connection within the connect timeout: 504 */
    POOL_MEMORY   /* 500 */
} pool_refusal;

typedef struct pool_calls {
    /* A connection is ready for this seat: session_open on it is the next thing to do, within this
     * call. Never called within pool_take. */
    void (*ready)(pool_seat *seat, pool_link *k);
    /* There is none; why is for the log, static. Never within pool_take either. */
    void (*refused)(pool_seat *seat, pool_refusal r, const char *why);
    /* An event of a stream (INTERIM, RESPONSE, DATA, TRAILERS, PUSH, CLOSED) whose user is ev->user
     * (PUSH: the parent's). The pool has noted before what it needs of it. Those of streams without
     * a user, and of links that nobody has a place on, are not told; their promises are refused. */
    void (*event)(void *user, pool_link *k, const http_event *ev);
    /* For the error log: "Could not connect 3 times in a row; sleep for 2 seconds" and the like. */
    void (*say)(void *worker, const char *level, const char *text);
} pool_calls;

/* Embedded, zeroed: waits for nothing. All of it is the pool's but for what is said otherwise. */
struct pool_seat {
    pool_seat *next, **prev;
    pool *pool;
    struct pool_line *line;       /* what it waits in; NULL: nothing */
    struct pool_backend *backend; /* whose connection it waits for; NULL: it is to be refused */
    const plan_pattern *pattern;  /* set by pool_take, for all; NULL in PLAN_DIRECT */
    timer limit;
    uint64_t since; /* backends that failed later were tried for it */
    uint32_t affinity;
    bool has_cookie, fresh, extended;
    bool slow; /* it has waited out one connection that came to nothing */
    pool_refusal refusal;
    const char *why;
};

/* What a request is to be sent by. */
typedef struct pool_wish {
    uint32_t pattern;  /* index into plan.patterns; not looked at in PLAN_DIRECT */
    uint32_t affinity; /* hash of the client's address, or of its cookie; 0: none */
    bool has_cookie;   /* affinity comes from a cookie */
    bool fresh;        /* HTTP/1.1: a connection that no request was sent on before: after one died
                          unanswered */
    const char *host;  /* PLAN_DIRECT: the origin; copied */
    uint16_t port;
    uint32_t network; /* PLAN_DIRECT: of the client (link_network), on whose account names are
                         looked up */
    bool tunnel;      /* PLAN_DIRECT: CONNECT: a connection of its own, born with SESSION_TUNNEL */
    bool tls;         /* PLAN_DIRECT: the scheme is https */
    bool extended;    /* needs RFC 8441 of an HTTP/2 backend */
} pool_wish;

/* Holds the plan until pool_free. `worker` comes back in say. NULL: no memory. */
pool *pool_new(loop *l, plan *p, const pool_calls *calls, void *worker);

/* Closes what is idle now, and the rest as it becomes idle; then the pool frees itself. No
 * pool_take after it. For a reload: requests that run go on. */
void pool_retire(pool *p);

/* Ends it: seats that wait are told nothing more, links are closed (their streams will be told
 * CLOSED), and it is freed when the last one is gone and given back: at once at the end of a loop,
 * when they are gone already. Not from a call of pool_calls. */
void pool_free(pool *p);

/* Finds a connection with room. Returns it when there is one at once: session_open on it is the
 * next thing to do; NULL: ready or refused follows, unless pool_leave comes first. */
pool_link *pool_take(pool *p, pool_seat *seat, const pool_wish *w);

/* The seat no longer waits. Harmless when it does not. */
void pool_leave(pool_seat *seat);

/* session_open failed, or its stream was told CLOSED, or has no user any more (session_attach): the
 * place on the connection is free again. HTTP/1.1: the connection is used again unless `spent` (its
 * message was not finished: a tunnel, an answer that came before the request's end, a broken one).
 * Exactly once for each link that was given out. */
void pool_give(pool_link *k, bool spent);

/* One more place on a link, with a pool_give of its own: for a stream that the backend promised. */
void pool_keep(pool_link *k);

net_link *pool_net(const pool_link *k); /* NULL: it has ended, and its streams were told */
const plan_backend *pool_backend_of(const pool_link *k); /* lives as long as the link */
uint32_t pool_affinity_of(const pool_link *k);           /* the backend's name in cookies, not 0 */
bool pool_was_used(const pool_link *k); /* HTTP/1.1: carried a request before this one */

#endif
