/* netio/link_pump.c, link_flush.c, meter.c: links whose speed is limited, and peers that must read
 * so fast.
 * timeout: 60 */
#include "tests/unit/net_fake.h"

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
