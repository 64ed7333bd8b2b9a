/* netio/link*.c, buf.c, fault.c: one connection over a socket pair, with a session made here that
 * does as it is told. timeout: 120
 *
 * The made session speaks frames: a letter, four bytes of length, a payload.
 *   D  a DATA event per piece of payload that arrives        E  sends the payload back
 *   P  wants a pause before it, until the test allows more   B  sends as many bytes as the
 * payload's four bytes say S  opens a stream, which streams() counts and CLOSED tells of      O  is
 * OVER */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/net.h"

/* What the TLS layer will call (link_impl.h). */
net_link *link_new(loop *l, int fd, const link_birth *birth, const tls_ports *tls, void *tls_self);

/* ---- the made session ---- */

struct session {
    uint8_t head[5];
    size_t have, left; /* of the head, of the payload */
    uint8_t *out;
    size_t out_first, out_end, out_room;
    uint64_t bulk, bulk_sent;
    uint32_t streams;
    bool paused, told_over, over, gone, drained;
    uint64_t deadline;
    unsigned timed;
    size_t lent; /* by the last output, not yet done */
};

static struct { /* all sessions of a test */
    bool allow;
    unsigned freed, eofs, drains, timed;
    uint64_t output_calls;
    size_t seen_budget;
} life;

static uint8_t pattern[65536];

void session_scratch_init(session_scratch *s, const mem *m) {
    (void)s;
    (void)m;
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t)(i * 7 + (i >> 8));
}

void session_scratch_end(session_scratch *s) { (void)s; }

session *session_new(const session_birth *b) {
    (void)b;
    session *s = calloc(1, sizeof *s);
    s->deadline = UINT64_MAX;
    return s;
}

void session_free(session *s) {
    if (!s) return;
    life.freed++;
    free(s->out);
    free(s);
}

static void queue(session *s, const uint8_t *p, size_t n) {
    if (s->out_end + n > s->out_room) {
        s->out_room = (s->out_end + n) * 2;
        /* Lent bytes must not move: the link may not call step between output and output_done. */
        cr_assert_eq(s->lent, 0);
        s->out = realloc(s->out, s->out_room);
    }
    memcpy(s->out + s->out_end, p, n);
    s->out_end += n;
}

static http_event_kind tell(http_event *ev, http_event_kind kind) {
    *ev = (http_event){.kind = kind};
    return kind;
}

static http_event_kind payload(session *s, span *in, http_event *ev) {
    span piece = span_take(in, in->n < s->left ? in->n : s->left);
    s->left -= piece.n;
    if (!s->left) s->have = 0;
    switch (s->head[0]) {
    case 'D':
        tell(ev, HTTP_EVENT_DATA);
        ev->data = piece;
        ev->end = !s->left;
        return ev->kind;
    case 'E': queue(s, piece.p, piece.n); break;
    case 'B': s->bulk += bytes_get32(piece.p); break;
    default: break;
    }
    return HTTP_EVENT_NONE;
}

http_event_kind session_step(session *s, span *in, uint64_t now_ms, http_event *ev) {
    cr_assert_eq(s->lent, 0, "step between output and output_done");
    if (now_ms >= s->deadline) {
        s->deadline = UINT64_MAX;
        life.timed++;
        return tell(ev, HTTP_EVENT_PONG);
    }
    for (;;) {
        if (s->gone && s->streams) {
            s->streams--;
            tell(ev, HTTP_EVENT_CLOSED);
            ev->early_close = true;
            return ev->kind;
        }
        if (s->over && !s->told_over) {
            s->told_over = true;
            tell(ev, HTTP_EVENT_OVER);
            if (s->gone && s->have) ev->verdict = VERDICT_ON_CONNECTION(0, "cut in a frame");
            return ev->kind;
        }
        if (s->over) {
            *in = span_skip(*in, in->n);
            return HTTP_EVENT_NONE;
        }
        if (s->paused && !life.allow) return in->n ? HTTP_EVENT_PAUSED : HTTP_EVENT_NONE;
        s->paused = false;
        if (s->have == 5 && s->left) {
            if (!in->n) return HTTP_EVENT_NONE;
            if (payload(s, in, ev) != HTTP_EVENT_NONE) return ev->kind;
            continue;
        }
        if (!in->n) return HTTP_EVENT_NONE;
        while (s->have < 5 && in->n) s->head[s->have++] = *span_take(in, 1).p;
        if (s->have < 5) return HTTP_EVENT_NONE;
        s->left = bytes_get32(s->head + 1);
        if (s->head[0] == 'P') s->paused = true;
        if (s->head[0] == 'S') s->streams++;
        if (s->head[0] == 'O') s->over = true;
        if (!s->left) s->have = 0;
    }
}

