/* netio/link_pump.c, buf.c: pauses, pinned bytes, and TLS between socket and session.
 * timeout: 120 */
#include "tests/unit/net_fake.h"

/* ---- pauses ---- */

static void on_allow(timer *t) {
    (void)t;
    cr_assert_eq(me.data_bytes, 3);
    life.allow = true;
    link_touch(me.k);
}

static void pause_with(size_t n) {
    me.pin_least = 1;
    begin();
    send_frame(me.peer, 'D', "abc", 3);
    send_frame(me.peer, 'P', NULL, 0);
    for (size_t i = 0; i < n; i++) sent[i] = (uint8_t)(i * 3);
    send_frame(me.peer, 'D', sent, n);
    send_frame(me.peer, 'D', "xyz", 3);
    shutdown(me.peer, SHUT_WR);
    soon = (timer){.fire = on_allow};
    timer_arm(me.l, &soon, 50);
    loop_run(me.l);
    cr_assert_eq(me.data_bytes, n + 6);
    cr_assert_null(me.why);
    cr_assert_eq(memcmp(me.kept[me.pinned - 1].p, "xyz", 3), 0);
    size_t at = 0;
    for (unsigned i = 1; i + 1 < me.pinned; i++) {
        cr_assert_eq(memcmp(me.kept[i].p, sent + at, me.kept[i].n), 0);
        at += me.kept[i].n;
    }
    cr_assert_eq(at, n);
    for (unsigned i = 0; i < me.pinned; i++) buf_unpin(me.pins[i]);
    end();
}

Test(link_pump, pause_keeps_little, .timeout = 60) { pause_with(100); }
Test(link_pump, pause_keeps_much, .timeout = 60) { pause_with(50000); }
Test(link_pump, pause_stops_reading, .timeout = 60) { pause_with(300000); }

Test(link_pump, paused_to_the_end, .timeout = 60) {
    begin();
    send_frame(me.peer, 'P', NULL, 0);
    send_frame(me.peer, 'D', sent, 9000);
    me.touch = true;
    soon = (timer){.fire = on_soon_reset};
    timer_arm(me.l, &soon, 20);
    loop_stop(me.l);
    loop_run(me.l);
    end();
}

/* ---- pins ---- */

static void *pinned_peer(void *unused) {
    for (unsigned i = 0; i < 40; i++) {
        memset(sent, (int)i, 20000);
        send_frame(me.peer, 'D', sent, i % 2 ? 20000 : 500);
        usleep(1000);
    }
    shutdown(me.peer, SHUT_WR);
    return unused;
}

Test(link_pump, pinned_bytes_stay, .timeout = 60) {
    me.pin_least = 1;
    begin();
    run_with(pinned_peer);
    cr_assert_geq(me.pinned, 40);
    size_t charge = 0, total = 0, at = 0;
    for (unsigned i = 0; i < me.pinned; i++) {
        size_t frame = 0;
        for (size_t sum = 0; frame < 40; frame++) {
            sum += frame % 2 ? 20000 : 500;
            if (at < sum) break;
        }
        for (size_t j = 0; j < me.kept[i].n; j++) cr_assert_eq(me.kept[i].p[j], (uint8_t)frame);
        at += me.kept[i].n;
        total += me.kept[i].n;
        charge += buf_charge(me.pins[i]);
        if (me.kept[i].n < 4096) cr_assert_lt(buf_charge(me.pins[i]), 4200);
    }
    cr_assert_eq(total, me.data_bytes);
    cr_assert_geq(charge, total);
    for (unsigned i = 0; i < me.pinned; i++) buf_unpin(me.pins[i]);
    end();
}

/* ---- TLS: a toy that flips bits and frames records ---- */

typedef struct toy {
    uint8_t clear[300000];
    size_t clear_first, clear_end;
    uint8_t sealed[300000];
    size_t sealed_first, sealed_end;
    bool hello, greeted; /* like a handshake: nothing is sealed before the peer has said hello */
    tls_status status;
    const char *why;
    unsigned closes, frees;
} toy;

static toy box;

static tls_status toy_feed(void *self, span *in, const char **why) {
    toy *t = self;
    cr_assert_eq(t->clear_first, t->clear_end, "feed while plaintext waits");
    t->clear_first = t->clear_end = 0;
    while (in->n) {
        uint8_t c = *span_take(in, 1).p;
        if (!t->hello) {
            t->hello = true;
            t->sealed[t->sealed_end++] = 'H';
        } else if (c == 0xff) {
            t->status = TLS_CLOSED;
        } else if (c == 0xfe) {
            t->why = "bad record";
            t->status = TLS_FAILED;
        } else {
            t->clear[t->clear_end++] = c ^ 0x55;
        }
    }
    *why = t->why;
    return t->status;
}

static const tls_facts *toy_facts(const void *self) {
    static const tls_facts h2 = {.alpn = "h2"};
    (void)self;
    return &h2;
}

static span toy_plain(void *self) {
    toy *t = self;
    size_t n = t->clear_end - t->clear_first;
    span s = span_of(t->clear + t->clear_first, n < 7 ? n : 7); /* small "records" */
    t->clear_first += s.n;
    return s;
}

