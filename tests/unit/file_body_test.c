/* netio/file_body.c: bodies of small and of big files, by hand and over a connection.
 * timeout: 120 */
#include "tests/unit/file_pull.h"

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

/* Under TLS pieces are read, and few are held at once; elsewhere mapped ones are lent as well. */
static void check_big(const tls_ports *tls, bool cold, size_t want, size_t hold) {
    begin_link(tls);
    write_file("f", 3000001);
    if (cold) forget_pages("f");
    http_body b = body_of("/f");
    if (cold) forget_pages("f");
    read_all r = drain(b, want, hold);
    cr_assert_eq(r.got, 3000001);
    cr_assert_eq(r.last, HTTP_PULL_END);
    if (tls) cr_assert_leq(r.held_most, LIMIT_FILE_AHEAD);
    b.ops->release(b.user);
    end_body();
}

Test(file_body, big, .timeout = 60) { check_big(NULL, false, 16384, 0); }
Test(file_body, big_held, .timeout = 60) { check_big(NULL, false, 16384, 100000); }
Test(file_body, big_held_to_the_last, .timeout = 60) { check_big(NULL, false, 9999, 10000000); }
Test(file_body, big_in_small_pieces, .timeout = 60) { check_big(NULL, false, 2048, 10000); }
Test(file_body, big_from_the_disk, .timeout = 60) { check_big(NULL, true, 16384, 0); }
Test(file_body, big_from_the_disk_held, .timeout = 60) { check_big(NULL, true, 30000, 50000); }
Test(file_body, big_on_a_memory_file_system, .timeout = 60) {
    if (access("/dev/shm", W_OK) == 0) where = "/dev/shm";
    check_big(NULL, false, 16384, 0);
}

Test(file_body, read, .timeout = 60) { check_big(&no_tls, false, 16384, 0); }
Test(file_body, read_and_held, .timeout = 60) { check_big(&no_tls, false, 16384, 100000); }
Test(file_body, read_and_held_to_the_last, .timeout = 60) {
    check_big(&no_tls, false, 9999, 10000000);
}
Test(file_body, read_from_the_disk, .timeout = 60) { check_big(&no_tls, true, 16384, 0); }
Test(file_body, read_from_the_disk_held, .timeout = 60) { check_big(&no_tls, true, 30000, 50000); }

static void check_shrunk(const tls_ports *tls, bool cold) {
    begin_link(tls);
    write_file("f", 1000000);
    http_body b = body_of("/f");
    span lent;
    cr_assert_leq(b.ops->pull(b.user, 0, 16384, &lent), HTTP_PULL_LATER);
    cr_assert_eq(truncate(at("f"), 20000), 0);
    if (cold) forget_pages("f");
    if (lent.n) b.ops->done(b.user, lent.n);
    /* What was read before is sent; then there is no more. What is mapped stays unlooked at. */
    http_pull p = HTTP_PULL_MORE;
    uint64_t got = lent.n;
    while (p != HTTP_PULL_FAILED) {
        p = b.ops->pull(b.user, got, 16384, &lent);
        cr_assert_neq(p, HTTP_PULL_END);
        got += lent.n;
        if (lent.n) b.ops->done(b.user, lent.n);
        if (p == HTTP_PULL_LATER) pause_loop(1);
    }
    cr_assert_leq(got, tls ? LIMIT_FILE_AHEAD : LIMIT_MAP_PROBE);
    b.ops->release(b.user);
    end_body();
}

Test(file_body, a_file_that_shrinks, .timeout = 60) { check_shrunk(NULL, false); }
Test(file_body, a_file_that_shrinks_on_disk, .timeout = 60) { check_shrunk(NULL, true); }
Test(file_body, a_read_file_that_shrinks, .timeout = 60) { check_shrunk(&no_tls, false); }
Test(file_body, a_read_file_that_shrinks_on_disk, .timeout = 60) { check_shrunk(&no_tls, true); }

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
