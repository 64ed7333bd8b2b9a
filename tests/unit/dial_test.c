/* netio/dial.c, resolve.c, listen.c, socket.c: getting connected, and not, with real sessions at
 * both ends. timeout: 120 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/net.h"

static loop *l;
static session_config server_config, client_config;

/* ---- both sides ---- */

static struct {
    unsigned accepted, refused, opened, closed;
    unsigned refuse_first;
    bool close_in_opened;
    char peer[120];
} server;

static struct {
    unsigned opened, failed, closed;
    const char *why, *closed_why;
    bool close_in_opened;
    char peer[120];
} client;

static listener *ear;
static unsigned wanted; /* connections, after which the listener is closed */

static void on_event(void *user, net_link *k, const http_event *ev) {
    /* The server's SETTINGS have come: enough seen. */
    if (ev->kind == HTTP_EVENT_SETTINGS && user != &server) link_close(k, NULL);
}

static void on_server_closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)k;
    (void)why;
    server.closed++;
}

static void on_client_closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)k;
    client.closed++;
    client.closed_why = why;
}

static const link_calls server_link = {.event = on_event, .closed = on_server_closed};
static const link_calls client_link = {.event = on_event, .closed = on_client_closed};

static struct ends {
    char local[120];
    uint16_t peer_port, local_port;
} server_ends, client_ends;

static void note_ends(struct ends *e, net_link *k) {
    snprintf(e->local, sizeof e->local, "%s", link_local(k));
    e->peer_port = link_peer_port(k);
    e->local_port = link_local_port(k);
}

static void check_ends(const char *text, uint16_t port) {
    cr_assert_str_eq(server_ends.local, text);
    cr_assert_str_eq(client_ends.local, *text == '/' ? "" : text);
    cr_assert_eq(client_ends.peer_port, port);
    cr_assert_eq(server_ends.local_port, port);
    cr_assert_eq(server_ends.peer_port, client_ends.local_port);
}

static bool on_accept(void *user, link_birth *birth) {
    (void)user;
    server.accepted++;
    if (wanted && server.accepted == wanted) listen_close(ear); /* inside its own callback */
    if (server.refuse_first) {
        server.refuse_first--;
        server.refused++;
        return false;
    }
    *birth = (link_birth){.calls = &server_link, .user = &server, .config = &server_config};
    return true;
}

static void on_accepted(void *user, net_link *k) {
    (void)user;
    server.opened++;
    note_ends(&server_ends, k);
    snprintf(server.peer, sizeof server.peer, "%s", link_peer(k));
    if (server.close_in_opened) link_close(k, "not welcome");
}

static const listen_calls ear_calls = {on_accept, on_accepted};

static void on_opened(void *user, net_link *k) {
    (void)user;
    client.opened++;
    note_ends(&client_ends, k);
    snprintf(client.peer, sizeof client.peer, "%s", link_peer(k));
    if (client.close_in_opened) link_close(k, "changed my mind");
}

static void on_failed(void *user, const char *why) {
    (void)user;
    client.failed++;
    client.why = why;
}

static const dial_calls calls = {on_opened, on_failed};
static const link_birth birth = {.calls = &client_link, .user = &client, .config = &client_config};

static void begin(void) {
    session_defaults(&server_config, true);
    session_defaults(&client_config, false);
    l = loop_new();
}

static uint32_t pause_ms; /* of the listener without descriptors */

static uint16_t listen_at(const char *text, uint16_t port) {
    const char *why;
    listen_address a = {.port = port, .retry_ms = pause_ms};
    snprintf(a.text, sizeof a.text, "%s", text);
    ear = listen_open(l, &a, &ear_calls, NULL, &why);
    cr_assert_not_null(ear, "%s", why);
    cr_assert_null(why);
    return listen_port(ear);
}

static dial *dial_to(const char *host, uint16_t port, uint32_t timeout_ms) {
    dial *d = dial_open(l, host, port, &birth, timeout_ms, &calls, NULL);
    cr_assert_not_null(d);
    cr_assert_eq(client.opened + client.failed, 0);
    return d;
}

