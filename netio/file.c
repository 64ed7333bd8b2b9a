#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/file_impl.h"

#define TABLE_SLOTS 4096u

typedef struct waiter {
    struct waiter *next;
    void (*done)(void *user, file_status st, file *f);
    void *user;
} waiter;

/* What an entry costs decides which bound it falls under, and each bound evicts its own oldest. So
 * a flood of requests for what is not there does not push out what is. */
typedef enum kind { KIND_BYTES, KIND_DESCRIPTOR, KIND_OTHER, KIND_COUNT } kind;

typedef struct entry {
    file_cache *cache;
    struct entry *hash_next;
    struct entry *newer, *older;
    file *file; /* NULL unless FILE_OK */
    file_status status;
    kind kind;
    bool known;   /* was loaded once: it is in the list of its kind */
    bool dropped; /* out of the table; its job frees it */
    uint64_t checked_ms;
    waiter *waiters, **last_waiter;
    file_load *job; /* under way */
    uint64_t hash;
    size_t path_size;
    char path[]; /* relative to root, with its NUL */
} entry;

struct file_cache {
    loop *loop;
    int root;
    bool closed;
    unsigned jobs, descriptors_most;
    uint64_t seed;
    size_t bytes;
    unsigned count[KIND_COUNT];
    entry *newest[KIND_COUNT], *oldest[KIND_COUNT];
    entry *table[TABLE_SLOTS];
};

/* ---- entries ---- */

static void unlist(entry *e) {
    file_cache *c = e->cache;
    *(e->newer ? &e->newer->older : &c->newest[e->kind]) = e->older;
    *(e->older ? &e->older->newer : &c->oldest[e->kind]) = e->newer;
    c->count[e->kind]--;
    if (e->kind == KIND_BYTES) c->bytes -= e->file->size;
}

static void enlist(entry *e) {
    file_cache *c = e->cache;
    e->kind = !e->file ? KIND_OTHER : e->file->fd >= 0 ? KIND_DESCRIPTOR : KIND_BYTES;
    e->newer = NULL;
    e->older = c->newest[e->kind];
    *(e->older ? &e->older->newer : &c->oldest[e->kind]) = e;
    c->newest[e->kind] = e;
    c->count[e->kind]++;
    if (e->kind == KIND_BYTES) c->bytes += e->file->size;
}

static void used(entry *e) {
    if (!e->newer) return;
    unlist(e);
    enlist(e);
}

static void free_entry(entry *e) {
    if (e->file) file_close(e->file);
    mem_give(&e->cache->loop->mem, e, sizeof *e + e->path_size);
}

/* Takes e out of the cache; a job under way frees it when it ends. */
static void drop(entry *e) {
    entry **at = &e->cache->table[e->hash % TABLE_SLOTS];
    while (*at != e) at = &(*at)->hash_next;
    *at = e->hash_next;
    if (e->known) unlist(e);
    e->known = false;
    e->dropped = true;
    if (!e->job) free_entry(e);
}

/* Evicts what is beyond a bound; `hard` when the system has just refused a descriptor. */
static void trim(file_cache *c, bool hard) {
    while (c->bytes > LIMIT_CACHE_BYTES || c->count[KIND_BYTES] > LIMIT_CACHE_ENTRIES)
        drop(c->oldest[KIND_BYTES]);
    while (c->count[KIND_OTHER] > LIMIT_CACHE_MISSING) drop(c->oldest[KIND_OTHER]);
    /* Other workers' descriptors count as well, but each gives up its own only; those of bodies
     * under way stay. */
    while (c->oldest[KIND_DESCRIPTOR] && (hard || file_load_descriptors() > c->descriptors_most))
        drop(c->oldest[KIND_DESCRIPTOR]);
}

