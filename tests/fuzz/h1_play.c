#include "tests/fuzz/h1_play.h"

#include <stdlib.h>

#include "applets/common/heap.h"

static void demand(bool holds) {
    if (!holds) abort();
}

typedef struct record {
    uint8_t *p;
    size_t n, room;
} record;

static void put(record *r, const void *p, size_t n) {
    if (r->n + n > r->room) {
        r->room = (r->n + n) * 2;
        r->p = realloc(r->p, r->room);
        demand(r->p != NULL);
    }
    if (n) memcpy(r->p + r->n, p, n);
    r->n += n;
}

static void put_number(record *r, uint32_t v) { put(r, &v, sizeof v); }

enum { STREAMS = 64, TEXT = 5000 };

/* What becomes of one exchange. */
typedef struct exchange {
    uint64_t expected, got; /* content-length, if one was told */
    bool ended, closed, wants_reply;
    unsigned bodies, releases; /* that it was given, and that came back */
} exchange;

typedef struct play {
    session *s;
    bool server, over;
    uint8_t switches;
    uint32_t body_id; /* the last entry is content of this stream, that may go on */
    unsigned opened;
    exchange at[STREAMS];
    record events, output;
} play;

static uint8_t text[TEXT];

static exchange *exchange_of(play *p, uint32_t id) { return &p->at[(id / 2) % STREAMS]; }

/* ---- bodies: id * 97 bytes, in pieces ---- */

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    exchange *e = user;
    size_t size = (e->bodies * 1237u) % TEXT, n = size - (size_t)offset;
    demand(e->bodies > e->releases && offset <= size);
    if (n > want) n = want;
    if (n > 900) n = 900;
    *lent = span_of(text + offset, n);
    return offset + n == size ? HTTP_PULL_END : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    exchange *e = user;
    demand(n > 0 && e->bodies > e->releases);
}

static void release(void *user) {
    exchange *e = user;
    demand(e->bodies > e->releases++);
}

static const http_body_ops ops = {pull, done, release};

static http_body new_body(exchange *e) {
    e->bodies++;
    return (http_body){&ops, e};
}

/* ---- what the applet does ---- */

static void drain(play *p) {
    span iov[8];
    for (size_t n; (n = session_output(p->s, iov, 8, 1 << 16)) > 0;) {
        size_t all = 0;
        for (size_t i = 0; i < n; i++) {
            put(&p->output, iov[i].p, iov[i].n);
            all += iov[i].n;
        }
        session_output_done(p->s, all);
    }
}

static void ask(play *p) {
    static const char *const methods[] = {"GET", "HEAD", "POST", "CONNECT", "CONNECT"};
    unsigned kind = (p->switches >> 2) * 3u + p->opened, which = kind % 5;
    exchange *e = &p->at[p->opened % STREAMS];
    http_field fields[] = {HTTP_FIELD_OF(METHOD, span_str(methods[which])),
                           HTTP_FIELD_OF(AUTHORITY, SPAN("a:1")), HTTP_FIELD_OF(PATH, SPAN("/")),
                           HTTP_FIELD_OF(SCHEME, SPAN("http")),
                           HTTP_FIELD_OF(PROTOCOL, SPAN("websocket"))};
    http_body body = which >= 2 ? new_body(e) : HTTP_NO_BODY;
    http_ref ref;
    size_t n = which == 3 ? 2 : which == 4 ? 5 : 4;
    if (session_open(p->s, fields, n, body, p, &ref).scope == VERDICT_NONE)
        p->opened++;
    else if (body.ops)
        e->bodies--;
    drain(p);
}

static void reply(play *p, http_ref ref) {
    static const char *const statuses[] = {"200", "404", "304", "204"};
    exchange *e = exchange_of(p, ref.id);
    unsigned kind = ref.id / 2 + p->switches;
    http_field fields[] = {HTTP_FIELD_OF(STATUS, span_str(statuses[kind / 3 % 4])),
                           HTTP_FIELD_OF(DATE, SPAN("today"))};
    http_body body = kind % 3 ? new_body(e) : HTTP_NO_BODY;
    e->wants_reply = false;
    if (session_reply(p->s, ref, fields, 2, body).scope != VERDICT_NONE && body.ops) e->bodies--;
}

static void take_request(play *p, const http_event *ev) {
    exchange *e = exchange_of(p, ev->ref.id);
    e->ended = e->closed = false;
    e->got = 0;
    e->expected = ev->summary.connect || ev->summary.protocol.p ? FIELDS_NO_LENGTH
                                                                : ev->summary.content_length;
    session_attach(p->s, ev->ref, p);
    e->wants_reply = ev->ref.id / 2 % 7 == 5;
    if (ev->ref.id / 2 % 11 == 9)
        session_reset(p->s, ev->ref, H2_CANCEL);
    else if (!e->wants_reply)
        reply(p, ev->ref);
}

/* Of a new one, or of one that may have been answered. */
static void take_refused(play *p, const http_event *ev) {
    exchange *e = exchange_of(p, ev->ref.id);
    put_number(&p->events, ev->summary.status);
    if (!ev->user) e->ended = e->closed = e->wants_reply = false;
    if (p->switches & 0x10 && (!ev->user || e->wants_reply)) reply(p, ev->ref);
}

/* Late answers; false when there was none. */
static bool reply_late(play *p) {
    bool any = false;
    for (uint32_t i = 0; i < STREAMS; i++) {
        if (!p->at[i].wants_reply) continue;
        any = true;
        reply(p, (http_ref){0, i * 2 + 1});
    }
    return any;
}

