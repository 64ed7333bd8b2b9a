/* netio/handshake.c, and TLS in listen.c, dial.c, link_pump.c: connections before they are links,
 * with real sessions at both ends.
 * timeout: 120 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/net.h"

static loop *l;
static session_config server_config, client_config;
static tls_config *server_tls, *client_tls;
static listener *ear;
static tls_tickets *tickets;

static struct {
    unsigned accepted, opened, closed, never_opened, resumed;
    const char *why;
    unsigned stop_after; /* connections told closed: the listener is closed */
} server;

static struct {
    unsigned opened, failed, closed;
    const char *why, *protocol;
    unsigned again; /* dials still to come */
    uint16_t port;
} client;

static void on_server_event(void *user, net_link *k, const http_event *ev) {
    (void)user;
    (void)k;
    (void)ev;
}

static void on_server_closed(void *user, net_link *k, const char *why) {
    (void)user;
    server.closed++;
    server.never_opened += k == NULL;
    if (!k) server.why = why;
    if (server.closed == server.stop_after) listen_close(ear);
}

static const link_calls server_link = {.event = on_server_event, .closed = on_server_closed};

static bool on_accept(void *user, link_birth *birth) {
    (void)user;
    server.accepted++;
    *birth = (link_birth){.calls = &server_link, .config = &server_config, .tls = server_tls};
    return true;
}

static void on_accepted(void *user, net_link *k) {
    (void)user;
    server.opened++;
    server.resumed += link_tls(k)->resumed;
}

static const listen_calls ear_calls = {on_accept, on_accepted};

static void dial_again(void);

static void on_client_event(void *user, net_link *k, const http_event *ev) {
    (void)user;
    if (ev->kind == HTTP_EVENT_SETTINGS) link_close(k, NULL);
}

static void on_client_closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)k;
    (void)why;
    client.closed++;
    dial_again();
}

static const link_calls client_link = {.event = on_client_event, .closed = on_client_closed};

static void on_opened(void *user, net_link *k) {
    (void)user;
    client.opened++;
    client.protocol = link_tls(k)->alpn;
}

static void on_failed(void *user, const char *why) {
    (void)user;
    client.failed++;
    client.why = why;
    dial_again();
}

static const dial_calls calls = {on_opened, on_failed};

static dial *dial_server(uint32_t timeout_ms) {
    link_birth birth = {.calls = &client_link,
                        .config = &client_config,
                        .tls = client_tls,
                        .tls_name = "localhost",
                        .tls_tickets = tickets};
    dial *d = dial_open(l, "127.0.0.1", client.port, &birth, timeout_ms, &calls, NULL);
    cr_assert_not_null(d);
    return d;
}

static void dial_again(void) {
    if (!client.again) return;
    client.again--;
    dial_server(0);
}

static void begin_with(const char *const *protocols) {
    static const char *const h2[] = {"h2", NULL}, *const names[] = {"localhost", NULL};
    char why[TLS_WHY_ROOM] = "";
    tls_settings s = {.server = true, .alpn = h2};
    session_defaults(&server_config, true);
    session_defaults(&client_config, false);
    server_tls = tls_config_self_signed(&s, names, why);
    s = (tls_settings){.alpn = protocols ? protocols : h2};
    client_tls = tls_config_new(&s, why);
    cr_assert(server_tls && client_tls, "%s", why);
    l = loop_new();
    listen_address a = {.text = "127.0.0.1"};
    const char *refused;
    ear = listen_open(l, &a, &ear_calls, NULL, &refused);
    cr_assert_not_null(ear);
    client.port = listen_port(ear);
}

static void end(void) {
    loop_free(l);
    tls_config_drop(server_tls);
    tls_config_drop(client_tls);
    cr_assert_eq(server.closed, server.accepted, "each is told its end, once");
    cr_assert_eq(server.opened + server.never_opened, server.accepted);
}

