#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/dial_impl.h"
#include "netio/handshake.h"
#include "netio/known_host.h"
#include "netio/link_impl.h"
#include "netio/socket.h"
#include "netio/tunnel.h"

struct dial {
    loop *loop;
    dial *next, **prev; /* in loop.dials */
    link_birth birth;
    const dial_calls *calls;
    void *user;
    loop_task begin, ready; /* of the attempt */
    timer timer;
    uint64_t deadline_ms; /* UINT64_MAX: none */
    resolve *lookup;      /* while under way */
    known_host_wait wait; /* for birth.known's */
    int fd;               /* of the attempt under way; -1: none is */
    uint32_t count, at;
    uint16_t port;
    bool by_name;
    int error; /* what the peer's refusal was, for people */
    bool far;  /* the error is no answer of the peer: its address cannot be reached from here */
    char *host, *tls_name; /* tls_name: NULL: none */
    char *proxy;           /* "host", an end, "credentials": what is connected to; NULL: host is */
    uint16_t proxy_port;
    bool secret;        /* there are credentials */
    tunnel *asking;     /* while under way */
    int asked;          /* the socket of that; -1: none */
    handshake *shaking; /* while under way; it has the socket */
    socket_address addresses[LIMIT_ADDRESSES];
};

/* ---- ends ---- */

/* Ends the attempt under way and returns its socket. */
static int take_socket(dial *d) {
    int fd = d->fd;
    d->fd = -1;
    loop_poll_forget(d->loop, fd);
    loop_task_cancel(d->loop, &d->ready);
    return fd;
}

static size_t proxy_room(const dial *d) {
    size_t n = strlen(d->proxy) + 1;
    return d->secret ? n + strlen(d->proxy + n) + 1 : n;
}

/* Takes the dial out of everything that could call it, and frees it. */
static void end(dial *d) {
    loop *l = d->loop;
    if (d->lookup) resolve_cancel(d->lookup);
    known_host_leave(&d->wait);
    if (d->fd >= 0) close(take_socket(d));
    if (d->asking) tunnel_cancel(d->asking);
    if (d->asked >= 0) close(d->asked);
    timer_cancel(&d->timer);
    loop_task_cancel(l, &d->begin);
    *d->prev = d->next;
    if (d->next) d->next->prev = d->prev;
    if (d->shaking) handshake_cancel(d->shaking);
    tls_config_drop(d->birth.tls);
    if (d->tls_name) mem_give(&l->mem, d->tls_name, strlen(d->tls_name) + 1);
    if (d->proxy) mem_give(&l->mem, d->proxy, proxy_room(d));
    mem_give(&l->mem, d->host, strlen(d->host) + 1);
    mem_give(&l->mem, d, sizeof *d);
    loop_release(l);
}

void dial_cancel(dial *d) { end(d); }

void dial_fail(dial *d, const char *why) {
    const dial_calls *calls = d->calls;
    void *user = d->user;
    end(d);
    calls->failed(user, why);
}

static void on_shaken(void *user, const void *unused, const link_birth *birth, net_link *k,
                      const char *why) {
    dial *d = user;
    const dial_calls *calls = d->calls;
    (void)unused;
    (void)birth;
    d->shaking = NULL;
    user = d->user;
    end(d);
    if (k)
        calls->opened(user, k);
    else
        calls->failed(user, why);
}

/* Begins TLS; false when memory is refused. */
static bool shake(dial *d, int fd, span rest) {
    uint64_t now = loop_now_ms(d->loop), left = LIMIT_HANDSHAKE_MS;
    if (d->deadline_ms < now + left) left = d->deadline_ms > now ? d->deadline_ms - now : 0;
    char peer[300]; /* a name has 253 bytes at most; what is cut is only kept with others */
    snprintf(peer, sizeof peer, "%s:%u", d->host, d->port);
    handshake_begin b = {.birth = d->birth,
                         .fd = fd,
                         .name = d->tls_name,
                         .peer = peer,
                         .limit_ms = (uint32_t)left,
                         .rest = rest,
                         .done = on_shaken,
                         .user = d};
    d->shaking = handshake_new(d->loop, &b);
    return d->shaking != NULL;
}

/* The socket leads to the host; `rest` is what the host has said already. */
static void begin_session(dial *d, int fd, span rest) {
    const dial_calls *calls = d->calls;
    void *user = d->user;
    timer_cancel(&d->timer);
    if (d->birth.tls && shake(d, fd, rest)) return;
    net_link *k = d->birth.tls ? NULL : link_new(d->loop, fd, &d->birth, NULL, NULL);
    if (k) link_adopt(k, NULL, rest);
    end(d);
    if (k) {
        calls->opened(user, k);
    } else {
        close(fd);
        calls->failed(user, DIAL_NO_MEMORY);
    }
}

