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
    const tls_ports *tls; /* NULL: cleartext, or the greeting is not over */
    void *self;
    link_names *names; /* of the greeting; NULL: none, or it named nobody */
    uint8_t *greeted; /* LIMIT_PROXY_HEADER bytes: what has come of a greeting in pieces, or NULL */
    size_t greeted_n;
    loop_task ready;
    timer limit;
    uint64_t sent;
    bool queued;   /* in loop.shaking */
    bool readable; /* a read may find something */
    bool more;     /* the next step needs no bytes */
    bool blocked;  /* the socket is full */
    bool doomed;   /* its listener is closed */
    bool greeting; /* a PROXY header comes first */
    bool failed;   /* what is left is to let the peer read why */
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

static void give(handshake *h) {
    loop *l = h->loop;
    mem_give(&l->mem, h->greeted, LIMIT_PROXY_HEADER);
    mem_give(&l->mem, h->names, sizeof *h->names);
    mem_give(&l->mem, h, sizeof *h);
}

void handshake_cancel(handshake *h) {
    leave(h);
    if (h->self) h->tls->free(h->self);
    close(h->begin.fd);
    give(h);
}

static void tell(const handshake_begin *b, net_link *k, const char *why) {
    b->done(b->user, b->calls, &b->birth, k, why);
}

void handshake_fail(handshake *h, const char *why) {
    handshake_begin b = h->begin;
    bool told = h->failed;
    handshake_cancel(h);
    if (!told) tell(&b, NULL, why);
}

/* It is a link from here on, with bytes that came behind a greeting. */
static void finish(handshake *h, span rest) {
    loop *l = h->loop;
    handshake_begin b = h->begin;
    leave(h);
    net_link *k = link_new(l, b.fd, &b.birth, h->tls, h->self);
    if (k) {
        k->sent = h->sent;
        link_adopt(k, h->names, rest);
        h->names = NULL;
    } else {
        if (h->self) h->tls->free(h->self);
        close(b.fd);
    }
    give(h);
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
    h->failed = true;
    loop_poll_change(h->loop, b.fd, EDGES, &h->ready);
    timer_arm(h->loop, &h->limit, LIMIT_LINGER_MS);
    tell(&b, NULL, why);
}

static void on_limit(timer *t) {
    handshake *h = t->user;
    handshake_fail(h, h->greeting ? "the PROXY header took too long" : DIAL_TLS_TIMED_OUT);
}

void handshake_abandon(loop *l, const listener *s) {
    for (handshake *h = l->handshakes; h; h = h->next) {
        if (h->begin.listener != s) continue;
        h->begin.listener = NULL;
        h->doomed = true;
        queue(h);
    }
}

void handshake_set_free(loop *l, const listener *s) {
    for (handshake *h = l->handshakes; h; h = h->next) {
        if (h->begin.listener != s) continue;
        h->begin.listener = NULL;
        h->begin.user = NULL;
    }
}

/* ---- bytes ---- */

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

/* A read into the loop's slab: bytes, 0 at the end of the peer, -1 with errno. */
static ssize_t read_in(handshake *h, uint8_t **p) {
    loop *l = h->loop;
    size_t room;
    *p = buf_room(l, &room);
    if (!*p) {
        errno = ENOMEM;
        return -1;
    }
    return l->fault ? fault_read(l->fault, h->begin.fd, *p, room) : read(h->begin.fd, *p, room);
}

/* What a read that brought nothing means. It may be gone then. */
static void take_nothing(handshake *h, ssize_t n) {
    if (n < 0 && errno == EINTR) {
        queue(h);
    } else if (n < 0 && errno == EAGAIN) {
        h->readable = false;
        if (h->loop->fault) loop_poll_change(h->loop, h->begin.fd, EDGES, &h->ready);
    } else if (h->failed) {
        handshake_cancel(h);
    } else {
        handshake_fail(h, n < 0 ? loop_error_text(errno)
                                : "the peer closed the connection in the handshake");
    }
}

