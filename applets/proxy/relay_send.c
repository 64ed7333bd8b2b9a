#include "applets/proxy/error_log.h"
#include "applets/proxy/relay_impl.h"
#include "core/limits.h"

/* ---- the backend's time ---- */

static uint32_t read_limit(const relay *r) {
    const plan *p = r->generation->plan;
    uint32_t usual = r->pattern ? r->pattern->read_ms : p->back_read_ms;
    uint32_t stream = r->backend && r->backend->h2 ? p->back_stream_read_ms : 0;
    return stream && (!usual || stream < usual) ? stream : usual;
}

/* A tunnel has no turns: it is too late when nothing has come from either side. */
static void leave_tunnel(relay *r) {
    if (!r->near.front) return;
    error_log_say(ERROR_LOG_INFO, "a tunnel was silent for too long");
    session_reset(front_session(r->near.front), r->near.ref, H2_NO_ERROR);
    link_touch(r->near.front->link);
}

/* The backend has been silent for too long, and it was not its turn to wait. */
static void limit_is_up(timer *t) {
    relay *r = t->user;
    loop *l = r->worker->loop;
    uint64_t silent = loop_now_ms(l) - r->heard_ms;
    uint32_t most = read_limit(r);
    bool stuck = r->up.taken != r->up.written; /* there is content that it does not take */
    bool open = r->tunnel && !r->up.held, asked = r->up.ended || r->tunnel || stuck;
    bool waits = open || (asked && r->down.taken == r->down.written); /* nobody holds it up */
    if (!waits) r->heard_ms = loop_now_ms(l);
    if (!waits || silent < most) {
        timer_arm(l, t, waits ? most - silent : most);
        return;
    }
    if (open) {
        leave_tunnel(r);
        return;
    }
    relay_page_refuse(r, 504, "the backend said nothing in time");
    relay_cancel(r, H2_CANCEL);
}

void relay_send_watch(relay *r) {
    r->heard_ms = loop_now_ms(r->worker->loop);
    r->limit.fire = limit_is_up;
    r->limit.user = r;
    if (read_limit(r)) timer_arm(r->worker->loop, &r->limit, read_limit(r));
}

/* ---- sending ---- */

void relay_send_facts(const relay *r, const pool_link *k, rewrite_facts *facts) {
    const plan_backend *b = pool_backend_of(k);
    front_facts(r->near.front, facts);
    facts->front_old = r->request.old;
    facts->back_h2 = b->h2;
    facts->backend_authority = b->authority;
    facts->backend_upgrade_scheme = b->upgrade_scheme;
    if (r->websocket && !(facts->front_h2 && b->h2)) facts->websocket_key = r->websocket_key;
}

void relay_send_trailers(relay *r) {
    rewritten *out = &r->worker->rewritten;
    const relay_request *t = r->trailers;
    if (r->back && t && rewrite_trailers(out, t->fields, t->count))
        session_trailers(link_session(pool_net(r->back)), r->far, out->fields, out->count);
}

/* Why session_open would not. */
static void not_opened(relay *r, pool_link *k, verdict v) {
    bool busy = v.code == VERDICT_BUSY && r->tries < LIMIT_TRIES_PROGRESS;
    bool memory = v.code == VERDICT_NO_MEMORY;
    pool_give(k, false);
    if (busy)
        relay_send_again(r);
    else
        relay_page_refuse(r, memory ? 503 : r->tunnel ? 501 : 502, v.why);
}

/* An Upgrade to anything but a WebSocket is nothing to HTTP/2: what is left is a request as any. */
static void decline_upgrade(relay *r) {
    session_decline(front_session(r->near.front), r->near.ref);
    relay_request_decline(&r->request);
    r->upgrade = r->tunnel = r->has_content = r->up.held = false;
    r->up.ended = true;
}

void relay_send(relay *r, pool_link *k) {
    const relay_request *q = &r->request;
    rewritten *out = &r->worker->rewritten;
    session *far = link_session(pool_net(k));
    rewrite_facts facts;
    r->backend = pool_backend_of(k);
    if (r->upgrade && !r->websocket && r->backend->h2) decline_upgrade(r);
    relay_send_facts(r, k, &facts);
    if (!rewrite_request(out, &r->generation->plan->rewrite, &facts, q->fields, q->count,
                         &q->summary)) {
        pool_give(k, false);
        relay_page_refuse(r, 431, "no room for the request's fields");
        return;
    }
    http_body body = HTTP_NO_BODY;
    if (r->has_content) body = pipe_lend(&r->up);
    r->tries++;
    verdict v = session_open(far, out->fields, out->count, body, r, &r->far);
    if (v.scope != VERDICT_NONE) {
        if (r->has_content) pipe_taken_back(&r->up);
        not_opened(r, k, v);
        return;
    }
    r->back = k;
    r->holds |= RELAY_FAR | (r->has_content ? RELAY_UP_BODY : 0u);
    relay_send_trailers(r);
    relay_send_watch(r);
    link_touch(pool_net(k));
}

static void retry_now(loop_task *t) {
    relay *r = (relay *)(void *)((char *)t - offsetof(relay, again));
    if (r->near.front && !r->answered) relay_route_again(r);
    relay_let_go(r, RELAY_AGAIN);
}

void relay_send_again(relay *r) {
    r->again.run = retry_now;
    r->holds |= RELAY_AGAIN;
    if (!r->up.lent) loop_soon(r->worker->loop, &r->again);
}
