#include "core/session.h"

#include "core/base64.h"
#include "core/h2_upgrade.h"
#include "core/limits.h"

typedef enum session_kind {
    IS_H2,
    IS_H1,
    IS_OPENING, /* HTTP/1.1 that may yet become HTTP/2 */
    IS_SWAPPED  /* HTTP/2 now; an event shows what belongs to its HTTP/1.1 */
} session_kind;

/* What a session needs only while its version may change. */
typedef struct opening {
    session_birth birth;
    h1_conn *h1;
    h2_conn *h2;       /* once swapped */
    uint64_t deadline; /* for the rest of a preface; 0: none is begun */
    uint8_t seen;      /* bytes of it */
    bool decided;      /* it is no preface */
    uint8_t settings_n;
    uint8_t settings[H2_UPGRADE_SETTINGS / 3 * 4 + 3]; /* HTTP2-Settings of a client, as text */
} opening;

struct session { /* 16 bytes: it stands beside each idle connection */
    union {
        h2_conn *h2;
        h1_conn *h1;
        opening *opening;
    };
    session_kind kind;
};

/* ---- which it is ---- */

/* NULL: it is HTTP/1.1. */
static inline h2_conn *h2_of(const session *s) {
    if (s->kind == IS_H2) return s->h2;
    return s->kind == IS_SWAPPED ? s->opening->h2 : NULL;
}

static h1_conn *h1_of(const session *s) { return s->kind == IS_H1 ? s->h1 : s->opening->h1; }

/* ---- birth and death ---- */

void session_defaults(session_config *c, bool server) {
    c->server = server;
    c->start = SESSION_ANY;
    h2_conn_defaults(&c->h2, server);
    h1_conn_defaults(&c->h1, server);
}

void session_scratch_init(session_scratch *s, const mem *m) {
    h2_conn_scratch_init(&s->h2, m);
    h1_conn_scratch_init(&s->h1, m);
}

void session_scratch_end(session_scratch *s) {
    h2_conn_scratch_end(&s->h2);
    h1_conn_scratch_end(&s->h1);
}

static h2_conn *new_h2(const session_birth *b, uint64_t now_ms, span before) {
    h2_birth birth = {.mem = b->mem,
                      .config = &b->config->h2,
                      .scratch = &b->scratch->h2,
                      .trace = b->trace,
                      .server = b->config->server,
                      .seed = b->seed,
                      .before = before,
                      .now_ms = now_ms};
    return h2_conn_new(&birth);
}

static h1_conn *new_h1(const session_birth *b) {
    h1_birth birth = {.mem = b->mem,
                      .config = &b->config->h1,
                      .scratch = &b->scratch->h1,
                      .trace = b->trace,
                      .server = b->config->server,
                      .secure = b->secure,
                      .bare = b->start == SESSION_TUNNEL,
                      .now_ms = b->now_ms};
    return h1_conn_new(&birth);
}

static opening *new_opening(const session_birth *b) {
    uint8_t settings[H2_UPGRADE_SETTINGS];
    opening *o = mem_take(b->mem, sizeof *o);
    if (!o) return NULL;
    *o = (opening){.birth = *b, .h1 = new_h1(b), .decided = b->start != SESSION_ANY};
    if (!o->h1) {
        mem_give(b->mem, o, sizeof *o);
        return NULL;
    }
    if (b->start == SESSION_UPGRADE) {
        span payload = span_of(settings, h2_upgrade_settings(&b->config->h2, settings));
        o->settings_n = (uint8_t)base64_put_url(o->settings, payload);
        h1_conn_offer(o->h1, span_of(o->settings, o->settings_n));
    }
    return o;
}

static bool upgrades(const session_birth *b) {
    return !b->secure && b->config->server && b->config->h1.upgrade;
}

