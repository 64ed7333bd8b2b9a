#include "applets/proxy/crew.h"
#include "applets/proxy/proxy.h"

#include <stdlib.h>

void crew_tell(proxy *x, void (*fn)(void *user)) {
    for (proxying *w = x->crew.first; w; w = w->next)
        if (!atomic_load(&w->ended)) proxying_post(w->loop, fn, w);
}

/* ---- one more, one less ---- */

/* Takes the order over. */
static bool start(proxy *x, unsigned index, doors_order *first) {
    proxying *w = calloc(1, sizeof *w);
    if (!w) {
        doors_order_drop(first);
        return false;
    }
    proxying_init(w, x, index, first);
    w->thread = worker_start(1, proxying_start, proxying_end, w);
    if (!w->thread) {
        proxying_order(w, NULL);
        free(w);
        return false;
    }
    w->next = x->crew.first;
    x->crew.first = w;
    return true;
}

void crew_ended(void *user) {
    proxying *w = user;
    crew *c = &w->proxy->crew;
    proxying **at = &c->first;
    while (*at != w) at = &(*at)->next;
    *at = w->next;
    w->next = c->over;
    c->over = w;
    if (!c->first) loop_stop(w->proxy->loop);
}

void crew_join(proxy *x) {
    proxying *w;
    while ((w = x->crew.over)) {
        x->crew.over = w->next;
        worker_join(w->thread);
        proxying_order(w, NULL); /* what came when it had ended */
        free(w);
    }
}

/* Those from n on, by a letter. */
static void dismiss(proxy *x, unsigned n, void (*fn)(void *user)) {
    for (proxying *w = x->crew.first; w; w = w->next) {
        if (w->leaving || w->index < n) continue;
        w->leaving = true;
        proxying_post(w->loop, fn, w);
    }
}

/* ---- all of them ---- */

static bool start_missing(proxy *x, plan *p, const doors *all, unsigned n) {
    bool at_once = !x->crew.count; /* else nobody has a door until all others are ready */
    for (unsigned i = x->crew.count; i < n; i++) {
        doors_order *o = doors_order_new(all, p, i, at_once ? n : 0);
        if (!o || !start(x, i, o)) return false;
    }
    return true;
}

static bool write_orders(proxy *x, plan *p, const doors *all, unsigned n) {
    for (proxying *w = x->crew.first; w; w = w->next) {
        w->written = doors_order_new(all, p, w->index, w->leaving || w->index >= n ? 0 : n);
        if (!w->written) return false;
    }
    return true;
}

static void forget_orders(proxy *x) {
    for (proxying *w = x->crew.first; w; w = w->next) {
        doors_order_drop(w->written);
        w->written = NULL;
    }
}

static void send_orders(proxy *x) {
    for (proxying *w = x->crew.first; w; w = w->next) {
        proxying_order(w, w->written);
        w->written = NULL;
    }
    crew_tell(x, proxying_take_order);
}

bool crew_serve(proxy *x, plan *p, const doors *all, unsigned n, const char **why) {
    bool had = x->crew.count > 0;
    crew_join(x);
    bool ready = start_missing(x, p, all, n);
    if (ready && had && !write_orders(x, p, all, n)) {
        forget_orders(x);
        ready = false;
    }
    if (!ready) {
        *why = "no memory, descriptors or threads for workers";
        dismiss(x, x->crew.count, proxying_stop);
        return false;
    }
    if (had) send_orders(x);
    dismiss(x, n, proxying_leave);
    x->crew.count = n;
    return true;
}
