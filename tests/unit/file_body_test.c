/* netio/file_body.c: bodies of small and of big files, by hand and over a connection.
 * timeout: 120 */
#include "tests/unit/file_root.h"

net_link *link_new(loop *l, int fd, const link_birth *birth, const tls_ports *tls, void *tls_self);

/* ---- pulled by hand ---- */

static net_link *k;
static int peer;
static session_config config;

static void on_event(void *user, net_link *on, const http_event *ev) {
    (void)user;
    (void)on;
    (void)ev;
}

static void on_closed(void *user, net_link *on, const char *why) {
    (void)user;
    (void)on;
    (void)why;
    k = NULL;
}

static void begin_body(void) {
    static const link_calls calls = {.event = on_event, .closed = on_closed};
    static const link_birth birth = {.calls = &calls, .config = &config};
    int pair[2];
    begin();
    session_defaults(&config, true);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
    peer = pair[1];
    k = link_new(l, pair[0], &birth, NULL, NULL);
}

static void end_body(void) {
    if (k) link_close(k, NULL);
    loop_run(l);
    close(peer);
    end();
}

static void on_pause_over(timer *t) { loop_stop(t->user); }

/* The link keeps the loop running: stop it by a timer. */
static void pause_loop(uint64_t ms) {
    timer t = {.fire = on_pause_over, .user = l};
    timer_arm(l, &t, ms);
    loop_run(l);
}

static http_body body_of(const char *path) {
    http_body b = HTTP_NO_BODY;
    opened o = {0};
    file_open(cache, span_str(path), on_open, &o);
    while (!o.calls) pause_loop(1);
    cr_assert_eq(o.status, FILE_OK);
    cr_assert(file_body(o.f, k, HTTP_NO_REF, &b));
    file_close(o.f);
    return b;
}

