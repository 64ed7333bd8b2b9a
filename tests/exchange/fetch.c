/* The clients: three connections, found in three ways, each with every kind of stream at once. */
#include "tests/exchange/exchange.h"

const char *const fetch_paths[] = {"/small", "/big", "/none", "/echo", "/later", "/small"};
uint64_t fetch_sizes[] = {3000, 400000, 0, 150000, 3000, 3000};
static const unsigned statuses[] = {200, 200, 404, 200, 200, 200};
/* An address, a name that needs no look-up, and one that goes through the resolver. */
static const char *const hosts[] = {"127.0.0.1", "localhost", "127.1"};

typedef struct client client;

typedef struct stream {
    client *owner;
    http_ref ref;
    unsigned index, status;
    uint64_t got;
    bool ended, busy; /* busy: 503, the server had no memory */
    bool failed;
    /* what it uploads */
    bool begun, waited;
    uint64_t lent, back;
    timer tick;
} stream;

struct client {
    stream streams[FETCH_STREAMS];
    net_link *link;
    unsigned ended; /* streams */
    bool dialled, gone, failed;
};

static client clients[FETCH_CLIENTS];
static unsigned gone;
static const char *wrong;
static loop *l;
static void (*all_done)(void);
static uint8_t pattern[FETCH_MOST];

/* ---- what is uploaded: one half, a pause, the other half ---- */

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    stream *s = user;
    uint64_t have = s->waited ? fetch_sizes[FETCH_ECHO] : fetch_sizes[FETCH_ECHO] / 2;
    if (offset != s->lent) wrong = "an upload is pulled out of order";
    *lent = span_head(span_of(pattern + s->lent, (size_t)(have - s->lent)), want);
    s->lent += lent->n;
    if (s->lent < have) return HTTP_PULL_MORE;
    if (s->waited) return HTTP_PULL_END;
    if (!s->tick.prev) timer_arm(l, &s->tick, 1);
    return HTTP_PULL_LATER;
}

static void done(void *user, size_t n) {
    stream *s = user;
    s->back += n;
    if (s->back > s->lent) wrong = "an upload gets more back than it lent";
}

static void release(void *user) {
    stream *s = user;
    if (!s->begun || s->back != s->lent) wrong = "an upload is released twice or too early";
    s->begun = false;
    timer_cancel(&s->tick);
}

static const http_body_ops ops = {pull, done, release};

static void on_tick(timer *t) {
    stream *s = t->user;
    s->waited = true;
    if (!s->owner->link) return;
    session_wake(link_session(s->owner->link), s->ref);
    link_touch(s->owner->link);
}

/* ---- streams ---- */

static void end_stream(stream *s, bool good) {
    client *c = s->owner;
    if (s->ended) wrong = "a stream is told closed twice";
    s->ended = true;
    s->failed = !good;
    if (++c->ended < FETCH_STREAMS) return;
    session_drain(link_session(c->link), loop_now_ms(l));
    link_touch(c->link);
}

static bool is_good(const stream *s, const http_event *ev) {
    if (s->busy) return true;
    return !ev->early_close && s->status == statuses[s->index] && s->got == fetch_sizes[s->index];
}

static void on_event(void *user, net_link *k, const http_event *ev) {
    stream *s = ev->user;
    (void)user;
    switch (ev->kind) {
    case HTTP_EVENT_RESPONSE:
        s->status = ev->summary.status;
        s->busy = s->status == 503;
        break;
    case HTTP_EVENT_DATA:
        for (size_t i = 0; i < ev->data.n; i++) {
            if (ev->data.p[i] != fetch_byte(s->got + i)) wrong = "a body came damaged";
        }
        s->got += ev->data.n;
        session_credit(link_session(k), ev->ref, ev->credit);
        break;
    case HTTP_EVENT_CLOSED: end_stream(s, is_good(s, ev)); break;
    default: break;
    }
}

static void open_stream(client *c, unsigned i) {
    stream *s = &c->streams[i];
    const http_field fields[] = {
        HTTP_FIELD_OF(METHOD, i == FETCH_ECHO ? SPAN("POST") : SPAN("GET")),
        HTTP_FIELD_OF(SCHEME, SPAN("http")), HTTP_FIELD_OF(AUTHORITY, SPAN("refusals.test")),
        HTTP_FIELD_OF(PATH, span_str(fetch_paths[i]))};
    http_body body = i == FETCH_ECHO ? (http_body){&ops, s} : HTTP_NO_BODY;
    *s = (stream){.owner = c, .index = i, .begun = i == FETCH_ECHO};
    s->tick = (timer){.fire = on_tick, .user = s};
    if (session_open(link_session(c->link), fields, 4, body, s, &s->ref).scope == VERDICT_NONE)
        return;
    s->begun = false;
    end_stream(s, false);
}

/* ---- connections ---- */

static void end_client(client *c, bool good) {
    if (c->gone) wrong = "a client ends twice";
    c->gone = true;
    c->link = NULL;
    c->failed = !good;
    if (++gone == FETCH_CLIENTS) all_done();
}

static void on_closed(void *user, net_link *k, const char *why) {
    (void)k;
    end_client(user, !why);
}

static void on_opened(void *user, net_link *k) {
    client *c = user;
    c->link = k;
    c->dialled = true;
    for (unsigned i = 0; i < FETCH_STREAMS; i++) open_stream(c, i);
}

static void on_failed(void *user, const char *why) {
    if (!*why) wrong = "a dial fails without a message";
    end_client(user, false);
}

static const link_calls calls = {.event = on_event, .closed = on_closed};
static const dial_calls dialling = {on_opened, on_failed};

void fetch_begin(loop *on, uint16_t port, const session_config *config, void (*when_done)(void)) {
    l = on;
    all_done = when_done;
    gone = 0;
    wrong = NULL;
    memset(clients, 0, sizeof clients);
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = fetch_byte(i);
    for (unsigned i = 0; i < FETCH_CLIENTS; i++) {
        link_birth birth = {.calls = &calls,
                            .user = &clients[i],
                            .config = config,
                            .tls = exchange_client_tls,
                            .tls_name = "localhost"};
        if (!dial_open(l, hosts[i], port, &birth, 0, &dialling, &clients[i]))
            end_client(&clients[i], false);
    }
}

const char *fetch_check(unsigned harmed_most) {
    unsigned harmed = 0;
    if (wrong) return wrong;
    for (unsigned i = 0; i < FETCH_CLIENTS; i++) {
        const client *c = &clients[i];
        bool whole = !c->failed;
        if (!c->gone) return "a client was not told its end";
        for (unsigned k = 0; c->dialled && k < FETCH_STREAMS; k++) {
            const stream *s = &c->streams[k];
            if (!s->ended) return "a stream of a client was not told closed";
            if (s->begun) return "an upload was not released";
            if (s->busy && !harmed_most) return "503 although nothing was refused";
            if (s->failed) whole = false;
        }
        if (!whole) harmed++;
    }
    return harmed > harmed_most ? "more connections suffered than may" : NULL;
}
