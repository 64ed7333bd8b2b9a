#include "applets/proxy/relay_impl.h"
#include "core/limits.h"

#include <stdio.h>

static loop *loop_of(const relay *r) { return r->worker->loop; }

static void touch_near(relay *r) { link_touch(r->near.front->link); }

/* What of the near session waits for the answer's content. */
static void wake_near(relay *r) {
    if (!r->near.front) return;
    session_wake(front_session(r->near.front), r->near.ref);
    touch_near(r);
}

static void cannot(relay *r, unsigned status, const char *why) {
    relay_page_refuse(r, status, why);
    relay_cancel(r, H2_INTERNAL_ERROR);
}

/* "lb=0a1b2c3d; Path=/; Secure"; empty when the client has it, or there is nothing to keep. */
static span affinity_cookie(relay *r, char *out, size_t room) {
    const plan_pattern *p = r->pattern;
    if (!p || p->affinity != PLAN_AFFINITY_COOKIE) return SPAN("");
    uint32_t name = pool_affinity_of(r->back);
    if (r->has_cookie && name == r->affinity) return SPAN("");
    bool secure = p->cookie_secure == PLAN_SECURE_YES ||
                  (p->cookie_secure == PLAN_SECURE_AUTO && link_tls(r->near.front->link));
    int n =
        snprintf(out, room, "%s=%08x%s%s%s", p->cookie_name, name, p->cookie_path ? "; Path=" : "",
                 p->cookie_path ? p->cookie_path : "", secure ? "; Secure" : "");
    return n > 0 && (size_t)n < room ? span_of(out, (size_t)n) : SPAN("");
}

static void on_interim(relay *r, const http_event *ev) {
    rewritten *out = &r->worker->rewritten;
    rewrite_facts facts;
    if (!r->near.front || r->answered) return;
    if (r->informs++ == LIMIT_INFORMS) {
        cannot(r, 502, "too many 1xx responses");
        return;
    }
    /* A backend that goes on and a client that does not read would fill the memory: nobody misses a
     * hint that he has not read. */
    if (session_piled_up(front_session(r->near.front))) return;
    relay_send_facts(r, r->back, &facts);
    if (!rewrite_inform(out, &r->generation->plan->rewrite, &facts, ev->fields, ev->field_count))
        return;
    session_inform(front_session(r->near.front), r->near.ref, out->fields, out->count);
    touch_near(r);
}

static void on_response(relay *r, const http_event *ev) {
    const plan *p = r->generation->plan;
    const fields_summary *q = &r->request.summary;
    rewritten *out = &r->worker->rewritten;
    front *near = r->near.front;
    char cookie[LIMIT_AFFINITY_COOKIE];
    rewrite_facts facts;
    if (!near || r->answered) {
        relay_cancel(r, H2_CANCEL);
        return;
    }
    bool accepted = r->tunnel && ev->tunnel;
    if (accepted && r->websocket && !pool_backend_of(r->back)->h2 &&
        !rewrite_websocket_agreed(r->websocket_key, ev->fields, ev->field_count)) {
        cannot(r, 502, "the backend has not read the WebSocket's key");
        return;
    }
    if (r->tunnel && !accepted && ev->summary.status / 100 == 2) {
        if (!r->upgrade) {
            cannot(r, 502, "the backend has not upgraded");
            return;
        }
        session_decline(front_session(near), r->near.ref);
        r->up.ended = true;
    }
    if (relay_request_count(ev->fields, ev->field_count) > p->response_fields_max) {
        cannot(r, 502, "the answer has too many fields");
        return;
    }
    relay_push_preloads(r, ev);
    relay_send_facts(r, r->back, &facts);
    facts.back_old = ev->old;
    facts.accepted = accepted;
    facts.date = proxying_date(r->worker);
    if (!rewrite_response(out, &p->rewrite, &facts, q->authority, q->scheme,
                          affinity_cookie(r, cookie, sizeof cookie), ev->fields, ev->field_count,
                          &ev->summary)) {
        cannot(r, 502, "no room for the answer's fields");
        return;
    }
    bool has_body = !ev->end;
    http_body body = has_body ? pipe_lend(&r->down) : HTTP_NO_BODY;
    if (has_body) r->holds |= RELAY_DOWN_BODY;
    r->answered = r->from_backend = true;
    r->status = ev->summary.status;
    verdict v = session_reply(front_session(near), r->near.ref, out->fields, out->count, body);
    if (v.scope != VERDICT_NONE) {
        if (has_body) {
            pipe_taken_back(&r->down);
            r->holds &= ~(unsigned)RELAY_DOWN_BODY;
        }
        r->answered = r->from_backend = false;
        r->status = 0;
        cannot(r, 502, v.why);
        return;
    }
    relay_log_fields(near, PLAN_LOG_ANSWERS, out->fields, out->count);
    if (p->log_early) relay_log(r);
    if (ev->end) r->complete = r->down.ended = true;
    if (accepted) {
        r->up.held = false;
        session_wake(link_session(pool_net(r->back)), r->far);
        link_touch(pool_net(r->back));
    } else if (r->tunnel) {
        pipe_shut(&r->up); /* it was sent for a tunnel that there is not */
    }
    touch_near(r);
}