static void forget_pages(const char *name) {
    int fd = open(at(name), O_RDONLY);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

typedef struct read_all {
    uint64_t got, held_most;
    unsigned later;
    http_pull last;
} read_all;

/* Pulls to the end, giving back when `hold` bytes are out. */
static read_all drain(http_body b, size_t want, size_t hold) {
    read_all r = {.last = HTTP_PULL_MORE};
    uint64_t out = 0;
    while (r.last != HTTP_PULL_END && r.last != HTTP_PULL_FAILED) {
        span lent;
        r.last = b.ops->pull(b.user, r.got, want, &lent);
        if (r.last == HTTP_PULL_MORE) cr_assert_gt(lent.n, 0);
        cr_assert_leq(lent.n, want);
        for (size_t i = 0; i < lent.n; i++) cr_assert_eq(lent.p[i], byte_at(r.got + i));
        r.got += lent.n;
        out += lent.n;
        if (out > r.held_most) r.held_most = out;
        if (out > hold || (r.last == HTTP_PULL_LATER && out)) {
            b.ops->done(b.user, out);
            out = 0;
            if (r.last == HTTP_PULL_LATER) pause_loop(1); /* room again: the stream is woken */
        } else if (r.last == HTTP_PULL_LATER) {
            r.later++;
            cr_assert_lt(r.later, 20000);
            pause_loop(1);
        }
    }
    if (out) b.ops->done(b.user, out);
    return r;
}

Test(file_body, small_body, .timeout = 60) {
    begin_body();
    write_file("f", 60000);
    http_body b = body_of("/f");
    read_all r = drain(b, 16384, 100000);
    cr_assert_eq(r.got, 60000);
    cr_assert_eq(r.later, 0);
    b.ops->release(b.user);
    write_file("empty", 0);
    b = body_of("/empty");
    r = drain(b, 100, 100);
    cr_assert_eq(r.got, 0);
    cr_assert_eq(r.last, HTTP_PULL_END);
    b.ops->release(b.user);
    end_body();
}

static void check_big(bool cold, size_t want, size_t hold) {
    begin_body();
    write_file("f", 3000001);
    if (cold) forget_pages("f");
    http_body b = body_of("/f");
    if (cold) forget_pages("f");
    read_all r = drain(b, want, hold);
    cr_assert_eq(r.got, 3000001);
    cr_assert_eq(r.last, HTTP_PULL_END);
    cr_assert_leq(r.held_most, LIMIT_FILE_AHEAD);
    b.ops->release(b.user);
    end_body();
}

Test(file_body, big_body, .timeout = 60) { check_big(false, 16384, 0); }
Test(file_body, big_body_held, .timeout = 60) { check_big(false, 16384, 100000); }
Test(file_body, big_body_held_to_the_last, .timeout = 60) { check_big(false, 9999, 10000000); }
Test(file_body, big_body_on_a_memory_file_system, .timeout = 60) {
    if (access("/dev/shm", W_OK) == 0) where = "/dev/shm";
    check_big(false, 16384, 0);
}

Test(file_body, big_body_from_the_disk, .timeout = 60) { check_big(true, 16384, 0); }
Test(file_body, big_body_from_the_disk_held, .timeout = 60) { check_big(true, 30000, 50000); }

static void check_shrunk(bool cold) {
    begin_body();
    write_file("f", 1000000);
    http_body b = body_of("/f");
    span lent;
    cr_assert_leq(b.ops->pull(b.user, 0, 16384, &lent), HTTP_PULL_LATER);
    cr_assert_eq(truncate(at("f"), 20000), 0);
    if (cold) forget_pages("f");
    if (lent.n) b.ops->done(b.user, lent.n);
    /* What was read before is sent; then there is no more. */
    http_pull p = HTTP_PULL_MORE;
    uint64_t got = lent.n;
    while (p != HTTP_PULL_FAILED) {
        p = b.ops->pull(b.user, got, 16384, &lent);
        cr_assert_neq(p, HTTP_PULL_END);
        got += lent.n;
        if (lent.n) b.ops->done(b.user, lent.n);
        if (p == HTTP_PULL_LATER) pause_loop(1);
    }
    cr_assert_leq(got, LIMIT_FILE_AHEAD);
    b.ops->release(b.user);
    end_body();
}

Test(file_body, a_file_that_shrinks, .timeout = 60) { check_shrunk(false); }
Test(file_body, a_file_that_shrinks_on_disk, .timeout = 60) { check_shrunk(true); }

Test(file_body, released_while_a_thread_reads, .timeout = 60) {
    begin_body();
    write_file("f", 5000000);
    for (unsigned i = 0; i < 30; i++) {
        span lent;
        forget_pages("f");
        http_body b = body_of("/f");
        forget_pages("f");
        b.ops->pull(b.user, 0, 1000, &lent);
        if (lent.n) b.ops->done(b.user, lent.n);
        b.ops->release(b.user);
    }
    end_body();
}

Test(file_body, replaced_while_being_sent, .timeout = 60) {
    begin_body();
    write_file("f", 3000000);
    http_body b = body_of("/f");
    write_file("other", 10);
    rename(at("other"), at("f"));
    cr_assert_eq(drain(b, 16384, 0).got, 3000000);
    b.ops->release(b.user);
    end_body();
}

/* ---- over a connection ---- */

enum { STREAMS = 20 };

static session_config client_config;
static uint64_t received[STREAMS];
static unsigned good, bad;

static void reply_with(void *user, file_status status, file *f) {
    http_ref *ref = user;
    http_field fields[] = {HTTP_FIELD_OF(STATUS, SPAN("200"))};
    http_body b;
    cr_assert_eq(status, FILE_OK);
    cr_assert(file_body(f, k, *ref, &b));
    cr_assert_eq(session_reply(link_session(k), *ref, fields, 1, b).scope, VERDICT_NONE);
    link_touch(k);
    file_close(f);
    free(ref);
}

static void on_request(void *user, net_link *on, const http_event *ev) {
    (void)user;
    (void)on;
    if (ev->kind != HTTP_EVENT_REQUEST) return;
    http_ref *ref = malloc(sizeof *ref);
    *ref = ev->ref;
    bool small = ev->ref.id % 4 == 1;
    file_open(cache, small ? SPAN("/small") : SPAN("/big"), reply_with, ref);
}

static void on_response(void *user, net_link *on, const http_event *ev) {
    (void)user;
    uint64_t *stream = ev->user;
    if (ev->kind == HTTP_EVENT_DATA) {
        for (size_t i = 0; i < ev->data.n; i++) {
            if (ev->data.p[i] != byte_at(*stream + i)) bad++;
        }
        *stream += ev->data.n;
        session_credit(link_session(on), ev->ref, ev->credit);
    } else if (ev->kind == HTTP_EVENT_CLOSED) {
        if (ev->early_close) bad++;
        if (++good == STREAMS) session_drain(link_session(on), loop_now_ms(l));
    }
}

static void on_client_closed(void *user, net_link *on, const char *why) {
    (void)user;
    (void)on;
    cr_assert_null(why, "%s", why);
}

Test(file_body, many_streams_at_once, .timeout = 60) {
    static const link_calls server = {.event = on_request, .closed = on_closed};
    static const link_calls client = {.event = on_response, .closed = on_client_closed};
    static const link_birth server_birth = {.calls = &server, .config = &config};
    static const link_birth client_birth = {.calls = &client, .config = &client_config};
    const http_field request[] = {
        HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(SCHEME, SPAN("http")),
        HTTP_FIELD_OF(AUTHORITY, SPAN("test")), HTTP_FIELD_OF(PATH, SPAN("/"))};
    int pair[2];
    begin();
    write_file("small", 1234);
    write_file("big", 2000000);
    forget_pages("big");
    session_defaults(&config, true);
    session_defaults(&client_config, false);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
    k = link_new(l, pair[0], &server_birth, NULL, NULL);
    net_link *c = link_new(l, pair[1], &client_birth, NULL, NULL);
    for (unsigned i = 0; i < STREAMS; i++) {
        http_ref ref;
        verdict v = session_open(link_session(c), request, 4, HTTP_NO_BODY, &received[i], &ref);
        cr_assert_eq(v.scope, VERDICT_NONE);
    }
    loop_run(l);
    cr_assert_eq(good, STREAMS);
    cr_assert_eq(bad, 0);
    for (unsigned i = 0; i < STREAMS; i++) cr_assert_eq(received[i], i % 2 ? 2000000 : 1234);
    end();
}
