/* A pool with real backends on the same loop, for the tests of applets/proxy/pool*.c.
 *
 * A backend answers GET /now at once, GET /hold when its test says release(), and GET /push at once
 * with a promise that it holds. A plan is made
 * here by hand: add_pattern, add_backend. An `ask` is one request: its seat, its link, what came.
 */
#ifndef H2BOX_TESTS_UNIT_PROXY_POOL_H
#define H2BOX_TESTS_UNIT_PROXY_POOL_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "applets/proxy/pool.h"
#include "core/limits.h"

static loop *l;

/* ---- backends ---- */

enum { BACKENDS = 4, HELD = 1100 };

typedef struct backend {
    listener *ear;
    uint16_t port;
    tls_config *tls;
    session_config config;
    unsigned accepted, closed, requests, held_count;
    net_link *last;
    bool mute; /* accepts, and speaks no HTTP */
    struct {
        net_link *k;
        http_ref ref;
    } held[HELD];
} backend;

static backend backends[BACKENDS];

static inline void reply(net_link *k, http_ref ref) {
    const http_field f[] = {{.name = SPAN_LIT(":status"), .value = SPAN_LIT("200")},
                            {.name = SPAN_LIT("content-length"), .value = SPAN_LIT("0")}};
    if (session_reply(link_session(k), ref, f, 2, HTTP_NO_BODY).scope != VERDICT_NONE)
        session_reset(link_session(k), ref, H2_INTERNAL_ERROR); /* no memory */
    link_touch(k);
}

static inline void on_served(void *user, net_link *k, const http_event *ev) {
    backend *b = user;
    if (ev->kind != HTTP_EVENT_REQUEST) return;
    b->requests++;
    if (span_eq(ev->summary.path, SPAN("/push"))) {
        const http_field f[] = {{.name = SPAN_LIT(":method"), .value = SPAN_LIT("GET")},
                                {.name = SPAN_LIT(":scheme"), .value = SPAN_LIT("http")},
                                {.name = SPAN_LIT(":authority"), .value = SPAN_LIT("test")},
                                {.name = SPAN_LIT(":path"), .value = SPAN_LIT("/pushed")}};
        http_ref ref;
        cr_assert_eq(session_push(link_session(k), ev->ref, f, 4, &ref).scope, VERDICT_NONE);
        reply(k, ev->ref);
        b->held[b->held_count].k = k;
        b->held[b->held_count++].ref = ref;
    } else if (span_eq(ev->summary.path, SPAN("/hold"))) {
        cr_assert_lt(b->held_count, HELD);
        b->held[b->held_count].k = k;
        b->held[b->held_count++].ref = ev->ref;
    } else {
        reply(k, ev->ref);
    }
}

static inline void on_served_closed(void *user, net_link *k, const char *why) {
    backend *b = user;
    unsigned kept = 0;
    (void)why;
    b->closed++;
    if (b->last == k) b->last = NULL;
    for (unsigned i = 0; i < b->held_count; i++) {
        if (b->held[i].k != k) b->held[kept++] = b->held[i];
    }
    b->held_count = kept;
}

static inline bool on_accept(void *user, link_birth *birth) {
    static const link_calls calls = {.event = on_served, .closed = on_served_closed};
    backend *b = user;
    b->accepted++;
    *birth = (link_birth){.calls = &calls, .user = b, .config = &b->config, .tls = b->tls};
    return true;
}

static inline void on_accepted(void *user, net_link *k) { ((backend *)user)->last = k; }

/* Answers the first n that are held. */
static inline void release(backend *b, unsigned n) {
    cr_assert_leq(n, b->held_count);
    for (unsigned i = 0; i < n; i++) reply(b->held[i].k, b->held[i].ref);
    b->held_count -= n;
    memmove(b->held, b->held + n, b->held_count * sizeof b->held[0]);
}

static inline void listen_at(backend *b, uint16_t port) {
    static const listen_calls calls = {on_accept, on_accepted};
    const char *why;
    listen_address a = {.text = "0.0.0.0", .port = port};
    b->ear = listen_open(l, &a, &calls, b, &why);
    cr_assert_not_null(b->ear, "%s", why);
    b->port = listen_port(b->ear);
}

/* Nobody answers at its port any more, until listen_at. */
static inline void shut(backend *b) {
    listen_close(b->ear);
    b->ear = NULL;
}

static inline backend *open_backend(unsigned i) {
    backend *b = &backends[i];
    session_defaults(&b->config, true);
    listen_at(b, 0);
    return b;
}

/* ---- the plan ---- */

enum { PATTERNS = 3, MEMBERS = 8 };

static plan the_plan;
static plan_pattern patterns[PATTERNS];
static plan_backend members[PATTERNS][MEMBERS];
static plan_group groups[PATTERNS][MEMBERS];
static unsigned plan_counts;

plan *plan_hold(plan *p) {
    plan_counts++;
    return p;
}

void plan_drop(plan *p) {
    (void)p;
    plan_counts--;
}

static inline void begin(plan_mode mode) {
    l = loop_new();
    the_plan = (plan){.mode = mode,
                      .patterns = patterns,
                      .back_connect_ms = 5000,
                      .back_idle_ms = 5000,
                      .back_write_ms = 5000,
                      .back_backoff_ms = 100,
                      .back_per_host = 8};
    session_defaults(&the_plan.back_h1, false);
    session_defaults(&the_plan.back_h2, false);
    the_plan.back_h1.start = SESSION_H1;
    the_plan.back_h2.start = SESSION_H2;
}

