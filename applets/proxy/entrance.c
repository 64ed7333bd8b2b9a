#include "applets/proxy/entrance.h"
#include "applets/proxy/front.h"

#include <stdlib.h>
#include <string.h>

/* A UNIX socket has no SO_REUSEPORT: the first worker listens on it for all. */
static bool is_ours(const proxying *w, const listen_address *a) {
    return w->index == 0 || a->port != 0;
}

bool entrance_same(const listen_address *a, const listen_address *b) {
    return a->port == b->port && strcmp(a->text, b->text) == 0;
}

static void close_one(entrance *e) {
    if (!e) return;
    if (e->listener) listen_close(e->listener);
    free(e);
}

/* The entrance that listens on the address already, taken out of what is there; else a new one. */
static entrance *take(entrances *all, proxying *w, const listen_address *a) {
    for (size_t i = 0; i < all->count; i++) {
        entrance *e = all->v[i];
        if (!e || !entrance_same(&e->address, a)) continue;
        all->v[i] = NULL;
        return e;
    }
    entrance *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    *e = (entrance){.worker = w, .address = *a};
    e->address.reuse_port = a->port != 0;
    return e;
}

static bool open_one(entrance *e, const char **why) {
    static const listen_calls calls = {front_accept, front_opened};
    if (e->listener || !is_ours(e->worker, &e->address)) return true;
    e->listener = listen_open(e->worker->loop, &e->address, &calls, e, why);
    return e->listener != NULL;
}

size_t entrance_arrange(entrances *all, proxying *w, const plan *p, const char **why) {
    size_t room = 0, opened = 0;
    entrances next = {NULL, 0};
    for (size_t i = 0; i < p->frontend_count; i++) room += p->frontends[i].address_count;
    next.v = calloc(room ? room : 1, sizeof *next.v);
    *why = "out of memory";
    for (size_t i = 0; next.v && i < p->frontend_count; i++) {
        const plan_frontend *f = &p->frontends[i];
        for (size_t j = 0; j < f->address_count; j++) {
            entrance *e = take(all, w, &f->addresses[j]);
            if (!e) continue;
            e->frontend = f;
            opened += open_one(e, why);
            next.v[next.count++] = e;
        }
    }
    if (!next.v) return ENTRANCE_NO_MEMORY;
    entrance_close_all(all);
    *all = next;
    return opened;
}

void entrance_close_all(entrances *all) {
    for (size_t i = 0; i < all->count; i++) close_one(all->v[i]);
    free(all->v);
    *all = (entrances){NULL, 0};
}
