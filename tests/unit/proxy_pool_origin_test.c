/* applets/proxy/pool_origin.c, pool_link.c: origins that nobody configured, tunnels to them, TLS,
 * and memory that is refused. timeout: 120 */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/proxy_pool.h"

static ask asks[LIMIT_ORIGINS + 20];

/* ---- origins ---- */

static pool_wish wish_for(const char *host) {
    return (pool_wish){.host = host, .port = backends[0].port};
}

Test(proxy_pool_origin, each_has_connections_of_its_own, .timeout = 60) {
    begin(PLAN_DIRECT);
    backend *b = open_backend(0);
    make_pool();
    static const char *const hosts[] = {"127.0.0.1", "localhost", "127.0.0.1", "LOCALHOST"};
    for (unsigned i = 0; i < 4; i++) {
        pool_wish w = wish_for(hosts[i]);
        ask_with(&asks[i], "/now", &w);
        cr_assert_eq(asks[i].k != NULL, i > 1);
        until_answered(i + 1);
        cr_assert_eq(asks[i].was_used, i > 1);
    }
    cr_assert_eq(b->accepted, 2);
    end();
}

static void told_as(const char *host, const char *format) {
    begin(PLAN_DIRECT);
    open_backend(0);
    make_pool();
    keeps = true;
    pool_wish w = wish_for(host);
    ask_with(&asks[0], "/now", &w);
    until_answered(1);
    const plan_backend *of = pool_backend_of(asks[0].k);
    char text[60];
    snprintf(text, sizeof text, format, host, w.port);
    cr_assert_str_eq(of->host, host);
    cr_assert_eq(of->port, w.port);
    cr_assert(span_eq(of->authority, span_str(text)), "%s", (const char *)of->authority.p);
    finish(&asks[0]);
    end();
}

Test(proxy_pool_origin, is_told_as_a_backend, .timeout = 60) { told_as("127.0.0.1", "%s:%u"); }

Test(proxy_pool_origin, ipv6_has_brackets, .timeout = 60) {
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd < 0) return; /* a machine without IPv6 */
    close(fd);
    told_as("::ffff:127.0.0.1", "[%s]:%u");
}

Test(proxy_pool_origin, no_sleep, .timeout = 60) {
    begin(PLAN_DIRECT);
    backend *b = open_backend(0);
    shut(b);
    make_pool();
    pool_wish w = wish_for("127.0.0.1");
    for (unsigned i = 0; i < 3; i++) {
        ask_with(&asks[i], "/now", &w);
        until_refused(i + 1);
        cr_assert_eq(asks[i].refusal, POOL_CONNECT, "each finds out by itself");
    }
    listen_at(b, b->port);
    ask_with(&asks[3], "/now", &w);
    until_answered(1);
    cr_assert_eq(said_count, 0);
    end();
}

Test(proxy_pool_origin, limit_of_one_host, .timeout = 60) {
    begin(PLAN_DIRECT);
    backend *b = open_backend(0);
    the_plan.back_per_host = 2;
    make_pool();
    pool_wish w = wish_for("127.0.0.1");
    for (unsigned i = 0; i < 5; i++) ask_with(&asks[i], "/hold", &w);
    until_held(2);
    pool_wish other = wish_for("127.0.0.2");
    ask_with(&asks[5], "/now", &other);
    until_answered(1);
    cr_assert_eq(asks[5].status, 200);
    release(b, 2);
    until_held(2);
    release(b, 2);
    until_held(1);
    release(b, 1);
    until_answered(6);
    cr_assert_eq(b->accepted, 3);
    end();
}

static void many(const char *path, unsigned from, unsigned n) {
    char host[40];
    unsigned before = from;
    for (unsigned i = from; i < from + n; i++) {
        snprintf(host, sizeof host, "127.1.%u.%u", i / 200, i % 200 + 1);
        pool_wish w = wish_for(host); /* the host is copied */
        ask_with(&asks[i], path, &w);
        if (i - before == 99) {
            if (path[1] == 'n')
                until_answered(i + 1);
            else
                until_held(i + 1);
            before = i + 1;
        }
    }
}

static bool all_closed(void) { return backends[0].closed == backends[0].accepted; }

