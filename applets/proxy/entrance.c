#include "applets/proxy/entrance.h"
#include "applets/proxy/front.h"

#include <stdlib.h>
#include <string.h>

bool entrance_same(const listen_address *a, const listen_address *b) {
    return a->port == b->port && strcmp(a->text, b->text) == 0;
}

/* The entrance that listens there already, taken out of what is there; else a new one. */
static entrance *take(entrances *all, proxying *w, unsigned id) {
    for (size_t i = 0; i < all->count; i++) {
        entrance *e = all->v[i];
        if (!e || e->id != id) continue;
        all->v[i] = NULL;
        return e;
    }
    entrance *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    *e = (entrance){.worker = w, .id = id};
    return e;
}

static bool open_one(entrance *e, door *d, const char **why) {
    static const listen_calls calls = {front_accept, front_opened};
    if (e->listener) return true;
    e->listener = listen_open(e->worker->loop, &d->address, &calls, e, why);
    if (e->listener) d->address.fd = -1;
    return e->listener != NULL;
}

size_t entrance_arrange(entrances *all, proxying *w, doors_order *o, const char **why) {
    size_t opened = 0;
    entrances next = {calloc(o->count + 1, sizeof *next.v), 0};
    *why = "out of memory";
    if (!next.v) return ENTRANCE_NO_MEMORY;
    for (size_t i = 0; i < o->count; i++) {
        door *d = &o->v[i];
        entrance *e = take(all, w, d->id);
        if (!e) continue;
        e->frontend = &o->plan->frontends[d->frontend];
        opened += open_one(e, d, why);
        next.v[next.count++] = e;
    }
    entrance_leave_all(all);
    *all = next;
    return opened;
}

static void close_with(entrances *all, void (*close)(listener *s)) {
    for (size_t i = 0; i < all->count; i++) {
        entrance *e = all->v[i];
        if (e && e->listener) close(e->listener);
        free(e);
    }
    free(all->v);
    *all = (entrances){NULL, 0};
}

void entrance_close_all(entrances *all) { close_with(all, listen_close); }

void entrance_leave_all(entrances *all) { close_with(all, listen_leave); }