session *session_new(const session_birth *b) {
    session *s = mem_take(b->mem, sizeof *s);
    if (!s) return NULL;
    bool server = b->config->server;
    if (b->start == SESSION_H2 || (b->start == SESSION_ANY && !server)) {
        *s = (session){.h2 = new_h2(b, b->now_ms, SPAN("")), .kind = IS_H2};
    } else if ((b->start == SESSION_H1 && !upgrades(b)) || b->start == SESSION_TUNNEL) {
        *s = (session){.h1 = new_h1(b), .kind = IS_H1};
    } else {
        *s = (session){.opening = new_opening(b), .kind = IS_OPENING};
    }
    if (s->opening) return s;
    mem_give(b->mem, s, sizeof *s);
    return NULL;
}

/* Nothing is open any more: the session is one version. */
static void become_h2(session *s, h2_conn *h2) {
    opening *o = s->opening;
    h1_conn_free(o->h1);
    mem_give(o->birth.mem, o, sizeof *o);
    *s = (session){.h2 = h2, .kind = IS_H2};
}

static void become_h1(session *s) {
    opening *o = s->opening;
    h1_conn *h1 = o->h1;
    mem_give(o->birth.mem, o, sizeof *o);
    *s = (session){.h1 = h1, .kind = IS_H1};
}

void session_free(session *s) {
    if (!s) return;
    if (s->kind == IS_SWAPPED) become_h2(s, s->opening->h2);
    if (s->kind == IS_OPENING) become_h1(s);
    const mem *m = s->kind == IS_H2 ? h2_conn_mem(s->h2) : h1_conn_mem(s->h1);
    if (s->kind == IS_H2)
        h2_conn_free(s->h2);
    else
        h1_conn_free(s->h1);
    mem_give(m, s, sizeof *s);
}

const char *session_protocol(const session *s) { return h2_of(s) ? "h2" : "http/1.1"; }

/* ---- h2c (RFC 7540 section 3.2) ---- */

/* Server: the request of the event asks for it. When its settings are none it stays HTTP/1.1. */
static void swap_server(session *s, span text, uint64_t now_ms, http_event *ev) {
    const span agreed = SPAN("HTTP/1.1 101 Switching Protocols\r\n"
                             "connection: Upgrade\r\nupgrade: h2c\r\n\r\n");
    opening *o = s->opening;
    uint8_t settings[LIMIT_SETTINGS_ENTRIES * 6 + 3];
    size_t n;
    if (text.n > LIMIT_SETTINGS_ENTRIES * 8 || !base64_get_url(text, settings, &n)) return;
    h2_conn *h2 = new_h2(&o->birth, now_ms, agreed);
    if (!h2) return;
    http_ref ref;
    if (!h2_upgrade_server(h2, span_of(settings, n), &ref)) {
        h2_conn_free(h2);
        return;
    }
    const h2_trace *t = &o->birth.trace;
    if (t->ops && t->ops->head) t->ops->head(t->user, true, ref.id, agreed);
    ev->ref = ref;
    o->h2 = h2;
    s->kind = IS_SWAPPED;
}

/* Client: the server has agreed. */
static http_event_kind swap_client(session *s, span *in, uint64_t now_ms, http_event *ev) {
    opening *o = s->opening;
    void *user = NULL;
    bool head = false;
    http_ref ref;
    h1_conn_switched(o->h1, &user, &head);
    h2_conn *h2 = new_h2(&o->birth, now_ms, SPAN(""));
    if (h2 && h2_upgrade_client(h2, head, user, &ref)) {
        become_h2(s, h2);
        return h2_conn_step(h2, in, now_ms, ev);
    }
    h2_conn_free(h2);
    h1_conn_close(o->h1, H2_INTERNAL_ERROR, "out of memory");
    return h1_conn_step(o->h1, in, now_ms, ev);
}

/* ---- opening ---- */

/* The preface of HTTP/2, or something else? True when it is known. What was taken of a preface is
 * known without keeping it. */
static bool decide(session *s, span *in, uint64_t now_ms) {
    opening *o = s->opening;
    const uint8_t *preface = (const uint8_t *)H2_PREFACE;
    while (in->n && o->seen < H2_PREFACE_SIZE && in->p[0] == preface[o->seen]) {
        span_take(in, 1);
        o->seen++;
    }
    if (o->seen == H2_PREFACE_SIZE || in->n) return o->decided = true;
    if (o->seen && !o->deadline && o->birth.config->h1.head_ms)
        o->deadline = now_ms + o->birth.config->h1.head_ms;
    if (o->deadline && now_ms >= o->deadline)
        h1_conn_close(o->h1, H2_ENHANCE_YOUR_CALM, "a preface was not finished in time");
    return false;
}