static size_t toy_seal(void *self, const span *iov, size_t n) {
    toy *t = self;
    size_t took = 0;
    if (!t->hello) return 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < iov[i].n && took < 1000; j++, took++) {
            t->sealed[t->sealed_end++] = iov[i].p[j] ^ 0x55;
        }
    }
    return took;
}

static size_t toy_output(void *self, span *iov, size_t niov) {
    toy *t = self;
    (void)niov;
    iov[0] = span_of(t->sealed + t->sealed_first, t->sealed_end - t->sealed_first);
    return iov[0].n != 0;
}

static void toy_output_done(void *self, size_t n) {
    toy *t = self;
    t->sealed_first += n;
    if (t->sealed_first == t->sealed_end) t->sealed_first = t->sealed_end = 0;
}

static void toy_close(void *self) {
    toy *t = self;
    t->closes++;
    t->sealed[t->sealed_end++] = 0xff;
}

static void toy_free(void *self) { ((toy *)self)->frees++; }

static const tls_ports toy_ports = {.feed = toy_feed,
                                    .facts = toy_facts,
                                    .plain = toy_plain,
                                    .seal = toy_seal,
                                    .output = toy_output,
                                    .output_done = toy_output_done,
                                    .close = toy_close,
                                    .free = toy_free};

static void send_sealed(int fd, char letter, const char *p, size_t n) {
    uint8_t record[600] = {(uint8_t)letter ^ 0x55, 0x55, 0x55, (uint8_t)(n >> 8) ^ 0x55,
                           (uint8_t)n ^ 0x55};
    for (size_t i = 0; i < n; i++) record[5 + i] = (uint8_t)p[i] ^ 0x55;
    send_all(fd, record, 5 + n);
}

static void end_tls(void) {
    end();
    cr_assert_eq(box.closes, me.why ? 0 : 1, "a cut is no end");
    cr_assert_eq(box.frees, 1);
}

static const char speech[] = "a speech that is longer than one small record, and comes back";

static void *tls_peer(void *unused) {
    usleep(20000);
    send_all(me.peer, "h", 1);
    recv(me.peer, back, 1, 0);
    send_sealed(me.peer, 'E', speech, sizeof speech);
    recv(me.peer, back, sizeof speech, MSG_WAITALL);
    for (size_t i = 0; i < sizeof speech; i++) back[i] ^= 0x55;
    send_sealed(me.peer, 'O', NULL, 0);
    recv(me.peer, back + 1000, 10, 0); /* close_notify */
    return unused;
}

Test(link_pump, tls_there_and_back, .timeout = 60) {
    begin_tls(&toy_ports, &box);
    run_with(tls_peer);
    cr_assert_str_eq((char *)back, speech);
    cr_assert_eq(back[1000], 0xff);
    cr_assert_null(me.why);
    end_tls();
}

Test(link_pump, tls_with_faults, .timeout = 60) {
    setenv("H2BOX_FAULT", "write=1,read=2,eagain=40", 1);
    begin_tls(&toy_ports, &box);
    run_with(tls_peer);
    cr_assert_str_eq((char *)back, speech);
    end_tls();
}

Test(link_pump, tls_pause, .timeout = 60) {
    begin_tls(&toy_ports, &box);
    send_all(me.peer, "h", 1);
    send_sealed(me.peer, 'D', "abc", 3);
    send_sealed(me.peer, 'P', NULL, 0);
    send_sealed(me.peer, 'D', speech, sizeof speech);
    soon = (timer){.fire = on_allow};
    timer_arm(me.l, &soon, 50);
    me.close_on = HTTP_EVENT_PONG;
    link_session(me.k)->deadline = loop_now_ms(me.l) + 150;
    loop_run(me.l);
    cr_assert_eq(me.data_bytes, 3 + sizeof speech);
    end_tls();
}

Test(link_pump, tls_failure_says_why, .timeout = 60) {
    begin_tls(&toy_ports, &box);
    send_all(me.peer, "h\xfe", 2);
    loop_run(me.l);
    cr_assert_str_eq(me.why, "bad record");
    end_tls();
}

/* RFC 8446 section 6.1: an end of the socket alone may be anybody's. */
static void check_cut(bool stream, const char *why) {
    begin_tls(&toy_ports, &box);
    send_all(me.peer, "h", 1);
    if (stream) send_sealed(me.peer, 'S', NULL, 0);
    shutdown(me.peer, SHUT_WR);
    loop_run(me.l);
    cr_assert_eq(me.why == NULL, why == NULL);
    if (why) cr_assert_str_eq(me.why, why);
    end_tls();
}

Test(link_pump, tls_cut_while_something_is_open, .timeout = 60) {
    check_cut(true, "the connection was cut (no close_notify)");
}

Test(link_pump, tls_cut_while_nothing_is_open, .timeout = 60) { check_cut(false, NULL); }

Test(link_pump, tls_closed_by_the_peer, .timeout = 60) {
    begin_tls(&toy_ports, &box);
    send_all(me.peer, "h", 1);
    send_sealed(me.peer, 'E', "bye", 3);
    send_all(me.peer, "\xff", 1);
    loop_run(me.l);
    cr_assert_null(me.why);
    cr_assert_eq(recv(me.peer, back, 5, MSG_WAITALL), 5); /* H, bye, close_notify */
    cr_assert_eq(back[4], 0xff);
    end_tls();
}