/* Seeded, so that nobody can aim paths at one slot. */
static uint64_t hash_path(uint64_t seed, span path) {
    uint64_t h = seed ^ path.n;
    while (path.n) {
        uint64_t word = 0;
        span piece = span_take(&path, path.n < sizeof word ? path.n : sizeof word);
        memcpy(&word, piece.p, piece.n);
        h = (h ^ word) * 0x9e3779b97f4a7c15u; /* 2^64 over the golden ratio */
        h ^= h >> 32;
    }
    return h;
}

static entry *find(file_cache *c, span path, uint64_t hash) {
    for (entry *e = c->table[hash % TABLE_SLOTS]; e; e = e->hash_next) {
        if (e->hash == hash && e->path_size == path.n + 1 && memcmp(e->path, path.p, path.n) == 0)
            return e;
    }
    return NULL;
}

static entry *add(file_cache *c, span path, uint64_t hash) {
    entry *e = mem_take(&c->loop->mem, sizeof *e + path.n + 1);
    if (!e) return NULL;
    *e = (entry){.cache = c, .hash = hash, .path_size = path.n + 1};
    e->last_waiter = &e->waiters;
    memcpy(e->path, path.p, path.n);
    e->path[path.n] = 0;
    e->hash_next = c->table[hash % TABLE_SLOTS];
    c->table[hash % TABLE_SLOTS] = e;
    return e;
}

/* ---- loading ---- */

/* Answers everybody who waits for e. The callbacks may do anything, even free the cache. */
static void answer(entry *e, file_status status, file *f) {
    loop *l = e->cache->loop;
    waiter *list = e->waiters;
    e->waiters = NULL;
    e->last_waiter = &e->waiters;
    if (f) f->refs++;
    while (list) {
        waiter *w = list;
        list = w->next;
        if (f) f->refs++;
        w->done(w->user, status, f);
        mem_give(&l->mem, w, sizeof *w);
    }
    if (f) file_close(f);
}

static void end_cache(file_cache *c) {
    if (!c->closed || c->jobs) return;
    close(c->root);
    mem_give(&c->loop->mem, c, sizeof *c);
}

static void take_result(entry *e, const file_load *job) {
    e->checked_ms = job->begun_ms;
    if (!job->same) {
        if (e->known) unlist(e);
        if (e->file) file_close(e->file);
        e->file = job->fresh;
        e->status = job->status;
        e->known = true;
        enlist(e);
    }
}

static void run_load(uv_work_t *work) { file_load_run(work->data); }

static bool start_load(entry *e);

static void on_loaded(uv_work_t *work, int status) {
    file_load *job = work->data;
    entry *e = job->owner;
    file_cache *c = e->cache;
    if (status) job->status = FILE_BUSY; /* it never ran */
    file *f = job->same ? e->file : job->fresh;
    if (f) f->refs++;
    bool good = !e->dropped && job->status != FILE_BUSY;
    if (good) take_result(e, job);
    if (!good && job->fresh) file_close(job->fresh);
    /* e->job still stands, so nothing in a callback frees the entry. */
    answer(e, job->status, f);
    if (f) file_close(f);
    e->job = NULL;
    if (e->waiters && !start_load(e)) answer(e, FILE_BUSY, NULL);
    if (e->dropped) {
        free_entry(e);
    } else if (!e->known && !e->job) {
        drop(e);
    }
    if (!c->closed) trim(c, job->status == FILE_BUSY);
    mem_give(&c->loop->mem, job, sizeof *job);
    c->jobs--;
    end_cache(c);
}

static bool start_load(entry *e) {
    file_cache *c = e->cache;
    if (e->dropped) return false;
    if (c->jobs >= LIMIT_FILE_JOBS || c->loop->closing) return false;
    file_load *job = mem_take(&c->loop->mem, sizeof *job);
    if (!job) return false;
    *job =
        (file_load){.root = c->root, .path = e->path, .owner = e, .begun_ms = loop_now_ms(c->loop)};
    job->work.data = job;
    job->have = e->file != NULL;
    if (job->have) job->old = e->file->is;
    if (uv_queue_work(&c->loop->uv, &job->work, run_load, on_loaded) != 0) {
        mem_give(&c->loop->mem, job, sizeof *job);
        return false;
    }
    e->job = job;
    c->jobs++;
    return true;
}

