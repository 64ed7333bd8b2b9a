#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/buf.h"
#include "netio/link_impl.h"
#include "netio/meter.h"

/* ---- stepping ---- */

static void deliver(net_link *k, const http_event *ev) {
    if (ev->kind == HTTP_EVENT_OVER) {
        k->over = true;
        if (!k->why && !k->ending && ev->verdict.scope != VERDICT_NONE) k->why = ev->verdict.why;
    }
    k->calls->event(k->timer.user, k, ev);
}

/* Steps over *in, which lies in `home` or elsewhere. True when the session wants a pause, or the
 * link's share is used up: *in is what is left. */
static bool step(net_link *k, buf *home, span *in) {
    loop *l = k->loop;
    http_event ev;
    bool paused = false;
    l->feeding = home;
    for (unsigned events = 0; !k->ending; events++) {
        if (events == LIMIT_STEP_EVENTS && in->n) {
            k->yielded = paused = true;
            break;
        }
        http_event_kind kind = session_step(k->session, in, loop_now_ms(l), &ev);
        if (kind == HTTP_EVENT_NONE) break;
        if (kind == HTTP_EVENT_PAUSED) {
            paused = in->n != 0;
            break;
        }
        deliver(k, &ev);
    }
    l->feeding = NULL;
    return paused;
}

/* Keeps what a pause left: pinned where the read put it, or copied. */
static void keep(net_link *k, buf *home, span in) {
    loop *l = k->loop;
    link_extra *x = link_more(k);
    l->feeding = home;
    if (x) x->held = buf_pin(l, in, &x->rest);
    l->feeding = NULL;
    if (!link_has_rest(k)) link_fail(k, "out of memory");
}

void link_pump_give(net_link *k, span in) { keep(k, NULL, in); }

static void step_or_keep(net_link *k, buf *home, span in) {
    if (step(k, home, &in)) keep(k, home, in);
}

void link_pump_events(net_link *k) {
    if (k->ending) return;
    /* The clock may be what it waits for, so it is also stepped when it has nothing pending yet. */
    if (session_pending(k->session) || link_session_due(k) <= loop_now_ms(k->loop)) {
        step(k, NULL, &(span){NULL, 0});
    }
}

void link_pump_end(net_link *k) {
    span none = {NULL, 0};
    http_event ev;
    if (k->over) return; /* all has been told */
    if (k->why)
        session_cut(k->session, k->why);
    else
        session_eof(k->session);
    for (;;) {
        http_event_kind kind = session_step(k->session, &none, loop_now_ms(k->loop), &ev);
        if (kind == HTTP_EVENT_NONE || kind == HTTP_EVENT_PAUSED) return;
        deliver(k, &ev);
    }
}

/* The peer sends no more, by an orderly end (why NULL) or an error. Unless the session still has
 * something to say to a peer that only listens, the streams are told and the link will end. */
static void take_eof(net_link *k, const char *why) {
    k->eof = true;
    k->readable = false;
    if (k->over) { /* it was told; the socket's end is only what was waited for */
        link_fail(k, k->why);
        return;
    }
    /* The peer may have shut one direction only: answers to its last bytes can still reach it. */
    if (!why && !k->broken && session_half_eof(k->session)) {
        step(k, NULL, &(span){NULL, 0});
        return;
    }
    if (!why && !k->broken && !k->blocked) link_flush_write(k);
    if (why) k->why = k->why ? k->why : why;
    if (!k->ending) link_pump_end(k);
    link_fail(k, k->why);
}

/* Steps over the plaintext that TLS has ready, and sees what TLS has come to after it. */
static void step_plain(net_link *k, buf *home) {
    const tls_ports *tls = k->extra->tls;
    const char *why = NULL;
    span none = {NULL, 0};
    for (;;) {
        if (link_has_rest(k) || k->ending) return;
        span plain = tls->plain(k->extra->tls_self);
        if (!plain.n) break;
        if (k->calls->bytes) k->calls->bytes(k->timer.user, plain);
        if (!k->ending) step_or_keep(k, home, plain);
    }
    tls_status status = tls->feed(k->extra->tls_self, &none, &why);
    if (status == TLS_OK || k->eof) return;
    k->extra->ended = status == TLS_CLOSED;
    take_eof(k, status == TLS_CLOSED ? NULL : why ? why : "TLS failed");
}

