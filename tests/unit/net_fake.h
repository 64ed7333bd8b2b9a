/* A session that does as it is told, and a link over a TCP connection whose other end the test
 * holds.
 *
 * It takes the place of core/session.c in the tests that include it, once per program. The made
 * session speaks frames: a letter, four bytes of length, a payload.
 *
 * D  a DATA event per piece of payload that arrives E  sends the payload back P  wants a pause
 * before the next frame, until the test allows more B  sends as many bytes as the payload's four
 * bytes say S  opens a stream, which session_streams counts and CLOSED tells of O  is OVER */
#ifndef H2BOX_TESTS_UNIT_NET_FAKE_H
#define H2BOX_TESTS_UNIT_NET_FAKE_H

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
    unsigned freed, eofs, drains, closes, timed;
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

static inline void queue(session *s, const uint8_t *p, size_t n) {
    if (s->out_end + n > s->out_room) {
        s->out_room = (s->out_end + n) * 2;
        /* Lent bytes must not move: the link may not call step between output and output_done. */
        cr_assert_eq(s->lent, 0);
        s->out = realloc(s->out, s->out_room);
    }
    memcpy(s->out + s->out_end, p, n);
    s->out_end += n;
}

static inline http_event_kind tell(http_event *ev, http_event_kind kind) {
    *ev = (http_event){.kind = kind};
    return kind;
}

static inline http_event_kind payload(session *s, span *in, http_event *ev) {
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

void session_close(session *s, h2_code code, const char *why) {
    (void)code;
    (void)why;
    life.closes++;
    s->gone = s->over = true;
}

void session_cut(session *s, const char *why) {
    (void)why;
    session_eof(s);
}

void session_eof(session *s) {
    life.eofs++;
    s->gone = s->over = true;
}

bool session_half_eof(session *s) {
    (void)s;
    return false;
}

bool session_shut(const session *s) {
    (void)s;
    return false;
}

bool session_torn(const session *s) {
    (void)s;
    return false;
}

verdict session_wake(session *s, http_ref ref) {
    (void)s;
    (void)ref;
    return VERDICT_OK;
}

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

static inline void tcp_pair(int pair[2]) {
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

static inline void begin_tls(const tls_ports *tls, void *self) {
    int pair[2];
    tcp_pair(pair);
    me.l = loop_new();
    me.peer = pair[1];
    me.k = link_new(me.l, pair[0], &birth, tls, self);
    cr_assert_not_null(me.k);
}

static inline void begin(void) { begin_tls(NULL, NULL); }

static inline void end(void) {
    loop_free(me.l);
    close(me.peer);
    cr_assert_eq(me.closed, 1);
    cr_assert_eq(me.overs, 1);
    cr_assert_eq(life.freed, 1);
}

static inline void send_all(int fd, const void *p, size_t n) {
    const uint8_t *at = p;
    while (n) {
        ssize_t w = send(fd, at, n, MSG_NOSIGNAL);
        if (w < 0) return; /* the test sees what is missing */
        at += w;
        n -= (size_t)w;
    }
}

static inline void send_frame(int fd, char letter, const void *p, size_t n) {
    uint8_t head[5] = {(uint8_t)letter};
    bytes_put32(head + 1, (uint32_t)n);
    send_all(fd, head, 5);
    if (n) send_all(fd, p, n);
}

static inline void send_bulk(int fd, uint32_t n) {
    uint8_t count[4];
    bytes_put32(count, n);
    send_frame(fd, 'B', count, 4);
}

/* Runs fn on a thread beside the loop, then the loop until nothing is left. */
static inline void run_with(void *(*fn)(void *)) {
    pthread_t peer;
    pthread_create(&peer, NULL, fn, NULL);
    loop_run(me.l);
    pthread_join(peer, NULL);
}

static inline void reset_peer(int fd) {
    struct linger none = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}

static timer soon __attribute__((unused));

static inline void on_soon_reset(timer *t) {
    (void)t;
    reset_peer(me.peer);
}

enum { BIG = 3000000 };

static uint8_t sent[BIG], back[BIG];

#endif