Test(proxy_pool_origin, there_is_a_limit, .timeout = 60) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    cr_assert_geq(files.rlim_cur, 3 * LIMIT_ORIGINS, "the limit of open files is too low");
    begin(PLAN_DIRECT);
    the_plan.back_idle_ms = 60000;
    backend *b = open_backend(0);
    make_pool();
    many("/now", 0, LIMIT_ORIGINS + 5); /* those that were idle longest are given up */
    until_answered(LIMIT_ORIGINS + 5);
    run_for(30);
    cr_assert_eq(b->closed, 5);
    pool_retire(p);
    until(all_closed);
    cr_assert_eq(plan_counts, 0);
    make_pool();
    many("/hold", 0, LIMIT_ORIGINS); /* none is idle */
    until_held(LIMIT_ORIGINS);
    pool_wish w = wish_for("127.0.0.1");
    ask_with(&asks[LIMIT_ORIGINS], "/now", &w);
    until_refused(1);
    cr_assert_eq(asks[LIMIT_ORIGINS].refusal, POOL_FULL);
    end();
}

/* ---- tunnels ---- */

static char came[200];
static bool pulled;

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    static const char text[] = "GET /now HTTP/1.1\r\nhost: test\r\n\r\n";
    (void)user;
    size_t n = sizeof text - 1 - (size_t)offset;
    *lent = span_of(text + offset, want < n ? want : n);
    if (want) pulled = true;
    return HTTP_PULL_LATER;
}

static void done(void *user, size_t n) {
    (void)user;
    (void)n;
}

static void released(void *user) { (void)user; }

static const http_body_ops ops = {pull, done, released};
static ask tunnel;

static void connect_through(pool_link *k) {
    static const http_field f[] = {{.name = SPAN_LIT(":method"), .value = SPAN_LIT("CONNECT")},
                                   {.name = SPAN_LIT(":authority"), .value = SPAN_LIT("test:1")}};
    tunnel.k = k;
    verdict v = session_open(link_session(pool_net(k)), f, 2, (http_body){&ops, NULL}, &tunnel,
                             &tunnel.ref);
    cr_assert_eq(v.scope, VERDICT_NONE, "%s", v.why);
    link_touch(pool_net(k));
}

static void on_tunnel_ready(pool_seat *seat, pool_link *k) {
    (void)seat;
    connect_through(k);
}

static void on_tunnel_event(void *user, pool_link *k, const http_event *ev) {
    ask *a = user;
    if (ev->kind == HTTP_EVENT_RESPONSE) a->status = ev->summary.status;
    if (ev->kind == HTTP_EVENT_DATA) {
        size_t n = strlen(came);
        cr_assert_lt(n + ev->data.n, sizeof came);
        memcpy(came + n, ev->data.p, ev->data.n);
        session_credit(link_session(pool_net(k)), ev->ref, ev->credit);
    }
    if (ev->kind == HTTP_EVENT_CLOSED) {
        a->closed++;
        finish(a);
    }
}

static bool answer_came(void) { return strstr(came, "200") != NULL; }
static bool tunnel_is_closed(void) { return backends[0].closed == 1; }

Test(proxy_pool_origin, tunnel, .timeout = 60) {
    static const pool_calls calls = {on_tunnel_ready, on_refused, on_tunnel_event, on_say};
    begin(PLAN_DIRECT);
    backend *b = open_backend(0);
    p = pool_new(l, &the_plan, &calls, NULL);
    pool_wish w = wish_for("127.0.0.1");
    w.tunnel = true;
    cr_assert_null(pool_take(p, &tunnel.seat, &w));
    until(answer_came);
    cr_assert_eq(tunnel.status, 200);
    cr_assert(pulled);
    cr_assert_eq(b->requests, 1);
    finish(&tunnel); /* even when it was not said to be spent */
    until(tunnel_is_closed);
    cr_assert_eq(b->accepted, 1);
    end();
}

static bool pool_is_quiet(void) {
    run_for(20);
    return backends[0].closed == backends[0].accepted;
}

Test(proxy_pool_origin, a_tunnel_that_nobody_waits_for, .timeout = 60) {
    begin(PLAN_DIRECT);
    backend *b = open_backend(0);
    make_pool();
    pool_wish w = wish_for("127.0.0.1");
    w.tunnel = true;
    cr_assert_null(pool_take(p, &asks[0].seat, &w));
    pool_leave(&asks[0].seat);
    until(pool_is_quiet);
    cr_assert_leq(b->accepted, 1);
    end();
}

/* ---- TLS ---- */

static tls_config *tls_of(bool server, const char *protocol) {
    static const char *const names[] = {"localhost", NULL};
    const char *const alpn[] = {protocol, NULL};
    char why[TLS_WHY_ROOM];
    tls_settings s = {.server = server, .alpn = protocol ? alpn : NULL};
    tls_config *c = server ? tls_config_self_signed(&s, names, why) : tls_config_new(&s, why);
    cr_assert_not_null(c, "%s", why);
    return c;
}

