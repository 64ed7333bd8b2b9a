/* netio/link.c, link_flush.c, fault.c: one connection, what it writes, how it ends, and when.
 * timeout: 120 */
#include "tests/unit/net_fake.h"

/* ---- there and back ---- */

static void *echo_peer(void *unused) {
    size_t got = 0, put = 0;
    uint8_t head[5] = {'E'};
    bytes_put32(head + 1, BIG);
    for (size_t i = 0; i < BIG; i++) sent[i] = (uint8_t)(i ^ (i >> 8) ^ (i >> 16));
    send_all(me.peer, head, 5);
    fcntl(me.peer, F_SETFL, O_NONBLOCK);
    while (got < BIG) {
        struct pollfd p = {me.peer, POLLIN | (put < BIG ? POLLOUT : 0), 0};
        poll(&p, 1, 1000);
        if (p.revents & POLLOUT) {
            ssize_t n = send(me.peer, sent + put, BIG - put, MSG_NOSIGNAL);
            if (n > 0) put += (size_t)n;
        }
        if (p.revents & POLLIN) {
            ssize_t n = recv(me.peer, back + got, BIG - got, 0);
            if (n <= 0) break;
            got += (size_t)n;
        }
    }
    shutdown(me.peer, SHUT_WR);
    return unused;
}

static void check_echo(void) {
    cr_assert_eq(memcmp(sent, back, BIG), 0);
    cr_assert_null(me.why, "%s", me.why);
}

Test(link, echo, .timeout = 60) {
    begin();
    run_with(echo_peer);
    cr_assert_eq(life.seen_budget, LIMIT_FLUSH_BUDGET);
    check_echo();
    end();
}

Test(link, echo_with_short_writes_and_eagain, .timeout = 60) {
    setenv("H2BOX_FAULT", "write=3000,read=700,eagain=30,seed=7,sndbuf=4096,unknown=1,rcvbuf=4096",
           1);
    begin();
    run_with(echo_peer);
    check_echo();
    end();
}

static void *small_echo_peer(void *unused) {
    send_frame(me.peer, 'E', "one byte at a time", 18);
    recv(me.peer, back, 18, MSG_WAITALL);
    shutdown(me.peer, SHUT_WR);
    return unused;
}

Test(link, echo_byte_by_byte, .timeout = 60) {
    setenv("H2BOX_FAULT", "write=1,read=1,eagain=50", 1);
    begin();
    run_with(small_echo_peer);
    cr_assert_eq(memcmp(back, "one byte at a time", 18), 0);
    end();
}

/* ---- bulk: a slow reader ---- */

enum { BULK = 20000000 };

static bool bulk_good;

static void *bulk_peer(void *unused) {
    static uint8_t piece[100000];
    size_t got = 0;
    send_bulk(me.peer, BULK);
    bulk_good = true;
    while (got < BULK) {
        ssize_t n = recv(me.peer, piece, sizeof piece, 0);
        if (n <= 0) break;
        for (ssize_t i = 0; i < n; i += 61) {
            if (piece[i] != pattern[(got + (size_t)i) % sizeof pattern]) bulk_good = false;
        }
        got += (size_t)n;
        if (got / 2000000 != (got - (size_t)n) / 2000000) usleep(20000);
    }
    bulk_good = bulk_good && got == BULK;
    shutdown(me.peer, SHUT_WR);
    return unused;
}

Test(link, bulk_to_a_slow_reader, .timeout = 60) {
    birth.write_ms = 5000;
    begin();
    run_with(bulk_peer);
    cr_assert(bulk_good);
    cr_assert_null(me.why);
    end();
}

Test(link, a_peer_that_reads_nothing, .timeout = 60) {
    birth.write_ms = 100;
    begin();
    send_bulk(me.peer, 1u << 30);
    loop_run(me.l);
    cr_assert_str_eq(me.why, "the peer reads too slowly");
    end();
}

/* ---- two links of one loop ---- */

static net_link *second;
static unsigned told_before_second;

static void on_second(void *user, net_link *k, const http_event *ev) {
    (void)user;
    (void)k;
    if (ev->kind == HTTP_EVENT_DATA) told_before_second = me.data_events;
}

static void on_second_closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)why;
    cr_assert_eq(k, second);
}

