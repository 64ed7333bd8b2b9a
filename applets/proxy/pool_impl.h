/* The inside of a pool: its structs, and what its files ask of each other.
 *
 * pool_seat: lines of requests that wait. pool_link: one connection, from its dial to its end.
 * pool_backend: one address with its connections and its line. pool_health: who is asleep or out,
 * and probes. pool_choose: the patterns, and which of their backends a request goes to.
 * pool_origin: the backends of PLAN_DIRECT. pool: the rest.
 *
 * Whatever happens (a connection is made, fails, has room again) only wakes the backend it happens
 * to; the pool's task then serves the lines, before the loop sleeps. So ready and refused are
 * called from there alone, in no callback of the network and never one within the other. */
#ifndef H2BOX_APPLETS_PROXY_POOL_IMPL_H
#define H2BOX_APPLETS_PROXY_POOL_IMPL_H

#include "applets/proxy/pool.h"

typedef struct pool_backend pool_backend;

/* Requests that wait, the first first. */
typedef struct pool_line {
    pool_seat *first, **last;
    uint32_t count;
} pool_line;

struct pool_link {
    pool_backend *backend;
    pool_link *next, **prev;           /* in backend.links, while there is a dial or a connection */
    pool_link *idle_next, **idle_prev; /* HTTP/1.1: in backend.idle, the last used first */
    dial *dial;                        /* while it is made */
    net_link *net;                     /* while it is there */
    uint32_t places;                   /* given out */
    bool used, used_before;            /* a request has had it; before the one that has it now */
    bool proven;  /* it counts as connected: HTTP/2 when the peer's SETTINGS have come */
    bool leaving; /* takes no new streams any more */
    bool probe;   /* made to see whether the backend is there */
};

struct pool_backend {
    pool *pool;
    const plan_backend *plan;
    uint32_t name; /* in cookies; not 0 */
    uint32_t write_ms;
    uint32_t limit;    /* connections over HTTP/1.1; 0: none */
    known_host *known; /* its addresses; NULL: each dial looks them up */
    uint32_t network;  /* who asked last for an origin; 0: the program itself */
    bool tunnel;       /* PLAN_DIRECT: connections are for one CONNECT each */
    pool_link *links, *idle;
    uint32_t count;    /* of links */
    uint32_t dialling; /* of these */
    uint32_t leaving;  /* and of these */
    uint32_t ended;    /* that are gone, and not given back */
    pool_line line;
    pool_backend *woken_next;
    bool woken;

    uint32_t failures; /* to connect, in a row */
    uint32_t risen;    /* probes that succeeded, in a row */
    bool out;          /* until plan.rise of them have */
    uint64_t awake_ms; /* asleep until then */
    uint64_t failed;   /* pool.failures at the last failure */
    timer probing;     /* while it is out */
    uint32_t lost;     /* dials that failed, and that the line was not told of */
    pool_refusal lost_as;
    const char *lost_why;

    struct pool_origin *origin; /* PLAN_DIRECT */
};

/* Whether a request can go to a backend: the lesser the better. */
typedef enum pool_ability {
    POOL_ABLE,    /* has a connection, or makes one */
    POOL_BUSY,    /* the request has to wait for others */
    POOL_CROWDED, /* too many wait already */
    POOL_UNABLE   /* asleep, out, or it has failed this request */
} pool_ability;

/* A backend as one pattern has it. */
typedef struct pool_member {
    pool_backend *backend;
    uint32_t weight;
    int32_t turn;         /* smooth weighted round robin: what it has saved up */
    double share;         /* of the pattern's requests, for affinity */
    pool_ability ability; /* as found by the choice that goes on */
} pool_member;

typedef struct pool_group {
    uint32_t weight;
    int32_t turn;
    pool_ability ability; /* the best of its members' */
    pool_member *members;
    size_t count;
} pool_group;

typedef struct pool_pattern {
    const plan_pattern *plan;
    pool_group *groups;
    size_t group_count;
} pool_pattern;