/* The preface was whole. */
static http_event_kind step_preface(session *s, span *in, uint64_t now_ms, http_event *ev) {
    opening *o = s->opening;
    span preface = SPAN(H2_PREFACE);
    h2_conn *h2 = new_h2(&o->birth, now_ms, SPAN(""));
    if (!h2) {
        h1_conn_close(o->h1, H2_INTERNAL_ERROR, "out of memory");
        return h1_conn_step(o->h1, in, now_ms, ev);
    }
    become_h2(s, h2);
    http_event_kind kind = h2_conn_step(h2, &preface, now_ms, ev);
    return kind == HTTP_EVENT_NONE ? h2_conn_step(h2, in, now_ms, ev) : kind;
}

static http_event_kind step_opening(session *s, span *in, uint64_t now_ms, http_event *ev) {
    opening *o = s->opening;
    if (!o->decided) {
        if (!decide(s, in, now_ms)) return h1_conn_step(o->h1, in, now_ms, ev);
        if (o->seen == H2_PREFACE_SIZE) return step_preface(s, in, now_ms, ev);
        o->deadline = 0;
        span begun = span_of(H2_PREFACE, o->seen); /* HTTP/1.1 that looked like one so far */
        http_event_kind kind = h1_conn_step(o->h1, &begun, now_ms, ev);
        if (kind != HTTP_EVENT_NONE) return kind;
    }
    h1_conn *h1 = o->h1;
    bool server = o->birth.config->server;
    if (server && !upgrades(&o->birth)) {
        become_h1(s);
        return h1_conn_step(h1, in, now_ms, ev);
    }
    http_event_kind kind = h1_conn_step(h1, in, now_ms, ev);
    void *user;
    bool head;
    span settings;
    if (server) {
        if (kind == HTTP_EVENT_REQUEST && h1_conn_offered(h1, &settings))
            swap_server(s, settings, now_ms, ev);
    } else if (h1_conn_switched(h1, &user, &head)) {
        return swap_client(s, in, now_ms, ev);
    } else if (kind == HTTP_EVENT_RESPONSE) { /* the server has not agreed */
        become_h1(s);
    }
    return kind;
}

static http_event_kind step_other(session *s, span *in, uint64_t now_ms, http_event *ev) {
    if (s->kind == IS_H1) return h1_conn_step(s->h1, in, now_ms, ev);
    if (s->kind == IS_OPENING) return step_opening(s, in, now_ms, ev);
    h2_conn *h2 = s->opening->h2;
    become_h2(s, h2);
    return h2_conn_step(h2, in, now_ms, ev);
}

/* ---- the turn ---- */

http_event_kind session_step(session *s, span *in, uint64_t now_ms, http_event *ev) {
    if (s->kind == IS_H2) return h2_conn_step(s->h2, in, now_ms, ev);
    return step_other(s, in, now_ms, ev);
}

