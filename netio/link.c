#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/handshake.h"
#include "netio/link_impl.h"
#include "netio/meter.h"
#include "netio/socket.h"

/* What an idle connection costs besides its session. */
_Static_assert(sizeof(net_link) <= 144, "an idle link is small");
_Static_assert(LIMIT_NOTSENT_STEPS < 8 && LIMIT_STALL_BYTES < 2048, "bits of ahead and taken");

/* ---- readiness ---- */

void link_ready(net_link *k, uint32_t events) {
    if (events & ~(uint32_t)EPOLLOUT) {
        k->readable = true;
        if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) k->closing = true;
        if (events & EPOLLERR) k->failed = true;
    } else if (!k->blocked) {
        return;
    }
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) k->blocked = false;
    /* On the way into the cache while the links before it are served. */
    __builtin_prefetch(k->session);
    __builtin_prefetch(k->timer.user);
    link_touch(k);
}

/* ---- time ---- */

static uint64_t sooner(uint64_t a, uint64_t b) { return a < b ? a : b; }

static uint64_t write_deadline(const net_link *k) {
    if (k->lingering) {
        uint64_t active = link_since(k, k->active_ms), shut = link_since(k, k->wrote_ms);
        uint64_t last = active > shut ? active : shut;
        return sooner(last + LIMIT_LINGER_MS, shut + LIMIT_LINGER_MOST_MS);
    }
    if (!k->blocked) return UINT64_MAX;
    if (k->write_ms) return link_since(k, k->wrote_ms) + k->write_ms;
    return k->over ? link_since(k, k->wrote_ms) + LIMIT_WRITE_MS : UINT64_MAX;
}

/* Of limits on the link's speed. */
static uint64_t meter_deadline(const net_link *k) {
    const meter *m = link_meter(k);
    uint64_t due = k->extra->dry ? meter_due(&m->read) : UINT64_MAX;
    if (k->blocked) return m->slow_due ? sooner(due, m->slow_due) : due;
    return sooner(due, meter_due(&m->write));
}

static bool is_too_slow(const net_link *k, uint64_t now) {
    const meter *m = link_meter(k);
    return write_deadline(k) <= now || (m && k->blocked && m->slow_due && m->slow_due <= now);
}

static uint64_t idle_deadline(const net_link *k) {
    if (!k->idle_ms || k->draining || k->over || session_streams(k->session)) return UINT64_MAX;
    return link_since(k, k->active_ms) + k->idle_ms;
}

static void on_time(timer *t) {
    net_link *k = (net_link *)(void *)((char *)t - offsetof(net_link, timer));
    uint64_t now = loop_now_ms(k->loop);
    if (is_too_slow(k, now)) {
        link_fail(k, k->lingering ? k->why : "the peer reads too slowly");
    } else if (idle_deadline(k) <= now) {
        k->draining = true;
        session_drain(k->session, now);
    }
    link_touch(
        k); /* the flush steps a session whose deadline has come, and looks at the time again */
}

void link_watch_time(net_link *k) {
    uint64_t now = loop_now_ms(k->loop);
    uint64_t mine = sooner(write_deadline(k), idle_deadline(k));
    if (link_meter(k)) mine = sooner(mine, meter_deadline(k));
    uint64_t due = sooner(link_session_due(k), mine);
    if (due == UINT64_MAX || (k->timer.prev && k->timer.due_ms <= due)) return;
    timer_arm(k->loop, &k->timer, due > now ? due - now : 0);
}

/* ---- birth and end ---- */

link_extra *link_more(net_link *k) {
    if (!k->extra) k->extra = mem_take_zero(&k->loop->mem, sizeof *k->extra);
    return k->extra;
}

static void give_extra(net_link *k) {
    const mem *m = &k->loop->mem;
    if (!k->extra) return;
    if (k->extra->meter) meter_end(k->extra->meter);
    mem_give(m, k->extra->names, sizeof *k->extra->names);
    mem_give(m, k->extra->meter, sizeof *k->extra->meter);
    mem_give(m, k->extra, sizeof *k->extra);
}

