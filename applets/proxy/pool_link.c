#include "applets/proxy/pool_impl.h"
#include "core/limits.h"

/* ---- its place in the lists ---- */

static void enlist(pool_link *k) {
    pool_backend *b = k->backend;
    k->next = b->links;
    k->prev = &b->links;
    if (k->next) k->next->prev = &k->next;
    b->links = k;
    b->count++;
    b->pool->links++;
}

static void delist(pool_link *k) {
    *k->prev = k->next;
    if (k->next) k->next->prev = k->prev;
    k->backend->count--;
}

static void leave_idle(pool_link *k) {
    if (!k->idle_prev) return;
    *k->idle_prev = k->idle_next;
    if (k->idle_next) k->idle_next->idle_prev = k->idle_prev;
    k->idle_prev = NULL;
}

static void enter_idle(pool_link *k) {
    pool_backend *b = k->backend;
    k->idle_next = b->idle;
    k->idle_prev = &b->idle;
    if (k->idle_next) k->idle_next->idle_prev = &k->idle_next;
    b->idle = k;
}

/* No streams any more; what is left of it ends, or is about to. */
static void set_leaving(pool_link *k) {
    leave_idle(k);
    if (k->leaving) return;
    k->leaving = true;
    k->backend->leaving++;
}

/* It has neither dial nor connection any more. */
static void forget(pool_link *k) {
    pool *p = k->backend->pool;
    mem_give(p->mem, k, sizeof *k);
    p->links--;
}

/* ---- events ---- */

/* It has shown that it works. */
static void prove(pool_link *k) {
    pool_backend *b = k->backend;
    bool probe = k->probe;
    k->proven = true;
    k->probe = false;
    pool_health_connected(b, probe);
    if (probe && b->out) pool_link_end(k); /* more of them are to come */
}

static void note(pool_link *k, const http_event *ev) {
    pool_backend *b = k->backend;
    switch (ev->kind) {
    case HTTP_EVENT_SETTINGS:
        if (!k->proven) prove(k);
        pool_backend_wake(b);
        break;
    case HTTP_EVENT_ROOM: pool_backend_wake(b); break;
    case HTTP_EVENT_GOAWAY:
        set_leaving(k);
        if (!k->places) pool_link_end(k);
        pool_backend_wake(b); /* who waits for room on it needs another */
        break;
    case HTTP_EVENT_OVER: set_leaving(k); break;
    default: break;
    }
}

static void on_event(void *user, net_link *net, const http_event *ev) {
    pool_link *k = user;
    const pool *p = k->backend->pool;
    note(k, ev);
    switch (ev->kind) {
    case HTTP_EVENT_INTERIM:
    case HTTP_EVENT_RESPONSE:
    case HTTP_EVENT_DATA:
    case HTTP_EVENT_TRAILERS:
    case HTTP_EVENT_PUSH:
    case HTTP_EVENT_CLOSED:
        if (ev->user && k->places) {
            p->calls.event(ev->user, k, ev);
        } else if (ev->kind == HTTP_EVENT_PUSH) { /* for nobody */
            session_reset(link_session(net), ev->ref, H2_CANCEL);
        } else if (ev->credit) {
            session_credit(link_session(net), ev->ref, ev->credit);
        }
        break;
    default: break;
    }
}

static void on_closed(void *user, net_link *net, const char *why) {
    pool_link *k = user;
    pool_backend *b = k->backend;
    pool *p = b->pool;
    (void)net;
    set_leaving(k);
    b->leaving--;
    delist(k);
    k->net = NULL;
    if (!k->proven && !p->ending)
        pool_backend_lost(b, k->probe, why ? why : "closed by the backend");
    if (k->places)
        b->ended++;
    else
        forget(k);
    pool_backend_wake(b);
    pool_settle(p);
}

/* ---- dials ---- */

/* Why a connection that was made will not do; NULL: it will. */
static const char *unfit(const pool_backend *b, const net_link *net) {
    const tls_facts *f = link_tls(net);
    /* RFC 9113 section 3.2: over TLS it is agreed on by ALPN. */
    return f && b->plan->h2 && strcmp(f->alpn, "h2") != 0
               ? "the backend does not agree on HTTP/2 (ALPN)"
               : NULL;
}

