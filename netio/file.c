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

typedef struct job job;

/* What a request that finds it looks at comes first. */
typedef struct entry {
    struct entry *hash_next;
    uint64_t hash;
    file *file; /* NULL unless FILE_OK */
    uint64_t checked_ms;
    uint16_t path_size;
    uint8_t status, kind;
    bool known;   /* was loaded once: it is in the list of its kind */
    bool asked;   /* since it came to the front of that list: it gets another round */
    bool due;     /* in the cache's list of what is to be checked */
    bool dropped; /* out of the table; its job frees it */
    job *job;     /* under way */
    file_cache *cache;
    struct entry *newer, *older;
    waiter *waiters, **last_waiter;
    char path[]; /* relative to root, with its NUL */
} entry;

/* Files being opened, or checked, by one visit to the thread pool. */
struct job {
    uv_work_t work;
    file_cache *cache;
    uint64_t begun_ms;
    file_root root;
    bool only_check;
    unsigned count;
    file_load loads[];
};

struct file_cache {
    loop *loop;
    file_root root;
    bool closed;
    unsigned busy, descriptors_most; /* busy: entries with a job */
    uint64_t seed;
    size_t bytes;
    unsigned count[KIND_COUNT];
    entry *newest[KIND_COUNT], *oldest[KIND_COUNT];
    entry *due[LIMIT_FILE_CHECKS];
    unsigned due_count;
    timer check; /* of what is due */
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

static void push(entry *e) {
    file_cache *c = e->cache;
    e->asked = false;
    e->newer = NULL;
    e->older = c->newest[e->kind];
    *(e->older ? &e->older->newer : &c->oldest[e->kind]) = e;
    c->newest[e->kind] = e;
    c->count[e->kind]++;
    if (e->kind == KIND_BYTES) c->bytes += e->file->size;
}

static void enlist(entry *e) {
    e->kind = !e->file ? KIND_OTHER : e->file->fd >= 0 ? KIND_DESCRIPTOR : KIND_BYTES;
    push(e);
}

/* The one to be evicted: the oldest that nobody has asked for since it came to the front. So a
 * request only leaves a mark, and touches no neighbours. */
static entry *victim(file_cache *c, kind of) {
    while (c->oldest[of]->asked) {
        entry *e = c->oldest[of];
        unlist(e);
        push(e);
    }
    return c->oldest[of];
}

static void forget_due(entry *e) {
    file_cache *c = e->cache;
    unsigned i = 0;
    if (!e->due) return;
    while (c->due[i] != e) i++;
    c->due[i] = c->due[--c->due_count];
    e->due = false;
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
    forget_due(e);
    e->known = false;
    e->dropped = true;
    if (!e->job) free_entry(e);
}

/* Evicts what is beyond a bound; `hard` when the system has just refused a descriptor. */
static void trim(file_cache *c, bool hard) {
    while (c->bytes > LIMIT_CACHE_BYTES || c->count[KIND_BYTES] > LIMIT_CACHE_ENTRIES)
        drop(victim(c, KIND_BYTES));
    while (c->count[KIND_OTHER] > LIMIT_CACHE_MISSING) drop(victim(c, KIND_OTHER));
    /* Other workers' descriptors count as well, but each gives up its own only; those of bodies
     * under way stay. */
    while (c->oldest[KIND_DESCRIPTOR] && (hard || file_load_descriptors() > c->descriptors_most))
        drop(victim(c, KIND_DESCRIPTOR));
}

static uint64_t word_at(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* Seeded, so that nobody can aim paths at one slot. The last word of a long path laps over the one
 * before. */
static uint64_t hash_path(uint64_t seed, span path) {
    const uint64_t odd = 0x9e3779b97f4a7c15u; /* 2^64 over the golden ratio */
    uint64_t h = seed ^ path.n, last = 0;
    if (path.n >= sizeof last) {
        for (size_t i = 0; i + sizeof last < path.n; i += sizeof last) {
            h = (h ^ word_at(path.p + i)) * odd;
            h ^= h >> 32;
        }
        last = word_at(path.p + path.n - sizeof last);
    } else {
        for (size_t i = 0; i < path.n; i++) last = last << 8 | path.p[i];
    }
    h = (h ^ last) * odd;
    return h ^ h >> 32;
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
    *e = (entry){.cache = c, .hash = hash, .path_size = (uint16_t)(path.n + 1)};
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
    if (!c->closed || c->busy) return;
    close(c->root.fd);
    mem_give(&c->loop->mem, c, sizeof *c);
}

static void take_result(entry *e, const file_load *load, uint64_t begun_ms) {
    e->checked_ms = begun_ms;
    if (load->same) return;
    if (e->known) unlist(e);
    if (e->file) file_close(e->file);
    e->file = load->fresh;
    e->status = (uint8_t)load->status;
    e->known = true;
    enlist(e);
}

static void run_job(uv_work_t *work) {
    job *j = work->data;
    for (unsigned i = 0; i < j->count; i++) file_load_run(&j->loads[i], &j->root, j->only_check);
}

static job *new_job(file_cache *c, unsigned count, unsigned busy_most) {
    size_t size = sizeof(job) + count * sizeof(file_load);
    if (c->busy + count > busy_most || c->loop->closing) return NULL;
    job *j = mem_take(&c->loop->mem, size);
    if (!j) return NULL;
    *j = (job){.cache = c, .begun_ms = loop_now_ms(c->loop), .root = c->root, .count = count};
    j->work.data = j;
    return j;
}

static void give_job(job *j) {
    mem_give(&j->cache->loop->mem, j, sizeof *j + j->count * sizeof(file_load));
}

static void set_load(file_load *load, entry *e) {
    *load = (file_load){.path = e->path, .owner = e, .have = e->file != NULL};
    if (load->have) load->old = e->file->is;
}

static void on_job(uv_work_t *work, int status);

static bool start_job(job *j) {
    if (uv_queue_work(&j->cache->loop->uv, &j->work, run_job, on_job) != 0) {
        give_job(j);
        return false;
    }
    for (unsigned i = 0; i < j->count; i++) {
        entry *e = j->loads[i].owner;
        forget_due(e);
        e->job = j;
    }
    j->cache->busy += j->count;
    return true;
}

static bool start_load(entry *e) {
    if (e->dropped) return false;
    job *j = new_job(e->cache, 1, LIMIT_FILE_JOBS);
    if (!j) return false;
    set_load(&j->loads[0], e);
    return start_job(j);
}

static void end_load(file_load *load, const job *j) {
    entry *e = load->owner;
    file_cache *c = e->cache;
    file *f = load->same ? e->file : load->fresh;
    if (f) f->refs++;
    bool good = !e->dropped && load->status != FILE_BUSY && !load->changed;
    if (good) take_result(e, load, j->begun_ms);
    if (!good && load->fresh) file_close(load->fresh);
    /* e->job still stands, so nothing in a callback frees the entry. */
    if (!load->changed) answer(e, load->status, f);
    if (f) file_close(f);
    e->job = NULL;
    if ((e->waiters || load->changed) && !start_load(e)) answer(e, FILE_BUSY, NULL);
    if (e->dropped) {
        free_entry(e);
    } else if (!e->known && !e->job) {
        drop(e);
    }
    if (!c->closed) trim(c, load->status == FILE_BUSY);
}

static void on_job(uv_work_t *work, int status) {
    job *j = work->data;
    file_cache *c = j->cache;
    for (unsigned i = 0; i < j->count; i++) {
        if (status) j->loads[i].status = FILE_BUSY; /* it never ran */
        end_load(&j->loads[i], j);
    }
    c->busy -= j->count;
    give_job(j);
    end_cache(c);
}

/* Checks what is due, all at once: a visit to the pool costs ten times what a stat does. Half of
 * all that may be busy is left to what somebody waits for. When a check is refused, whoever asks
 * for an entry that has become too old waits for it. */
static void check_due(file_cache *c) {
    timer_cancel(&c->check);
    job *j = c->due_count ? new_job(c, c->due_count, LIMIT_FILE_JOBS / 2) : NULL;
    if (j) {
        j->only_check = true;
        for (unsigned i = 0; i < c->due_count; i++) set_load(&j->loads[i], c->due[i]);
        if (start_job(j)) return;
    }
    while (c->due_count) forget_due(c->due[0]);
}

static void on_check(timer *t) { check_due(t->user); }

static void note_due(entry *e) {
    file_cache *c = e->cache;
    e->due = true;
    c->due[c->due_count++] = e;
    if (c->due_count == LIMIT_FILE_CHECKS) {
        check_due(c);
    } else if (c->due_count == 1) {
        timer_arm(c->loop, &c->check, LIMIT_CACHE_CHECK_MS);
    }
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
    c->root.fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (c->root.fd < 0) {
        *why = loop_error_text(errno);
        mem_give(&l->mem, c, sizeof *c);
        return NULL;
    }
    getrlimit(RLIMIT_NOFILE, &most);
    c->check = (timer){.fire = on_check, .user = c};
    c->descriptors_most = LIMIT_CACHE_DESCRIPTORS;
    if (most.rlim_cur / 4 < c->descriptors_most) c->descriptors_most = (unsigned)most.rlim_cur / 4;
    c->seed = (uint64_t)loop_random(l) << 32 | loop_random(l);
    *why = NULL;
    return c;
}

void file_cache_confine(file_cache *c) { c->root.confined = true; }

const file_root *file_cache_root(const file_cache *c) { return &c->root; }

void file_cache_free(file_cache *c) {
    if (!c || c->closed) return;
    c->busy++; /* callbacks below may end jobs' entries, not the cache */
    c->closed = true;
    timer_cancel(&c->check);
    for (unsigned i = 0; i < TABLE_SLOTS; i++) {
        while (c->table[i]) {
            entry *e = c->table[i];
            if (e->job && e->job->loads[0].owner == e) uv_cancel((uv_req_t *)&e->job->work);
            answer(e, FILE_BUSY, NULL);
            drop(e);
        }
    }
    c->busy--;
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

static bool acceptable(span path) { return !memchr(path.p, 0, path.n) && !leaves_root(path); }

void file_open(file_cache *c, span path, void (*done)(void *user, file_status st, file *f),
               void *user) {
    /* All leading slashes: openat takes what begins with one from the root of the machine. */
    while (path.n && *path.p == '/') path = span_skip(path, 1);
    if (!path.n) path = SPAN(".");
    if (path.n >= LIMIT_PATH) {
        done(user, FILE_MISSING, NULL);
        return;
    }
    uint64_t now = loop_now_ms(c->loop), hash = hash_path(c->seed, path);
    entry *e = c->closed ? NULL : find(c, path, hash);
    if (e && e->known && now - e->checked_ms < LIMIT_CACHE_FRESH_MS) {
        e->asked = true;
        if (!e->job && !e->due && now - e->checked_ms >= LIMIT_CACHE_FRESH_MS / 2) note_due(e);
        if (e->file) e->file->refs++;
        done(user, (file_status)e->status, e->file);
        return;
    }
    if (!e && !acceptable(path)) { /* what is in the cache was */
        done(user, FILE_MISSING, NULL);
        return;
    }
    if (!e && !c->closed) e = add(c, path, hash);
    if (e && wait_for(e, done, user)) return;
    if (e && !e->known && !e->job) drop(e);
    done(user, FILE_BUSY, NULL);
}

file *file_hold(file *f) {
    f->refs++;
    return f;
}

void file_close(file *f) {
    if (!f || --f->refs) return;
    file_map_close(f);
    file_load_free(f);
}

uint64_t file_size(const file *f) { return f->size; }

int64_t file_mtime(const file *f) { return f->is.modified.tv_sec; }

uint64_t file_version(const file *f) { return f->version; }

span file_etag(const file *f) { return span_of(f->etag, sizeof f->etag); }

ssize_t file_read(const file *f, uint64_t offset, void *p, size_t n) {
    if (f->fd < 0) {
        uint64_t left = offset < f->size ? f->size - offset : 0;
        if (n > left) n = (size_t)left;
        if (n) memcpy(p, f->bytes + offset, n);
        return (ssize_t)n;
    }
    ssize_t got;
    do {
        got = pread(f->fd, p, n, (off_t)offset);
    } while (got < 0 && errno == EINTR);
    return got;
}