static void check_one_connection(void) {
    wanted = 1;
    loop_run(l);
    cr_assert_eq(client.opened, 1, "%s", client.why);
    cr_assert_eq(client.failed, 0);
    cr_assert_eq(client.closed, 1);
    cr_assert_null(client.closed_why);
    cr_assert_eq(server.opened, 1);
    loop_free(l);
    cr_assert_eq(server.closed, 1);
}

/* ---- connected ---- */

Test(dial, ipv4, .timeout = 60) {
    begin();
    uint16_t port = listen_at("127.0.0.1", 0);
    dial_to("127.0.0.1", port, 0);
    check_one_connection();
    check_ends("127.0.0.1", port);
    cr_assert_str_eq(client.peer, "127.0.0.1");
    cr_assert_str_eq(server.peer, "127.0.0.1");
}

static bool has_ipv6(void) {
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0) close(fd);
    return good;
}

Test(dial, ipv6, .timeout = 60) {
    if (!has_ipv6()) return;
    begin();
    uint16_t port = listen_at("::1", 0);
    dial_to("[::1]", port, 1000);
    check_one_connection();
    check_ends("::1", port);
    cr_assert_str_eq(client.peer, "::1");
}

Test(dial, localhost_needs_no_resolver, .timeout = 60) {
    begin();
    dial_to("LocalHost.", listen_at("127.0.0.1", 0), 1000);
    check_one_connection();
}

Test(dial, localhost_tries_both, .timeout = 60) {
    if (!has_ipv6()) return;
    begin();
    dial_to("www.localhost", listen_at("::1", 0), 1000);
    check_one_connection();
    cr_assert_str_eq(client.peer, "::1");
}

Test(dial, unix_socket, .timeout = 60) {
    char path[100], uri[110];
    struct stat st;
    snprintf(path, sizeof path, P_tmpdir "/h2box-dial-test-%d", (int)getpid());
    snprintf(uri, sizeof uri, "unix:%s", path);
    begin();
    cr_assert_eq(listen_at(path, 0), 0);
    cr_assert_eq(stat(path, &st), 0);
    dial_to(uri, 0, 1000);
    check_one_connection();
    cr_assert_str_eq(client.peer, path);
    cr_assert_str_eq(server.peer, path);
    check_ends(path, 0);
    cr_assert_neq(stat(path, &st), 0, "the socket file stayed");
}

Test(dial, faults_reach_tcp_as_well, .timeout = 60) {
    setenv("H2BOX_FAULT", "write=1,eagain=30,seed=3,sndbuf=4096,rcvbuf=4096", 1);
    begin();
    dial_to("127.0.0.1", listen_at("127.0.0.1", 0), 0);
    check_one_connection();
}

/* ---- refused, unreachable, too slow ---- */

static void check_failure(const char *why) {
    loop_run(l);
    cr_assert_eq(client.failed, 1);
    cr_assert_eq(client.opened, 0);
    if (why) cr_assert_str_eq(client.why, why);
    loop_free(l);
}

static uint16_t closed_port(void) {
    uint16_t port = listen_at("127.0.0.1", 0);
    listen_close(ear);
    return port;
}

Test(dial, refused, .timeout = 60) {
    begin();
    dial_to("127.0.0.1", closed_port(), 5000);
    check_failure("connection refused");
}

Test(dial, refused_by_every_localhost, .timeout = 60) {
    begin();
    dial_to("localhost", closed_port(), 0);
    check_failure("connection refused");
}

Test(dial, no_unix_socket, .timeout = 60) {
    begin();
    dial_to("unix:/nonexistent/socket", 0, 5000);
    check_failure("no such file or directory");
}

Test(dial, unix_path_too_long, .timeout = 60) {
    char uri[300];
    memset(uri, 'x', sizeof uri);
    memcpy(uri, "unix:", 5);
    uri[299] = 0;
    begin();
    dial_to(uri, 0, 5000);
    check_failure("the path is too long");
}

