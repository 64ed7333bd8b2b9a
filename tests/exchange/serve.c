/* The server's side: files, an echo that pins what it reads, and a body that is made bit by bit. */
#include "tests/exchange/exchange.h"

enum {
    ANSWERS = FETCH_CLIENTS * FETCH_STREAMS,
    PIECES = 8192,
    LATER_SIZE = 3000,
    LATER_STEP = 1500
};

typedef struct piece {
    buf *held;
    span bytes;
    uint64_t start;
} piece;

typedef struct answer {
    unsigned holds; /* the stream, the file being opened, the body: who still knows of it */
    net_link *link; /* NULL: the stream is gone */
    http_ref ref;
    bool echo, begun, ended; /* begun: the session has its body */
    uint64_t have, lent, back;
    piece pieces[PIECES];
    unsigned first, count;
    timer tick;
} answer;

static answer answers[ANSWERS];
static unsigned answer_count, born, closed, letters, letters_due;
static bool stopping;
static const char *wrong;
static uint8_t pattern[LATER_SIZE];
static loop *l;
static listener *ear;
static file_cache *cache;
static const session_config *serving;

/* ---- bodies ---- */

static void drop_piece(answer *a) {
    buf_unpin(a->pieces[a->first].held);
    a->first++;
}

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    answer *a = user;
    *lent = span_of(NULL, 0);
    if (offset != a->lent) wrong = "a body is pulled out of order";
    if (a->lent < a->have && !want) return HTTP_PULL_MORE;
    if (a->lent < a->have && !a->echo) {
        *lent = span_head(span_of(pattern + a->lent, (size_t)(a->have - a->lent)), want);
    } else if (a->lent < a->have) {
        unsigned i = a->first;
        while (a->pieces[i].start + a->pieces[i].bytes.n <= a->lent) i++;
        *lent =
            span_head(span_skip(a->pieces[i].bytes, (size_t)(a->lent - a->pieces[i].start)), want);
    }
    a->lent += lent->n;
    if (a->lent < a->have) return HTTP_PULL_MORE;
    return a->ended ? HTTP_PULL_END : HTTP_PULL_LATER;
}

static void done(void *user, size_t n) {
    answer *a = user;
    a->back += n;
    if (a->back > a->lent) wrong = "a body gets more back than it lent";
    while (a->first < a->count &&
           a->pieces[a->first].start + a->pieces[a->first].bytes.n <= a->back)
        drop_piece(a);
}

static void release(void *user) {
    answer *a = user;
    if (!a->begun) wrong = "a body is released that was refused, or twice";
    if (a->back != a->lent) wrong = "a body is released that has bytes out";
    a->begun = false;
    a->holds--;
    timer_cancel(&a->tick);
    while (a->first < a->count) drop_piece(a);
}

static const http_body_ops ops = {pull, done, release};

static void wake(answer *a) {
    if (!a->link) return;
    session_wake(link_session(a->link), a->ref);
    link_touch(a->link);
}

static void on_tick(timer *t) {
    answer *a = t->user;
    a->have += LATER_STEP;
    a->ended = a->have == LATER_SIZE;
    if (!a->ended) timer_arm(l, t, 1);
    wake(a);
}

static void keep(answer *a, const http_event *ev) {
    piece *p = &a->pieces[a->count];
    if (a->count == PIECES) {
        wrong = "more pieces than there are places";
        return;
    }
    p->held = buf_pin(l, ev->data, &p->bytes);
    if (!p->held) {
        session_reset(link_session(a->link), a->ref, H2_INTERNAL_ERROR);
        return;
    }
    a->count++;
    p->start = a->have;
    a->have += ev->data.n;
}

/* ---- answers ---- */

static void reply(answer *a, const char *status, http_body body, bool own) {
    const http_field fields[] = {HTTP_FIELD_OF(STATUS, span_str(status))};
    const http_field trailers[] = {{SPAN("x-trailer"), SPAN("1"), HTTP_TOKEN_OTHER, false}};
    session *s = link_session(a->link);
    if (own) { /* first, so that a release is known for what it is */
        a->begun = true;
        a->holds++;
    }
    if (session_reply(s, a->ref, fields, 1, body).scope != VERDICT_NONE) {
        if (body.ops) body.ops->release(body.user);
        session_reset(s, a->ref, H2_INTERNAL_ERROR);
    } else if (own && session_trailers(s, a->ref, trailers, 1).scope != VERDICT_NONE) {
        session_reset(s, a->ref, H2_INTERNAL_ERROR);
    }
    link_touch(a->link);
}