/* False when memory is refused. */
static bool set_meter(net_link *k, const link_rates *r, quota *q) {
    if (!r && !(q && quota_limits(q))) return true;
    link_extra *x = link_more(k);
    if (x) x->meter = mem_take(&k->loop->mem, sizeof *x->meter);
    if (!x || !x->meter) return false;
    meter_init(x->meter, r, q, k, loop_now_ms(k->loop));
    return true;
}

static void enlist(net_link *k) {
    loop *l = k->loop;
    k->next = l->links;
    k->prev = &l->links;
    if (k->next) k->next->prev = &k->next;
    l->links = k;
    loop_hold(l);
}

net_link *link_new(loop *l, int fd, const link_birth *birth, const tls_ports *tls, void *tls_self) {
    net_link *k = mem_take(&l->mem, sizeof *k);
    if (!k) return NULL;
    session_birth b = {.mem = &l->mem,
                       .config = birth->config,
                       .start = birth->config->start,
                       .scratch = &l->scratch,
                       .trace = birth->trace,
                       .secure = tls != NULL,
                       .seed = loop_random(l),
                       .now_ms = loop_now_ms(l)};
    if (tls && b.start != SESSION_TUNNEL) b.start = handshake_start(tls->facts(tls_self));
    *k = (net_link){.loop = l,
                    .session = session_new(&b),
                    .calls = birth->calls,
                    .fd = fd,
                    .server = birth->config->server,
                    .active_ms = (uint32_t)loop_now_ms(l),
                    .timer = {.fire = on_time, .user = birth->user},
                    .idle_ms = birth->idle_ms,
                    .write_ms = birth->write_ms};
    if (!k->session || (tls && !link_more(k)) || !set_meter(k, birth->rates, birth->quota) ||
        !loop_poll_link(l, fd, k)) {
        session_free(k->session);
        give_extra(k);
        mem_give(&l->mem, k, sizeof *k);
        return NULL;
    }
    if (tls) {
        k->extra->tls = tls;
        k->extra->tls_self = tls_self;
        k->extra->fresh = true;
    }
    enlist(k);
    link_touch(k);
    return k;
}

void link_end(net_link *k) {
    loop *l = k->loop;
    /* A cut is not called an end: the peer would take what it has for all there is. */
    if (link_has_tls(k) && !k->shut && !k->why && !session_torn(k->session))
        k->extra->tls->close(k->extra->tls_self);
    if (!k->broken && !k->blocked) link_flush_write(k);
    k->ending = true;
    link_pump_end(k);
    if (session_torn(k->session)) socket_reset(k->fd);
    session_free(k->session); /* gives back what bodies have lent */
    k->session = NULL;
    if (link_has_tls(k)) k->extra->tls->free(k->extra->tls_self);
    link_pump_forget(k);
    timer_cancel(&k->timer);
    close(k->fd); /* which ends the watch, too */
    *k->prev = k->next;
    if (k->next) k->next->prev = k->prev;
    k->calls->closed(k->timer.user, k, k->why);
    give_extra(k);
    mem_give(&l->mem, k, sizeof *k);
    loop_release(l);
}

void link_fail(net_link *k, const char *why) {
    if (!k->ending && !k->why) k->why = why;
    k->ending = true;
    link_touch(k);
}

/* ---- the face ---- */

session *link_session(net_link *k) { return k->session; }
loop *link_loop(net_link *k) { return k->loop; }
void *link_user(net_link *k) { return k->timer.user; }

void link_set_idle(net_link *k, uint32_t idle_ms) {
    k->idle_ms = idle_ms;
    link_touch(k); /* the flush looks at the time */
}

void link_set_quota(net_link *k, quota *q) {
    if (!link_meter(k) && !set_meter(k, NULL, q)) link_fail(k, "out of memory");
}

