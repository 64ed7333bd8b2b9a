#include "applets/proxy/api.h"
#include "applets/proxy/relay_impl.h"
#include "core/limits.h"

static relay *of_up(pipe *p) { return (relay *)(void *)((char *)p - offsetof(relay, up)); }
static relay *of_down(pipe *p) { return (relay *)(void *)((char *)p - offsetof(relay, down)); }

/* ---- the end ---- */

static const mem *mem_of(const relay *r) { return loop_mem(r->worker->loop); }

static void free_relay(relay *r) {
    const mem *m = mem_of(r);
    timer_cancel(&r->limit);
    loop_task_cancel(r->worker->loop, &r->again);
    pipe_free(&r->up);
    pipe_free(&r->down);
    relay_request_free(&r->request, m);
    relay_request_free_trailers(r->trailers, m);
    generation_drop(r->generation);
    mem_give(m, r, sizeof *r);
}

void relay_let_go(relay *r, unsigned hold) {
    r->holds &= ~hold;
    if (!r->holds) free_relay(r);
}

/* ---- content, either way ---- */

/* The backend's session has written content of the request: the client may send more. */
static void credit_near(pipe *p, size_t n) {
    relay *r = of_up(p);
    if (!r->near.front) return;
    r->heard_ms = loop_now_ms(r->worker->loop); /* the backend has taken it */
    session_credit(front_session(r->near.front), r->near.ref, n);
    link_touch(r->near.front->link);
}

static void credit_far(pipe *p, size_t n) {
    relay *r = of_down(p);
    if (!r->back) return;
    session_credit(link_session(pool_net(r->back)), r->far, n);
    link_touch(pool_net(r->back));
}

/* Once its content is back a request can be sent once more, after the session that gave it back has
 * had its turn. */
static void up_released(pipe *p) {
    relay *r = of_up(p);
    if (r->holds & RELAY_AGAIN) loop_soon(r->worker->loop, &r->again);
    relay_let_go(r, RELAY_UP_BODY);
}

static void down_released(pipe *p) {
    relay *r = of_down(p);
    if (r->tunnel && r->holds & RELAY_AGAIN) loop_soon(r->worker->loop, &r->again);
    relay_let_go(r, RELAY_DOWN_BODY);
}

static const pipe_calls up_calls = {credit_near, up_released},
                        down_calls = {credit_far, down_released};

static void wake_far(relay *r) {
    if (!r->back) return;
    session_wake(link_session(pool_net(r->back)), r->far);
    link_touch(pool_net(r->back));
}

static void cut_up(relay *r) {
    pipe_fail(&r->up);
    wake_far(r);
}

void relay_cancel(relay *r, h2_code code) {
    if (!r->back) return;
    session_reset(link_session(pool_net(r->back)), r->far, code);
    link_touch(pool_net(r->back));
}

/* ---- the client's stream ---- */

static void on_content(front_stream *s, const http_event *ev) {
    relay *r = (relay *)s;
    session *near = front_session(s->front);
    if (r->tunnel) r->heard_ms = loop_now_ms(r->worker->loop); /* either side keeps it open */
    if (ev->kind == HTTP_EVENT_DATA) {
        if (ev->credit > ev->data.n) session_credit(near, s->ref, ev->credit - ev->data.n);
        if (!pipe_put(&r->up, ev->data)) {
            session_credit(near, s->ref, ev->data.n);
            relay_page_refuse(r, 503, "out of memory");
            relay_cancel(r, H2_INTERNAL_ERROR);
            return;
        }
    } else {
        r->trailers = relay_request_keep_trailers(s->front, ev->fields, ev->field_count);
        relay_send_trailers(r);
    }
    if (ev->end || ev->kind == HTTP_EVENT_TRAILERS) {
        pipe_end(&r->up);
        r->heard_ms = loop_now_ms(r->worker->loop); /* now it is the backend's turn */
    }
    wake_far(r);
}

static void on_refused(front_stream *s, const http_event *ev) {
    relay *r = (relay *)s;
    relay_page_refuse(r, ev->summary.status, ev->verdict.why);
    relay_cancel(r, H2_CANCEL);
}

static void on_near_closed(front_stream *s, const http_event *ev) {
    relay *r = (relay *)s;
    (void)ev;
    relay_log(r);
    relay_request_leave(&r->request, s->front);
    relay_request_leave_trailers(r->trailers, s->front);
    s->front = NULL;
    pipe_disown(&r->up);
    pipe_disown(&r->down);
    pipe_shut(&r->down);
    if (r->holds & RELAY_SEAT) {
        pool_leave(&r->seat);
        r->holds &= ~(unsigned)RELAY_SEAT;
    }
    if (r->has_content && !r->up.ended) cut_up(r);
    /* An upgrade or tunnel that the client has left goes with it. */
    if (r->back && (!r->complete || r->tunnel)) relay_cancel(r, H2_CANCEL);
    relay_let_go(r, RELAY_NEAR);
}

/* ---- the beginning ---- */

static const front_stream_calls stream_calls = {on_content, on_refused, on_near_closed};