bool link_pump_rest(net_link *k) {
    link_extra *x = k->extra;
    if (!link_has_rest(k) || k->ending) return false;
    size_t before = x->rest.n;
    if (step(k, x->held, &x->rest)) return x->rest.n != before;
    link_pump_forget(k);
    if (x->tls) step_plain(k, NULL);
    return true;
}

void link_pump_forget(net_link *k) {
    if (!link_has_rest(k)) return;
    buf_unpin(k->extra->held);
    k->extra->held = NULL;
}

/* ---- reading ---- */

static void feed_tls(net_link *k, span in) {
    const char *why = NULL;
    k->extra->tls->feed(k->extra->tls_self, &in, &why);
    step_plain(k, k->loop->slab);
}

static void feed(net_link *k, const uint8_t *p, size_t n) {
    loop *l = k->loop;
    k->active_ms = (uint32_t)loop_now_ms(l);
    if (k->lingering) return;
    if (link_has_tls(k)) {
        feed_tls(k, span_of(p, n));
    } else {
        if (k->calls->bytes) k->calls->bytes(k->timer.user, span_of(p, n));
        if (!k->ending) step_or_keep(k, l->slab, span_of(p, n));
    }
    link_touch(k);
}

/* The socket's end without the end of TLS: anybody on the way can make it (RFC 8446 section 6.1).
 * Whoever waits for nothing has lost nothing. */
static const char *cut_text(const net_link *k) {
    if (k->over || k->extra->ended || !session_streams(k->session)) return NULL;
    return "the connection was cut (no close_notify)";
}

/* At most as much as the link's limits allow; false when that is nothing. */
static bool limit_read(net_link *k, size_t *room) {
    size_t most = meter_room(&link_meter(k)->read, loop_now_ms(k->loop));
    k->extra->dry = most == 0;
    if (most < *room) *room = most;
    return most > 0;
}

/* One read; false when there is nothing more to have now. */
static bool read_once(net_link *k, const char *why_if_eof) {
    loop *l = k->loop;
    size_t room;
    uint8_t *p = buf_room(l, &room);
    if (!p) {
        link_fail(k, "out of memory");
        return false;
    }
    if (link_meter(k) && !limit_read(k, &room)) return false;
    ssize_t n = l->fault ? fault_read(l->fault, k->fd, p, room) : read(k->fd, p, room);
    /* Less than there was room for is all there was; but the end comes after it without a new edge.
     */
    k->readable = n < 0 ? errno == EINTR : (size_t)n == room || k->closing;
    if (l->fault) k->again = true; /* which did not ask the socket */
    if (n > 0) {
        if (link_meter(k)) meter_take(&link_meter(k)->read, (size_t)n);
        feed(k, p, (size_t)n);
        buf_read(l, (size_t)n);
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n < 0 && !why_if_eof) why_if_eof = loop_error_text(errno);
    if (n == 0 && !why_if_eof && link_has_tls(k)) why_if_eof = cut_text(k);
    take_eof(k, why_if_eof);
    return false;
}

void link_pump_read(net_link *k) {
    if (link_has_tls(k) && k->extra->fresh) {
        k->extra->fresh = false;
        step_plain(k, NULL);
    }
    if (link_meter(k)) k->extra->dry = false; /* it is asked again */
    if (link_wants_read(k)) {
        read_once(k, NULL);
    } else if (k->failed && (link_has_rest(k) || k->eof) && !k->ending) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        take_eof(k, loop_error_text(error ? error : ECONNRESET));
    }
}

void link_pump_last(net_link *k, const char *why) {
    k->broken = true;
    for (unsigned n = 0; n < LIMIT_LAST_READS && !k->ending && !k->eof && !link_has_rest(k); n++) {
        if (!read_once(k, why)) break;
    }
    if (!k->ending) take_eof(k, why);
}