static bool wait_for(entry *e, void (*done)(void *user, file_status st, file *f), void *user) {
    waiter *w = mem_take(&e->cache->loop->mem, sizeof *w);
    if (!w) return false;
    if (!e->job && !start_load(e)) {
        mem_give(&e->cache->loop->mem, w, sizeof *w);
        return false;
    }
    *w = (waiter){.done = done, .user = user};
    *e->last_waiter = w;
    e->last_waiter = &w->next;
    return true;
}

/* ---- the face ---- */

file_cache *file_cache_new(loop *l, const char *root, const char **why) {
    struct rlimit most = {.rlim_cur = 1024};
    *why = "out of memory";
    file_cache *c = mem_take(&l->mem, sizeof *c);
    if (!c) return NULL;
    *c = (file_cache){.loop = l};
    c->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (c->root < 0) {
        *why = loop_error_text(errno);
        mem_give(&l->mem, c, sizeof *c);
        return NULL;
    }
    getrlimit(RLIMIT_NOFILE, &most);
    c->descriptors_most = LIMIT_CACHE_DESCRIPTORS;
    if (most.rlim_cur / 4 < c->descriptors_most) c->descriptors_most = (unsigned)most.rlim_cur / 4;
    c->seed = (uint64_t)loop_random(l) << 32 | loop_random(l);
    *why = NULL;
    return c;
}

void file_cache_free(file_cache *c) {
    if (!c || c->closed) return;
    c->jobs++; /* callbacks below may end jobs' entries, not the cache */
    c->closed = true;
    for (unsigned i = 0; i < TABLE_SLOTS; i++) {
        while (c->table[i]) {
            entry *e = c->table[i];
            if (e->job) uv_cancel((uv_req_t *)&e->job->work);
            answer(e, FILE_BUSY, NULL);
            drop(e);
        }
    }
    c->jobs--;
    end_cache(c);
}

/* A normalised path has none; this is the second lock on the door. */
static bool leaves_root(span path) {
    for (size_t i = 0; i + 1 < path.n; i++) {
        if (path.p[i] == '.' && path.p[i + 1] == '.' && (i == 0 || path.p[i - 1] == '/') &&
            (i + 2 == path.n || path.p[i + 2] == '/'))
            return true;
    }
    return false;
}

void file_open(file_cache *c, span path, void (*done)(void *user, file_status st, file *f),
               void *user) {
    /* All leading slashes: openat takes what begins with one from the root of the machine. */
    while (path.n && *path.p == '/') path = span_skip(path, 1);
    if (!path.n) path = SPAN(".");
    if (path.n >= LIMIT_PATH || memchr(path.p, 0, path.n) || leaves_root(path)) {
        done(user, FILE_MISSING, NULL);
        return;
    }
    uint64_t now = loop_now_ms(c->loop), hash = hash_path(c->seed, path);
    entry *e = c->closed ? NULL : find(c, path, hash);
    if (e && e->known && now - e->checked_ms < LIMIT_CACHE_FRESH_MS) {
        used(e);
        if (!e->job && now - e->checked_ms >= LIMIT_CACHE_FRESH_MS / 2) start_load(e);
        if (e->file) e->file->refs++;
        done(user, e->status, e->file);
        return;
    }
    if (!e && !c->closed) e = add(c, path, hash);
    if (e && wait_for(e, done, user)) return;
    if (e && !e->known && !e->job) drop(e);
    done(user, FILE_BUSY, NULL);
}

void file_close(file *f) {
    if (!f || --f->refs) return;
    file_map_close(f);
    file_load_free(f);
}

uint64_t file_size(const file *f) { return f->size; }

int64_t file_mtime(const file *f) { return f->is.modified.tv_sec; }
