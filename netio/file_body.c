#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/file_impl.h"
#include "netio/link_impl.h"

/* ---- small files: the cache's bytes are lent ---- */

static http_pull pull_small(void *user, uint64_t offset, size_t want, span *lent) {
    const file *f = user;
    size_t left = (size_t)(f->size - offset);
    *lent = span_of(f->bytes + offset, left < want ? left : want);
    return lent->n == left ? HTTP_PULL_END : HTTP_PULL_MORE;
}

static void done_small(void *user, size_t n) {
    (void)user;
    (void)n;
}

static void release_small(void *user) { file_close(user); }

static const http_body_ops small_ops = {pull_small, done_small, release_small};

/* ---- a part of a small file ---- */

typedef struct part {
    file *file;
    loop *loop;
    uint64_t start;
    size_t length;
} part;

static http_pull pull_part(void *user, uint64_t offset, size_t want, span *lent) {
    const part *p = user;
    size_t left = p->length - (size_t)offset;
    *lent = span_of(p->file->bytes + p->start + offset, left < want ? left : want);
    return lent->n == left ? HTTP_PULL_END : HTTP_PULL_MORE;
}

static void release_part(void *user) {
    part *p = user;
    file_close(p->file);
    mem_give(&p->loop->mem, p, sizeof *p);
}

static const http_body_ops part_ops = {pull_part, done_small, release_part};

/* ---- bigger files: pages of the map are lent, or a few chunks take turns ---- */

#define CHUNKS (LIMIT_FILE_AHEAD / LIMIT_FILE_CHUNK)

/* The end of what is sent, which is always read: a frame. */
#define TAIL 16384u
_Static_assert(TAIL <= LIMIT_FILE_CHUNK, "a chunk that reaches the end of the file begins there");

typedef struct chunk {
    uint8_t *bytes;
    uint64_t start;
    uint64_t end;  /* start: its read is under way */
    uint32_t room; /* of bytes */
} chunk;

typedef struct big {
    file *file;
    net_link *link;
    loop *loop; /* the link may be gone when a read ends */
    http_ref ref;
    uint64_t start, end;  /* what of the file is sent */
    chunk chunks[CHUNKS]; /* a ring, in the order of the file */
    unsigned oldest, count;
    uint64_t read_end;   /* what was lent from the map, or read, reaches to */
    uint64_t mapped_end; /* of the last piece lent from the map; 0: none was */
    uint64_t here_end;   /* of what was seen to be in memory */
    uint64_t here_ms;    /* when */
    uint64_t returned;
    loop_task wake;
    uv_work_t work;
    chunk *reading; /* by a thread */
    ssize_t got;
    bool maps;    /* pages of the map may be lent: nobody reads them but writev */
    bool cold;    /* the file was not in memory: read ahead */
    bool waiting; /* the last pull said LATER */
    bool failed;
    bool released; /* nobody but the thread needs it */
} big;

static chunk *chunk_of(big *b, unsigned i) { return &b->chunks[(b->oldest + i) % CHUNKS]; }

static size_t chunk_want(const big *b, const chunk *c) {
    uint64_t left = b->end - c->start;
    return left < c->room ? (size_t)left : c->room;
}

/* Room for what may be sent: a peer that opens its windows by a few bytes must not make every
 * stream hold a whole chunk. */
static uint32_t room_for(size_t want) {
    return want >= LIMIT_FILE_CHUNK / 2 ? LIMIT_FILE_CHUNK
                                        : (uint32_t)((want + 4095) / 4096 * 4096);
}

static void give_oldest(big *b) {
    mem_give(&b->loop->mem, b->chunks[b->oldest].bytes, b->chunks[b->oldest].room);
    b->oldest = (b->oldest + 1) % CHUNKS;
    b->count--;
}

static void free_big(big *b) {
    while (b->count) give_oldest(b);
    file_close(b->file);
    mem_give(&b->loop->mem, b, sizeof *b);
}

static void wake(big *b) {
    if (!b->waiting) return;
    b->waiting = false;
    session_wake(b->link->session, b->ref);
    link_touch(b->link);
}

static void on_wake(loop_task *t) { wake((big *)(void *)((char *)t - offsetof(big, wake))); }

static void filled(big *b, chunk *c, ssize_t got) {
    if (got <= 0) { /* it has become shorter than it was, or cannot be read */
        b->failed = true;
        return;
    }
    c->end = c->start + (uint64_t)got;
    b->read_end = c->end;
}

static void run_read(uv_work_t *work) {
    big *b = work->data;
    chunk *c = b->reading;
    do {
        b->got = pread(b->file->fd, c->bytes, chunk_want(b, c), (off_t)c->start);
    } while (b->got < 0 && errno == EINTR);
}

static void on_read(uv_work_t *work, int status) {
    big *b = work->data;
    chunk *c = b->reading;
    b->reading = NULL;
    if (b->released) {
        free_big(b);
        return;
    }
    filled(b, c, status ? -1 : b->got);
    wake(b);
}

/* Reads what is in memory; -1 with EAGAIN when that is nothing. */
static ssize_t read_now(big *b, const chunk *c) {
    file *f = b->file;
    struct iovec iov = {c->bytes, chunk_want(b, c)};
    errno = EAGAIN;
    if (f->waits) return -1;
    ssize_t n = preadv2(f->fd, &iov, 1, (off_t)c->start, f->memory ? 0 : RWF_NOWAIT);
    if (n < 0 && errno == EINTR) errno = EAGAIN;
    if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)) {
        f->waits = true;
        errno = EAGAIN;
    }
    return n;
}