Test(dial, no_such_name, .timeout = 60) {
    begin();
    dial_to("no-such-host.invalid", 80, 3000); /* RFC 6761 section 6.4 */
    check_failure(NULL);
    cr_assert_not_null(client.why);
}

Test(dial, a_name_from_the_hosts_file, .timeout = 60) {
    char name[256] = "";
    begin();
    gethostname(name, sizeof name - 1);
    dial_to(name, closed_port(), 3000);
    check_failure(NULL); /* "connection refused" where the machine knows its own name */
}

Test(dial, a_name_that_is_none, .timeout = 60) {
    begin();
    dial_to("", 80, 3000);
    check_failure(NULL);
}

/* A listener whose queue is full answers no SYN: a connection that hangs. */
static int deaf;

static uint16_t deaf_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    deaf = socket(AF_INET, SOCK_STREAM, 0);
    bind(deaf, (struct sockaddr *)&a, n);
    listen(deaf, 0);
    getsockname(deaf, (struct sockaddr *)&a, &n);
    for (unsigned i = 0; i < 3; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fd, (struct sockaddr *)&a, n); /* stays open to the end of the process */
    }
    return ntohs(a.sin_port);
}

Test(dial, times_out, .timeout = 60) {
    begin();
    uint64_t before = loop_now_us();
    dial_to("127.0.0.1", deaf_port(), 150);
    check_failure("timed out");
    cr_assert_geq(loop_now_us() - before, 140000);
    cr_assert_lt(loop_now_us() - before, 3000000);
}

Test(dial, a_silent_address_leaves_time_for_the_next, .timeout = 60) {
    if (!has_ipv6()) return;
    begin();
    uint16_t port = deaf_port();
    listen_at("::1", port);
    dial_to("localhost", port, 400);
    check_one_connection();
    cr_assert_str_eq(client.peer, "::1");
}

/* ---- cancelled at each stage ---- */

Test(dial, cancelled_before_it_begins, .timeout = 60) {
    begin();
    dial_cancel(dial_to("127.0.0.1", 1, 0));
    dial_cancel(dial_to("some.name.invalid", 1, 0));
    loop_run(l);
    loop_free(l);
    cr_assert_eq(client.opened + client.failed, 0);
}

static dial *doomed[6];
static unsigned doomed_count;

static void on_cancel(timer *t) {
    (void)t;
    for (unsigned i = 0; i < doomed_count; i++) dial_cancel(doomed[i]);
}

static void cancel_after(uint64_t ms) {
    timer t = {.fire = on_cancel};
    timer_arm(l, &t, ms);
    loop_run(l);
    loop_free(l);
}

Test(dial, cancelled_while_connecting, .timeout = 60) {
    begin();
    doomed[doomed_count++] = dial_to("127.0.0.1", deaf_port(), 5000);
    cancel_after(50);
    cr_assert_eq(client.opened + client.failed, 0);
}

static void *cancel_soon(loop *on) {
    doomed_count = 0;
    for (unsigned i = 0; i < 6; i++) doomed[doomed_count++] = dial_to("look-up.invalid", 80, 0);
    return on;
}

static void on_cancel_letter(void *user) {
    (void)user;
    for (unsigned i = 0; i < doomed_count; i++) dial_cancel(doomed[i]);
}

Test(dial, cancelled_while_looking_up_or_in_line, .timeout = 60) {
    begin();
    cancel_soon(l);
    loop_post(l, on_cancel_letter, NULL); /* comes after two look-ups were given their turn */
    loop_run(l);
    cr_assert_eq(client.opened + client.failed, 0);
    loop_free(l);
}

Test(dial, ended_with_the_loop, .timeout = 60) {
    begin();
    cancel_soon(l);
    dial_to("127.0.0.1", deaf_port(), 5000);
    loop_stop(l);
    loop_run(l);
    loop_free(l);
    cr_assert_eq(client.failed, 7);
    cr_assert_str_eq(client.why, "the program ends");
}

