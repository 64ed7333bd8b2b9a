/* Bodies of files, pulled by hand: with a link that they belong to, and its other end. */
#ifndef H2BOX_TESTS_UNIT_FILE_PULL_H
#define H2BOX_TESTS_UNIT_FILE_PULL_H

#include "tests/unit/file_root.h"

net_link *link_new(loop *l, int fd, const link_birth *birth, const tls_ports *tls, void *tls_self);

static net_link *k;
static int peer;
static uint64_t begins_at; /* of the file, where the body begins */
static session_config config;

static inline void on_event(void *user, net_link *on, const http_event *ev) {
    (void)user;
    (void)on;
    (void)ev;
}

static inline void on_closed(void *user, net_link *on, const char *why) {
    (void)user;
    (void)on;
    (void)why;
    k = NULL;
}

/* Of a link whose bytes would be sealed: it only has to be there. */
static inline tls_status no_feed(void *self, span *in, const char **why) {
    (void)self;
    (void)why;
    *in = span_of(in->p + in->n, 0);
    return TLS_OK;
}

static inline span no_plain(void *self) {
    (void)self;
    return span_of(NULL, 0);
}

static inline size_t no_seal(void *self, const span *iov, size_t n) {
    size_t all = 0;
    (void)self;
    for (size_t i = 0; i < n; i++) all += iov[i].n;
    return all;
}

static inline size_t no_output(void *self, span *iov, size_t niov) {
    (void)self;
    (void)iov;
    (void)niov;
    return 0;
}

static inline void no_output_done(void *self, size_t n) {
    (void)self;
    (void)n;
}

static inline void no_end(void *self) { (void)self; }

static inline const tls_facts *no_facts(const void *self) {
    static const tls_facts h2 = {.alpn = "h2"};
    (void)self;
    return &h2;
}

static const tls_ports no_tls = {.feed = no_feed,
                                 .facts = no_facts,
                                 .plain = no_plain,
                                 .seal = no_seal,
                                 .output = no_output,
                                 .output_done = no_output_done,
                                 .close = no_end,
                                 .free = no_end};

/* A link over one end of a socket pair; tls may be NULL. */
static inline void begin_link(const tls_ports *tls) {
    static const link_calls calls = {.event = on_event, .closed = on_closed};
    static const link_birth birth = {.calls = &calls, .config = &config};
    int pair[2];
    begin();
    session_defaults(&config, true);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
    peer = pair[1];
    k = link_new(l, pair[0], &birth, tls, NULL);
}

static inline void begin_body(void) { begin_link(NULL); }

static inline void end_body(void) {
    if (k) link_close(k, NULL);
    loop_run(l);
    close(peer);
    end();
}

static inline void on_pause_over(timer *t) { loop_stop(t->user); }

/* The link keeps the loop running: stop it by a timer. */
static inline void pause_loop(uint64_t ms) {
    timer t = {.fire = on_pause_over, .user = l};
    timer_arm(l, &t, ms);
    loop_run(l);
}

static inline http_body body_of(const char *path) {
    http_body b = HTTP_NO_BODY;
    opened o = {0};
    file_open(cache, span_str(path), on_open, &o);
    while (!o.calls) pause_loop(1);
    cr_assert_eq(o.status, FILE_OK);
    cr_assert(file_body(o.f, k, HTTP_NO_REF, &b));
    file_close(o.f);
    return b;
}

static inline void forget_pages(const char *name) {
    int fd = open(at(name), O_RDONLY);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

typedef struct read_all {
    uint64_t got, held_most;
    unsigned later;
    http_pull last;
} read_all;

/* Pulls to the end, giving back when `hold` bytes are out. */
static inline read_all drain(http_body b, size_t want, size_t hold) {
    read_all r = {.last = HTTP_PULL_MORE};
    uint64_t out = 0;
    while (r.last != HTTP_PULL_END && r.last != HTTP_PULL_FAILED) {
        span lent;
        r.last = b.ops->pull(b.user, r.got, want, &lent);
        if (r.last == HTTP_PULL_MORE) cr_assert_gt(lent.n, 0);
        cr_assert_leq(lent.n, want);
        for (size_t i = 0; i < lent.n; i++) cr_assert_eq(lent.p[i], byte_at(begins_at + r.got + i));
        r.got += lent.n;
        out += lent.n;
        if (out > r.held_most) r.held_most = out;
        if (out > hold || (r.last == HTTP_PULL_LATER && out)) {
            b.ops->done(b.user, out);
            out = 0;
            if (r.last == HTTP_PULL_LATER) pause_loop(1); /* room again: the stream is woken */
        } else if (r.last == HTTP_PULL_LATER) {
            r.later++;
            cr_assert_lt(r.later, 20000);
            pause_loop(1);
        }
    }
    if (out) b.ops->done(b.user, out);
    return r;
}

#endif