bool session_pending(const session *s) {
    return (s->over && !s->told_over) || (s->gone && s->streams);
}

size_t session_output(session *s, span *iov, size_t niov, size_t budget) {
    size_t n = 0;
    life.output_calls++;
    cr_assert_eq(s->lent, 0, "output while a write is pending");
    if (s->gone) return 0;
    life.seen_budget = budget;
    /* Small spans first, so that gathering is exercised. */
    for (size_t at = s->out_first; at < s->out_end && n < niov; n++) {
        size_t piece = s->out_end - at < 1000 ? s->out_end - at : 1000;
        iov[n] = span_of(s->out + at, piece);
        s->lent += piece;
        at += piece;
    }
    for (uint64_t at = s->bulk_sent; at < s->bulk && n < niov && s->lent < budget; n++) {
        size_t piece = sizeof pattern - (size_t)(at % sizeof pattern);
        if (piece > 16384) piece = 16384;
        if (piece > s->bulk - at) piece = (size_t)(s->bulk - at);
        iov[n] = span_of(pattern + at % sizeof pattern, piece);
        s->lent += piece;
        at += piece;
    }
    if (n) return n;
    return 0;
}

void session_output_done(session *s, size_t n) {
    cr_assert_leq(n, s->lent);
    size_t own = n < s->out_end - s->out_first ? n : s->out_end - s->out_first;
    s->out_first += own;
    s->bulk_sent += n - own;
    s->lent = 0;
    if (s->out_first == s->out_end) s->out_first = s->out_end = 0;
}

uint64_t session_deadline(const session *s) { return s->deadline; }
uint32_t session_streams(const session *s) { return s->streams; }

void session_drain(session *s, uint64_t now_ms) {
    (void)now_ms;
    life.drains++;
    s->over = true;
}

void session_eof(session *s) {
    life.eofs++;
    s->gone = s->over = true;
}

verdict session_wake(session *s, http_ref ref) {
    (void)s;
    (void)ref;
    return VERDICT_OK;
}

/* What the link does not write for it: nothing is lent any more, as in a session whose writes
 * failed. */
static void forget_lent(session *s) { s->lent = 0; }

/* ---- a test's link and its peer ---- */

typedef struct seen {
    loop *l;
    net_link *k;
    int peer;
    unsigned events, closed, overs, streams_closed, data_events;
    uint64_t data_bytes;
    const char *why;
    http_event_kind close_on;
    bool inside;
    buf *pins[64];
    span kept[64];
    unsigned pinned;
    uint32_t pin_least;
    bool touch;
} seen;

static seen me;

static void on_event(void *user, net_link *k, const http_event *ev) {
    seen *s = user;
    cr_assert_eq(k, s->k);
    cr_assert_not(s->inside);
    cr_assert_eq(s->closed, 0);
    s->inside = true;
    s->events++;
    if (ev->kind == HTTP_EVENT_OVER) s->overs++;
    if (ev->kind == HTTP_EVENT_CLOSED) s->streams_closed++;
    if (ev->kind == HTTP_EVENT_DATA) {
        s->data_events++;
        s->data_bytes += ev->data.n;
        if (s->pin_least && ev->data.n >= s->pin_least && s->pinned < 64) {
            s->pins[s->pinned] = buf_pin(s->l, ev->data, &s->kept[s->pinned]);
            cr_assert_not_null(s->pins[s->pinned]);
            s->pinned++;
        }
    }
    if (ev->kind == s->close_on) link_close(k, "closed by the test");
    if (s->touch) link_touch(k);
    s->inside = false;
}