/* ---- through a proxy ---- */

static void on_asked(void *user, const char *why, span rest) {
    dial *d = user;
    int fd = d->asked;
    d->asking = NULL;
    if (why) {
        dial_fail(d, why);
        return;
    }
    d->asked = -1;
    begin_session(d, fd, rest);
}

static void arm_deadline(dial *d) {
    uint64_t now = loop_now_ms(d->loop);
    if (d->deadline_ms == UINT64_MAX) return;
    timer_arm(d->loop, &d->timer, d->deadline_ms > now ? d->deadline_ms - now : 0);
}

static void succeed(dial *d, int fd) {
    if (!d->proxy) {
        begin_session(d, fd, span_of(NULL, 0));
        return;
    }
    const char *credentials = d->secret ? d->proxy + strlen(d->proxy) + 1 : NULL;
    d->asked = fd;
    d->asking = tunnel_ask(d->loop, fd, d->host, d->port, credentials, on_asked, d);
    if (d->asking)
        arm_deadline(d);
    else
        dial_fail(d, DIAL_NO_MEMORY);
}

/* ---- connecting ---- */

/* "connection refused" by one address says more than "network is unreachable" for another. */
static void note_error(dial *d, int error) {
    bool far = error == ENETUNREACH || error == EAFNOSUPPORT || error == EADDRNOTAVAIL ||
               error == EHOSTUNREACH;
    if (d->error && (far || !d->far)) return;
    d->error = error;
    d->far = far;
}

static void try_next(dial *d);

static void on_ready(loop_task *t) {
    dial *d = (dial *)(void *)((char *)t - offsetof(dial, ready));
    int error = 0;
    socklen_t size = sizeof error;
    timer_cancel(&d->timer);
    int fd = take_socket(d);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && !error) {
        succeed(d, fd);
        return;
    }
    close(fd);
    note_error(d, error ? error : ECONNREFUSED);
    try_next(d);
}

/* Waits for fd to be connected; false when the system refuses. */
static bool await(dial *d, int fd) {
    loop *l = d->loop;
    if (!loop_poll_task(l, fd, EPOLLOUT, &d->ready)) return false;
    d->fd = fd;
    if (d->deadline_ms != UINT64_MAX) {
        /* What is left of the time is shared by the addresses that are left: a silent first one
         * must not use it all. */
        uint64_t now = loop_now_ms(l), left = d->deadline_ms > now ? d->deadline_ms - now : 0;
        timer_arm(l, &d->timer, left / (d->count - d->at + 1));
    }
    return true;
}

static void try_next(dial *d) {
    while (d->at < d->count) {
        const socket_address *a = &d->addresses[d->at++];
        int fd = socket_new(d->loop, a->any.sa_family);
        if (fd < 0) {
            note_error(d, errno);
            continue;
        }
        if (connect(fd, &a->any, socket_size(a)) == 0) {
            succeed(d, fd);
            return;
        }
        if (errno == EINPROGRESS) {
            if (await(d, fd)) return;
        }
        note_error(d, errno);
        close(fd);
    }
    if (d->birth.known) known_host_doubt(d->birth.known);
    dial_fail(d, loop_error_text(d->error ? d->error : ECONNREFUSED));
}

static void on_time(timer *t) {
    dial *d = t->user;
    if (d->fd < 0) { /* the look-up, or the proxy, took it all */
        dial_fail(d, DIAL_TIMED_OUT);
        return;
    }
    close(take_socket(d));
    note_error(d, ETIMEDOUT);
    if (loop_now_ms(d->loop) >= d->deadline_ms) d->at = d->count;
    try_next(d);
}

/* ---- addresses ---- */

#define WRONG_FAMILY "the name has no address of this family"

/* What is connected to. */
static const char *next_host(const dial *d) { return d->proxy ? d->proxy : d->host; }
static uint16_t next_port(const dial *d) { return d->proxy ? d->proxy_port : d->port; }
static bool is_path(const char *host) { return strncmp(host, "unix:", 5) == 0; }

static bool is_wanted(const dial *d, const socket_address *a) {
    if (d->birth.family == DIAL_IPV4) return a->any.sa_family == AF_INET;
    return d->birth.family == DIAL_ANY || a->any.sa_family == AF_INET6;
}

static void add(dial *d, const socket_address *a) {
    if (is_wanted(d, a)) d->addresses[d->count++] = *a;
}

static void use(dial *d, const socket_address *found, size_t n, const char *why) {
    timer_cancel(&d->timer);
    if (!n) {
        dial_fail(d, why);
        return;
    }
    for (size_t i = 0; i < n; i++) add(d, &found[i]);
    if (d->count)
        try_next(d);
    else
        dial_fail(d, WRONG_FAMILY);
}