static int raw_socket(void) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons(client.port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

Test(handshake, there_and_back, .timeout = 60) {
    begin_with(NULL);
    server.stop_after = 1;
    dial_server(0);
    loop_run(l);
    cr_assert_eq(client.opened, 1, "%s", client.why);
    cr_assert_eq(client.closed, 1);
    cr_assert_eq(server.opened, 1);
    end();
}

Test(handshake, over_a_bad_network, .timeout = 60) {
    setenv("H2BOX_FAULT", "write=7,read=11,eagain=30,seed=3", 1);
    begin_with(NULL);
    server.stop_after = 3;
    client.again = 2;
    dial_server(0);
    loop_run(l);
    cr_assert_eq(client.opened, 3, "%s", client.why);
    end();
}

Test(handshake, tickets_are_used, .timeout = 60) {
    begin_with(NULL);
    tickets = tls_tickets_new(loop_mem(l));
    server.stop_after = 3;
    client.again = 2;
    dial_server(0);
    loop_run(l);
    cr_assert_eq(client.opened, 3);
    cr_assert_eq(server.resumed, 2);
    tls_tickets_free(tickets);
    end();
}

Test(handshake, protocols_that_do_not_meet, .timeout = 60) {
    static const char *const other[] = {"http/0.9", NULL};
    begin_with(other);
    server.stop_after = 1;
    dial_server(0);
    loop_run(l);
    cr_assert_eq(client.failed, 1);
    cr_assert_str_eq(client.why, "the peer refuses: no application protocol in common (ALPN)");
    cr_assert_eq(server.never_opened, 1);
    end();
}

/* ---- ends ---- */

static void *silent_server(void *user) {
    int fd = accept(*(int *)user, NULL, NULL);
    char bytes[1000];
    recv(fd, bytes, sizeof bytes, 0); /* its hello, which nobody answers */
    usleep(300000);
    close(fd);
    return NULL;
}

static int silent_listener(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, n), 0);
    cr_assert_eq(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&a, &n);
    client.port = ntohs(a.sin_port);
    return fd;
}

static dial *under_way;

static void on_cancel(timer *t) {
    (void)t;
    dial_cancel(under_way);
}

static void check_silent(uint32_t timeout_ms, bool cancel) {
    pthread_t peer;
    begin_with(NULL);
    listen_close(ear);
    int fd = silent_listener();
    pthread_create(&peer, NULL, silent_server, &fd);
    under_way = dial_server(timeout_ms);
    timer t = {.fire = on_cancel};
    if (cancel) timer_arm(l, &t, 100);
    loop_run(l);
    pthread_join(peer, NULL);
    close(fd);
    cr_assert_eq(client.opened, 0);
    cr_assert_eq(client.failed, cancel ? 0 : 1);
    end();
}

Test(handshake, a_server_that_says_nothing, .timeout = 60) {
    check_silent(100, false);
    cr_assert_str_eq(client.why, "the handshake took too long");
}

Test(handshake, a_server_that_closes, .timeout = 60) {
    check_silent(0, false);
    cr_assert_str_eq(client.why, "the peer closed the connection in the handshake");
}

Test(handshake, cancelled_in_the_middle, .timeout = 60) { check_silent(0, true); }

static void on_stop(timer *t) {
    (void)t;
    listen_close(ear);
}

/* Those that wait for their peer end with their listener, and with their loop. */
Test(handshake, its_listener_closes, .timeout = 60) {
    begin_with(NULL);
    int fds[3] = {raw_socket(), raw_socket(), raw_socket()};
    cr_assert_eq(send(fds[0], "\x16\x03\x01\x02", 4, 0), 4);
    timer t = {.fire = on_stop};
    timer_arm(l, &t, 100);
    loop_run(l);
    cr_assert_eq(server.accepted, 3);
    cr_assert_eq(server.opened, 0);
    cr_assert_str_eq(server.why, "the program takes no more connections");
    end();
    for (int i = 0; i < 3; i++) close(fds[i]);
}

static void on_quit(timer *t) {
    (void)t;
    loop_stop(l);
}

Test(handshake, its_loop_ends, .timeout = 60) {
    begin_with(NULL);
    int fd = raw_socket();
    timer t = {.fire = on_quit};
    timer_arm(l, &t, 100);
    loop_run(l);
    cr_assert_eq(server.accepted, 1);
    end();
    cr_assert_str_eq(server.why, "the program ends");
    close(fd);
}

/* ---- peers that do not speak TLS ---- */

static void *http_peer(void *answer) {
    int fd = raw_socket();
    static char big[100000] = "POST / HTTP/1.1\r\ncontent-length: 100000\r\n\r\n";
    size_t got = 0;
    ssize_t n;
    send(fd, big, sizeof big, MSG_NOSIGNAL);
    while (got < 999 && (n = recv(fd, (char *)answer + got, 999 - got, 0)) > 0) got += (size_t)n;
    close(fd);
    return NULL;
}

Test(handshake, plain_http_reads_its_answer, .timeout = 60) {
    char answer[1000] = "";
    pthread_t peer;
    begin_with(NULL);
    server.stop_after = 1;
    pthread_create(&peer, NULL, http_peer, answer);
    loop_run(l);
    pthread_join(peer, NULL);
    cr_assert_str_eq(server.why, "plain HTTP where TLS was expected");
    cr_assert_not_null(strstr(answer, "This port speaks TLS: use https://\r\n"), "'%s'", answer);
    end();
}

