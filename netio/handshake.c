#include "netio/handshake.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/buf.h"
#include "netio/link_impl.h"

struct handshake {
    loop *loop;
    handshake *next, **prev; /* in loop.handshakes */
    handshake *shaking_next; /* in loop.shaking */
    handshake_begin begin;
    const tls_ports *tls;
    void *self; /* NULL once it has failed: what is left is to let the peer read why */
    loop_task ready;
    timer limit;
    uint64_t received, sent;
    bool queued;   /* in loop.shaking */
    bool readable; /* a read may find something */
    bool more;     /* the next step needs no bytes */
    bool blocked;  /* the socket is full */
    bool doomed;   /* its listener is closed */
};

/* Edges, as with links: those that wait in line with bytes to read must not fill the waits of
 * epoll, whose events are few at a time. */
#define EDGES ((uint32_t)(EPOLLIN | EPOLLET))

session_start handshake_start(const tls_facts *f) {
    return strcmp(f->alpn, "h2") == 0 ? SESSION_H2 : SESSION_H1;
}

/* ---- the line ---- */

static void queue(handshake *h) {
    loop *l = h->loop;
    if (h->queued) return;
    h->queued = true;
    h->shaking_next = NULL;
    *l->shaking_last = h;
    l->shaking_last = &h->shaking_next;
}

static void leave_line(handshake *h) {
    loop *l = h->loop;
    if (!h->queued) return;
    h->queued = false;
    handshake **at = &l->shaking;
    while (*at != h) at = &(*at)->shaking_next;
    *at = h->shaking_next;
    if (!*at) l->shaking_last = at;
}

static void on_ready(loop_task *t) {
    handshake *h = (handshake *)(void *)((char *)t - offsetof(handshake, ready));
    h->readable = true;
    queue(h);
}

/* ---- ends ---- */

/* Takes it out of everything that could call it; socket and TLS are still there. */
static void leave(handshake *h) {
    loop *l = h->loop;
    leave_line(h);
    timer_cancel(&h->limit);
    loop_poll_forget(l, h->begin.fd);
    loop_task_cancel(l, &h->ready);
    *h->prev = h->next;
    if (h->next)
        h->next->prev = h->prev;
    else
        l->handshakes_last = h->prev;
    l->handshake_count--;
    loop_release(l);
}

void handshake_cancel(handshake *h) {
    loop *l = h->loop;
    leave(h);
    if (h->self) h->tls->free(h->self);
    close(h->begin.fd);
    mem_give(&l->mem, h, sizeof *h);
}

static void tell(const handshake_begin *b, net_link *k, const char *why) {
    b->done(b->user, b->calls, &b->birth, k, why);
}

void handshake_fail(handshake *h, const char *why) {
    handshake_begin b = h->begin;
    bool told = !h->self;
    handshake_cancel(h);
    if (!told) tell(&b, NULL, why);
}

static void finish(handshake *h) {
    loop *l = h->loop;
    handshake_begin b = h->begin;
    leave(h);
    net_link *k = link_new(l, b.fd, &b.birth, h->tls, h->self);
    if (k) {
        k->received = h->received;
        k->sent = h->sent;
    } else {
        h->tls->free(h->self);
        close(b.fd);
    }
    mem_give(&l->mem, h, sizeof *h);
    tell(&b, k, k ? NULL : DIAL_NO_MEMORY);
}

/* Failed, with something said to the peer: closing a socket that has unread bytes would take it
 * back, so wait until the peer has closed, or for a while. */
static void linger(handshake *h, const char *why) {
    handshake_begin b = h->begin;
    if (!b.listener || shutdown(b.fd, SHUT_WR) != 0) {
        handshake_fail(h, why);
        return;
    }
    h->tls->free(h->self);
    h->self = NULL;
    loop_poll_change(h->loop, b.fd, EDGES, &h->ready);
    timer_arm(h->loop, &h->limit, LIMIT_LINGER_MS);
    tell(&b, NULL, why);
}

static void on_limit(timer *t) { handshake_fail(t->user, DIAL_TLS_TIMED_OUT); }

void handshake_abandon(loop *l, const listener *s) {
    for (handshake *h = l->handshakes; h; h = h->next) {
        if (h->begin.listener != s) continue;
        h->begin.listener = NULL;
        h->doomed = true;
        queue(h);
    }
}

/* ---- steps ---- */

