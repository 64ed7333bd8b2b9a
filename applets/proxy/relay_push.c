#include "applets/proxy/relay_impl.h"
#include "core/limits.h"

/* A stream that the client was promised as the answer to these fields; NULL: the client wants none,
 * or there is no memory. */
static relay *promise(relay *parent, const http_field *f, size_t n, const fields_summary *s) {
    front *near = parent->near.front;
    http_ref ref;
    verdict v = session_push(front_session(near), parent->near.ref, f, n, &ref);
    if (v.scope != VERDICT_NONE) return NULL;
    link_touch(near->link);
    relay *r = relay_new(near, ref, f, n, s);
    if (r)
        r->up.ended = true;
    else
        session_reset(front_session(near), ref, H2_CANCEL);
    return r;
}

static bool may_push(const relay *r) {
    const plan *p = r->generation->plan;
    return p->push && p->mode == PLAN_REVERSE && r->near.front && !r->answered && !r->tunnel &&
           (r->near.ref.id & 1); /* a push begets none (RFC 9113 section 8.4) */
}

/* ---- those of the backend ---- */

/* The request that a backend promises, as its client would have sent it: of the scheme and the
 * authority that it has asked. */
static bool make_promise(rewritten *out, const http_event *ev, const fields_summary *asked) {
    out->count = 0;
    for (size_t i = 0; i < ev->field_count; i++) {
        http_field f = ev->fields[i];
        if (f.token == HTTP_TOKEN_HOST) continue;
        if (f.token == HTTP_TOKEN_SCHEME) f.value = asked->scheme;
        if (f.token == HTTP_TOKEN_AUTHORITY) f.value = asked->authority;
        if (out->count == out->room) return false;
        out->fields[out->count++] = f;
    }
    return true;
}

void relay_push_promised(relay *parent, pool_link *k, const http_event *ev) {
    const span authority = ev->summary.authority;
    session *far = link_session(pool_net(k));
    relay *r = NULL;
    rewritten *out = &parent->worker->rewritten;
    bool ours = may_push(parent) && (span_ieq(authority, parent->request.summary.authority) ||
                                     span_ieq(authority, pool_backend_of(k)->authority));
    if (ours && make_promise(out, ev, &parent->request.summary))
        r = promise(parent, out->fields, out->count, &ev->summary);
    if (!r) {
        session_reset(far, ev->ref, H2_CANCEL);
        link_touch(pool_net(k));
        return;
    }
    /* What follows is of the parent's plan, which a reload may have replaced since. */
    generation_drop(r->generation);
    r->generation = generation_hold(parent->generation);
    r->pattern = parent->pattern;
    r->pattern_index = parent->pattern_index;
    r->backend = parent->backend;
    r->back = k;
    r->far = ev->ref;
    r->pushed_far = true;
    pool_keep(k);
    r->holds |= RELAY_FAR;
    session_attach(far, ev->ref, r);
    relay_send_watch(r);
}

/* ---- what Link fields ask for ---- */

typedef struct preloading {
    relay *parent;
    unsigned count;
} preloading;

/* The request that the client would send itself: the fields that choose between representations are
 * those of the one it comes with. */
static void on_preload(void *user, span target) {
    static const uint16_t kept[] = {HTTP_TOKEN_ACCEPT_ENCODING, HTTP_TOKEN_ACCEPT_LANGUAGE,
                                    HTTP_TOKEN_USER_AGENT};
    preloading *p = user;
    relay *parent = p->parent;
    const relay_request *q = &parent->request;
    if (p->count++ >= LIMIT_PRELOADS) return;
    http_field f[4 + sizeof kept / sizeof *kept];
    size_t n = 0;
    f[n++] = HTTP_FIELD_OF(METHOD, SPAN("GET"));
    f[n++] = HTTP_FIELD_OF(SCHEME, q->summary.scheme);
    f[n++] = HTTP_FIELD_OF(AUTHORITY, q->summary.authority);
    f[n++] = HTTP_FIELD_OF(PATH, target);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const http_field *have = fields_find(q->fields, q->count, kept[i]);
        if (have) f[n++] = *have;
    }
    fields_summary none = {.content_length = FIELDS_NO_LENGTH};
    relay *r = promise(parent, f, n, &none);
    if (r) relay_route(r);
}

void relay_push_preloads(relay *r, const http_event *ev) {
    const fields_summary *q = &r->request.summary;
    if (!may_push(r) || ev->summary.status != 200) return;
    if (!span_eq(q->method, SPAN("GET")) && !span_eq(q->method, SPAN("POST"))) return;
    if (!fields_find(ev->fields, ev->field_count, HTTP_TOKEN_LINK)) return;
    preloading p = {r, 0};
    rewrite_preloads(ev->fields, ev->field_count, q->scheme, q->authority, q->path, on_preload, &p);
}