struct pool {
    loop *loop;
    const mem *mem;
    plan *plan;
    pool_calls calls;
    void *worker;
    loop_task task;
    bool running;  /* the task */
    bool retiring; /* nothing new; freed when nothing is left */
    bool ending;   /* by pool_free: nobody is told of seats any more */
    pool_backend *woken, **woken_last;
    pool_line refused;
    uint32_t waiting;      /* seats in all lines */
    uint32_t links;        /* dials, connections, and those that are gone and not given back */
    uint64_t failures;     /* of all dials */
    tls_tickets *tickets;  /* NULL: none */
    session_config tunnel; /* PLAN_DIRECT */

    pool_pattern *patterns; /* as many as the plan has */
    pool_group *groups;
    pool_member *members;
    pool_backend *backends;
    size_t group_count, member_count, backend_count;
    struct pool_origins *origins; /* PLAN_DIRECT */
};

/* ---- pool.c ---- */

/* Has the task run, before the loop sleeps. */
void pool_soon(pool *p);

/* Frees it if it ends and nothing of it is left; the caller touches it no more. */
void pool_settle(pool *p);

/* For the error log, as printf. */
void pool_say(const pool *p, const char *level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- pool_seat.c ---- */

void pool_seat_line(pool_line *line); /* an empty one */
void pool_seat_wait(pool_line *line, pool_seat *seat);
void pool_seat_leave(pool_seat *seat); /* its line and its timer; harmless outside */

/* It will be told by the task. */
void pool_seat_refuse(pool_seat *seat, pool_refusal r, const char *why);

/* ---- pool_link.c ---- */

/* Begins a connection; NULL: no memory. */
pool_link *pool_link_dial(pool_backend *b);

/* Whether a stream may be opened on it now. */
bool pool_link_has_room(const pool_link *k, const pool_seat *seat);

/* Gives out a place on it. */
pool_link *pool_link_place(pool_link *k);

/* A place is given back. */
void pool_link_give(pool_link *k, bool spent);

/* Ends it, in good order where streams are not cut by that. */
void pool_link_end(pool_link *k);

/* Gives up a dial, or cuts the connection. */
void pool_link_drop(pool_link *k);

/* ---- pool_backend.c ---- */

void pool_backend_init(pool_backend *b, pool *p, const plan_backend *as, uint32_t write_ms);

pool_ability pool_backend_ability(const pool_backend *b, const pool_seat *seat);

void pool_backend_know(pool_backend *b); /* before a dial: what is kept of its name */
void pool_backend_end(pool_backend *b);

/* A connection with room, or the seat waits for one. */
pool_link *pool_backend_take(pool_backend *b, pool_seat *seat);

/* Something has changed that its line may profit from: it is served soon. */
void pool_backend_wake(pool_backend *b);

/* Serves its line. From the task only. */
void pool_backend_serve(pool_backend *b);

/* A connection that was being made came to nothing. */
void pool_backend_lost(pool_backend *b, bool probe, const char *why);

/* ---- pool_health.c ---- */

void pool_health_connected(pool_backend *b, bool probe);
void pool_health_failed(pool_backend *b, bool probe, const char *why);

/* A probe came to nothing for a reason of our own: it says nothing of the backend. */
void pool_health_again(pool_backend *b);
bool pool_health_sleeps(const pool_backend *b);
void pool_health_end(pool_backend *b); /* no probes any more */

/* ---- pool_choose.c ---- */

bool pool_choose_init(pool *p); /* false: no memory */
void pool_choose_end(pool *p);

/* The backend of its pattern that a request goes to; NULL with *r and *why. */
pool_backend *pool_choose_one(pool *p, const pool_seat *seat, pool_refusal *r, const char **why);

/* ---- pool_origin.c ---- */

bool pool_origin_init(pool *p); /* false: no memory */
void pool_origin_end(pool *p);

/* The backend for an origin; NULL with *r and *why. */
pool_backend *pool_origin_find(pool *p, const pool_wish *w, pool_refusal *r, const char **why);

/* Frees it if nothing of it is left; the caller touches it no more. */
void pool_origin_settle(pool_backend *b);

/* Calls each for all of them. */
void pool_origin_each(pool *p, void (*each)(pool_backend *b));

#endif