/* Writes what TLS has; false when the socket is broken. */
static bool write_out(handshake *h) {
    loop *l = h->loop;
    int fd = h->begin.fd;
    span spans[8];
    bool was = h->blocked;
    h->blocked = false;
    for (size_t n; (n = h->tls->output(h->self, spans, 8)) != 0;) {
        const struct iovec *iov = (const struct iovec *)(const void *)spans;
        ssize_t w =
            l->fault ? fault_writev(l->fault, fd, iov, n, h->sent) : writev(fd, iov, (int)n);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0 && errno != EAGAIN) return false;
        h->blocked = w < 0;
        if (w < 0) break;
        h->sent += (size_t)w;
        h->tls->output_done(h->self, (size_t)w);
    }
    if (h->blocked || was)
        loop_poll_change(l, fd, h->blocked ? EDGES | EPOLLOUT : EDGES, &h->ready);
    return true;
}

/* Bytes read, 0 at the end of the peer, -1 with errno. */
static ssize_t read_in(handshake *h) {
    loop *l = h->loop;
    const char *why;
    size_t room;
    uint8_t *p = buf_room(l, &room);
    if (!p) {
        errno = ENOMEM;
        return -1;
    }
    ssize_t n = l->fault ? fault_read(l->fault, h->begin.fd, p, room) : read(h->begin.fd, p, room);
    if (n <= 0) return n;
    h->received += (size_t)n;
    span in = span_of(p, (size_t)n);
    if (h->self) h->tls->feed(h->self, &in, &why);
    return n;
}

/* True when there is something to go on with. It may be gone else. */
static bool take_input(handshake *h) {
    if (!h->readable) return false;
    ssize_t n = read_in(h);
    if (n > 0) return true;
    if (n < 0 && errno == EINTR) {
        queue(h);
        return false;
    }
    if (n < 0 && errno == EAGAIN) {
        h->readable = false;
        if (h->loop->fault) loop_poll_change(h->loop, h->begin.fd, EDGES, &h->ready);
        return false;
    }
    if (!h->self)
        handshake_cancel(h);
    else
        handshake_fail(h, n < 0 ? loop_error_text(errno)
                                : "the peer closed the connection in the handshake");
    return false;
}

/* True when it may have cost a private key. */
static bool step(handshake *h) {
    const char *why = NULL;
    if (h->doomed) {
        handshake_fail(h, "the program takes no more connections");
        return false;
    }
    if (!h->self) {
        if (take_input(h)) queue(h);
        return false;
    }
    if (h->blocked && !write_out(h)) {
        handshake_fail(h, loop_error_text(errno));
        return false;
    }
    if (h->blocked || (!h->more && !take_input(h))) return false;
    tls_status status = h->tls->shake(h->self, &h->more, &why);
    if (!write_out(h)) {
        handshake_fail(h, why ? why : loop_error_text(errno));
    } else if (status != TLS_OK) {
        linger(h, why ? why : "the peer closed the connection in the handshake");
    } else if (h->tls->facts(h->self)) {
        finish(h);
    } else if ((h->more || h->readable) && !h->blocked) {
        queue(h);
    }
    return true;
}

void handshake_turn(loop *l) {
    for (unsigned n = 0; l->shaking && n < LIMIT_ACCEPTS; n++) {
        handshake *h = l->shaking;
        leave_line(h);
        if (step(h)) return;
    }
}

/* ---- birth ---- */

/* Ends the one of a listener that has waited longest for its peer; false when there is none. */
static bool make_room(loop *l) {
    for (handshake *h = l->handshakes; h; h = h->next) {
        if (h->queued || !h->begin.listener) continue;
        handshake_fail(h, "too many handshakes at once");
        return true;
    }
    return false;
}

handshake *handshake_new(loop *l, const handshake_begin *b) {
    if (b->listener && l->handshake_count >= LIMIT_HANDSHAKES && !make_room(l)) return NULL;
    handshake *h = mem_take_zero(&l->mem, sizeof *h);
    if (!h) return NULL;
    h->loop = l;
    h->begin = *b;
    tls_birth birth = {.mem = &l->mem,
                       .config = b->birth.tls,
                       .name = b->name,
                       .peer = b->peer,
                       .tickets = b->birth.tls_tickets};
    h->self = tls_open(&birth, &h->tls);
    h->ready.run = on_ready;
    if (!h->self || !loop_poll_task(l, b->fd, EDGES, &h->ready)) {
        if (h->self) h->tls->free(h->self);
        mem_give(&l->mem, h, sizeof *h);
        return NULL;
    }
    h->begin.name = h->begin.peer = NULL; /* TLS has its own */
    h->prev = l->handshakes_last;
    *l->handshakes_last = h;
    l->handshakes_last = &h->next;
    l->handshake_count++;
    loop_hold(l);
    h->limit = (timer){.fire = on_limit, .user = h};
    timer_arm(l, &h->limit, b->limit_ms);
    if (!b->birth.config->server) { /* who dials speaks first */
        h->more = true;
        queue(h);
    }
    return h;
}
