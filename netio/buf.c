#include "netio/buf.h"

#include "core/limits.h"
#include "netio/loop_impl.h"

static buf *take(loop *l, size_t size) {
    buf *b = mem_take(&l->mem, sizeof *b + size);
    if (!b) return NULL;
    b->loop = l;
    b->refs = 1;
    b->size = (uint32_t)size;
    b->used = 0;
    return b;
}

uint8_t *buf_room(loop *l, size_t *room) {
    buf *b = l->slab;
    if (b && b->refs == 1) b->used = 0;
    if (b && b->size - b->used < BUF_LEAST) {
        buf_unpin(b);
        b = NULL;
    }
    if (!b) b = take(l, LIMIT_READ_SLAB - sizeof *b);
    l->slab = b;
    if (!b) return NULL;
    *room = b->size - b->used;
    return b->bytes + b->used;
}

void buf_read(loop *l, size_t n) {
    if (l->slab->refs > 1) l->slab->used += (uint32_t)n;
}

void buf_end(loop *l) {
    if (l->slab) buf_unpin(l->slab);
    l->slab = NULL;
}

static bool lies_in(const buf *b, span s) {
    return b && s.p >= b->bytes && s.p + s.n <= b->bytes + b->size;
}

buf *buf_pin(loop *l, span bytes, span *kept) {
    if (bytes.n >= BUF_PIN_LEAST && lies_in(l->feeding, bytes)) {
        l->feeding->refs++;
        *kept = bytes;
        return l->feeding;
    }
    if (bytes.n > UINT32_MAX) return NULL;
    buf *b = take(l, bytes.n);
    if (!b) return NULL;
    if (bytes.n) memcpy(b->bytes, bytes.p, bytes.n);
    *kept = span_of(b->bytes, bytes.n);
    return b;
}

void buf_unpin(buf *b) {
    if (!b || --b->refs) return;
    mem_give(&b->loop->mem, b, sizeof *b + b->size);
}

size_t buf_charge(const buf *b) { return sizeof *b + b->size; }
