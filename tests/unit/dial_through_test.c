/* netio/tunnel.c, dial.c: dials through a proxy that is asked by CONNECT, and the family of
 * addresses.
 * timeout: 60 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/net.h"

static loop *l;
static session_config client_config, server_config;
static tls_config *server_tls, *client_tls;

static struct {
    unsigned opened, failed, closed, settings, responses;
    char why[100];
} client;

/* ---- the proxy: a thread with one connection ---- */

static struct {
    int fd; /* listens */
    uint16_t port, origin;
    const char *answer; /* NULL: none ever */
    size_t answer_n;
    char request[1000];
    pthread_t thread;
} proxy;

static int bound(uint16_t *port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, size), 0);
    cr_assert_eq(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&a, &size);
    *port = ntohs(a.sin_port);
    return fd;
}

/* Both ways until one side ends. */
static void relay(int a) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(proxy.origin)};
    char bytes[20000];
    int b = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(b, (struct sockaddr *)&to, sizeof to) != 0) return;
    for (bool on = true; on;) {
        struct pollfd p[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
        poll(p, 2, -1);
        for (int i = 0; i < 2; i++) {
            if (!p[i].revents) continue;
            ssize_t n = recv(i ? b : a, bytes, sizeof bytes, 0);
            if (n <= 0 || send(i ? a : b, bytes, (size_t)n, MSG_NOSIGNAL) != n) on = false;
        }
    }
    close(b);
}

static void *serve(void *unused) {
    char byte, bytes[100];
    int fd = accept(proxy.fd, NULL, NULL);
    for (size_t n = 0; recv(fd, &byte, 1, 0) == 1 && n < sizeof proxy.request - 1;) {
        proxy.request[n++] = byte;
        if (strstr(proxy.request, "\r\n\r\n")) break;
    }
    if (proxy.answer) send(fd, proxy.answer, proxy.answer_n, MSG_NOSIGNAL);
    if (proxy.origin) relay(fd);
    if (proxy.answer) shutdown(fd, SHUT_WR);
    while (recv(fd, bytes, sizeof bytes, 0) > 0) continue;
    close(fd);
    return unused;
}

/* ---- us ---- */

static void on_event(void *user, net_link *k, const http_event *ev) {
    (void)user;
    if (ev->kind == HTTP_EVENT_SETTINGS) {
        client.settings++;
        link_close(k, NULL);
    }
    if (ev->kind == HTTP_EVENT_RESPONSE) client.responses++;
}

static void on_closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)k;
    (void)why;
    client.closed++;
}

static const link_calls calls = {.event = on_event, .closed = on_closed};

static void on_opened(void *user, net_link *k) {
    http_field f[] = {HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(SCHEME, SPAN("http")),
                      HTTP_FIELD_OF(AUTHORITY, SPAN("a.test")), HTTP_FIELD_OF(PATH, SPAN("/"))};
    http_ref ref;
    (void)user;
    client.opened++;
    session_open(link_session(k), f, 4, HTTP_NO_BODY, NULL, &ref);
}

static void on_failed(void *user, const char *why) {
    (void)user;
    client.failed++;
    snprintf(client.why, sizeof client.why, "%s", why);
}

static const dial_calls dialling = {on_opened, on_failed};

/* Dials host:port through the proxy, which answers so. */
static void play(const char *host, uint16_t port, const char *credentials, const char *answer,
                 size_t answer_n, uint32_t timeout_ms) {
    dial_proxy through = {.host = "127.0.0.1", .credentials = credentials};
    l = loop_new();
    proxy.fd = bound(&proxy.port);
    proxy.answer = answer;
    proxy.answer_n = answer_n;
    through.port = proxy.port;
    link_birth birth = {.calls = &calls,
                        .config = &client_config,
                        .tls = client_tls,
                        .tls_name = "localhost",
                        .through = &through};
    pthread_create(&proxy.thread, NULL, serve, NULL);
    cr_assert_not_null(dial_open(l, host, port, &birth, timeout_ms, &dialling, NULL));
    through = (dial_proxy){NULL, 0, NULL};
    loop_run(l);
    loop_free(l);
    shutdown(proxy.fd, SHUT_RD);
    pthread_join(proxy.thread, NULL);
    close(proxy.fd);
    cr_assert_eq(client.opened + client.failed, 1);
    cr_assert_eq(client.closed, client.opened);
}

static void play_h1(const char *answer) {
    session_defaults(&client_config, false);
    client_config.start = SESSION_H1;
    play("b.test", 8080, NULL, answer, strlen(answer), 5000);
}

#define AGREED "HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n"

Test(dial_through, agreed, .timeout = 30) {
    play_h1(AGREED "HTTP/1.1 204 No Content\r\n\r\n");
    cr_assert_str_eq(proxy.request, "CONNECT b.test:8080 HTTP/1.1\r\nhost: b.test:8080\r\n\r\n");
    cr_assert_eq(client.responses, 1, "what came with the answer is the session's");
}

Test(dial_through, byte_by_byte, .timeout = 30) {
    setenv("H2BOX_FAULT", "read=1,write=1,eagain=30,seed=3", 1);
    play_h1("HTTP/1.1 103 Early Hints\r\n\r\n" AGREED "HTTP/1.1 204 No Content\r\n\r\n");
    cr_assert_eq(client.responses, 1);
}

