#include "applets/server/server.h"
#include "applets/common/alternatives.h"
#include "applets/common/frame_log.h"
#include "core/limits.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct conn {
    serving *worker;
    net_link *link;
    struct conn *next, **prev;
    frame_log *log; /* NULL: nothing of it is shown */
    bool told;      /* of alternatives */
} conn;

static void on_event(void *user, net_link *k, const http_event *ev) {
    conn *c = user;
    site *s = &c->worker->site;
    if (s->plan->altsvc.n && ev->kind == HTTP_EVENT_REQUEST && !c->told) {
        c->told = true;
        alternatives_tell(k, &ev->summary, s->plan->altsvc);
    }
    site_take(s, k, ev);
}

void serving_post(loop *l, void (*fn)(void *user), void *user) {
    for (int tries = 0; tries < 1000 && !loop_post(l, fn, user); tries++) usleep(1000);
}

static void worker_ended(void *user) {
    server *s = user;
    if (++s->ended == s->worker_count) loop_stop(s->loop);
}

static void stop_if_idle(serving *w) {
    if (!w->draining || w->conns || w->ended) return;
    w->ended = true;
    timer_cancel(&w->drain_limit);
    loop_stop(w->loop);
    serving_post(w->server->loop, worker_ended, w->server);
}

static void on_closed(void *user, net_link *k, const char *why) {
    conn *c = user;
    serving *w = c->worker;
    (void)k;
    if (w->server->set->verbose) {
        if (why)
            frame_log_say(c->log, "closed: %s", why);
        else
            frame_log_say(c->log, "closed");
    }
    if (c->prev) {
        *c->prev = c->next;
        if (c->next) c->next->prev = c->prev;
    }
    if (c->log) frame_log_end(c->log);
    mem_give(loop_mem(w->loop), c->log, sizeof *c->log);
    mem_give(loop_mem(w->loop), c, sizeof *c);
    stop_if_idle(w);
}

static void on_bytes(void *user, span received) {
    frame_log_hexdump(((conn *)user)->log, received);
}

/* Before the first record, in the words of nghttpd; HTTP/2 has one while its session is born. */
#define SHAKEN    "SSL/TLS handshake completed\nThe negotiated protocol: "
#define SHAKEN_H2 SHAKEN "h2"

static bool on_accept(void *user, link_birth *birth) {
    static const link_calls quiet = {on_event, on_closed, NULL},
                            dumping = {on_event, on_closed, on_bytes};
    serving *w = user;
    server *s = w->server;
    conn *c = mem_take_zero(loop_mem(w->loop), sizeof *c);
    if (!c) return false;
    c->worker = w;
    *birth = (link_birth){.calls = s->set->h2.hexdump ? &dumping : &quiet,
                          .user = c,
                          .config = &s->config,
                          .tls = w->tls,
                          .idle_ms = LIMIT_IDLE_MS,
                          .write_ms = LIMIT_WRITE_MS};
    if (!s->set->verbose && !s->set->h2.hexdump) return true;
    c->log = mem_take(loop_mem(w->loop), sizeof *c->log);
    if (!c->log) {
        mem_give(loop_mem(w->loop), c, sizeof *c);
        return false;
    }
    *c->log = (frame_log){.out = stdout,
                          .start_us = s->start_us,
                          .id = atomic_fetch_add(&s->connections, 1) + 1,
                          .colour = s->set->h2.colour};
    if (!s->set->verbose) return true;
    birth->trace = frame_log_trace(c->log);
    if (w->tls) c->log->first = SHAKEN_H2;
    return true;
}

static void on_opened(void *user, net_link *k) {
    serving *w = user;
    conn *c = link_user(k);
    const plan *p = w->site.plan;
    /* In the clear no certificate would speak for them, and the frame is ignored (RFC 8336). */
    if (p->origin_count && w->tls && strcmp(session_protocol(link_session(k)), "h2") == 0)
        session_origin(link_session(k), p->origins, p->origin_count);
    if (c->log && c->log->first) {
        const char *alpn = link_tls(k)->alpn;
        c->log->first = NULL;
        frame_log_say(c->log, SHAKEN "%s", *alpn ? alpn : "none, so http/1.1");
    }
    c->link = k;
    c->next = w->conns;
    c->prev = &w->conns;
    if (c->next) c->next->prev = &c->next;
    w->conns = c;
}

void serving_say_once(server *s, const char *what, const char *why) {
    if (!atomic_exchange(&s->spoke, true)) opt_say(s->call, "%s: %s", what, why);
}

bool serving_start(void *user, unsigned index, loop *l) {
    static const listen_calls calls = {on_accept, on_opened};
    server *s = user;
    serving *w = &s->serving[index];
    const char *why = NULL;
    unsigned listening = 0;
    w->server = s;
    w->loop = l;
    w->tls = s->tls ? tls_config_hold(s->tls) : NULL;
    atomic_init(&w->next_tls, NULL);
    if (!site_open(&w->site, l, &s->plan, s->set->htdocs, &why)) {
        serving_say_once(s, s->set->htdocs, why); /* --htdocs */
        tls_config_drop(w->tls);
        return false;
    }
    for (size_t i = 0; i < s->address_count; i++) {
        w->listeners[i] = listen_open(l, &s->addresses[i], &calls, w, &why);
        listening += w->listeners[i] != NULL;
    }
    if (listening) return true;
    serving_say_once(s, s->addresses[0].text, why);
    site_close(&w->site);
    tls_config_drop(w->tls);
    return false;
}

static void stop_listening(serving *w) {
    for (size_t i = 0; i < SERVER_ADDRESSES; i++) {
        if (w->listeners[i]) listen_close(w->listeners[i]);
        w->listeners[i] = NULL;
    }
}

void serving_end(void *user, unsigned index, loop *l) {
    server *s = user;
    (void)l;
    stop_listening(&s->serving[index]);
    site_close(&s->serving[index].site);
    tls_config_drop(s->serving[index].tls);
    tls_config_drop(atomic_exchange(&s->serving[index].next_tls, NULL));
}

/* ---- stopping ---- */

static void cut(serving *w, const char *why) {
    if (w->conns) atomic_store(&w->server->cut, true);
    for (conn *c = w->conns, *next; c; c = next) {
        next = c->next;
        link_close(c->link, why);
    }
}

static void drain_is_up(timer *t) { cut(t->user, "the server stops"); }

void serving_drain(void *user) {
    serving *w = user;
    if (w->draining) {
        cut(w, "the server stops");
        return;
    }
    w->draining = true;
    stop_listening(w);
    for (conn *c = w->conns; c; c = c->next) {
        session_drain(link_session(c->link), loop_now_ms(w->loop));
        link_touch(c->link);
    }
    w->drain_limit = (timer){.fire = drain_is_up, .user = w};
    timer_arm(w->loop, &w->drain_limit, LIMIT_DRAIN_MS);
    stop_if_idle(w);
}

void serving_take_tls(void *user) {
    serving *w = user;
    tls_config *next = atomic_exchange(&w->next_tls, NULL);
    if (!next) return; /* a later letter brought it */
    tls_config_drop(w->tls);
    w->tls = next;
}