/* One read can hold thousands of requests: the others do not wait for all of them. */
Test(link, input_has_a_share_of_a_turn, .timeout = 60) {
    enum { EVENTS = 2000, FRAME = 6 };
    static uint8_t frames[EVENTS * FRAME];
    static const link_calls second_calls = {.event = on_second, .closed = on_second_closed};
    link_birth other = {.calls = &second_calls, .config = &config};
    int pair[2];
    for (int i = 0; i < EVENTS; i++) memcpy(frames + i * FRAME, "D\0\0\0\1x", FRAME);
    begin();
    tcp_pair(pair);
    second = link_new(me.l, pair[0], &other, NULL, NULL);
    send_all(me.peer, frames, sizeof frames);
    send_frame(pair[1], 'D', "y", 1);
    shutdown(me.peer, SHUT_WR);
    shutdown(pair[1], SHUT_WR);
    loop_run(me.l);
    cr_assert_eq(me.data_events, EVENTS);
    cr_assert(told_before_second > 0 && told_before_second <= 2 * LIMIT_STEP_EVENTS, "%u",
              told_before_second);
    loop_free(me.l);
    close(me.peer);
    close(pair[1]);
}

/* ---- ends ---- */

Test(link, orderly_end, .timeout = 60) {
    begin();
    shutdown(me.peer, SHUT_WR);
    loop_run(me.l);
    cr_assert_null(me.why);
    cr_assert_eq(life.eofs, 1);
    end();
}

Test(link, answers_reach_a_peer_that_shut_its_side, .timeout = 60) {
    begin();
    send_frame(me.peer, 'E', "farewell", 8);
    shutdown(me.peer, SHUT_WR);
    loop_run(me.l);
    cr_assert_eq(recv(me.peer, back, 100, 0), 8);
    end();
}

Test(link, peer_closes_in_a_frame, .timeout = 60) {
    begin();
    send_frame(me.peer, 'S', NULL, 0);
    send_frame(me.peer, 'S', NULL, 0);
    send_all(me.peer, "D\0\0", 3);
    close(me.peer);
    loop_run(me.l);
    cr_assert_eq(me.streams_closed, 2);
    cr_assert_str_eq(me.why, "cut in a frame");
    end();
}

Test(link, peer_resets, .timeout = 60) {
    begin();
    send_frame(me.peer, 'S', NULL, 0);
    reset_peer(me.peer);
    loop_run(me.l);
    cr_assert_str_eq(me.why, "connection reset by peer");
    cr_assert_leq(me.streams_closed, 1);
    end();
}

Test(link, peer_resets_while_reading_is_paused, .timeout = 60) {
    begin();
    send_frame(me.peer, 'P', NULL, 0);
    send_bulk(me.peer, 1); /* is not taken */
    soon = (timer){.fire = on_soon_reset};
    timer_arm(me.l, &soon, 20);
    loop_run(me.l);
    cr_assert_str_eq(me.why, "connection reset by peer");
    end();
}

static void *full_slabs_peer(void *unused) {
    /* More than one read takes, all of it there before the first, and nothing comes after. */
    send_bulk(me.peer, 3);
    send_frame(me.peer, 'D', sent, 3 * LIMIT_READ_SLAB);
    recv(me.peer, back, 3, MSG_WAITALL);
    while (me.data_bytes < 3 * LIMIT_READ_SLAB) usleep(1000);
    shutdown(me.peer, SHUT_WR);
    return unused;
}

Test(link, what_one_read_leaves_is_read_later, .timeout = 60) {
    pthread_t peer;
    begin();
    pthread_create(&peer, NULL, full_slabs_peer, NULL);
    usleep(100000);
    loop_run(me.l);
    pthread_join(peer, NULL);
    cr_assert_eq(me.data_bytes, 3 * LIMIT_READ_SLAB);
    cr_assert_geq(me.data_events, 3);
    end();
}

Test(link, reset_by_fault, .timeout = 60) {
    setenv("H2BOX_FAULT", "reset=2000", 1);
    begin();
    send_bulk(me.peer, 100000);
    loop_run(me.l);
    cr_assert_str_eq(me.why, "connection reset by peer");
    cr_assert_eq(recv(me.peer, back, 2000, MSG_WAITALL), 2000);
    cr_assert_leq(recv(me.peer, back, 2000, 0), 0);
    end();
}

Test(link, last_words_are_heard_when_writing_fails, .timeout = 60) {
    begin();
    /* The peer has shut everything: our writes fail, but its frame is there to be read. */
    send_frame(me.peer, 'D', "goodbye", 7);
    close(me.peer);
    me.peer = -1;
    link_session(me.k)->bulk = 5000000;
    loop_run(me.l);
    cr_assert_eq(me.data_bytes, 7);
    end();
}

static void close_on(http_event_kind kind, bool eof) {
    me.close_on = kind;
    begin();
    send_frame(me.peer, 'S', NULL, 0);
    send_frame(me.peer, 'D', "12345", 5);
    link_session(me.k)->deadline = loop_now_ms(me.l) + 10;
    if (kind == HTTP_EVENT_OVER) send_frame(me.peer, 'O', NULL, 0);
    if (eof) shutdown(me.peer, SHUT_WR);
    loop_run(me.l);
    cr_assert_eq(me.streams_closed, 1 - (kind == HTTP_EVENT_OVER));
    end();
}