/* Begins to read what comes after read_end. */
static void read_next(big *b, size_t want) {
    uint32_t room = room_for(want);
    uint8_t *bytes = mem_take(&b->loop->mem, room);
    if (!bytes) {
        b->failed = true;
        return;
    }
    chunk *c = chunk_of(b, b->count++);
    *c = (chunk){bytes, b->read_end, b->read_end, room};
    ssize_t n = read_now(b, c);
    if (n >= 0 || errno != EAGAIN) {
        filled(b, c, n);
        return;
    }
    b->cold = true;
    b->reading = c;
    b->work.data = b;
    if (uv_queue_work(&b->loop->uv, &b->work, run_read, on_read) == 0) return;
    b->reading = NULL;
    b->failed = true;
}

/* The end is read once everything mapped is written: had the file been cut off before, it would not
 * be there. So no body ends that lent zeros in place of its content. */
static bool too_early(const big *b) {
    return b->returned < b->mapped_end && b->end - b->read_end <= LIMIT_FILE_CHUNK;
}

static bool can_read(const big *b) {
    return b->count < CHUNKS && !b->reading && !b->failed && b->read_end < b->end && !too_early(b);
}

/* Lends a piece of the map, but none so small that the core would copy it. */
static bool lend_mapped(big *b, uint64_t offset, size_t want, span *lent) {
    file *f = b->file;
    uint64_t now = loop_now_ms(b->loop), end = b->end > TAIL ? b->end - TAIL : 0;
    if (!b->maps || b->reading || offset >= end || !file_map_open(f, b->loop)) return false;
    if (offset >= b->here_end || now - b->here_ms > LIMIT_MAP_PROBE_MS) {
        size_t most = end - offset < LIMIT_MAP_PROBE ? (size_t)(end - offset) : LIMIT_MAP_PROBE;
        b->here_end = offset + file_map_here(f, offset, most);
        b->here_ms = now;
    }
    size_t left = (size_t)(b->here_end - offset), n = left < want ? left : want;
    if (n <= LIMIT_COPY_BODY) return false;
    *lent = span_of(f->map + offset, n);
    b->mapped_end = b->read_end = offset + n;
    return true;
}

static const chunk *chunk_at(big *b, uint64_t offset) {
    for (unsigned i = 0; i < b->count; i++) {
        const chunk *c = chunk_of(b, i);
        if (offset >= c->start && offset < c->end) return c;
    }
    return NULL;
}

static http_pull pull_big(void *user, uint64_t offset, size_t want, span *lent) {
    big *b = user;
    *lent = (span){NULL, 0};
    if (b->mapped_end && b->file->map_cut) return HTTP_PULL_FAILED;
    offset += b->start;
    if (want == 0) return offset == b->end ? HTTP_PULL_END : HTTP_PULL_MORE;
    const chunk *c = chunk_at(b, offset);
    if (!c && lend_mapped(b, offset, want, lent)) return HTTP_PULL_MORE;
    if (!c && can_read(b)) {
        read_next(b, want);
        c = chunk_at(b, offset);
    }
    if (!c) {
        if (b->failed) return HTTP_PULL_FAILED;
        b->waiting = true;
        return HTTP_PULL_LATER;
    }
    size_t left = (size_t)(c->end - offset);
    *lent = span_of(c->bytes + (offset - c->start), left < want ? left : want);
    if (offset + lent->n == b->end) return HTTP_PULL_END;
    if (b->cold && want >= LIMIT_FILE_CHUNK / 2 && can_read(b)) read_next(b, want);
    return HTTP_PULL_MORE;
}

static void done_big(void *user, size_t n) {
    big *b = user;
    b->returned += n;
    while (b->count && !(b->reading && b->count == 1) && b->returned >= chunk_of(b, 0)->end)
        give_oldest(b);
    if (!b->waiting || !can_read(b)) return;
    loop_soon(b->loop, &b->wake); /* not now: done may not call back into the connection */
}

static void release_big(void *user) {
    big *b = user;
    b->released = true;
    loop_task_cancel(b->loop, &b->wake);
    if (b->reading) {
        uv_cancel((uv_req_t *)&b->work); /* on_read follows, whether it worked or not */
    } else {
        free_big(b);
    }
}

static const http_body_ops big_ops = {pull_big, done_big, release_big};

static bool small_part(file *f, net_link *k, uint64_t start, uint64_t length, http_body *body) {
    f->refs++;
    if (length == f->size) {
        *body = (http_body){&small_ops, f};
        return true;
    }
    part *p = mem_take(&k->loop->mem, sizeof *p);
    if (!p) {
        f->refs--;
        return false;
    }
    *p = (part){.file = f, .loop = k->loop, .start = start, .length = (size_t)length};
    *body = (http_body){&part_ops, p};
    return true;
}

bool file_body_part(file *f, net_link *k, http_ref ref, uint64_t start, uint64_t length,
                    http_body *body) {
    if (f->fd < 0) return small_part(f, k, start, length, body);
    big *b = mem_take(&k->loop->mem, sizeof *b);
    if (!b) return false;
    *b = (big){.file = f,
               .link = k,
               .loop = k->loop,
               .ref = ref,
               .start = start,
               .end = start + length,
               .read_end = start,
               .returned = start,
               .maps = !link_has_tls(k),
               .wake = {.run = on_wake}};
    f->refs++;
    *body = (http_body){&big_ops, b};
    return true;
}

bool file_body(file *f, net_link *k, http_ref ref, http_body *body) {
    return file_body_part(f, k, ref, 0, f->size, body);
}
