#include "applets/server/gzip_cache.h"
#include "applets/server/gzip.h"
#include "core/limits.h"

#include <stdatomic.h>

#define SLOTS 512u

typedef struct waiter {
    struct waiter *next;
    void (*done)(void *user, blob *b);
    void *user;
} waiter;

typedef struct entry {
    struct entry *hash_next, *newer, *older;
    gzip_cache *cache;
    uint64_t version;
    blob *blob; /* NULL while it is made, and when it is not worth it */
    /* While it is made: */
    file *file;
    span coded;
    gzip_result result;
    waiter *waiters;
} entry;

/* Jobs of all workers: the pool's other threads are for files that somebody waits for. */
static atomic_uint running;

struct gzip_cache {
    loop *loop;
    entry *slots[SLOTS];
    entry *newest, *oldest; /* those that are made */
    unsigned count, jobs;
    size_t bytes;
    bool closed;
};

gzip_cache *gzip_cache_new(loop *l) {
    gzip_cache *c = mem_take_zero(loop_mem(l), sizeof *c);
    if (c) c->loop = l;
    return c;
}

static entry **slot_of(gzip_cache *c, uint64_t version) { return &c->slots[version % SLOTS]; }

static entry *find(gzip_cache *c, uint64_t version) {
    entry *e = *slot_of(c, version);
    while (e && e->version != version) e = e->hash_next;
    return e;
}

static void unlist(entry *e) {
    gzip_cache *c = e->cache;
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void push(entry *e) {
    gzip_cache *c = e->cache;
    e->newer = NULL;
    e->older = c->newest;
    *(e->older ? &e->older->newer : &c->oldest) = e;
    c->newest = e;
}

static void free_entry(entry *e) {
    gzip_cache *c = e->cache;
    entry **at = slot_of(c, e->version);
    while (*at != e) at = &(*at)->hash_next;
    *at = e->hash_next;
    blob_drop(e->blob);
    mem_give(loop_mem(c->loop), e, sizeof *e);
}

static void drop(entry *e) {
    gzip_cache *c = e->cache;
    unlist(e);
    c->count--;
    if (e->blob) c->bytes -= e->blob->bytes.n;
    free_entry(e);
}

static void end_cache(gzip_cache *c) {
    if (c->closed && !c->jobs) mem_give(loop_mem(c->loop), c, sizeof *c);
}

static void answer(entry *e, blob *b) {
    waiter *list = e->waiters;
    e->waiters = NULL;
    while (list) {
        waiter *w = list;
        list = w->next;
        w->done(w->user, b);
        mem_give(loop_mem(e->cache->loop), w, sizeof *w);
    }
}

void gzip_cache_free(gzip_cache *c) {
    if (!c) return;
    c->closed = true;
    while (c->oldest) drop(c->oldest);
    for (unsigned i = 0; i < SLOTS; i++) {
        for (entry *e = c->slots[i]; e; e = e->hash_next) answer(e, NULL);
    }
    end_cache(c);
}

bool gzip_cache_find(gzip_cache *c, const file *f, blob **b) {
    entry *e = find(c, file_version(f));
    if (!e || e->file) return false;
    unlist(e);
    push(e);
    *b = e->blob;
    return true;
}

static void run(void *user) {
    entry *e = user;
    e->result = gzip_file(e->file, &e->coded);
}

static void made(void *user, bool ran) {
    entry *e = user;
    gzip_cache *c = e->cache;
    c->jobs--;
    atomic_fetch_sub(&running, 1);
    file_close(e->file);
    if (ran && e->result == GZIP_SMALLER) e->blob = blob_new(e->coded);
    bool keep = !c->closed && ran && (e->blob || e->result == GZIP_NOT_SMALLER);
    e->file = NULL;
    if (keep) {
        push(e);
        c->count++;
        if (e->blob) c->bytes += e->blob->bytes.n;
    }
    blob *b = e->blob ? blob_hold(e->blob) : NULL;
    answer(e, b);
    blob_drop(b);
    if (!keep) free_entry(e);
    while (c->bytes > LIMIT_GZIP_BYTES || c->count > LIMIT_GZIP_ENTRIES) drop(c->oldest);
    end_cache(c);
}

static entry *start(gzip_cache *c, file *f) {
    if (c->closed || file_size(f) > LIMIT_GZIP_FILE || !blob_room()) return NULL;
    entry *e = mem_take(loop_mem(c->loop), sizeof *e);
    if (!e) return NULL;
    *e = (entry){.cache = c, .version = file_version(f), .file = f};
    if (atomic_fetch_add(&running, 1) >= LIMIT_GZIP_JOBS || !loop_work(c->loop, run, made, e)) {
        atomic_fetch_sub(&running, 1);
        mem_give(loop_mem(c->loop), e, sizeof *e);
        return NULL;
    }
    file_hold(f);
    e->hash_next = *slot_of(c, e->version);
    *slot_of(c, e->version) = e;
    c->jobs++;
    return e;
}

void gzip_cache_make(gzip_cache *c, file *f, void (*done)(void *user, blob *b), void *user) {
    blob *b;
    if (gzip_cache_find(c, f, &b)) {
        done(user, b);
        return;
    }
    waiter *w = mem_take(loop_mem(c->loop), sizeof *w);
    entry *e = w ? find(c, file_version(f)) : NULL;
    if (w && !e) e = start(c, f);
    if (!e) {
        mem_give(loop_mem(c->loop), w, sizeof *w);
        done(user, NULL);
        return;
    }
    *w = (waiter){e->waiters, done, user};
    e->waiters = w;
}