relay *relay_new(front *f, http_ref ref, const http_field *fields, size_t n,
                 const fields_summary *s) {
    proxying *w = f->worker;
    const mem *m = loop_mem(w->loop);
    relay *r = mem_take_zero(m, sizeof *r);
    if (!r) return NULL;
    if (!relay_request_keep(&r->request, f, fields, n, s->content_length)) {
        mem_give(m, r, sizeof *r);
        return NULL;
    }
    r->worker = w;
    r->began_us = loop_now_us();
    r->up = (pipe){.loop = w->loop, .calls = &up_calls, .pinned = &f->pinned};
    r->down = (pipe){.loop = w->loop, .calls = &down_calls, .pinned = &f->pinned};
    if (!front_attach(f, ref, &r->near, &stream_calls)) {
        relay_request_leave(&r->request, f);
        relay_request_free(&r->request, m);
        mem_give(m, r, sizeof *r);
        return NULL;
    }
    r->generation = generation_hold(w->now);
    r->holds = RELAY_NEAR;
    return r;
}

/* The key of a WebSocket that is HTTP/1.1 on either side. False: the client's is none. */
static bool find_key(relay *r, front *f) {
    const relay_request *q = &r->request;
    uint8_t nonce[16];
    r->websocket = rewrite_websocket(&q->summary);
    if (!r->websocket) return true;
    for (size_t i = 0; i < sizeof nonce; i += 4)
        bytes_put32(nonce + i, loop_random(r->worker->loop));
    return rewrite_websocket_key(r->websocket_key, front_is_h2(f), nonce, q->fields, q->count);
}

/* The proxies that have passed it on already (RFC 9110 section 7.6.3). */
static unsigned hops_of(const relay_request *q) {
    unsigned hops = 0;
    for (size_t i = 0; i < q->count; i++) {
        const http_field *f = &q->fields[i];
        if (f->token != HTTP_TOKEN_VIA) continue;
        hops++;
        for (size_t j = 0; j < f->value.n; j++) hops += f->value.p[j] == ',';
    }
    return hops;
}

/* Why no backend should see it; NULL: it goes on. */
static const char *refusal_of(relay *r, front *f, const http_event *ev) {
    const fields_summary *s = &r->request.summary;
    const plan *p = r->generation->plan;
    bool options = span_eq(s->path, SPAN("*"));
    if (!s->authority.n && front_is_h2(f)) return "neither :authority nor host";
    if (options && !span_eq(s->method, SPAN("OPTIONS"))) return "* without OPTIONS";
    /* RFC 9112 section 3.2.2. It was sent to an origin server, which is not here: by mistake, or by
     * a browser that was told that a name is of this address. */
    if (p->mode != PLAN_REVERSE && ev->relative) return "a target that is no URI";
    if (p->require_scheme && !s->connect && p->mode == PLAN_REVERSE &&
        span_eq(s->scheme, SPAN("https")) != (link_tls(f->link) != NULL))
        return "the scheme is not the connection's";
    if (!find_key(r, f)) return "a WebSocket without a key";
    /* RFC 9110 section 9.3.8 */
    if (r->has_content && span_eq(s->method, SPAN("TRACE"))) return "TRACE with content";
    return rewrite_refuses(s);
}

/* Max-Forwards has come to its end: what was asked is what this proxy can do (RFC 9110
 * section 7.6.2). It does not say what it was sent: that may be what a script must not see. */
static void end_here(relay *r) {
    if (span_eq(r->request.summary.method, SPAN("TRACE")))
        relay_page_refuse(r, 501, "TRACE to the proxy itself");
    else
        relay_page_answer(r, 200, NULL, 0);
}

void relay_begin(front *f, const http_event *ev) {
    relay_log_fields(f, PLAN_LOG_REQUESTS, ev->fields, ev->field_count);
    if (f->frontend->healthmon || f->frontend->api) {
        api_begin(f, ev);
        return;
    }
    relay *r = relay_new(f, ev->ref, ev->fields, ev->field_count, &ev->summary);
    if (!r) {
        front_answer(f, ev->ref, 503);
        return;
    }
    r->request.old = ev->old;
    r->tunnel = ev->summary.connect || ev->summary.protocol.p;
    r->upgrade = ev->summary.protocol.p && !front_is_h2(f);
    r->has_content = !ev->end;
    r->up.ended = ev->end;
    r->up.held = r->tunnel;
    const char *why = refusal_of(r, f, ev);
    if (hops_of(&r->request) > LIMIT_HOPS)
        relay_page_refuse(r, 508, "it goes round in a circle");
    else if (relay_request_count(ev->fields, ev->field_count) >
             r->generation->plan->request_fields_max)
        relay_page_refuse(r, 431, "too many fields");
    else if (why)
        relay_page_refuse(r, 400, why);
    else if (fields_protocol_http(r->request.summary.protocol)) /* RFC 9220 section 3 */
        relay_page_refuse(r, 501, "a tunnel for HTTP itself");
    else if (rewrite_ends_here(r->request.fields, r->request.count, &r->request.summary))
        end_here(r);
    else
        relay_route(r);
}

void relay_refused(front *f, const http_event *ev) {
    relay *r = relay_new(f, ev->ref, ev->fields, ev->field_count, &ev->summary);
    if (!r) return; /* it is answered without a page */
    r->request.old = ev->old;
    r->has_content = !ev->end;
    r->up.ended = ev->end;
    relay_page_refuse(r, ev->summary.status, ev->verdict.why);
}