static void on_opened(void *user, net_link *net) {
    pool_link *k = user;
    pool_backend *b = k->backend;
    k->dial = NULL;
    k->net = net;
    b->dialling--;
    const char *why = unfit(b, net);
    if (why) {
        set_leaving(k);
        link_close(net, why); /* lost when it is closed */
        return;
    }
    if (!b->plan->h2) prove(k);
    if (!b->plan->h2 && !k->leaving) enter_idle(k);
    pool_backend_wake(b);
}

static void on_failed(void *user, const char *why) {
    pool_link *k = user;
    pool_backend *b = k->backend;
    pool *p = b->pool;
    b->dialling--;
    delist(k);
    pool_backend_lost(b, k->probe, why);
    forget(k);
    pool_settle(p);
}

static link_birth birth_of(const pool_backend *b) {
    static const link_calls calls = {.event = on_event, .closed = on_closed};
    const pool *p = b->pool;
    const plan *pl = p->plan;
    bool h2 = b->plan->h2;
    link_birth birth = {.calls = &calls,
                        .config = h2 ? &pl->back_h2 : &pl->back_h1,
                        .known = b->known,
                        .family = pl->family,
                        .lookup = {pl->dns_limit_ms, pl->dns_tries, b->network},
                        .idle_ms = h2 ? LIMIT_IDLE_MS : pl->back_idle_ms,
                        .write_ms = b->write_ms};
    if (b->tunnel) birth.config = &p->tunnel;
    if (b->plan->tls) {
        birth.tls = h2 ? pl->back_tls_h2 : pl->back_tls_h1;
        birth.tls_name = b->plan->sni;
        birth.tls_tickets = p->tickets;
    }
    return birth;
}

pool_link *pool_link_dial(pool_backend *b) {
    static const dial_calls calls = {on_opened, on_failed};
    pool *p = b->pool;
    pool_link *k = mem_take_zero(p->mem, sizeof *k);
    if (!k) return NULL;
    pool_backend_know(b);
    const plan *pl = p->plan;
    dial_proxy through = {pl->proxy_host, pl->proxy_port, pl->proxy_credentials};
    link_birth birth = birth_of(b);
    birth.user = k;
    if (pl->proxy_host && b->plan->h2) birth.through = &through;
    k->backend = b;
    k->dial = dial_open(p->loop, b->plan->host, b->plan->port, &birth, p->plan->back_connect_ms,
                        &calls, k);
    if (!k->dial) {
        mem_give(p->mem, k, sizeof *k);
        return NULL;
    }
    enlist(k);
    b->dialling++;
    return k;
}

/* ---- use ---- */

bool pool_link_has_room(const pool_link *k, const pool_seat *seat) {
    if (!k->net || k->leaving || k->probe) return false;
    if (k->backend->plan->h2) {
        if (seat->extended && !k->proven) return false; /* RFC 8441 section 3 */
    } else if (seat->fresh && k->used) {
        return false;
    }
    return session_room(link_session(k->net)) > 0;
}

pool_link *pool_link_place(pool_link *k) {
    leave_idle(k);
    k->places++;
    k->used_before = k->used;
    k->used = true;
    return k;
}

void pool_link_end(pool_link *k) {
    set_leaving(k);
    if (k->backend->plan->h2) {
        session_drain(link_session(k->net), loop_now_ms(k->backend->pool->loop));
        link_touch(k->net);
    } else {
        link_close(k->net, NULL);
    }
}

void pool_link_drop(pool_link *k) {
    if (k->dial) {
        dial_cancel(k->dial);
        k->backend->dialling--;
        delist(k);
        forget(k);
    } else {
        link_close(k->net, "the proxy ends");
    }
}

void pool_link_give(pool_link *k, bool spent) {
    pool_backend *b = k->backend;
    bool wanted = b->line.count || !b->pool->retiring;
    k->places--;
    if (!k->net) {
        if (k->places) return;
        b->ended--;
        forget(k);
    } else if (b->plan->h2) {
        if (!k->places && (k->leaving || !wanted)) pool_link_end(k);
    } else if (spent || b->tunnel || k->leaving || !wanted) {
        pool_link_end(k);
    } else {
        enter_idle(k);
    }
    if (b->line.count || b->origin) pool_backend_wake(b);
}
