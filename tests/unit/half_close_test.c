/* netio/link_flush.c, link_pump.c with real sessions: a tunnel's two directions end each by itself,
 * over sockets, in the clear and over TLS. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "netio/net.h"

/* Each side says its words once the other has ended. */
typedef struct side {
    net_link *k;
    http_ref ref;
    const char *words;
    bool may_speak, ended, early;
    unsigned closed;
    char heard[40];
    size_t heard_n;
    const char *why;
} side;

static loop *l;
static listener *ear;
static session_config server_config, client_config;
static side client, server;

/* ---- bodies ---- */

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    const side *s = user;
    (void)want;
    *lent = span_of(NULL, 0);
    if (!s->may_speak) return HTTP_PULL_LATER;
    *lent = span_skip(span_str(s->words), (size_t)offset);
    return HTTP_PULL_END;
}

static void done(void *user, size_t n) {
    (void)user;
    (void)n;
}

static void release(void *user) { (void)user; }

static const http_body_ops words = {pull, done, release};

/* ---- links ---- */

static void on_event(void *user, net_link *k, const http_event *ev) {
    side *s = user;
    if (ev->kind == HTTP_EVENT_REQUEST) {
        http_field status = HTTP_FIELD_OF(STATUS, SPAN("200"));
        s->ref = ev->ref;
        session_attach(link_session(k), ev->ref, s);
        cr_assert_eq(
            session_reply(link_session(k), ev->ref, &status, 1, (http_body){&words, s}).scope,
            VERDICT_NONE);
    }
    if (ev->kind == HTTP_EVENT_DATA && ev->data.n) {
        memcpy(s->heard + s->heard_n, ev->data.p, ev->data.n);
        s->heard_n += ev->data.n;
    }
    if (ev->kind == HTTP_EVENT_CLOSED) s->early = ev->early_close;
    if (ev->end && ev->kind == HTTP_EVENT_DATA) {
        s->ended = s->may_speak = true;
        session_wake(link_session(k), s->ref);
    }
}

static void on_closed(void *user, net_link *k, const char *why) {
    side *s = user;
    (void)k;
    s->closed++;
    s->why = why;
    if (s == &server) listen_close(ear);
}

static const link_calls calls = {.event = on_event, .closed = on_closed};
static tls_config *server_tls, *client_tls;

static bool on_accept(void *user, link_birth *birth) {
    (void)user;
    *birth =
        (link_birth){.calls = &calls, .user = &server, .config = &server_config, .tls = server_tls};
    return true;
}

static void on_accepted(void *user, net_link *k) {
    (void)user;
    server.k = k;
}

static void on_opened(void *user, net_link *k) {
    http_field f[] = {HTTP_FIELD_OF(METHOD, SPAN("CONNECT")),
                      HTTP_FIELD_OF(AUTHORITY, SPAN("a.test:1"))};
    (void)user;
    client.k = k;
    cr_assert_eq(
        session_open(link_session(k), f, 2, (http_body){&words, &client}, &client, &client.ref)
            .scope,
        VERDICT_NONE);
}

static void on_failed(void *user, const char *why) {
    (void)user;
    cr_assert_fail("%s", why);
}

static const listen_calls ear_calls = {on_accept, on_accepted};
static const dial_calls dialling = {on_opened, on_failed};

static void check(const side *s, const char *heard) {
    cr_assert_eq(s->closed, 1);
    cr_assert_null(s->why, "%s", s->why);
    cr_assert(s->ended && !s->early);
    cr_assert_eq(s->heard_n, strlen(heard));
    cr_assert_arr_eq(s->heard, heard, s->heard_n);
}

/* The client ends first; what the server then says still comes. */
static void play(uint16_t version) {
    static const char *const h1[] = {"http/1.1", NULL}, *const names[] = {"localhost", NULL};
    char text[TLS_WHY_ROOM] = "";
    const char *why;
    listen_address a = {.text = "127.0.0.1"};
    session_defaults(&server_config, true);
    session_defaults(&client_config, false);
    client_config.start = SESSION_H1;
    if (version) {
        tls_settings s = {.server = true, .alpn = h1};
        server_tls = tls_config_self_signed(&s, names, text);
        s = (tls_settings){.alpn = h1, .version_max = version};
        client_tls = tls_config_new(&s, text);
        cr_assert(server_tls && client_tls, "%s", text);
    }
    client.words = "first words";
    server.words = "last words";
    client.may_speak = true;
    l = loop_new();
    ear = listen_open(l, &a, &ear_calls, NULL, &why);
    link_birth birth = {
        .calls = &calls, .user = &client, .config = &client_config, .tls = client_tls};
    dial_open(l, a.text, listen_port(ear), &birth, 5000, &dialling, NULL);
    loop_run(l);
    check(&client, "last words");
    check(&server, "first words");
    loop_free(l);
    tls_config_drop(server_tls);
    tls_config_drop(client_tls);
}

Test(half_close, cleartext, .timeout = 30) { play(0); }
Test(half_close, tls_1_2, .timeout = 30) { play(0x0303); }
Test(half_close, tls_1_3, .timeout = 30) { play(0x0304); }

Test(half_close, cleartext_with_faults, .timeout = 30) {
    setenv("H2BOX_FAULT", "write=3,read=3,eagain=40,seed=5", 1);
    play(0);
}

Test(half_close, tls_with_faults, .timeout = 30) {
    setenv("H2BOX_FAULT", "write=300,read=100,eagain=40,seed=5", 1);
    play(0x0304);
}