Test(dial, many_names_stand_in_line, .timeout = 60) {
    begin();
    for (unsigned i = 0; i < 20; i++) {
        cr_assert_not_null(dial_open(l, "crowd.invalid", 80, &birth, 0, &calls, NULL));
    }
    loop_run(l);
    cr_assert_eq(client.failed, 20);
    loop_free(l);
}

/* ---- listening ---- */

Test(dial, close_inside_opened, .timeout = 60) {
    begin();
    server.close_in_opened = client.close_in_opened = true;
    dial_to("127.0.0.1", listen_at("127.0.0.1", 0), 0);
    wanted = 1;
    loop_run(l);
    cr_assert_eq(client.closed, 1);
    cr_assert_str_eq(client.closed_why, "changed my mind");
    loop_free(l);
    cr_assert_eq(server.closed, 1);
}

Test(dial, refused_by_accept, .timeout = 60) {
    begin();
    server.refuse_first = 1;
    dial_to("127.0.0.1", listen_at("127.0.0.1", 0), 0);
    wanted = 1;
    loop_run(l);
    cr_assert_eq(server.refused, 1);
    cr_assert_eq(server.opened, 0);
    cr_assert_eq(client.closed, 1);
    loop_free(l);
}

Test(dial, address_in_use, .timeout = 60) {
    const char *why;
    begin();
    listen_address a = {.text = "127.0.0.1", .port = listen_at("127.0.0.1", 0)};
    cr_assert_null(listen_open(l, &a, &ear_calls, NULL, &why));
    cr_assert_str_eq(why, "address already in use");
    loop_free(l);
}

Test(dial, shared_port, .timeout = 60) {
    const char *why;
    begin();
    listen_address a = {.text = "127.0.0.1", .reuse_port = true};
    listener *one = listen_open(l, &a, &ear_calls, NULL, &why);
    a.port = listen_port(one);
    listener *two = listen_open(l, &a, &ear_calls, NULL, &why);
    cr_assert_not_null(two, "%s", why);
    listen_close(one);
    listen_close(two);
    listen_close(NULL);
    loop_run(l);
    loop_free(l);
}

static void unix_address(listen_address *a, const char *path) {
    *a = (listen_address){.port = 0};
    snprintf(a->text, sizeof a->text, "%s", path);
}

Test(dial, stale_socket_files, .timeout = 60) {
    char path[100];
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct stat st;
    listen_address a;
    const char *why;
    snprintf(path, sizeof path, P_tmpdir "/h2box-stale-test-%d", (int)getpid());
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    unix_address(&a, path);
    begin();
    /* Left behind by one that died: taken over. */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    close(fd);
    listener *s = listen_open(l, &a, &ear_calls, NULL, &why);
    cr_assert_not_null(s, "%s", why);
    /* In use: left alone. */
    cr_assert_null(listen_open(l, &a, &ear_calls, NULL, &why));
    cr_assert_str_eq(why, "address already in use");
    /* Another's by the time ours closes: left alone. */
    unlink(path);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    listen_close(s);
    cr_assert_eq(stat(path, &st), 0);
    /* No socket at all: left alone. */
    cr_assert_null(listen_open(l, &a, &ear_calls, NULL, &why));
    cr_assert_eq(stat(path, &st), 0);
    unlink(path);
    memset(a.text, 'x', sizeof a.text - 1);
    cr_assert_null(listen_open(l, &a, &ear_calls, NULL, &why));
    cr_assert_str_eq(why, "the path is too long");
    loop_free(l);
}

