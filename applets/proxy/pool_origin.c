#include <stdio.h>

#include "applets/proxy/pool_impl.h"
#include "core/limits.h"

#define BUCKETS 256u

/* A backend that nobody configured: it lives while something of it is left. */
typedef struct pool_origin {
    pool_backend backend;
    plan_backend plan;
    uint32_t hash;
    struct pool_origin *next, **prev;  /* in its bucket; prev NULL: it is found no more */
    struct pool_origin *older, *newer; /* by when it was last asked for */
    size_t size;
    char text[]; /* the host, then the authority */
} pool_origin;

typedef struct pool_origins {
    pool_origin *buckets[BUCKETS];
    pool_origin *oldest, *newest;
    uint32_t count; /* of those that can be found */
} pool_origins;

bool pool_origin_init(pool *p) {
    p->origins = mem_take_zero(p->mem, sizeof *p->origins);
    return p->origins != NULL;
}

/* ---- lists ---- */

static void make_newest(pool_origins *t, pool_origin *o) {
    o->older = t->newest;
    o->newer = NULL;
    if (o->older)
        o->older->newer = o;
    else
        t->oldest = o;
    t->newest = o;
}

static void leave_ages(pool_origins *t, pool_origin *o) {
    if (o->older)
        o->older->newer = o->newer;
    else
        t->oldest = o->newer;
    if (o->newer)
        o->newer->older = o->older;
    else
        t->newest = o->older;
}

static void leave_bucket(pool_origins *t, pool_origin *o) {
    if (!o->prev) return;
    *o->prev = o->next;
    if (o->next) o->next->prev = o->prev;
    o->prev = NULL;
    t->count--;
}

static void enter_bucket(pool_origins *t, pool_origin *o) {
    pool_origin **head = &t->buckets[o->hash % BUCKETS];
    o->next = *head;
    o->prev = head;
    if (o->next) o->next->prev = &o->next;
    *head = o;
    t->count++;
}

static void free_origin(pool *p, pool_origin *o) {
    leave_bucket(p->origins, o);
    leave_ages(p->origins, o);
    pool_backend_end(&o->backend);
    mem_give(p->mem, o, o->size);
}

void pool_origin_end(pool *p) {
    if (!p->origins) return;
    while (p->origins->oldest) free_origin(p, p->origins->oldest);
    mem_give(p->mem, p->origins, sizeof *p->origins);
}

void pool_origin_each(pool *p, void (*each)(pool_backend *b)) {
    for (pool_origin *o = p->origins->oldest; o; o = o->newer) each(&o->backend);
}

void pool_origin_settle(pool_backend *b) {
    if (b->line.count || b->count || b->ended || b->woken) return;
    free_origin(b->pool, b->origin);
}

/* ---- one more ---- */

static bool is_idle(const pool_origin *o) {
    const pool_backend *b = &o->backend;
    if (b->line.count || b->dialling || b->ended) return false;
    for (const pool_link *k = b->links; k; k = k->next) {
        if (k->places) return false;
    }
    return true;
}

/* Gives up the one that has been idle longest; false: none is. */
static bool make_room(pool *p) {
    pool_origin *o = p->origins->oldest;
    while (o && !(o->prev && is_idle(o))) o = o->newer;
    if (!o) return false;
    leave_bucket(p->origins, o);
    for (pool_link *k = o->backend.links, *next; k; k = next) {
        next = k->next;
        if (!k->leaving) pool_link_end(k);
    }
    pool_backend_wake(&o->backend);
    return true;
}

static uint32_t hash_of(const pool_wish *w) {
    uint32_t h = 2166136261u; /* FNV-1a */
    for (const char *c = w->host; *c; c++) h = (h ^ bytes_lower((uint8_t)*c)) * 16777619u;
    h = (h ^ w->port) * 16777619u;
    return (h ^ (w->tls + 2u * w->tunnel)) * 16777619u;
}

static bool is_same(const pool_origin *o, uint32_t hash, const pool_wish *w) {
    return o->hash == hash && o->plan.port == w->port && o->plan.tls == w->tls &&
           o->backend.tunnel == w->tunnel && span_ieq(span_str(o->plan.host), span_str(w->host));
}

static pool_origin *new_origin(pool *p, const pool_wish *w, uint32_t hash) {
    size_t host_n = strlen(w->host) + 1, room = host_n + 8;
    size_t size = sizeof(pool_origin) + host_n + room;
    pool_origin *o = mem_take_zero(p->mem, size);
    if (!o) return NULL;
    memcpy(o->text, w->host, host_n);
    bool usual = w->port == (w->tls ? 443 : 80) && !w->tunnel;
    bool bare = strchr(w->host, ':') && *w->host != '['; /* RFC 3986 section 3.2.2 */
    int n = snprintf(o->text + host_n, room, bare ? "[%s]" : "%s", w->host);
    if (!usual) snprintf(o->text + host_n + n, room - (size_t)n, ":%u", w->port);
    o->plan = (plan_backend){.host = o->text,
                             .port = w->port,
                             .authority = span_str(o->text + host_n),
                             .tls = w->tls,
                             .sni = o->text};
    pool_backend_init(&o->backend, p, &o->plan, p->plan->back_write_ms);
    o->backend.name = hash ? hash : 1;
    o->backend.tunnel = w->tunnel;
    o->backend.network = w->network;
    o->backend.origin = o;
    o->hash = hash;
    o->size = size;
    return o;
}

pool_backend *pool_origin_find(pool *p, const pool_wish *w, pool_refusal *r, const char **why) {
    pool_origins *t = p->origins;
    uint32_t hash = hash_of(w);
    pool_origin *o = t->buckets[hash % BUCKETS];
    while (o && !is_same(o, hash, w)) o = o->next;
    if (o) {
        o->backend.network = w->network;
        if (o->backend.known) known_host_share(o->backend.known, w->network);
        leave_ages(t, o);
        make_newest(t, o);
        if (o->backend.line.count < LIMIT_BACKEND_WAITING) return &o->backend;
        *r = POOL_FULL;
        *why = "too many requests wait already";
        return NULL;
    }
    if (w->tls && !p->plan->back_tls_h1) {
        *r = POOL_CONNECT;
        *why = "no TLS to backends is set up";
        return NULL;
    }
    if (t->count >= LIMIT_ORIGINS && !make_room(p)) {
        *r = POOL_FULL;
        *why = "connections to too many origins are open";
        return NULL;
    }
    o = new_origin(p, w, hash);
    if (!o) {
        *r = POOL_MEMORY;
        *why = DIAL_NO_MEMORY;
        return NULL;
    }
    enter_bucket(t, o);
    make_newest(t, o);
    return &o->backend;
}