static inline plan_pattern *add_pattern(void) {
    size_t i = the_plan.pattern_count++;
    patterns[i] = (plan_pattern){.text = "/", .backends = members[i], .groups = groups[i]};
    groups[i][patterns[i].group_count++] = (plan_group){.name = "", .weight = 1};
    return &patterns[i];
}

static inline plan_backend *add_backend(plan_pattern *t, const backend *b, bool h2) {
    plan_backend *m = &t->backends[t->backend_count++];
    *m = (plan_backend){.host = "127.0.0.1", .port = b->port, .h2 = h2, .weight = 1};
    return m;
}

/* ---- requests ---- */

typedef struct ask {
    pool_seat seat;
    pool_link *k;
    const char *path;
    http_ref ref;
    unsigned status, closed, order;
    bool refused, spent, was_used, early;
    uint32_t name; /* of its backend */
    pool_refusal refusal;
    const char *why;
} ask;

static pool *p;
static unsigned answered, refused, served; /* of all */
static char said[8][200];
static unsigned said_count;
static bool lacks_memory; /* some call may fail */
static bool keeps;        /* links are not given back when their streams end */

static inline void finish(ask *a) {
    pool_link *k = a->k;
    a->k = NULL;
    if (k) pool_give(k, a->spent);
}

static inline void send_ask(ask *a, pool_link *k) {
    const http_field f[] = {{.name = SPAN_LIT(":method"), .value = SPAN_LIT("GET")},
                            {.name = SPAN_LIT(":scheme"), .value = SPAN_LIT("http")},
                            {.name = SPAN_LIT(":authority"), .value = SPAN_LIT("test")},
                            {.name = SPAN_LIT(":path"), .value = span_str(a->path)}};
    a->k = k;
    a->order = ++served;
    a->name = pool_affinity_of(k);
    a->was_used = pool_was_used(k);
    verdict v = session_open(link_session(pool_net(k)), f, 4, HTTP_NO_BODY, a, &a->ref);
    link_touch(pool_net(k));
    if (v.scope == VERDICT_NONE) return;
    cr_assert(lacks_memory, "%s", v.why);
    a->refused = true;
    finish(a);
}

static bool taking; /* inside pool_take */

static inline void on_ready(pool_seat *seat, pool_link *k) {
    cr_assert_not(taking);
    send_ask((ask *)(void *)((char *)seat - offsetof(ask, seat)), k);
}

static inline void on_refused(pool_seat *seat, pool_refusal r, const char *why) {
    ask *a = (ask *)(void *)((char *)seat - offsetof(ask, seat));
    cr_assert_not(taking);
    a->refused = true;
    a->refusal = r;
    a->why = why;
    refused++;
}

static ask promised; /* what a PUSH becomes */

static inline void on_event(void *user, pool_link *k, const http_event *ev) {
    ask *a = user;
    cr_assert_eq(a->k, k);
    if (ev->kind == HTTP_EVENT_PUSH) {
        promised = (ask){.k = k, .ref = ev->ref};
        pool_keep(k);
        session_attach(link_session(pool_net(k)), ev->ref, &promised);
    }
    if (ev->kind == HTTP_EVENT_RESPONSE) {
        a->status = ev->summary.status;
        answered++;
    }
    if (ev->kind == HTTP_EVENT_CLOSED) {
        a->closed++;
        a->early = ev->early_close;
        if (!keeps) finish(a);
    }
}

static inline void on_say(void *user, const char *level, const char *text) {
    (void)user;
    snprintf(said[said_count++ % 8], sizeof said[0], "%s %s", level, text);
}

static inline void make_pool(void) {
    static const pool_calls calls = {on_ready, on_refused, on_event, on_say};
    p = pool_new(l, &the_plan, &calls, NULL);
    cr_assert_not_null(p);
}

static inline void ask_with(ask *a, const char *path, const pool_wish *w) {
    *a = (ask){.path = path};
    taking = true;
    pool_link *k = pool_take(p, &a->seat, w);
    taking = false;
    if (k) send_ask(a, k);
}

static inline void ask_for(ask *a, const char *path) { ask_with(a, path, &(pool_wish){0}); }

/* ---- running ---- */

static inline void stop_loop(timer *t) {
    (void)t;
    loop_stop(l);
}

/* Runs the loop until good() says so. */
static inline void until(bool (*good)(void)) {
    timer t = {.fire = stop_loop};
    for (unsigned n = 0; n < 4000 && !good(); n++) {
        timer_arm(l, &t, 5);
        loop_run(l);
    }
    timer_cancel(&t);
    cr_assert(good());
}

static inline void run_for(uint64_t ms) {
    timer t = {.fire = stop_loop};
    timer_arm(l, &t, ms);
    loop_run(l);
}

static unsigned wanted;
static inline bool all_answered(void) { return answered == wanted; }
static inline bool all_refused(void) { return refused == wanted; }
static inline bool all_held(void) {
    unsigned n = 0;
    for (unsigned i = 0; i < BACKENDS; i++) n += backends[i].held_count;
    return n == wanted;
}

static inline void until_answered(unsigned n) {
    wanted = n;
    until(all_answered);
}

static inline void until_refused(unsigned n) {
    wanted = n;
    until(all_refused);
}

static inline void until_held(unsigned n) {
    wanted = n;
    until(all_held);
}

/* Ends everything, with nothing left of the pool. */
static inline void end(void) {
    pool_free(p);
    loop_free(l);
    cr_assert_eq(plan_counts, 0, "the pool is still there");
}

#endif