static void on_found(void *user, const socket_address *found, size_t n, const char *why) {
    dial *d = user;
    d->lookup = NULL;
    use(d, found, n, why);
}

static void on_known(known_host_wait *w, const socket_address *found, size_t n, const char *why) {
    use((dial *)(void *)((char *)w - offsetof(dial, wait)), found, n, why);
}

/* Whether there are addresses already. */
static bool take_known(dial *d) {
    size_t n = d->birth.known ? known_host_addresses(d->birth.known, d->addresses) : 0;
    for (size_t i = 0; i < n; i++) add(d, &d->addresses[i]); /* at most where it stands */
    return d->count;
}

/* False: no memory. */
static bool look_up(dial *d) {
    d->wait.found = on_known;
    const dial_lookup *how = &d->birth.lookup;
    if (d->birth.known)
        return known_host_ask(d->birth.known, next_host(d), next_port(d), how, &d->wait);
    d->lookup = resolve_start(d->loop, next_host(d), next_port(d), how, on_found, d);
    return d->lookup != NULL;
}

static void on_begin(loop_task *t) {
    dial *d = (dial *)(void *)((char *)t - offsetof(dial, begin));
    if (!d->by_name) {
        if (d->count)
            try_next(d);
        else
            dial_fail(d, is_path(next_host(d)) ? "the path is too long" : WRONG_FAMILY);
        return;
    }
    if (take_known(d)) {
        try_next(d);
    } else if (look_up(d)) {
        arm_deadline(d);
    } else {
        dial_fail(d, DIAL_NO_MEMORY);
    }
}

/* The addresses that need no resolver. */
static void know(dial *d) {
    const char *host = next_host(d);
    socket_address a;
    if (is_path(host)) {
        d->count = socket_path(&d->addresses[0], host + 5);
    } else if (socket_numeric(&a, host, next_port(d))) {
        add(d, &a);
    } else if (socket_localhost(host)) {
        socket_numeric(&a, "127.0.0.1", next_port(d));
        add(d, &a);
        socket_numeric(&a, "::1", next_port(d));
        add(d, &a);
    } else {
        d->by_name = true;
    }
}

/* Texts of a birth that need live for the call only. False when memory is refused. */
static bool copy_texts(dial *d, const char *host) {
    const mem *m = &d->loop->mem;
    const dial_proxy *p = d->birth.through;
    const char *tls_name = d->birth.tls ? d->birth.tls_name : NULL;
    size_t n = strlen(host) + 1, tls_n = tls_name ? strlen(tls_name) + 1 : 0;
    size_t at = p ? strlen(p->host) + 1 : 0;
    size_t secret_n = p && p->credentials ? strlen(p->credentials) + 1 : 0;
    d->host = mem_take(m, n);
    if (tls_n) d->tls_name = mem_take(m, tls_n);
    if (p) d->proxy = mem_take(m, at + secret_n);
    if (!d->host || (tls_n && !d->tls_name) || (p && !d->proxy)) {
        mem_give(m, d->host, n);
        mem_give(m, d->tls_name, tls_n);
        mem_give(m, d->proxy, at + secret_n);
        return false;
    }
    memcpy(d->host, host, n);
    if (tls_n) memcpy(d->tls_name, tls_name, tls_n);
    if (p) memcpy(d->proxy, p->host, at);
    if (secret_n) memcpy(d->proxy + at, p->credentials, secret_n);
    d->secret = secret_n > 0;
    d->proxy_port = p ? p->port : 0;
    return true;
}

dial *dial_open(loop *l, const char *host, uint16_t port, const link_birth *birth,
                uint32_t timeout_ms, const dial_calls *calls, void *user) {
    dial *d = l->closing ? NULL : mem_take(&l->mem, sizeof *d);
    if (!d) return NULL;
    *d = (dial){.loop = l, .birth = *birth, .calls = calls, .user = user, .port = port};
    if (!copy_texts(d, host)) {
        mem_give(&l->mem, d, sizeof *d);
        return NULL;
    }
    d->birth.through = NULL;
    d->birth.tls_name = NULL;
    if (birth->tls) tls_config_hold(birth->tls);
    d->deadline_ms = timeout_ms ? loop_now_ms(l) + timeout_ms : UINT64_MAX;
    d->begin.run = on_begin;
    d->ready.run = on_ready;
    d->fd = d->asked = -1;
    d->timer = (timer){.fire = on_time, .user = d};
    know(d);
    d->next = l->dials;
    d->prev = &l->dials;
    if (d->next) d->next->prev = &d->next;
    l->dials = d;
    loop_hold(l);
    loop_soon(l, &d->begin);
    return d;
}
