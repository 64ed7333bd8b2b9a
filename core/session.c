#include "core/session.h"

/* HTTP/2 alone today: the switch over versions belongs here, and only here. */
struct session {
    const mem *mem;
    h2_conn *h2;
};

void session_defaults(session_config *c, bool server) {
    c->server = server;
    c->start = SESSION_ANY;
    h2_conn_defaults(&c->h2, server);
    h1_conn_defaults(&c->h1, server);
}

void session_scratch_init(session_scratch *s, const mem *m) { h2_conn_scratch_init(&s->h2, m); }

void session_scratch_end(session_scratch *s) { h2_conn_scratch_end(&s->h2); }

session *session_new(const session_birth *b) {
    session *s = mem_take(b->mem, sizeof *s);
    if (!s) return NULL;
    h2_birth birth = {.mem = b->mem,
                      .config = &b->config->h2,
                      .scratch = &b->scratch->h2,
                      .trace = b->trace,
                      .server = b->config->server,
                      .seed = b->seed,
                      .now_ms = b->now_ms};
    *s = (session){.mem = b->mem, .h2 = h2_conn_new(&birth)};
    if (s->h2) return s;
    mem_give(b->mem, s, sizeof *s);
    return NULL;
}

void session_free(session *s) {
    if (!s) return;
    h2_conn_free(s->h2);
    mem_give(s->mem, s, sizeof *s);
}

const char *session_protocol(const session *s) {
    (void)s;
    return "h2";
}

http_event_kind session_step(session *s, span *in, uint64_t now_ms, http_event *ev) {
    return h2_conn_step(s->h2, in, now_ms, ev);
}

bool session_pending(const session *s) { return h2_conn_pending(s->h2); }

size_t session_output(session *s, span *iov, size_t niov, size_t budget) {
    return h2_conn_output(s->h2, iov, niov, budget);
}

void session_output_done(session *s, size_t n) { h2_conn_output_done(s->h2, n); }

bool session_has_output(const session *s) { return h2_conn_has_output(s->h2); }

uint64_t session_deadline(const session *s) { return h2_conn_deadline(s->h2); }

uint32_t session_room(const session *s) { return h2_conn_room(s->h2); }

uint32_t session_streams(const session *s) { return h2_conn_streams(s->h2); }

verdict session_open(session *s, const http_field *f, size_t n, http_body body, void *user,
                     http_ref *ref) {
    return h2_conn_open(s->h2, f, n, body, user, ref);
}

verdict session_reply(session *s, http_ref ref, const http_field *f, size_t n, http_body body) {
    return h2_conn_reply(s->h2, ref, f, n, body);
}

verdict session_inform(session *s, http_ref ref, const http_field *f, size_t n) {
    return h2_conn_inform(s->h2, ref, f, n);
}

verdict session_trailers(session *s, http_ref ref, const http_field *f, size_t n) {
    return h2_conn_trailers(s->h2, ref, f, n);
}

verdict session_push(session *s, http_ref parent, const http_field *f, size_t n, http_ref *ref) {
    return h2_conn_push(s->h2, parent, f, n, ref);
}

verdict session_attach(session *s, http_ref ref, void *user) {
    return h2_conn_attach(s->h2, ref, user);
}

verdict session_credit(session *s, http_ref ref, size_t n) { return h2_conn_credit(s->h2, ref, n); }

verdict session_wake(session *s, http_ref ref) { return h2_conn_wake(s->h2, ref); }

verdict session_reset(session *s, http_ref ref, h2_code code) {
    return h2_conn_reset(s->h2, ref, code);
}

verdict session_prioritize(session *s, http_ref ref, uint8_t urgency, bool incremental) {
    return h2_conn_prioritize(s->h2, ref, urgency, incremental);
}

verdict session_ping(session *s, const uint8_t opaque[8]) { return h2_conn_ping(s->h2, opaque); }

verdict session_altsvc(session *s, span origin, span value) {
    return h2_conn_altsvc(s->h2, origin, value);
}

verdict session_origin(session *s, const span *origins, size_t n) {
    return h2_conn_origin(s->h2, origins, n);
}

void session_drain(session *s, uint64_t now_ms) { h2_conn_drain(s->h2, now_ms); }

void session_close(session *s, h2_code code, const char *why) { h2_conn_close(s->h2, code, why); }

void session_eof(session *s) { h2_conn_eof(s->h2); }

void session_cut(session *s, const char *why) { h2_conn_cut(s->h2, why); }