const tls_facts *link_tls(const net_link *k) {
    return link_has_tls(k) ? k->extra->tls->facts(k->extra->tls_self) : NULL;
}

void link_touch(net_link *k) {
    loop *l = k->loop;
    if (k->dirty) return;
    k->dirty = true;
    k->dirty_next = NULL;
    *l->dirty_last = k;
    l->dirty_last = &k->dirty_next;
}

void link_close(net_link *k, const char *why) {
    if (k->ending) return;
    k->why = why;
    k->ending = true;
    link_touch(k);
}

static void set_end(link_end_name *e, proxy_header_family family, const proxy_header_end *from) {
    socket_address a = {.any.sa_family = AF_UNIX};
    if (family == PROXY_HEADER_IPV4) {
        a.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(from->port)};
        memcpy(&a.v4.sin_addr, from->address, 4);
    } else if (family == PROXY_HEADER_IPV6) {
        a.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(from->port)};
        memcpy(&a.v6.sin6_addr, from->address, 16);
    } else {
        memcpy(a.un.sun_path, from->path.p, from->path.n);
    }
    socket_print(&a, sizeof a.un, e->text);
    e->port = socket_port(&a);
}

void link_names_set(link_names *n, const proxy_header *h) {
    set_end(&n->peer, h->family, &h->source);
    set_end(&n->local, h->family, &h->destination);
}

void link_adopt(net_link *k, link_names *n, span rest) {
    if (n && !link_more(k)) {
        mem_give(&k->loop->mem, n, sizeof *n);
        link_fail(k, "out of memory");
    } else if (n) {
        k->extra->names = n;
    }
    if (rest.n && !k->ending) link_pump_give(k, rest);
}

/* What the system says of one end; a UNIX socket has no port. */
static void ask_end(int fd, int (*ask)(int, struct sockaddr *, socklen_t *), link_end_name *e) {
    socket_address a = {.any.sa_family = AF_UNSPEC};
    socklen_t size = sizeof a;
    if (ask(fd, &a.any, &size) != 0) size = 0;
    socket_print(&a, size, e->text);
    e->port = socket_port(&a);
}

/* NULL when memory is refused. */
static const link_names *names(net_link *k) {
    link_extra *x = link_more(k);
    if (x && x->names) return x->names;
    link_names *n = x ? mem_take(&k->loop->mem, sizeof *n) : NULL;
    if (!n) return NULL;
    ask_end(k->fd, getpeername, &n->peer);
    ask_end(k->fd, getsockname, &n->local);
    /* Who dialled a UNIX socket has no address; its listener has. */
    if (!*n->peer.text && n->local.text[0] == '/') n->peer = n->local;
    return x->names = n;
}

const char *link_peer(net_link *k) {
    const link_names *n = names(k);
    return n ? n->peer.text : "";
}

const char *link_local(net_link *k) {
    const link_names *n = names(k);
    return n ? n->local.text : "";
}

uint16_t link_peer_port(net_link *k) {
    const link_names *n = names(k);
    return n ? n->peer.port : 0;
}

uint16_t link_local_port(net_link *k) {
    const link_names *n = names(k);
    return n ? n->local.port : 0;
}

uint32_t link_network(net_link *k) {
    socket_address a;
    uint8_t of[8] = {0};
    uint32_t h = 2166136261u; /* FNV-1a */
    if (socket_numeric(&a, link_peer(k), 0)) {
        if (a.any.sa_family == AF_INET)
            memcpy(of, &a.v4.sin_addr, 4);
        else if (IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr))
            memcpy(of, a.v6.sin6_addr.s6_addr + 12, 4);
        else
            memcpy(of, a.v6.sin6_addr.s6_addr, 8);
    }
    for (size_t i = 0; i < sizeof of; i++) h = (h ^ of[i]) * 16777619u;
    return h ? h : 1;
}