static void on_data(relay *r, const http_event *ev) {
    session *far = link_session(pool_net(r->back));
    if (ev->credit > ev->data.n) session_credit(far, r->far, ev->credit - ev->data.n);
    if (!pipe_put(&r->down, ev->data)) {
        session_credit(far, r->far, ev->data.n);
        cannot(r, 503, "out of memory");
        return;
    }
    if (ev->end) {
        pipe_end(&r->down);
        r->complete = true;
    }
    wake_near(r);
}

static void on_trailers(relay *r, const http_event *ev) {
    rewritten *out = &r->worker->rewritten;
    if (r->near.front && rewrite_trailers(out, ev->fields, ev->field_count))
        session_trailers(front_session(r->near.front), r->near.ref, out->fields, out->count);
    pipe_end(&r->down);
    r->complete = true;
    wake_near(r);
}

/* ---- the end of the backend's stream ---- */

/* Whether the request can be sent once more: surely nobody acted upon it, and all of it is here. */
static bool may_retry(const relay *r, const http_event *ev, bool kept) {
    const span m = r->request.summary.method;
    if (!r->near.front || r->answered || r->pushed_far) return false;
    if (r->up.pulled || r->up.shut) return false;
    if (ev->never_processed) return r->tries < LIMIT_TRIES_PROGRESS;
    if (r->tries >= LIMIT_TRIES) return false;
    bool safe = span_eq(m, SPAN("GET")) || span_eq(m, SPAN("HEAD")) || span_eq(m, SPAN("OPTIONS"));
    return kept && safe && !r->has_content && ev->unanswered;
}

static void end_tunnel(loop_task *t) {
    relay *r = (relay *)(void *)((char *)t - offsetof(relay, again));
    if (r->down.lent) return; /* only the request's content is back; once more with the answer's */
    if (r->near.front) {
        session_reset(front_session(r->near.front), r->near.ref, H2_NO_ERROR);
        touch_near(r);
    }
    relay_let_go(r, RELAY_AGAIN);
}

/* The far end of a tunnel is gone, and the client still has its own open: it is closed once it has
 * read what came. */
static void leave_tunnel(relay *r) {
    r->again.run = end_tunnel;
    r->holds |= RELAY_AGAIN;
    if (!r->down.lent) loop_soon(loop_of(r), &r->again);
}

static void on_closed(relay *r, const http_event *ev) {
    pool_link *k = r->back;
    bool kept = pool_was_used(k) && !pool_backend_of(k)->h2;
    bool spent = ev->early_close || r->tunnel;
    r->back = NULL;
    timer_cancel(&r->limit);
    pool_give(k, spent);
    if (may_retry(r, ev, kept)) {
        r->fresh |= !ev->never_processed;
        relay_send_again(r);
    } else {
        if (!r->complete && (r->from_backend || !r->answered)) /* else it has been said why */
            relay_page_refuse(r, 502,
                              ev->verdict.why ? ev->verdict.why : "the backend has reset it");
        if (r->complete && r->tunnel && r->near.front && !r->up.ended) leave_tunnel(r);
        pipe_shut(&r->up);
    }
    relay_let_go(r, RELAY_FAR);
}

void relay_answer_event(void *user, pool_link *k, const http_event *ev) {
    relay *r = user;
    if (!r) return;
    r->heard_ms = loop_now_ms(loop_of(r));
    switch (ev->kind) {
    case HTTP_EVENT_INTERIM: on_interim(r, ev); break;
    case HTTP_EVENT_RESPONSE: on_response(r, ev); break;
    case HTTP_EVENT_DATA: on_data(r, ev); break;
    case HTTP_EVENT_TRAILERS: on_trailers(r, ev); break;
    case HTTP_EVENT_PUSH: relay_push_promised(r, k, ev); break;
    case HTTP_EVENT_CLOSED: on_closed(r, ev); break;
    default: break;
    }
}
