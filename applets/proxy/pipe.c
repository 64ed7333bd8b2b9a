#include "applets/proxy/pipe.h"
#include "core/limits.h"

#include <string.h>

/* Bytes in their own room, or in a buffer that is pinned. */
struct pipe_piece {
    pipe_piece *next;
    buf *pin; /* NULL: own bytes */
    const uint8_t *p;
    uint32_t n;
    uint32_t room; /* of own bytes, which follow */
};

static uint8_t *own_bytes(pipe_piece *x) { return (uint8_t *)(x + 1); }

static void free_piece(pipe *p, pipe_piece *x) {
    if (x->pin) {
        if (p->pinned) *p->pinned -= buf_charge(x->pin);
        buf_unpin(x->pin);
    }
    mem_give(loop_mem(p->loop), x, sizeof *x + x->room);
}

/* ---- in ---- */

static void append(pipe *p, pipe_piece *x) {
    x->next = NULL;
    if (p->last) {
        p->last->next = x;
    } else {
        p->first = x;
        p->begin = p->taken;
    }
    p->last = x;
    p->taken += x->n;
}

static bool put_pinned(pipe *p, span bytes) {
    pipe_piece *x = mem_take(loop_mem(p->loop), sizeof *x);
    span kept;
    if (!x) return false;
    x->room = 0;
    x->pin = buf_pin(p->loop, bytes, &kept);
    if (!x->pin) {
        mem_give(loop_mem(p->loop), x, sizeof *x);
        return false;
    }
    *p->pinned += buf_charge(x->pin);
    x->p = kept.p;
    x->n = (uint32_t)kept.n;
    append(p, x);
    return true;
}

static bool put_copy(pipe *p, span bytes) {
    size_t size = sizeof(pipe_piece) + bytes.n;
    if (size < LIMIT_PROXY_PIECE) size = size <= 1024 ? 1024 : LIMIT_PROXY_PIECE;
    pipe_piece *x = mem_take(loop_mem(p->loop), size);
    if (!x) return false;
    x->pin = NULL;
    x->room = (uint32_t)(size - sizeof *x);
    x->p = own_bytes(x);
    x->n = (uint32_t)bytes.n;
    memcpy(own_bytes(x), bytes.p, bytes.n);
    append(p, x);
    return true;
}

bool pipe_put(pipe *p, span bytes) {
    if (!bytes.n) return true;
    if (p->shut) {
        p->calls->credit(p, bytes.n);
        return true;
    }
    pipe_piece *x = p->last;
    if (x && !x->pin && bytes.n <= x->room - x->n) {
        memcpy(own_bytes(x) + x->n, bytes.p, bytes.n);
        x->n += (uint32_t)bytes.n;
        p->taken += bytes.n;
        return true;
    }
    bool pins = bytes.n >= LIMIT_PROXY_PIECE && p->pinned &&
                *p->pinned + LIMIT_READ_SLAB <= LIMIT_PROXY_PINNED;
    return pins ? put_pinned(p, bytes) : put_copy(p, bytes);
}

void pipe_end(pipe *p) { p->ended = true; }
void pipe_fail(pipe *p) {
    if (!p->ended) p->failed = true;
}

/* ---- out ---- */

/* Moves the cursor to the piece that holds `offset`, which is in. */
static void seek(pipe *p, uint64_t offset) {
    if (!p->at || offset < p->at_begin) {
        p->at = p->first;
        p->at_begin = p->begin;
    }
    while (offset >= p->at_begin + p->at->n) {
        p->at_begin += p->at->n;
        p->at = p->at->next;
    }
}

static http_pull after(const pipe *p, uint64_t offset) {
    if (offset < p->taken) return HTTP_PULL_MORE;
    if (p->ended) return HTTP_PULL_END;
    return p->failed ? HTTP_PULL_FAILED : HTTP_PULL_LATER;
}

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    pipe *p = user;
    *lent = span_of(NULL, 0);
    if (p->held) return p->failed ? HTTP_PULL_FAILED : HTTP_PULL_LATER;
    if (!want || offset >= p->taken) return after(p, offset);
    seek(p, offset);
    p->pulled = true;
    size_t skip = (size_t)(offset - p->at_begin), n = p->at->n - skip;
    *lent = span_of(p->at->p + skip, n < want ? n : want);
    http_pull then = after(p, offset + lent->n);
    return then == HTTP_PULL_FAILED ? HTTP_PULL_MORE : then; /* which lends nothing */
}

static void done(void *user, size_t n) {
    pipe *p = user;
    p->written += n;
    while (p->first && p->begin + p->first->n <= p->written) {
        pipe_piece *x = p->first;
        p->begin += x->n;
        p->first = x->next;
        if (!p->first) p->last = NULL;
        if (p->at == x) p->at = NULL;
        free_piece(p, x);
    }
    p->calls->credit(p, n);
}

/* What is left of it goes back to its source. */
static void drop(pipe *p) {
    uint64_t left = p->taken - p->written;
    pipe_free(p);
    p->taken = p->written;
    if (left) p->calls->credit(p, (size_t)left);
}

static void release(void *user) {
    pipe *p = user;
    p->lent = false;
    if (p->pulled) p->shut = true;
    if (p->shut) drop(p);
    p->calls->released(p);
}

http_body pipe_lend(pipe *p) {
    static const http_body_ops ops = {pull, done, release};
    p->lent = true;
    return (http_body){&ops, p};
}

void pipe_taken_back(pipe *p) { p->lent = false; }

void pipe_shut(pipe *p) {
    p->shut = true;
    if (!p->lent) drop(p);
}

void pipe_disown(pipe *p) {
    for (pipe_piece *x = p->first; x && p->pinned; x = x->next)
        if (x->pin) *p->pinned -= buf_charge(x->pin);
    p->pinned = NULL;
}

void pipe_free(pipe *p) {
    for (pipe_piece *x = p->first, *next; x; x = next) {
        next = x->next;
        free_piece(p, x);
    }
    p->first = p->last = p->at = NULL;
}
