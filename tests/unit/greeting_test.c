/* netio/handshake.c: PROXY headers before the first byte of a session, in the clear and before TLS.
 * timeout: 60 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/net.h"
#include "tests/unit/mem_hook.h"

static loop *l;
static listener *ear;
static session_config config;
static tls_config *server_tls, *client_tls;
static uint16_t port;

static struct {
    unsigned opened, requests, closed, never_opened;
    char peer[120], local[120], why[100];
    uint16_t peer_port, local_port;
    uint32_t network;
} server;

static void on_event(void *user, net_link *k, const http_event *ev) {
    http_field status = HTTP_FIELD_OF(STATUS, SPAN("204"));
    (void)user;
    if (ev->kind != HTTP_EVENT_REQUEST) return;
    server.requests++;
    session_reply(link_session(k), ev->ref, &status, 1, HTTP_NO_BODY);
    session_drain(link_session(k), loop_now_ms(l));
}

static void on_closed(void *user, net_link *k, const char *why) {
    (void)user;
    server.closed++;
    server.never_opened += k == NULL;
    snprintf(server.why, sizeof server.why, "%s", why ? why : "");
    listen_close(ear);
}

static const link_calls calls = {.event = on_event, .closed = on_closed};

static bool on_accept(void *user, link_birth *birth) {
    (void)user;
    *birth =
        (link_birth){.calls = &calls, .config = &config, .tls = server_tls, .proxy_header = true};
    return true;
}

static void on_opened(void *user, net_link *k) {
    (void)user;
    server.opened++;
    snprintf(server.peer, sizeof server.peer, "%s", link_peer(k));
    snprintf(server.local, sizeof server.local, "%s", link_local(k));
    server.peer_port = link_peer_port(k);
    server.network = link_network(k);
    server.local_port = link_local_port(k);
}

static const listen_calls ear_calls = {on_accept, on_opened};

static void begin(void) {
    listen_address a = {.text = "127.0.0.1"};
    const char *why;
    session_defaults(&config, true);
    l = loop_new();
    ear = listen_open(l, &a, &ear_calls, NULL, &why);
    cr_assert_not_null(ear, "%s", why);
    port = listen_port(ear);
}

static int connected(void) {
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* ---- in the clear ---- */

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/* Sends it all at once; the answer must be there in the end, or nothing. */
static void meet(span header, bool good) {
    char got[200] = "";
    begin();
    int fd = connected();
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    getsockname(fd, (struct sockaddr *)&own, &size);
    cr_assert_eq(send(fd, header.p, header.n, 0), (ssize_t)header.n);
    if (good) send(fd, REQUEST, sizeof REQUEST - 1, 0);
    shutdown(fd, SHUT_WR);
    loop_run(l);
    ssize_t n = recv(fd, got, sizeof got - 1, 0);
    cr_assert_eq(server.closed, 1);
    cr_assert_eq(server.opened, good);
    cr_assert_eq(server.never_opened, !good);
    cr_assert_eq(n > 0, good, "%s", server.why);
    if (good) cr_assert(strstr(got, " 204 ") && server.requests == 1);
    if (server.peer_port == ntohs(own.sin_port)) server.peer_port = 1; /* the real one */
    close(fd);
    loop_free(l);
}

static void check(const char *peer, uint16_t peer_port, const char *local, uint16_t local_port) {
    cr_assert_str_eq(server.peer, peer);
    cr_assert_str_eq(server.local, local);
    cr_assert_eq(server.peer_port, peer_port, "%u", server.peer_port);
    cr_assert_eq(server.local_port, local_port);
}

#define LINE SPAN("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n")
#define BINARY                                                       \
    SPAN("\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x29" V6_1 V6_2 "\1\2\0\x50" \
         "extra")
#define V6_1 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define V6_2 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"

Test(greeting, line, .timeout = 30) {
    meet(LINE, true);
    check("192.0.2.1", 56324, "198.51.100.7", 443);
}

Test(greeting, binary, .timeout = 30) {
    meet(BINARY, true);
    check("2001:db8::1", 0x102, "2001:db8::2", 80);
}

Test(greeting, byte_by_byte, .timeout = 30) {
    setenv("H2BOX_FAULT", "read=1,eagain=30,seed=3", 1);
    meet(BINARY, true);
    check("2001:db8::1", 0x102, "2001:db8::2", 80);
}

Test(greeting, of_nobody, .timeout = 30) {
    meet(SPAN("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"), true);
    check("127.0.0.1", 1, "127.0.0.1", port);
}