/* True when there is something to go on with. It may be gone else. */
static bool take_input(handshake *h) {
    const char *why;
    uint8_t *p;
    ssize_t n = h->readable ? read_in(h, &p) : 0;
    if (n > 0) {
        span in = span_of(p, (size_t)n);
        if (h->self) h->tls->feed(h->self, &in, &why);
    } else if (h->readable) {
        take_nothing(h, n);
    }
    return n > 0;
}

/* ---- the greeting of a load balancer ---- */

/* Begins TLS; false when memory is refused. */
static bool open_tls(handshake *h) {
    const handshake_begin *b = &h->begin;
    tls_birth birth = {.mem = &h->loop->mem,
                       .config = b->birth.tls,
                       .name = b->name,
                       .peer = b->peer,
                       .tickets = b->birth.tls_tickets};
    h->self = tls_open(&birth, &h->tls);
    h->begin.name = h->begin.peer = NULL; /* TLS has its own */
    if (h->self && h->begin.rest.n) {
        const char *why;
        h->more = true;
        h->tls->feed(h->self, &h->begin.rest, &why);
    }
    return h->self != NULL;
}

/* The piece behind what was kept; false when memory is refused. */
static bool keep_greeting(handshake *h, span piece) {
    if (!h->greeted) h->greeted = mem_take(&h->loop->mem, LIMIT_PROXY_HEADER);
    if (!h->greeted) return false;
    piece = span_head(piece, LIMIT_PROXY_HEADER - h->greeted_n);
    memcpy(h->greeted + h->greeted_n, piece.p, piece.n);
    h->greeted_n += piece.n;
    return true;
}

/* The greeting is whole, and these bytes are the client's. */
static void take_greeted(handshake *h, const proxy_header *header, span rest) {
    bool named = header->family != PROXY_HEADER_NONE;
    if (named) h->names = mem_take(&h->loop->mem, sizeof *h->names);
    if (h->names) link_names_set(h->names, header);
    h->greeting = false;
    h->begin.rest = rest;
    if ((named && !h->names) || (h->begin.birth.tls && !open_tls(h))) {
        handshake_fail(h, DIAL_NO_MEMORY);
    } else if (!h->begin.birth.tls) {
        finish(h, rest);
    } else {
        timer_arm(h->loop, &h->limit, LIMIT_HANDSHAKE_MS);
        queue(h);
    }
}

static void take_greeting(handshake *h) {
    proxy_header header;
    uint8_t *p;
    if (!h->readable) return;
    ssize_t n = read_in(h, &p);
    if (n <= 0) {
        take_nothing(h, n);
        return;
    }
    span in = span_of(p, (size_t)n), all = in;
    size_t before = h->greeted_n;
    if (before) {
        keep_greeting(h, in);
        all = span_of(h->greeted, h->greeted_n);
    }
    switch (proxy_header_read(all, &header)) {
    case PROXY_HEADER_DONE: take_greeted(h, &header, span_skip(in, header.size - before)); break;
    case PROXY_HEADER_BROKEN: handshake_fail(h, "a malformed PROXY header"); break;
    case PROXY_HEADER_MORE:
        if (before || keep_greeting(h, in))
            queue(h);
        else
            handshake_fail(h, DIAL_NO_MEMORY);
        break;
    }
}

/* ---- steps ---- */

/* True when it may have cost a private key. */
static bool step(handshake *h) {
    const char *why = NULL;
    if (h->doomed) {
        handshake_fail(h, "the program takes no more connections");
        return false;
    }
    if (h->greeting) {
        take_greeting(h);
        return false;
    }
    if (h->failed) {
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
        finish(h, span_of(NULL, 0));
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
    h->greeting = b->listener && b->birth.proxy_header;
    h->ready.run = on_ready;
    if ((!h->greeting && !open_tls(h)) || !loop_poll_task(l, b->fd, EDGES, &h->ready)) {
        if (h->self) h->tls->free(h->self);
        mem_give(&l->mem, h, sizeof *h);
        return NULL;
    }
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