Test(dial, addresses_to_listen_on) {
    listen_address a[4];
    const char *why;
    size_t n = listen_resolve(NULL, 80, a, 4, &why);
    cr_assert_geq(n, 1);
    cr_assert_str_eq(a[0].text, "0.0.0.0");
    cr_assert_eq(a[0].port, 80);
    cr_assert_eq(listen_resolve(NULL, 80, a, 1, &why), 1);
    cr_assert_eq(listen_resolve("192.0.2.7", 81, a, 4, &why), 1);
    cr_assert_str_eq(a[0].text, "192.0.2.7");
    cr_assert_eq(listen_resolve("[2001:db8::1]", 82, a, 4, &why), 1);
    cr_assert_str_eq(a[0].text, "2001:db8::1");
    cr_assert_geq(listen_resolve("localhost", 83, a, 4, &why), 1);
    cr_assert_str_eq(a[0].text, "127.0.0.1");
    cr_assert_eq(listen_resolve("unix:some/path", 83, a, 4, &why), 1);
    cr_assert_str_eq(a[0].text, "some/path");
    cr_assert_eq(a[0].port, 0);
    cr_assert_eq(listen_resolve("unix:", 83, a, 4, &why), 0);
    cr_assert_not_null(why);
    cr_assert_eq(listen_resolve("nobody.invalid", 83, a, 4, &why), 0);
    cr_assert_not_null(why);
}

/* ---- many ---- */

enum { MANY = 3000, AT_ONCE = 100 };

static unsigned dialled;
static uint16_t many_port;

static void on_many_closed(void *user, net_link *k, const char *why) {
    on_client_closed(user, k, why);
    if (dialled < MANY) {
        dialled++;
        dial_open(l, "127.0.0.1", many_port, user, 0, &calls, NULL);
    }
}

static const link_calls many_link = {.event = on_event, .closed = on_many_closed};

Test(dial, thousands, .timeout = 60) {
    static link_birth many = {.calls = &many_link, .config = &client_config};
    many.user = &many;
    begin();
    many_port = listen_at("127.0.0.1", 0);
    wanted = MANY;
    for (; dialled < AT_ONCE; dialled++)
        dial_open(l, "127.0.0.1", many_port, &many, 0, &calls, NULL);
    client.close_in_opened = true;
    loop_run(l);
    cr_assert_eq(client.opened, MANY);
    cr_assert_eq(client.closed, MANY);
    loop_free(l);
    cr_assert_eq(server.closed, MANY);
}

/* ---- out of descriptors ---- */

static int waiting[40];
static uint64_t cpu_before;

static uint64_t cpu_us(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void on_relief(timer *t) {
    (void)t;
    cr_assert_lt(cpu_us() - cpu_before, 250000, "it spins");
    cr_assert_lt(server.accepted, 40);
    for (unsigned i = 0; i < 20; i++) close(waiting[i]);
    struct rlimit more = {.rlim_cur = 1024, .rlim_max = 1024};
    if (!pause_ms) setrlimit(RLIMIT_NOFILE, &more);
}

static void on_enough(timer *t) {
    (void)t;
    cr_assert_eq(server.accepted, 40);
    listen_close(ear);
    for (unsigned i = 20; i < 40; i++) close(waiting[i]);
}

static void run_out_of_descriptors(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    begin();
    a.sin_port = htons(listen_at("127.0.0.1", 0));
    for (unsigned i = 0; i < 40; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_eq(connect(waiting[i], (struct sockaddr *)&a, sizeof a), 0);
    }
    struct rlimit few = {.rlim_cur = (rlim_t)waiting[39] + 10, .rlim_max = 1024};
    setrlimit(RLIMIT_NOFILE, &few);
    timer relief = {.fire = on_relief}, enough = {.fire = on_enough};
    timer_arm(l, &relief, 500);
    timer_arm(l, &enough, 1500);
    cpu_before = cpu_us();
    loop_run(l);
    loop_free(l);
    cr_assert_eq(server.closed, 40);
}

Test(dial, accept_without_descriptors, .timeout = 60) { run_out_of_descriptors(); }

/* However long the listener is to look away: connections that end leave descriptors to others. */
Test(dial, accept_with_descriptors_again, .timeout = 60) {
    pause_ms = 3600000;
    run_out_of_descriptors();
}
