/* netio/link_pump.c, link_flush.c, meter.c: links whose speed is limited, and peers that must read
 * so fast.
 * timeout: 60 */
#include "tests/unit/net_fake.h"

#include "netio/quota.h"

static uint64_t began_us;

static void begin_limited(link_rates r) {
    birth.rates = &r; /* for the call only */
    began_us = loop_now_us();
    begin();
}

static void *read_all_peer(void *unused) {
    size_t got = 0;
    send_bulk(me.peer, 300000);
    while (got < 300000) {
        ssize_t n = recv(me.peer, back + got, 300000 - got, 0);
        if (n <= 0) break;
        got += (size_t)n;
    }
    cr_assert_eq(got, 300000);
    shutdown(me.peer, SHUT_WR);
    return unused;
}

/* At least as long as the rate says; how much longer is the machine's. */
static void check_time(unsigned least_ms) {
    uint64_t ms = (loop_now_us() - began_us) / 1000;
    cr_assert(ms >= least_ms, "%u", (unsigned)ms);
    cr_assert_lt(ms, 20000);
    cr_assert_null(me.why, "%s", me.why);
    end();
}

Test(link_rate, write, .timeout = 60) {
    begin_limited((link_rates){.write_rate = 400000, .write_burst = 50000});
    run_with(read_all_peer);
    check_time(400); /* of the 250,000 that are no burst, 64 KiB may go too early */
}

static void *write_peer(void *unused) {
    send_frame(me.peer, 'D', sent, 300000);
    shutdown(me.peer, SHUT_WR);
    return unused;
}

Test(link_rate, read, .timeout = 60) {
    begin_limited((link_rates){.read_rate = 400000, .read_burst = 50000});
    run_with(write_peer);
    cr_assert_eq(me.data_bytes, 300000);
    check_time(600);
}

Test(link_rate, both_with_faults, .timeout = 60) {
    setenv("H2BOX_FAULT", "write=9000,read=7000,eagain=20,seed=2", 1);
    begin_limited((link_rates){.write_rate = 2000000, .read_rate = 1000000});
    run_with(read_all_peer);
    check_time(0);
}

static void *slow_peer(void *unused) {
    char piece[2000];
    send_bulk(me.peer, 1u << 30);
    while (!me.closed && recv(me.peer, piece, sizeof piece, 0) > 0) usleep(20000);
    return unused;
}

Test(link_rate, a_slow_reader_is_left, .timeout = 60) {
    setenv("H2BOX_FAULT", "sndbuf=4096", 1);
    begin_limited(
        (link_rates){.least_rate = 10000000, .least_grace_ms = 300, .least_most_ms = 600});
    run_with(slow_peer);
    cr_assert_str_eq(me.why, "the peer reads too slowly");
    cr_assert_geq(loop_now_us() - began_us, 300000);
    end();
}

static void *steady_peer(void *unused) {
    size_t got = 0;
    send_bulk(me.peer, 3000000);
    while (got < 3000000) {
        ssize_t n = recv(me.peer, back + got, 100000, 0);
        if (n <= 0) break;
        got += (size_t)n;
        usleep(5000);
    }
    shutdown(me.peer, SHUT_WR);
    return unused;
}

Test(link_rate, a_steady_reader_stays, .timeout = 60) {
    setenv("H2BOX_FAULT", "sndbuf=4096", 1);
    begin_limited((link_rates){.least_rate = 1000, .least_grace_ms = 5000, .least_most_ms = 9000});
    run_with(steady_peer);
    check_time(0);
}

/* ---- a quota of several links: a second one that asks for the same at the same time ---- */

enum { EACH = 150000 };

static quota *shared;
static net_link *other;
static int other_peer;
static size_t behind; /* what one of them had when the other had all */

static void ignore_event(void *user, net_link *k, const http_event *ev) {
    (void)user;
    (void)k;
    (void)ev;
}

static void ignore_closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)k;
    cr_assert_null(why, "%s", why);
}

