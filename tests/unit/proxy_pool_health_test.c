/* applets/proxy/pool_health.c, pool_backend.c: backends that are not there, sleep, are out and come
 * back, and what becomes of the requests for them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/proxy_pool.h"

static ask asks[120];

/* ---- a clock that moves only while there is nothing to do ---- */

/* A machine may be away for longer than a backend sleeps. Here time is what was waited for in vain,
 * so all that can happen within a time does. */
static bool stands;
static uint64_t waited_ms;

int clock_gettime(clockid_t id, struct timespec *t) {
    if (!stands || id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, id, t);
    *t = (struct timespec){1000 + (time_t)(waited_ms / 1000), (long)(waited_ms % 1000) * 1000000};
    return 0;
}

int epoll_wait(int fd, struct epoll_event *events, int room, int wait_ms) {
    long n = syscall(SYS_epoll_pwait, fd, events, room, wait_ms, NULL, (size_t)0);
    if (n == 0 && wait_ms > 0) waited_ms += (uint64_t)wait_ms;
    return (int)n;
}

static void stop_clock(void) { stands = true; }
static void start_clock(void) { stands = false; }

TestSuite(proxy_pool_health, .init = stop_clock, .fini = start_clock);

/* The word of nghttpx that people search their logs for. */
static bool was_said(const char *text) {
    for (unsigned i = 0; i < said_count && i < 8; i++) {
        if (strstr(said[i], text)) return true;
    }
    return false;
}

static unsigned times_asked;

static bool asked_until_answered(void) {
    if (answered) return true;
    if (!times_asked || asks[times_asked - 1].refused) ask_for(&asks[times_asked++], "/now");
    cr_assert_lt(times_asked, 120);
    return false;
}

/* ---- sleep ---- */

static void sleeps_and_wakes(bool h2) {
    begin(PLAN_REVERSE);
    the_plan.back_backoff_ms = 400;
    backend *b = open_backend(0);
    add_backend(add_pattern(), b, h2);
    shut(b);
    make_pool();
    for (unsigned i = 0; i < 3; i++) ask_for(&asks[i], "/now");
    until_refused(3);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(asks[i].refusal, POOL_CONNECT);
        cr_assert_str_eq(asks[i].why, "connection refused");
    }
    cr_assert_eq(said_count, 1, "those that were dialled together count once");
    cr_assert(was_said("WARN Could not connect 1 times in a row; sleep for "));
    ask_for(&asks[3], "/now");
    until_refused(4);
    cr_assert_eq(asks[3].refusal, POOL_DOWN);
    cr_assert_eq(said_count, 1, "nobody was dialled");
    listen_at(b, b->port);
    times_asked = 4;
    until(asked_until_answered);
    cr_assert_eq(said_count, 1);
    end();
}

Test(proxy_pool_health, h1_sleeps_and_wakes, .timeout = 60) { sleeps_and_wakes(false); }
Test(proxy_pool_health, h2_sleeps_and_wakes, .timeout = 60) { sleeps_and_wakes(true); }

static bool said_three_times(void) {
    if (!times_asked || asks[times_asked - 1].refused) ask_for(&asks[times_asked++], "/now");
    cr_assert_lt(times_asked, 120);
    return said_count == 3;
}

Test(proxy_pool_health, sleeps_grow_and_end_with_a_connection, .timeout = 60) {
    begin(PLAN_REVERSE);
    the_plan.back_backoff_ms = 30;
    backend *b = open_backend(0);
    add_backend(add_pattern(), b, false);
    shut(b);
    make_pool();
    until(said_three_times);
    cr_assert(was_said("Could not connect 3 times in a row"));
    listen_at(b, b->port);
    until(asked_until_answered);
    shut(b);
    said_count = 0;
    ask_with(&asks[119], "/now", &(pool_wish){.fresh = true});
    until_refused(refused + 1);
    cr_assert(was_said("Could not connect 1 times in a row"), "%s", said[0]);
    end();
}

/* ---- other backends ---- */

static plan_pattern *three(bool h2) {
    begin(PLAN_REVERSE);
    the_plan.back_backoff_ms = 10000;
    plan_pattern *t = add_pattern();
    for (unsigned i = 0; i < 3; i++) add_backend(t, open_backend(i), h2);
    return t;
}

static void goes_to_others(bool h2) {
    three(h2);
    shut(&backends[0]);
    shut(&backends[1]);
    make_pool();
    for (unsigned i = 0; i < 30; i++) ask_for(&asks[i], "/now");
    until_answered(30);
    cr_assert_eq(refused, 0);
    cr_assert_eq(backends[2].requests, 30);
    cr_assert_eq(said_count, 2);
    end();
}

Test(proxy_pool_health, h1_goes_to_others, .timeout = 60) { goes_to_others(false); }
Test(proxy_pool_health, h2_goes_to_others, .timeout = 60) { goes_to_others(true); }

static void all_fail(bool h2) {
    three(h2);
    for (unsigned i = 0; i < 3; i++) shut(&backends[i]);
    make_pool();
    ask_for(&asks[0], "/now");
    until_refused(1);
    cr_assert_eq(asks[0].refusal, POOL_CONNECT);
    cr_assert_eq(said_count, 3, "each was tried once");
    ask_for(&asks[1], "/now");
    until_refused(2);
    cr_assert_eq(asks[1].refusal, POOL_DOWN);
    end();
}

Test(proxy_pool_health, h1_all_fail, .timeout = 60) { all_fail(false); }
Test(proxy_pool_health, h2_all_fail, .timeout = 60) { all_fail(true); }