static void on_closed(void *user, net_link *k, const char *why) {
    seen *s = user;
    cr_assert_eq(k, s->k);
    cr_assert_not(s->inside, "closed inside a callback");
    cr_assert_null(link_session(k));
    link_touch(k); /* harmless */
    link_close(k, "too late");
    s->closed++;
    s->why = why;
}

static const link_calls calls = {.event = on_event, .closed = on_closed};
static session_config config;
static link_birth birth = {.calls = &calls, .user = &me, .config = &config};

static void tcp_pair(int pair[2]) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(s, (struct sockaddr *)&a, n), 0);
    cr_assert_eq(listen(s, 1), 0);
    getsockname(s, (struct sockaddr *)&a, &n);
    pair[1] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(pair[1], (struct sockaddr *)&a, n), 0);
    pair[0] = accept4(s, NULL, NULL, SOCK_NONBLOCK);
    close(s);
}

static void begin_tls(const tls_ports *tls, void *self) {
    int pair[2];
    tcp_pair(pair);
    me.l = loop_new();
    me.peer = pair[1];
    me.k = link_new(me.l, pair[0], &birth, tls, self);
    cr_assert_not_null(me.k);
}

static void begin(void) { begin_tls(NULL, NULL); }

static void end(void) {
    loop_free(me.l);
    close(me.peer);
    cr_assert_eq(me.closed, 1);
    cr_assert_eq(me.overs, 1);
    cr_assert_eq(life.freed, 1);
}

static void send_all(int fd, const void *p, size_t n) {
    const uint8_t *at = p;
    while (n) {
        ssize_t w = send(fd, at, n, MSG_NOSIGNAL);
        if (w < 0) return; /* the test sees what is missing */
        at += w;
        n -= (size_t)w;
    }
}

static void send_frame(int fd, char letter, const void *p, size_t n) {
    uint8_t head[5] = {(uint8_t)letter};
    bytes_put32(head + 1, (uint32_t)n);
    send_all(fd, head, 5);
    if (n) send_all(fd, p, n);
}

static void send_bulk(int fd, uint32_t n) {
    uint8_t count[4];
    bytes_put32(count, n);
    send_frame(fd, 'B', count, 4);
}

/* Runs fn on a thread beside the loop, then the loop until nothing is left. */
static void run_with(void *(*fn)(void *)) {
    pthread_t peer;
    pthread_create(&peer, NULL, fn, NULL);
    loop_run(me.l);
    pthread_join(peer, NULL);
}

/* ---- there and back ---- */

enum { BIG = 3000000 };

static uint8_t sent[BIG], back[BIG];

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

