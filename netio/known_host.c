#include "netio/known_host.h"

struct known_host {
    loop *loop;
    uint32_t fresh_ms; /* 0: until they are doubted */
    uint64_t found_ms;
    resolve *lookup; /* while under way */
    known_host_wait *waiting;
    socket_address *addresses;
    size_t count;
};

known_host *known_host_new(loop *l, uint32_t fresh_ms) {
    known_host *h = mem_take(loop_mem(l), sizeof *h);
    if (!h) return NULL;
    *h = (known_host){.loop = l, .fresh_ms = fresh_ms};
    return h;
}

static void forget(known_host *h) {
    mem_give(loop_mem(h->loop), h->addresses, h->count * sizeof *h->addresses);
    h->addresses = NULL;
    h->count = 0;
}

void known_host_free(known_host *h) {
    if (!h) return;
    if (h->lookup) resolve_cancel(h->lookup);
    forget(h);
    mem_give(loop_mem(h->loop), h, sizeof *h);
}

size_t known_host_addresses(const known_host *h, socket_address *out) {
    if (h->fresh_ms && loop_now_ms(h->loop) - h->found_ms >= h->fresh_ms) return 0;
    for (size_t i = 0; i < h->count; i++) out[i] = h->addresses[i];
    return h->count;
}

void known_host_doubt(known_host *h) { forget(h); }

/* ---- looking up ---- */

/* Without memory they are looked up again the next time. */
static void keep(known_host *h, const socket_address *a, size_t n) {
    forget(h);
    h->addresses = n ? mem_take(loop_mem(h->loop), n * sizeof *a) : NULL;
    if (!h->addresses) return;
    for (size_t i = 0; i < n; i++) h->addresses[i] = a[i];
    h->count = n;
    h->found_ms = loop_now_ms(h->loop);
}

static void on_found(void *user, const socket_address *a, size_t n, const char *why) {
    known_host *h = user;
    known_host_wait *told = h->waiting;
    h->lookup = NULL;
    keep(h, a, n);
    /* Who asks within a call waits for the next look-up. */
    if (told) told->prev = &told;
    h->waiting = NULL;
    while (told) {
        known_host_wait *w = told;
        known_host_leave(w);
        w->found(w, a, n, why);
    }
}

void known_host_share(known_host *h, uint32_t whose) {
    if (h->lookup) resolve_share(h->lookup, whose);
}

bool known_host_ask(known_host *h, const char *host, uint16_t port, const dial_lookup *how,
                    known_host_wait *w) {
    if (!h->lookup) h->lookup = resolve_start(h->loop, host, port, how, on_found, h);
    if (!h->lookup) return false;
    w->next = h->waiting;
    w->prev = &h->waiting;
    if (w->next) w->next->prev = &w->next;
    h->waiting = w;
    return true;
}

void known_host_leave(known_host_wait *w) {
    if (!w->prev) return;
    *w->prev = w->next;
    if (w->next) w->next->prev = w->prev;
    w->next = NULL;
    w->prev = NULL;
}