Test(proxy_pool_health, each_is_tried_once_without_sleep_too, .timeout = 60) {
    three(false);
    the_plan.back_backoff_ms = 0;
    for (unsigned i = 0; i < 3; i++) shut(&backends[i]);
    make_pool();
    ask_for(&asks[0], "/now");
    until_refused(1);
    cr_assert_eq(asks[0].refusal, POOL_CONNECT);
    cr_assert_eq(said_count, 3);
    end();
}

/* ---- silence ---- */

/* A listener whose queue is full answers no SYN. */
static uint16_t deaf_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int deaf = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(deaf, (struct sockaddr *)&a, n), 0);
    cr_assert_eq(listen(deaf, 0), 0);
    getsockname(deaf, (struct sockaddr *)&a, &n);
    for (unsigned i = 0; i < 3; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fd, (struct sockaddr *)&a, n); /* stays open to the end of the process */
    }
    return ntohs(a.sin_port);
}

static void silent(bool h2) {
    begin(PLAN_REVERSE);
    the_plan.back_connect_ms = 100;
    the_plan.back_backoff_ms = 10000;
    backend deaf = {.port = deaf_port()};
    add_backend(add_pattern(), &deaf, h2);
    make_pool();
    for (unsigned i = 0; i < 3; i++) ask_for(&asks[i], "/now");
    until_refused(3);
    for (unsigned i = 0; i < 3; i++) cr_assert_eq(asks[i].refusal, POOL_SLOW);
    cr_assert_str_eq(asks[0].why, "timed out");
    cr_assert_eq(said_count, 1);
    end();
}

Test(proxy_pool_health, h1_silent, .timeout = 60) { silent(false); }
Test(proxy_pool_health, h2_silent, .timeout = 60) { silent(true); }

Test(proxy_pool_health, another_one_after_silence_once, .timeout = 60) {
    begin(PLAN_REVERSE);
    the_plan.back_connect_ms = 100;
    the_plan.back_backoff_ms = 10000;
    plan_pattern *t = add_pattern();
    for (unsigned i = 0; i < 2; i++) add_backend(t, &(backend){.port = deaf_port()}, false);
    add_backend(t, open_backend(0), false)->weight = 1;
    make_pool();
    ask_for(&asks[0], "/now"); /* the first, the second, and no more */
    until_refused(1);
    cr_assert_eq(asks[0].refusal, POOL_SLOW);
    cr_assert_eq(said_count, 2);
    ask_for(&asks[1], "/now");
    until_answered(1);
    end();
}

/* ---- out, and in again ---- */

static bool is_out(void) {
    if (!times_asked || asks[times_asked - 1].refused) ask_for(&asks[times_asked++], "/now");
    cr_assert_lt(times_asked, 120);
    return was_said("is out");
}

static bool is_in(void) { return was_said("is in"); }

static void falls_and_rises(bool h2) {
    begin(PLAN_REVERSE);
    the_plan.back_backoff_ms = 30;
    backend *b = open_backend(0);
    plan_backend *m = add_backend(add_pattern(), b, h2);
    m->fall = 2;
    m->rise = 3;
    shut(b);
    make_pool();
    until(is_out);
    cr_assert(was_said("failed 2 times in a row and is out: connection refused"));
    run_for(100); /* probes fail meanwhile */
    listen_at(b, b->port);
    ask_for(&asks[119], "/now");
    unsigned before = refused;
    until_refused(before + 1);
    cr_assert_eq(asks[119].refusal, POOL_DOWN, "it is there, but has not risen");
    until(is_in);
    cr_assert_eq(b->accepted, 3);
    cr_assert(was_said("took 3 connections in a row and is in"));
    ask_for(&asks[118], "/now");
    until_answered(1);
    cr_assert_eq(b->accepted, 3, "the last of the probes is used");
    end();
}

Test(proxy_pool_health, h1_falls_and_rises, .timeout = 60) { falls_and_rises(false); }
Test(proxy_pool_health, h2_falls_and_rises, .timeout = 60) { falls_and_rises(true); }

Test(proxy_pool_health, who_never_rises, .timeout = 60) {
    begin(PLAN_REVERSE);
    the_plan.back_backoff_ms = 20;
    backend *b = open_backend(0);
    add_backend(add_pattern(), b, false)->fall = 1;
    shut(b);
    make_pool();
    until(is_out);
    listen_at(b, b->port);
    run_for(100);
    ask_for(&asks[119], "/now");
    until_refused(refused + 1);
    cr_assert_eq(asks[119].refusal, POOL_DOWN);
    cr_assert_eq(b->accepted, 0);
    end();
}

Test(proxy_pool_health, retire_ends_probes, .timeout = 60) {
    begin(PLAN_REVERSE);
    the_plan.back_backoff_ms = 20;
    backend *b = open_backend(0);
    plan_backend *m = add_backend(add_pattern(), b, false);
    m->fall = m->rise = 1;
    shut(b);
    make_pool();
    until(is_out);
    until_refused(times_asked);
    pool_retire(p);
    loop_run(l); /* nothing is left to wait for */
    cr_assert_eq(plan_counts, 0);
    loop_free(l);
}

/* ---- HTTP/2 that is none ---- */

static bool anything_was_said(void) { return said_count && asks[0].closed; }

Test(proxy_pool_health, a_server_of_another_protocol, .timeout = 60) {
    begin(PLAN_REVERSE);
    the_plan.back_backoff_ms = 10000;
    backend *b = open_backend(0);
    b->config.start = SESSION_H1;
    b->config.h1.upgrade = false;
    add_backend(add_pattern(), b, true);
    make_pool();
    ask_for(&asks[0], "/now"); /* goes out at once, and dies with the connection */
    until(anything_was_said);
    cr_assert_eq(asks[0].closed, 1);
    cr_assert(was_said("Could not connect 1 times in a row"));
    end();
}