static void reset_peer(int fd) {
    struct linger none = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
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

static timer soon;

static void on_soon_reset(timer *t) {
    (void)t;
    reset_peer(me.peer);
}

Test(link, peer_resets_while_reading_is_paused, .timeout = 60) {
    begin();
    link_pause(me.k);
    send_bulk(me.peer, 1); /* stays unread */
    soon = (timer){.fire = on_soon_reset};
    timer_arm(me.l, &soon, 20);
    /* The link waits for nothing, so nobody notices; writing does. */
    session_deadline(link_session(me.k));
    link_session(me.k)->bulk = 1u << 30;
    link_touch(me.k);
    loop_run(me.l);
    cr_assert_not_null(me.why);
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

Test(link, pause_keeps_little, .timeout = 60) { pause_with(100); }
Test(link, pause_keeps_much, .timeout = 60) { pause_with(50000); }
Test(link, pause_stops_reading, .timeout = 60) { pause_with(300000); }

Test(link, paused_to_the_end, .timeout = 60) {
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

static void on_resume(timer *t) {
    (void)t;
    cr_assert_eq(me.data_bytes, 0);
    link_resume(me.k);
}

Test(link, pause_and_resume_by_the_applet, .timeout = 60) {
    begin();
    link_pause(me.k);
    send_frame(me.peer, 'D', "later", 5);
    shutdown(me.peer, SHUT_WR);
    soon = (timer){.fire = on_resume};
    timer_arm(me.l, &soon, 40);
    loop_run(me.l);
    cr_assert_eq(me.data_bytes, 5);
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

Test(link, pinned_bytes_stay, .timeout = 60) {
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
    if (++n < 6) timer_arm(me.l, t, 30);
}

Test(link, bytes_and_streams_are_not_idle, .timeout = 60) {
    birth.idle_ms = 60;
    begin();
    soon = (timer){.fire = on_half};
    timer_arm(me.l, &soon, 30);
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

/* ---- TLS: a toy that flips bits and frames records ---- */

typedef struct toy {
    uint8_t clear[300000];
    size_t clear_first, clear_end;
    uint8_t sealed[300000];
    size_t sealed_first, sealed_end;
    bool hello, greeted; /* like a handshake: nothing is sealed before the peer has said hello */
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
            return TLS_CLOSED;
        } else if (c == 0xfe) {
            *why = "bad record";
            return TLS_FAILED;
        } else {
            t->clear[t->clear_end++] = c ^ 0x55;
        }
    }
    return TLS_OK;
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

static const tls_ports toy_ports = {toy_feed,        toy_plain, toy_seal, toy_output,
                                    toy_output_done, toy_close, toy_free};

static void send_sealed(int fd, char letter, const char *p, size_t n) {
    uint8_t record[600] = {(uint8_t)letter ^ 0x55, 0x55, 0x55, (uint8_t)(n >> 8) ^ 0x55,
                           (uint8_t)n ^ 0x55};
    for (size_t i = 0; i < n; i++) record[5 + i] = (uint8_t)p[i] ^ 0x55;
    send_all(fd, record, 5 + n);
}

static void end_tls(void) {
    end();
    cr_assert_eq(box.closes, 1);
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

Test(link, tls_there_and_back, .timeout = 60) {
    begin_tls(&toy_ports, &box);
    run_with(tls_peer);
    cr_assert_str_eq((char *)back, speech);
    cr_assert_eq(back[1000], 0xff);
    cr_assert_null(me.why);
    end_tls();
}

Test(link, tls_with_faults, .timeout = 60) {
    setenv("H2BOX_FAULT", "write=1,read=2,eagain=40", 1);
    begin_tls(&toy_ports, &box);
    run_with(tls_peer);
    cr_assert_str_eq((char *)back, speech);
    end_tls();
}

Test(link, tls_pause, .timeout = 60) {
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

Test(link, tls_failure_says_why, .timeout = 60) {
    begin_tls(&toy_ports, &box);
    send_all(me.peer, "h\xfe", 2);
    loop_run(me.l);
    cr_assert_str_eq(me.why, "bad record");
    end_tls();
}

Test(link, tls_closed_by_the_peer, .timeout = 60) {
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

/* ---- facts ---- */

Test(link, facts, .timeout = 60) {
    begin();
    send_frame(me.peer, 'E', "1234", 4);
    send_frame(me.peer, 'D', "", 0);
    cr_assert_str_eq(link_peer(me.k), "127.0.0.1");
    cr_assert_eq(link_loop(me.k), me.l);
    cr_assert_eq(link_user(me.k), &me);
    link_set_user(me.k, &me);
    shutdown(me.peer, SHUT_WR);
    link_session(me.k)->deadline = loop_now_ms(me.l);
    loop_run(me.l);
    cr_assert_eq(life.timed, 1);
    forget_lent(&(session){.lent = 1});
    end();
}
