#include "applets/proxy/doors.h"

#include "applets/proxy/entrance.h"
#include "core/limits.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- opening and closing ---- */

static bool has(const doors *d, unsigned id) {
    for (size_t i = 0; i < d->count; i++)
        if (d->v[i].id == id) return true;
    return false;
}

static void close_all_but(doors *d, const doors *kept) {
    for (size_t i = 0; i < d->count; i++)
        if (!has(kept, d->v[i].id)) close(d->v[i].address.fd);
    free(d->v);
    *d = (doors){NULL, 0, d->last_id};
}

void doors_replace(doors *now, doors *next) {
    doors before = *now;
    *now = *next;
    close_all_but(&before, now);
}

void doors_abandon(doors *next, const doors *now) { close_all_but(next, now); }

/* How many sockets an address is to have that has `kept` of them. As many for each worker, unless
 * that takes too many: with four times as many as workers none has a quarter more than others. */
static size_t wanted(size_t kept, unsigned workers, bool is_unix) {
    size_t even = (kept + workers - 1) / workers * workers;
    if (is_unix) return 1; /* they have no SO_REUSEPORT */
    if (kept <= workers) return workers;
    return even <= (size_t)LIMIT_DOORS_SHARE * workers ? even : kept;
}

static bool add(doors *to, const door *d) {
    door *grown = realloc(to->v, (to->count + 1) * sizeof *grown);
    if (!grown) return false;
    to->v = grown;
    to->v[to->count++] = *d;
    return true;
}

static bool open_new(doors *to, door d, loop *l, const char **why) {
    d.id = ++to->last_id;
    d.address.fd = listen_bind(l, &d.address, why);
    if (d.address.fd < 0) return false;
    if (add(to, &d)) return true;
    *why = "out of memory";
    close(d.address.fd);
    return false;
}

static bool open_some(doors *to, const doors *now, door d, const plan *p, loop *l,
                      const char **why) {
    size_t n = 0;
    for (size_t i = 0; i < now->count; i++) {
        if (!entrance_same(&now->v[i].address, &d.address)) continue;
        d.id = now->v[i].id;
        d.among = (unsigned)n++;
        d.address.fd = now->v[i].address.fd;
        *why = "out of memory";
        if (!add(to, &d)) return false;
    }
    for (size_t all = wanted(n, p->workers, !d.address.port); n < all; n++) {
        d.among = (unsigned)n;
        /* What is there can be shared: another user's id may not join what root has bound. */
        if (!open_new(to, d, l, why)) return n > 0;
    }
    return true;
}

static bool open_address(doors *to, const doors *now, door d, const plan *p, loop *l,
                         const char **why) {
    size_t from = to->count;
    if (!open_some(to, now, d, p, l, why)) return false;
    for (size_t i = from; i < to->count; i++) to->v[i].all = (unsigned)(to->count - from);
    return true;
}

bool doors_open(doors *next, const doors *now, const plan *p, loop *l, unsigned *frontend,
                const char **why) {
    *next = (doors){NULL, 0, now->last_id};
    for (*frontend = 0; *frontend < p->frontend_count; ++*frontend) {
        const plan_frontend *f = &p->frontends[*frontend];
        for (size_t i = 0; i < f->address_count; i++) {
            door d = {.address = f->addresses[i], .frontend = *frontend};
            d.address.inherited = d.address.bound = true;
            if (open_address(next, now, d, p, l, why)) continue;
            doors_abandon(next, now);
            return false;
        }
    }
    return true;
}

/* ---- who has which ---- */

static bool is_of(const door *d, unsigned index, unsigned workers) {
    if (!workers) return false;
    if (d->all >= workers || !d->address.port) return d->among % workers == index;
    return d->among == index % d->all;
}

doors_order *doors_order_new(const doors *all, plan *p, unsigned index, unsigned workers) {
    doors_order *o = calloc(1, sizeof *o + all->count * sizeof o->v[0]);
    if (!o) return NULL;
    o->plan = plan_hold(p);
    for (size_t i = 0; i < all->count; i++) {
        if (!is_of(&all->v[i], index, workers)) continue;
        door d = all->v[i];
        d.address.fd = fcntl(d.address.fd, F_DUPFD_CLOEXEC, 0);
        if (d.address.fd < 0) {
            doors_order_drop(o);
            return NULL;
        }
        o->v[o->count++] = d;
    }
    return o;
}

void doors_order_drop(doors_order *o) {
    if (!o) return;
    for (size_t i = 0; i < o->count; i++)
        if (o->v[i].address.fd >= 0) close(o->v[i].address.fd);
    plan_drop(o->plan);
    free(o);
}