static void on_file(void *user, file_status status, file *f) {
    answer *a = user;
    http_body body = HTTP_NO_BODY;
    a->holds--;
    if (!a->link) {
    } else if (status == FILE_OK && file_body(f, a->link, a->ref, &body)) {
        reply(a, "200", body, false);
    } else {
        reply(a, status == FILE_MISSING ? "404" : "503", HTTP_NO_BODY, false);
    }
    file_close(f);
}

static void on_request(net_link *k, const http_event *ev) {
    if (answer_count == ANSWERS) {
        wrong = "more requests than were sent";
        return;
    }
    answer *a = &answers[answer_count++];
    a->link = k;
    a->ref = ev->ref;
    a->tick = (timer){.fire = on_tick, .user = a};
    if (session_attach(link_session(k), ev->ref, a).scope != VERDICT_NONE) {
        wrong = "a stream that has just begun takes no user";
        return;
    }
    a->holds++;
    span path = ev->summary.path;
    if (span_eq(path, SPAN("/echo"))) {
        a->echo = true;
        reply(a, "200", (http_body){&ops, a}, true);
    } else if (span_eq(path, SPAN("/later"))) {
        const http_field early[] = {HTTP_FIELD_OF(STATUS, SPAN("103"))};
        session_inform(link_session(k), ev->ref, early, 1);
        timer_arm(l, &a->tick, 1);
        reply(a, "200", (http_body){&ops, a}, true);
    } else {
        a->holds++;
        file_open(cache, path, on_file, a);
    }
}

static void on_event(void *user, net_link *k, const http_event *ev) {
    answer *a = ev->user;
    (void)user;
    switch (ev->kind) {
    case HTTP_EVENT_REQUEST: on_request(k, ev); break;
    case HTTP_EVENT_DATA:
        session_credit(link_session(k), ev->ref, ev->credit);
        if (!a || !a->begun) break;
        keep(a, ev);
        a->ended = ev->end;
        wake(a);
        break;
    case HTTP_EVENT_CLOSED:
        a->link = NULL;
        a->holds--;
        timer_cancel(&a->tick);
        break;
    default: break;
    }
}

/* Links may have requests in their sockets after their clients are gone: the cache outlives them.
 */
static void end_cache(void) {
    if (!stopping || born != closed) return;
    file_cache_free(cache);
    cache = NULL;
}

static void on_closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)k;
    (void)why;
    closed++;
    end_cache();
}

static const link_calls calls = {.event = on_event, .closed = on_closed};

static bool on_accept(void *user, link_birth *birth) {
    (void)user;
    born++;
    *birth = (link_birth){.calls = &calls, .config = serving, .tls = exchange_server_tls};
    return true;
}

static void on_opened(void *user, net_link *k) {
    (void)user;
    (void)k;
}

static void on_letter(void *user) {
    (void)user;
    letters++;
}

/* ---- the whole ---- */

bool serve_begin(loop *on, const char *root, const session_config *config) {
    static const listen_calls ear_calls = {on_accept, on_opened};
    static const listen_address any = {.text = "127.0.0.1"};
    const char *why;
    l = on;
    serving = config;
    memset(answers, 0, sizeof answers);
    answer_count = born = closed = letters = letters_due = 0;
    wrong = NULL;
    stopping = false;
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = fetch_byte(i);
    cache = file_cache_new(l, root, &why);
    ear = listen_open(l, &any, &ear_calls, NULL, &why);
    letters_due += loop_post(l, on_letter, NULL);
    return cache && ear;
}

uint16_t serve_port(void) { return listen_port(ear); }

void serve_stop(void) {
    listen_close(ear);
    stopping = true;
    end_cache();
}

const char *serve_check(void) {
    if (wrong) return wrong;
    if (born != closed) return "a link of the server was not told closed, or twice";
    if (letters != letters_due) return "a letter was not delivered, or twice";
    for (unsigned i = 0; i < answer_count; i++) {
        if (answers[i].begun) return "a body of the server was not released";
        if (answers[i].holds) return "a stream of the server was not told closed";
    }
    return NULL;
}