static void take_event(play *p, const http_event *ev) {
    exchange *e = exchange_of(p, ev->ref.id);
    demand(!p->over);
    if (ev->kind != HTTP_EVENT_DATA || p->body_id != ev->ref.id) put_number(&p->events, ev->kind);
    p->body_id = ev->kind == HTTP_EVENT_DATA && !ev->end ? ev->ref.id : 0;
    if (ev->kind == HTTP_EVENT_DATA) put(&p->events, ev->data.p, ev->data.n);
    if (ev->end) put(&p->events, "end", 3);
    for (size_t i = 0; i < ev->field_count; i++) {
        put(&p->events, ev->fields[i].name.p, ev->fields[i].name.n);
        put(&p->events, ev->fields[i].value.p, ev->fields[i].value.n);
        demand(fields_value_valid(ev->fields[i].value));
    }
    if (ev->kind == HTTP_EVENT_REQUEST) take_request(p, ev);
    if (ev->kind == HTTP_EVENT_REFUSED) take_refused(p, ev);
    if (ev->kind == HTTP_EVENT_RESPONSE) {
        e->expected = ev->end ? FIELDS_NO_LENGTH : ev->summary.content_length;
        e->got = 0;
    }
    if (ev->kind == HTTP_EVENT_DATA) {
        demand(!e->ended && !e->closed);
        e->got += ev->data.n;
        session_credit(p->s, ev->ref, ev->credit);
    }
    if (ev->end && ev->kind == HTTP_EVENT_DATA && p->server)
        demand(e->expected == FIELDS_NO_LENGTH || e->got == e->expected);
    if (ev->end) e->ended = true;
    if (ev->kind == HTTP_EVENT_CLOSED) {
        put_number(&p->events, ev->code);
        put_number(&p->events, ev->early_close * 2u + ev->never_processed);
        e->wants_reply = false;
        e->closed = true;
    }
    if (ev->kind == HTTP_EVENT_OVER) {
        put_number(&p->events, ev->verdict.code);
        p->over = true;
    }
    if (ev->kind == HTTP_EVENT_ROOM && p->opened < 40) ask(p);
}

/* ---- one play ---- */

static void step_all(play *p, span in) {
    http_event ev;
    uint8_t *copy = malloc(in.n ? in.n : 1);
    demand(copy != NULL);
    if (in.n) memcpy(copy, in.p, in.n);
    span rest = span_of(copy, in.n);
    for (;;) {
        size_t before = rest.n;
        http_event_kind kind = session_step(p->s, &rest, 1, &ev);
        if (kind == HTTP_EVENT_NONE) break;
        if (kind != HTTP_EVENT_PAUSED) {
            take_event(p, &ev);
            continue;
        }
        demand(rest.n == before);
        if (!session_has_output(p->s) && !reply_late(p)) break; /* a tunnel of an applet's making */
        drain(p);
    }
    free(copy);
}

static void play_once(play *p, span in, uint32_t cut) {
    session_config config;
    session_scratch scratch;
    session_defaults(&config, p->server);
    config.h1.pipeline = 1 + (p->switches >> 1) % 3;
    if (p->switches & 8) config.h1.head_max = 200;
    session_scratch_init(&scratch, heap_mem());
    session_start start = p->switches & 1 ? p->server ? SESSION_ANY : SESSION_UPGRADE : SESSION_H1;
    if (!p->server && (p->switches & 0x60) == 0x60) start = SESSION_TUNNEL;
    session_birth birth = {
        .mem = heap_mem(), .config = &config, .start = start, .scratch = &scratch};
    p->s = session_new(&birth);
    demand(p->s != NULL);
    for (int i = 0; !p->server && i < 3; i++) ask(p);
    while (in.n) {
        uint32_t n = cut ? 1 + (cut >> 8) % (cut & 7 ? 5 : 60) : (uint32_t)in.n;
        if (cut) cut = cut * 1664525u + 1013904223u; /* Numerical Recipes, section 7.1 */
        step_all(p, span_take(&in, n < in.n ? n : in.n));
    }
    drain(p);
    reply_late(p);
    step_all(p, in);
    drain(p);
    if ((p->switches & 0x80) && session_half_eof(p->s)) {
        step_all(p, in);
        reply_late(p);
        step_all(p, in);
        drain(p);
        if (session_shut(p->s)) demand(!session_has_output(p->s));
    }
    session_eof(p->s);
    step_all(p, in);
    session_free(p->s);
    session_scratch_end(&scratch);
    for (uint32_t i = 0; i < STREAMS; i++) demand(p->at[i].bodies == p->at[i].releases);
}

static bool same(const record *a, const record *b) {
    return span_eq(span_of(a->p, a->n), span_of(b->p, b->n));
}

void h1_play_both(const uint8_t *bytes, size_t n, bool server) {
    static play whole, cut;
    if (n < 2 || n > 20000) return;
    memset(text, 'x', sizeof text);
    whole = (play){.server = server, .switches = bytes[0]};
    cut = whole;
    play_once(&whole, span_of(bytes + 2, n - 2), 0);
    play_once(&cut, span_of(bytes + 2, n - 2), 0x10001u + bytes[1] * 0x9e3779b1u);
    demand(same(&whole.events, &cut.events));
    demand(same(&whole.output, &cut.output));
    free(whole.events.p);
    free(whole.output.p);
    free(cut.events.p);
    free(cut.output.p);
}