Test(dial_through, http2_speaks_at_once, .timeout = 30) {
    session_defaults(&client_config, false);
    play("::1", 443, "me:secret", AGREED "\0\0\0\4\0\0\0\0\0", sizeof AGREED + 8, 5000);
    cr_assert_str_eq(proxy.request, "CONNECT [::1]:443 HTTP/1.1\r\nhost: [::1]:443\r\n"
                                    "proxy-authorization: Basic bWU6c2VjcmV0\r\n\r\n");
    cr_assert_eq(client.settings, 1);
}

Test(dial_through, refused, .timeout = 30) {
    play_h1("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    cr_assert_str_eq(client.why, "the proxy answered 407");
}

Test(dial_through, cut, .timeout = 30) {
    play_h1("HTTP/1.1 200 OK\r\nvia: x");
    cr_assert_str_eq(client.why, "the proxy closed the connection");
}

Test(dial_through, no_http, .timeout = 30) {
    play_h1("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    cr_assert_str_eq(client.why, "the proxy does not answer as one of HTTP/1.1");
}

Test(dial_through, switching_is_no_agreement, .timeout = 30) {
    play_h1("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    cr_assert_str_eq(client.why, "the proxy does not answer as one of HTTP/1.1");
}

Test(dial_through, endless, .timeout = 30) {
    static char answer[LIMIT_TUNNEL_ANSWER + 1000];
    memset(answer, 'a', sizeof answer - 1);
    memcpy(answer, "HTTP/1.1 200 OK\r\na: ", 20);
    play_h1(answer);
    cr_assert_str_eq(client.why, "the proxy's answer is too long");
}

Test(dial_through, silent, .timeout = 30) {
    session_defaults(&client_config, false);
    play("b.test", 8080, NULL, NULL, 0, 200);
    cr_assert_str_eq(client.why, DIAL_TIMED_OUT);
}

Test(dial_through, hosts_that_end_the_line, .timeout = 30) {
    session_defaults(&client_config, false);
    play("b.test HTTP/1.1\r\nx: y", 80, NULL, "", 0, 5000);
    cr_assert_str_eq(client.why, "a host that a proxy cannot be asked for");
}

/* ---- TLS inside ---- */

static void on_server_event(void *user, net_link *k, const http_event *ev) {
    (void)user;
    (void)k;
    (void)ev;
}

static void on_server_closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)k;
    (void)why;
}

static const link_calls server_calls = {.event = on_server_event, .closed = on_server_closed};

static bool on_accept(void *user, link_birth *birth) {
    (void)user;
    *birth = (link_birth){.calls = &server_calls, .config = &server_config, .tls = server_tls};
    return true;
}

static void on_accepted(void *user, net_link *k) {
    (void)user;
    (void)k;
}

static bool start(void *user, unsigned index, loop *of_worker) {
    static const listen_calls ear_calls = {on_accept, on_accepted};
    listen_address a = {.text = "127.0.0.1"};
    const char *why;
    (void)user;
    (void)index;
    listener *s = listen_open(of_worker, &a, &ear_calls, NULL, &why);
    if (s) proxy.origin = listen_port(s);
    return s != NULL;
}

static void end(void *user, unsigned index, loop *of_worker) {
    (void)user;
    (void)index;
    (void)of_worker;
}

static void stop(void *of_worker) { loop_stop(of_worker); }

Test(dial_through, tls_inside, .timeout = 30) {
    static const char *const h2[] = {"h2", NULL}, *const names[] = {"localhost", NULL};
    char why[TLS_WHY_ROOM] = "";
    tls_settings s = {.server = true, .alpn = h2};
    server_tls = tls_config_self_signed(&s, names, why);
    s = (tls_settings){.alpn = h2};
    client_tls = tls_config_new(&s, why);
    cr_assert(server_tls && client_tls, "%s", why);
    session_defaults(&client_config, false);
    session_defaults(&server_config, true);
    worker *w = worker_start(1, start, end, NULL);
    cr_assert_not_null(w);
    play("127.0.0.1", 443, NULL, AGREED, sizeof AGREED - 1, 5000);
    cr_assert_eq(client.settings, 1, "%s", client.why);
    loop_post(worker_loop(w, 0), stop, worker_loop(w, 0));
    worker_join(w);
    tls_config_drop(server_tls);
    tls_config_drop(client_tls);
}

/* ---- families ---- */

/* Nobody listens on the port any more. */
static void dial_of_family(const char *host, dial_family family) {
    uint16_t port;
    close(bound(&port));
    session_defaults(&client_config, false);
    l = loop_new();
    link_birth birth = {.calls = &calls, .config = &client_config, .family = family};
    dial_open(l, host, port, &birth, 5000, &dialling, NULL);
    loop_run(l);
    loop_free(l);
    cr_assert_eq(client.failed, 1);
}

Test(dial_through, only_ipv6, .timeout = 30) {
    dial_of_family("127.0.0.1", DIAL_IPV6);
    cr_assert_str_eq(client.why, "the name has no address of this family");
}

Test(dial_through, only_ipv4, .timeout = 30) {
    dial_of_family("localhost", DIAL_IPV4);
    cr_assert_str_eq(client.why, "connection refused");
}
