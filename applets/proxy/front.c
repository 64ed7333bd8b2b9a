#include "applets/proxy/front.h"
#include "applets/common/alternatives.h"
#include "applets/common/frame_log.h"
#include "applets/proxy/error_log.h"
#include "applets/proxy/relay.h"

#include <stdio.h>
#include <string.h>

/* ---- events ---- */

/* A connection over HTTP/2: it may have begun as one over HTTP/1.1. */
static void begin_h2(front *f, const http_event *ev) {
    const plan *p = f->generation->plan;
    f->told_h2 = true;
    link_set_idle(f->link, p->front_idle_ms);
    if (p->rewrite.http2_altsvc.n)
        alternatives_tell(f->link, &ev->summary, p->rewrite.http2_altsvc);
}

static void on_event(void *user, net_link *k, const http_event *ev) {
    front *f = user;
    front_stream *s = ev->user;
    switch (ev->kind) {
    case HTTP_EVENT_REQUEST:
        if (!f->told_h2 && front_is_h2(f)) begin_h2(f, ev);
        if (f->worker->draining) front_leave(f);
        relay_begin(f, ev);
        break;
    case HTTP_EVENT_REFUSED:
        if (s)
            s->calls->refused(s, ev);
        else
            relay_refused(f, ev);
        break;
    case HTTP_EVENT_DATA:
        if (s)
            s->calls->content(s, ev);
        else
            session_credit(link_session(k), ev->ref, ev->credit); /* nobody reads it */
        break;
    case HTTP_EVENT_TRAILERS:
        if (s) s->calls->content(s, ev);
        break;
    case HTTP_EVENT_CLOSED:
        if (s) s->calls->closed(s, ev);
        break;
    default: break;
    }
}

static void free_front(front *f) {
    const mem *m = loop_mem(f->worker->loop);
    if (f->log) frame_log_end(f->log);
    mem_give(m, f->log, sizeof *f->log);
    generation_drop(f->generation);
    mem_give(m, f, sizeof *f);
}

static void on_closed(void *user, net_link *k, const char *why) {
    front *f = user;
    proxying *w = f->worker;
    (void)k;
    if (f->log) frame_log_say(f->log, why ? "closed: %s" : "closed", why);
    if (f->prev) {
        *f->prev = f->next;
        if (f->next) f->next->prev = f->prev;
    } else if (why) {
        error_log_say(ERROR_LOG_INFO, "%s", why); /* its handshake failed */
    }
    free_front(f);
    proxying_left(w);
}

/* ---- a new one ---- */

/* Something that nobody can guess, and that stays the same (RFC 7239 section 6.3). */
static void obfuscate(char out[10], uint32_t high, uint32_t low) {
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint64_t v = (uint64_t)high << 32 | low;
    out[0] = '_';
    for (int i = 1; i < 9; i++, v /= sizeof digits - 1) out[i] = digits[v % (sizeof digits - 1)];
    out[9] = '\0';
}

static bool make_log(front *f, link_birth *birth) {
    f->log = mem_take(loop_mem(f->worker->loop), sizeof *f->log);
    if (!f->log) return false;
    *f->log =
        (frame_log){.out = stderr, .start_us = loop_now_us(), .id = proxying_next_id(f->worker)};
    birth->trace = frame_log_trace(f->log);
    return true;
}

bool front_accept(void *user, link_birth *birth) {
    static const link_calls calls = {on_event, on_closed, NULL};
    entrance *e = user;
    proxying *w = e->worker;
    const plan *p = w->now->plan;
    if (p->front_connections && w->front_count >= p->front_connections) return false;
    front *f = mem_take_zero(loop_mem(w->loop), sizeof *f);
    if (!f) return false;
    f->worker = w;
    f->generation = generation_hold(w->now);
    f->frontend = e->frontend;
    *birth = (link_birth){.calls = &calls,
                          .user = f,
                          .config = &p->front,
                          .tls = e->frontend->tls ? p->front_tls : NULL,
                          .idle_ms = p->front_keep_alive_ms,
                          .write_ms = p->front_write_ms,
                          .proxy_header = e->frontend->proxy_protocol,
                          .rates = p->limits_rates ? &p->rates : NULL,
                          .quota = w->quota};
    if (p->frame_log && !make_log(f, birth)) {
        free_front(f);
        *birth = (link_birth){0};
        return false;
    }
    w->front_count++;
    return true;
}

/* Not 0, which stands for none. */
static uint32_t hash_of(const char *address) {
    uint32_t h = 2166136261u;
    for (; *address; address++) h = (h ^ (uint8_t)*address) * 16777619u;
    return h ? h : 1;
}

/* As a Forwarded field has it (RFC 7239 section 6). */
static void note_local(front *f, net_link *k) {
    const char *local = link_local(k);
    const char *format = strchr(local, ':') ? "[%s]:%u" : "%s:%u";
    if (!link_local_port(k))
        strcpy(f->local, "localhost");
    else
        snprintf(f->local, sizeof f->local, format, local, link_local_port(k));
}

void front_opened(void *user, net_link *k) {
    front *f = link_user(k);
    proxying *w = f->worker;
    (void)user;
    f->link = k;
    f->next = w->fronts;
    f->prev = &w->fronts;
    if (f->next) f->next->prev = &f->next;
    w->fronts = f;
    f->affinity = hash_of(link_peer(k));
    if (front_is_h2(f)) link_set_idle(k, f->generation->plan->front_idle_ms);
    note_local(f, k);
    obfuscate(f->by, w->by_high, w->by_low);
    obfuscate(f->for_, loop_random(w->loop), loop_random(w->loop));
    if (w->draining) front_leave(f);
}

void front_leave(front *f) {
    session *s = front_session(f);
    if (!front_is_h2(f) && !session_streams(s)) return;
    session_drain(s, loop_now_ms(f->worker->loop));
    link_touch(f->link);
}

/* ---- streams ---- */

bool front_attach(front *f, http_ref ref, front_stream *s, const front_stream_calls *calls) {
    if (session_attach(front_session(f), ref, s).scope != VERDICT_NONE) return false;
    s->calls = calls;
    s->front = f;
    s->ref = ref;
    return true;
}

void front_answer(front *f, http_ref ref, unsigned status) {
    uint8_t digits[3];
    bytes_put_decimal(digits, status);
    const http_field out[] = {HTTP_FIELD_OF(STATUS, span_of(digits, 3)),
                              HTTP_FIELD_OF(DATE, proxying_date(f->worker)),
                              HTTP_FIELD_OF(CONTENT_LENGTH, SPAN("0"))};
    session_reply(front_session(f), ref, out, 3, HTTP_NO_BODY);
    link_touch(f->link);
}

bool front_is_h2(front *f) { return strcmp(session_protocol(front_session(f)), "h2") == 0; }

void front_facts(front *f, rewrite_facts *facts) {
    const char *peer = link_peer(f->link);
    bool unix_socket = !link_peer_port(f->link);
    *facts = (rewrite_facts){.client_address = unix_socket ? SPAN("localhost") : span_str(peer),
                             .by = span_of(f->by, 9),
                             .for_ = span_of(f->for_, 9),
                             .secure = link_tls(f->link) != NULL,
                             .local_address = span_str(f->local),
                             .front_h2 = front_is_h2(f)};
}