Test(link, close_inside_data, .timeout = 60) { close_on(HTTP_EVENT_DATA, false); }
Test(link, close_inside_over, .timeout = 60) { close_on(HTTP_EVENT_OVER, false); }
Test(link, close_inside_pong, .timeout = 60) { close_on(HTTP_EVENT_PONG, false); }
Test(link, close_inside_closed, .timeout = 60) { close_on(HTTP_EVENT_CLOSED, true); }

Test(link, close_says_why, .timeout = 60) {
    begin();
    send_frame(me.peer, 'E', "x", 1);
    me.close_on = HTTP_EVENT_DATA;
    send_frame(me.peer, 'D', "y", 1);
    loop_run(me.l);
    cr_assert_str_eq(me.why, "closed by the test");
    cr_assert_eq(recv(me.peer, back, 10, 0), 1); /* what could be written was */
    end();
}

Test(link, freed_with_its_loop, .timeout = 60) {
    begin();
    link_session(me.k)->streams = 3;
    end();
    cr_assert_eq(me.streams_closed, 3);
    cr_assert_str_eq(me.why, "the program ends");
}

/* ---- over: flush, then close; the peer's unread bytes must not take it back ---- */

static void *lingering_peer(void *unused) {
    static uint8_t noise[200000];
    size_t got = 0;
    send_bulk(me.peer, 4000000);
    send_frame(me.peer, 'O', NULL, 0);
    usleep(50000);
    send(me.peer, noise, sizeof noise, MSG_NOSIGNAL | MSG_DONTWAIT);
    for (;;) {
        ssize_t n = recv(me.peer, back, sizeof back, 0);
        if (n <= 0) break;
        got += (size_t)n;
        send(me.peer, noise, 1000, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    bulk_good = got == 4000000;
    close(me.peer);
    me.peer = -1;
    return unused;
}

Test(link, over_lingers_for_what_the_peer_has_not_read, .timeout = 60) {
    config.server = true;
    begin();
    run_with(lingering_peer);
    cr_assert(bulk_good);
    cr_assert_null(me.why);
    end();
}

Test(link, lingering_ends_by_itself, .timeout = 60) {
    config.server = true;
    begin();
    send_frame(me.peer, 'O', NULL, 0);
    uint64_t before = loop_now_us();
    loop_run(me.l); /* the peer never closes */
    cr_assert_lt(loop_now_us() - before, (LIMIT_LINGER_MS + 2000) * 1000ull);
    cr_assert_null(me.why);
    end();
}

Test(link, a_client_does_not_linger, .timeout = 60) {
    begin();
    send_frame(me.peer, 'O', NULL, 0);
    uint64_t before = loop_now_us();
    loop_run(me.l);
    cr_assert_lt(loop_now_us() - before, 1000000);
    end();
}

/* ---- time ---- */

Test(link, idle_links_are_drained, .timeout = 60) {
    birth.idle_ms = 60;
    begin();
    uint64_t before = loop_now_us();
    loop_run(me.l);
    cr_assert_geq(loop_now_us() - before, 55000);
    cr_assert_eq(life.drains, 1);
    cr_assert_null(me.why);
    end();
}

static void on_half(timer *t) {
    static unsigned n;
    send_frame(me.peer, 'D', "x", 1);
    cr_assert_eq(life.drains, 0);
    if (++n < 6) timer_arm(me.l, t, 60);
}

Test(link, bytes_and_streams_are_not_idle, .timeout = 60) {
    birth.idle_ms = 250; /* four times the pause: a loaded machine is late */
    begin();
    soon = (timer){.fire = on_half};
    timer_arm(me.l, &soon, 60);
    loop_run(me.l);
    cr_assert_eq(me.data_bytes, 6);
    cr_assert_eq(life.drains, 1);
    end();
}

Test(link, the_session_is_stepped_at_its_deadline, .timeout = 60) {
    begin();
    uint64_t due = loop_now_ms(me.l) + 50;
    link_session(me.k)->deadline = due;
    me.close_on = HTTP_EVENT_PONG;
    loop_run(me.l);
    cr_assert_geq(loop_now_us() / 1000 + 1, due);
    cr_assert_eq(life.timed, 1);
    end();
}

/* ---- facts ---- */

Test(link, facts, .timeout = 60) {
    begin();
    send_frame(me.peer, 'E', "1234", 4);
    send_frame(me.peer, 'D', "", 0);
    cr_assert_str_eq(link_peer(me.k), "127.0.0.1");
    cr_assert_eq(link_loop(me.k), me.l);
    cr_assert_eq(link_user(me.k), &me);
    shutdown(me.peer, SHUT_WR);
    link_session(me.k)->deadline = loop_now_ms(me.l);
    loop_run(me.l);
    cr_assert_eq(life.timed, 1);
    end();
}