static backend *tls_backend(bool h2, const char *protocol) {
    begin(PLAN_REVERSE);
    the_plan.back_backoff_ms = 10000;
    the_plan.back_tls_h1 = tls_of(false, "http/1.1");
    the_plan.back_tls_h2 = tls_of(false, "h2");
    backend *b = open_backend(0);
    b->tls = tls_of(true, protocol);
    plan_backend *m = add_backend(add_pattern(), b, h2);
    m->tls = true;
    m->sni = "localhost";
    make_pool();
    return b;
}

static void end_tls(void) {
    end();
    tls_config_drop(the_plan.back_tls_h1);
    tls_config_drop(the_plan.back_tls_h2);
    tls_config_drop(backends[0].tls);
}

static void over_tls(bool h2, const char *protocol) {
    tls_backend(h2, protocol);
    keeps = true;
    for (unsigned i = 0; i < 2; i++) {
        ask_for(&asks[i], "/now");
        until_answered(i + 1);
        const tls_facts *facts = link_tls(pool_net(asks[i].k));
        cr_assert_str_eq(facts->server_name, "localhost");
        cr_assert_eq(facts->resumed, i == 1, "tickets are kept");
        run_for(20); /* for the ticket to come */
        asks[i].spent = true;
        if (h2) link_close(pool_net(asks[i].k), NULL);
        finish(&asks[i]);
        run_for(20);
    }
    cr_assert_eq(said_count, 0);
    end_tls();
}

Test(proxy_pool_origin, h1_over_tls, .timeout = 60) { over_tls(false, "http/1.1"); }
Test(proxy_pool_origin, h1_over_tls_without_alpn, .timeout = 60) { over_tls(false, NULL); }
Test(proxy_pool_origin, h2_over_tls, .timeout = 60) { over_tls(true, "h2"); }

Test(proxy_pool_origin, h2_must_be_agreed_on, .timeout = 60) {
    backend *b = tls_backend(true, NULL);
    ask_for(&asks[0], "/now");
    until_refused(1);
    cr_assert_eq(asks[0].refusal, POOL_CONNECT);
    cr_assert_str_eq(asks[0].why, "the backend does not agree on HTTP/2 (ALPN)");
    cr_assert_eq(said_count, 1);
    cr_assert_not_null(strstr(said[0], "(ALPN)"));
    cr_assert_eq(b->requests, 0);
    end_tls();
}

Test(proxy_pool_origin, origin_over_tls, .timeout = 60) {
    begin(PLAN_DIRECT);
    the_plan.back_tls_h1 = tls_of(false, "http/1.1");
    backend *b = open_backend(0);
    b->tls = tls_of(true, "http/1.1");
    make_pool();
    keeps = true;
    pool_wish w = wish_for("localhost");
    w.tls = true;
    ask_with(&asks[0], "/now", &w);
    until_answered(1);
    cr_assert_str_eq(link_tls(pool_net(asks[0].k))->server_name, "localhost");
    finish(&asks[0]);
    end_tls();
}

/* ---- memory ---- */

static bool all_settled(void) {
    for (unsigned i = 0; i < 4; i++) {
        if (!asks[i].status && !asks[i].closed && !asks[i].refused) return false;
    }
    return true;
}

/* The n-th allocation of the loop is refused, for each n: nothing leaks, hangs or breaks. */
static void refusals(plan_mode mode, bool h2) {
    static const pool_calls calls = {on_ready, on_refused, on_event, on_say};
    char text[40];
    lacks_memory = true;
    for (unsigned n = 2; n < 120; n++) { /* the first is the listener of the test */
        snprintf(text, sizeof text, "alloc=%u", n);
        setenv("H2BOX_FAULT", text, 1);
        memset(&backends, 0, sizeof backends);
        begin(mode);
        the_plan.back_connect_ms = 500;
        open_backend(0);
        if (mode == PLAN_REVERSE) {
            patterns[0] = (plan_pattern){0};
            add_backend(add_pattern(), &backends[0], h2);
        }
        p = pool_new(l, &the_plan, &calls, NULL);
        if (p) {
            pool_wish w = wish_for("127.0.0.1");
            for (unsigned i = 0; i < 4; i++) ask_with(&asks[i], "/now", &w);
            until(all_settled);
        }
        end();
    }
    cr_assert_gt(answered, 118 * 2);
}

Test(proxy_pool_origin, refused_memory_h1, .timeout = 60) { refusals(PLAN_REVERSE, false); }
Test(proxy_pool_origin, refused_memory_h2, .timeout = 60) { refusals(PLAN_REVERSE, true); }
Test(proxy_pool_origin, refused_memory_direct, .timeout = 60) { refusals(PLAN_DIRECT, false); }