Test(greeting, unix_socket, .timeout = 30) {
    uint8_t bytes[16 + 216] = "\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8/run/client";
    memset(bytes + 16 + 108, 'x', 108);
    meet(span_of(bytes, sizeof bytes), true);
    cr_assert_str_eq(server.peer, "/run/client");
    cr_assert_eq(strlen(server.local), 108);
    cr_assert_eq(server.peer_port, 0);
}

static uint32_t network_of(const char *address) {
    char line[100];
    const char *kind = strchr(address, ':') ? "TCP6" : "TCP4";
    memset(&server, 0, sizeof server);
    snprintf(line, sizeof line, "PROXY %s %s %s 56324 443\r\n", kind, address, address);
    meet(span_of(line, strlen(line)), true);
    cr_assert_neq(server.network, 0);
    return server.network;
}

Test(greeting, networks, .timeout = 30) {
    uint32_t one = network_of("192.0.2.1"), site = network_of("2001:db8:0:1::1");
    cr_assert_eq(one, network_of("192.0.2.1"));
    cr_assert_eq(one, network_of("::ffff:192.0.2.1"), "the same client");
    cr_assert_neq(one, network_of("192.0.2.2"));
    cr_assert_neq(one, network_of("::ffff:192.0.2.2"));
    cr_assert_eq(site, network_of("2001:db8:0:1:ffff:ffff:ffff:ffff"));
    cr_assert_neq(site, network_of("2001:db8:0:2::1"));
}

Test(greeting, missing, .timeout = 30) {
    meet(SPAN(REQUEST), false);
    cr_assert_str_eq(server.why, "a malformed PROXY header");
}

Test(greeting, cut, .timeout = 30) {
    meet(SPAN("PROXY TCP4 192.0.2.1"), false);
    cr_assert_str_eq(server.why, "the peer closed the connection in the handshake");
}

Test(greeting, silent, .timeout = 30) {
    begin();
    int fd = connected();
    send(fd, "PRO", 3, 0);
    loop_run(l);
    cr_assert_str_eq(server.why, "the PROXY header took too long");
    close(fd);
    loop_free(l);
}

/* ---- before TLS ---- */

typedef struct side {
    const tls_ports *ports;
    void *self;
    int fd;
} side;

/* Writes what TLS has behind `before`. */
static void put(side *s, span before) {
    span iov[8];
    uint8_t bytes[20000];
    size_t at = before.n;
    memcpy(bytes, before.p, before.n);
    for (size_t n; (n = s->ports->output(s->self, iov, 8)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            memcpy(bytes + at, iov[i].p, iov[i].n);
            at += iov[i].n;
            s->ports->output_done(s->self, iov[i].n);
        }
    }
    cr_assert_eq(send(s->fd, bytes, at, MSG_NOSIGNAL), (ssize_t)at);
}

static void shake(side *s) {
    const char *why;
    bool more = true;
    while (more) cr_assert_eq(s->ports->shake(s->self, &more, &why), TLS_OK, "%s", why);
}

static void *client(void *header) {
    uint8_t bytes[20000];
    const char *why;
    tls_birth b = {.mem = &hook, .config = client_tls, .name = "localhost"};
    side s = {.fd = connected()};
    s.self = tls_open(&b, &s.ports);
    shake(&s);
    put(&s, *(const span *)header);
    while (!s.ports->facts(s.self)) {
        ssize_t n = recv(s.fd, bytes, sizeof bytes, 0);
        cr_assert_gt(n, 0);
        span in = span_of(bytes, (size_t)n);
        s.ports->feed(s.self, &in, &why);
        shake(&s);
        put(&s, SPAN(""));
    }
    span request = SPAN(REQUEST);
    s.ports->seal(s.self, &request, 1);
    put(&s, SPAN(""));
    while (recv(s.fd, bytes, sizeof bytes, 0) > 0) continue;
    s.ports->free(s.self);
    close(s.fd);
    return NULL;
}

Test(greeting, before_tls, .timeout = 30) {
    static const char *const h1[] = {"http/1.1", NULL}, *const names[] = {"localhost", NULL};
    char why[TLS_WHY_ROOM] = "";
    tls_settings settings = {.server = true, .alpn = h1};
    server_tls = tls_config_self_signed(&settings, names, why);
    settings = (tls_settings){.alpn = h1};
    client_tls = tls_config_new(&settings, why);
    cr_assert(server_tls && client_tls, "%s", why);
    begin();
    pthread_t thread;
    span header = LINE;
    pthread_create(&thread, NULL, client, &header);
    loop_run(l);
    pthread_join(thread, NULL);
    check("192.0.2.1", 56324, "198.51.100.7", 443);
    cr_assert_eq(server.requests, 1);
    loop_free(l);
    tls_config_drop(server_tls);
    tls_config_drop(client_tls);
}