/* Makes a call by the face that the session has. */
#define BY_VERSION(s, name) (h2_of(s) ? h2_conn_##name(h2_of(s)) : h1_conn_##name(h1_of(s)))
#define BY_VERSION_WITH(s, name, ...) \
    (h2_of(s) ? h2_conn_##name(h2_of(s), __VA_ARGS__) : h1_conn_##name(h1_of(s), __VA_ARGS__))

bool session_pending(const session *s) { return BY_VERSION(s, pending); }

size_t session_output(session *s, span *iov, size_t niov, size_t budget) {
    return BY_VERSION_WITH(s, output, iov, niov, budget);
}

void session_output_done(session *s, size_t n) { BY_VERSION_WITH(s, output_done, n); }

bool session_has_output(const session *s) { return BY_VERSION(s, has_output); }

bool session_piled_up(const session *s) { return BY_VERSION(s, piled_up); }

uint64_t session_deadline(const session *s) {
    uint64_t due = BY_VERSION(s, deadline);
    if (s->kind != IS_OPENING || !s->opening->deadline || session_pending(s)) return due;
    return s->opening->deadline < due ? s->opening->deadline : due;
}

/* ---- what applets ask for ---- */

#define NOT_IN_H2 VERDICT_ON_CALLER(VERDICT_BAD_CALL, "HTTP/2 has no such thing")

uint32_t session_room(const session *s) { return BY_VERSION(s, room); }

uint32_t session_streams(const session *s) { return BY_VERSION(s, streams); }

verdict session_open(session *s, const http_field *f, size_t n, http_body body, void *user,
                     http_ref *ref) {
    return BY_VERSION_WITH(s, open, f, n, body, user, ref);
}

verdict session_reply(session *s, http_ref ref, const http_field *f, size_t n, http_body body) {
    return BY_VERSION_WITH(s, reply, ref, f, n, body);
}

verdict session_decline(session *s, http_ref ref) {
    return h2_of(s) ? NOT_IN_H2 : h1_conn_decline(h1_of(s), ref);
}

verdict session_inform(session *s, http_ref ref, const http_field *f, size_t n) {
    return BY_VERSION_WITH(s, inform, ref, f, n);
}

verdict session_trailers(session *s, http_ref ref, const http_field *f, size_t n) {
    return BY_VERSION_WITH(s, trailers, ref, f, n);
}

verdict session_attach(session *s, http_ref ref, void *user) {
    return BY_VERSION_WITH(s, attach, ref, user);
}

verdict session_credit(session *s, http_ref ref, size_t n) {
    return BY_VERSION_WITH(s, credit, ref, n);
}

verdict session_wake(session *s, http_ref ref) { return BY_VERSION_WITH(s, wake, ref); }

verdict session_reset(session *s, http_ref ref, h2_code code) {
    return BY_VERSION_WITH(s, reset, ref, code);
}

void session_drain(session *s, uint64_t now_ms) { BY_VERSION_WITH(s, drain, now_ms); }

void session_close(session *s, h2_code code, const char *why) {
    BY_VERSION_WITH(s, close, code, why);
}

void session_eof(session *s) { BY_VERSION(s, eof); }

bool session_half_eof(session *s) { return !h2_of(s) && h1_conn_half_eof(h1_of(s)); }

bool session_shut(const session *s) { return !h2_of(s) && h1_conn_shut(h1_of(s)); }

bool session_torn(const session *s) { return !h2_of(s) && h1_conn_torn(h1_of(s)); }

void session_cut(session *s, const char *why) { BY_VERSION_WITH(s, cut, why); }

/* What HTTP/1.1 has not. */
#define NOT_IN_H1(kind) VERDICT_ON_CALLER(kind, "HTTP/1.1 has no such thing")

verdict session_push(session *s, http_ref parent, const http_field *f, size_t n, http_ref *ref) {
    h2_conn *h2 = h2_of(s);
    return h2 ? h2_conn_push(h2, parent, f, n, ref) : NOT_IN_H1(VERDICT_BUSY);
}

verdict session_prioritize(session *s, http_ref ref, uint8_t urgency, bool incremental) {
    h2_conn *h2 = h2_of(s); /* answers go in the order of requests */
    return h2 ? h2_conn_prioritize(h2, ref, urgency, incremental) : VERDICT_OK;
}

verdict session_ping(session *s, const uint8_t opaque[8]) {
    h2_conn *h2 = h2_of(s);
    return h2 ? h2_conn_ping(h2, opaque) : NOT_IN_H1(VERDICT_BUSY);
}

verdict session_altsvc(session *s, span origin, span value) {
    h2_conn *h2 = h2_of(s);
    return h2 ? h2_conn_altsvc(h2, origin, value) : NOT_IN_H1(VERDICT_BAD_CALL);
}

verdict session_origin(session *s, const span *origins, size_t n) {
    h2_conn *h2 = h2_of(s);
    return h2 ? h2_conn_origin(h2, origins, n) : NOT_IN_H1(VERDICT_BAD_CALL);
}