static void begin_shared(link_rates r, bool set_later) {
    static const link_calls other_calls = {.event = ignore_event, .closed = ignore_closed};
    int pair[2];
    me.l = loop_new();
    shared = quota_new(me.l);
    if (!set_later) quota_set(shared, &r);
    birth.quota = shared;
    began_us = loop_now_us();
    tcp_pair(pair);
    me.peer = pair[1];
    me.k = link_new(me.l, pair[0], &birth, NULL, NULL);
    link_birth b = birth;
    b.calls = &other_calls;
    tcp_pair(pair);
    other_peer = pair[1];
    other = link_new(me.l, pair[0], &b, NULL, NULL);
    cr_assert(me.k && other);
    if (!set_later) return;
    quota_set(shared, &r);
    link_set_quota(me.k, shared);
    link_set_quota(other, shared);
}

static void end_shared(void) {
    uint64_t ms = (loop_now_us() - began_us) / 1000;
    cr_assert(ms >= 700, "%u", (unsigned)ms); /* 290,000 of 300,000 bytes at 400,000 a second */
    cr_assert_gt(behind, EACH - EACH / 4);
    cr_assert_null(me.why, "%s", me.why);
    cr_assert_null(shared->write.first);
    cr_assert_null(shared->read.first);
    quota_free(shared);
    loop_free(me.l);
    close(me.peer);
    close(other_peer);
}

static void *read_two_peers(void *unused) {
    size_t got[2] = {0, 0};
    struct pollfd p[2] = {{me.peer, POLLIN, 0}, {other_peer, POLLIN, 0}};
    send_bulk(me.peer, EACH);
    send_bulk(other_peer, EACH);
    while (got[0] + got[1] < 2 * EACH && poll(p, 2, 10000) > 0) {
        for (int i = 0; i < 2; i++) {
            ssize_t n = p[i].revents ? recv(p[i].fd, back, sizeof back, 0) : 0;
            cr_assert_geq(n, 0);
            got[i] += (size_t)n;
        }
        if (!behind && (got[0] == EACH || got[1] == EACH)) behind = got[got[0] == EACH];
    }
    cr_assert_eq(got[0] + got[1], 2 * EACH);
    shutdown(me.peer, SHUT_WR);
    shutdown(other_peer, SHUT_WR);
    return unused;
}

Test(link_rate, shared_writes, .timeout = 60) {
    begin_shared((link_rates){.write_rate = 400000, .write_burst = 10000}, false);
    run_with(read_two_peers);
    cr_assert_lt(life.output_calls, 2000, "nobody asks in vain");
    end_shared();
}

Test(link_rate, shared_writes_with_faults, .timeout = 60) {
    setenv("H2BOX_FAULT", "write=9000,eagain=20,seed=3", 1);
    begin_shared((link_rates){.write_rate = 400000, .write_burst = 10000}, true);
    run_with(read_two_peers);
    end_shared();
}

static void *write_two_peers(void *unused) {
    size_t put[2] = {0, 0};
    struct pollfd p[2] = {{me.peer, POLLOUT, 0}, {other_peer, POLLOUT, 0}};
    uint8_t head[5] = {'D'};
    bytes_put32(head + 1, EACH);
    for (int i = 0; i < 2; i++) {
        int size = 4096; /* so that what is sent is what was read, nearly */
        setsockopt(p[i].fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        send_all(p[i].fd, head, 5);
        fcntl(p[i].fd, F_SETFL, O_NONBLOCK);
    }
    while (put[0] + put[1] < 2 * EACH && poll(p, 2, 10000) > 0) {
        for (int i = 0; i < 2; i++) {
            size_t left = EACH - put[i];
            if (!p[i].revents) continue;
            ssize_t n = send(p[i].fd, sent, left < 4096 ? left : 4096, MSG_NOSIGNAL);
            if (n > 0) put[i] += (size_t)n;
            if (put[i] == EACH) p[i].fd = -1;
        }
        if (!behind && (put[0] == EACH || put[1] == EACH)) behind = put[put[0] == EACH];
    }
    shutdown(me.peer, SHUT_WR);
    shutdown(other_peer, SHUT_WR);
    return unused;
}

Test(link_rate, shared_reads, .timeout = 60) {
    setenv("H2BOX_FAULT", "rcvbuf=4096", 1);
    begin_shared((link_rates){.read_rate = 400000, .read_burst = 10000}, false);
    run_with(write_two_peers);
    cr_assert_eq(me.data_bytes, EACH);
    end_shared();
}