/* ---- turns ---- */

enum { MANY = 60, TURNS = 1000000 };

static struct {
    loop_task task;
    uint64_t last_us, took_us[TURNS];
    unsigned count, opened, most_opened;
} turns;

/* What this thread worked: neither the clients nor other programs are in it. */
static uint64_t cpu_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* Once a turn and more: what a link that is ready would wait for. */
static void on_turn(loop_task *t) {
    uint64_t now = cpu_us();
    if (turns.count < TURNS) turns.took_us[turns.count++] = now - turns.last_us;
    turns.last_us = now;
    unsigned opened = server.opened - turns.opened;
    if (opened > turns.most_opened) turns.most_opened = opened;
    turns.opened = server.opened;
    if (server.closed < MANY) loop_soon(l, t);
}

static int longer_first(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

static void on_crowd_closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)k;
    (void)why;
}

static void on_crowd_opened(void *user, net_link *k) {
    (void)user;
    (void)k;
}

static void on_crowd_failed(void *user, const char *why) {
    (void)user;
    cr_assert_fail("%s", why);
}

static void *many_clients(void *unused) {
    static const link_calls quiet = {.event = on_client_event, .closed = on_crowd_closed};
    static const dial_calls crowd_calls = {on_crowd_opened, on_crowd_failed};
    link_birth birth = {
        .calls = &quiet, .config = &client_config, .tls = client_tls, .tls_name = "localhost"};
    loop *mine = loop_new();
    for (int i = 0; i < MANY; i++)
        cr_assert_not_null(
            dial_open(mine, "127.0.0.1", client.port, &birth, 0, &crowd_calls, NULL));
    loop_run(mine);
    loop_free(mine);
    return unused;
}

/* However many handshakes there are, a turn has one step of one of them, a third of its work or so.
 * The longest turn alone says little, since the machine takes time away that counts as the
 * thread's; but of as many turns as there are handshakes, none would be left that is short if they
 * were whole. The work is that of the longest turns, ten for each: most turns wait, and do nothing
 * but count. */
Test(handshake, one_step_a_turn, .timeout = 60) {
    pthread_t peer;
    begin_with(NULL);
    server.stop_after = MANY;
    pthread_create(&peer, NULL, many_clients, NULL);
    turns.task.run = on_turn;
    turns.last_us = cpu_us();
    loop_soon(l, &turns.task);
    loop_run(l);
    pthread_join(peer, NULL);
    cr_assert_eq(server.opened, MANY);
    cr_assert_eq(turns.most_opened, 1);
    qsort(turns.took_us, turns.count, sizeof *turns.took_us, longer_first);
    uint64_t work_us = 0;
    for (unsigned i = 0; i < 10 * MANY && i < turns.count; i++) work_us += turns.took_us[i];
    fprintf(stderr,
            "a handshake takes %u us; of %u turns the longest took %u us, number %d %u us\n",
            (unsigned)(work_us / MANY), turns.count, (unsigned)turns.took_us[0], MANY,
            (unsigned)turns.took_us[MANY - 1]);
    cr_assert_lt(turns.took_us[MANY - 1], work_us / MANY / 2);
    end();
}

/* ---- floods ---- */

enum { CROWD = LIMIT_HANDSHAKES + 50 };

static int crowd[CROWD];

static void on_crowded(void *unused) {
    (void)unused;
    dial_again();
}

static void *crowd_peer(void *unused) {
    for (int i = 0; i < CROWD; i++) crowd[i] = raw_socket();
    usleep(200000);
    client.again = 1;
    loop_post(l, on_crowded, NULL);
    return unused;
}

/* Who says nothing is pushed out by who comes later, and nobody who speaks waits for them. */
Test(handshake, half_open_ones_are_bounded, .timeout = 60) {
    pthread_t peer;
    struct rlimit most = {.rlim_cur = 0};
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    cr_assert_geq(most.rlim_cur, 2 * CROWD + 100, "the limit of open files is too low to test it");
    begin_with(NULL);
    server.stop_after = 51 + 1; /* 50 pushed out, one more by the dial, and the dial's own */
    pthread_create(&peer, NULL, crowd_peer, NULL);
    loop_run(l);
    pthread_join(peer, NULL);
    cr_assert_eq(client.opened, 1);
    cr_assert_eq(server.opened, 1);
    for (int i = 0; i < CROWD; i++) close(crowd[i]);
    end();
}
