/* The arena and the zeroed piece: everything of mem.h that is not inline. */
#include "core/mem.h"

struct mem_chunk {
    mem_chunk *next;
    size_t size; /* with this header */
};

/* Chunks double from the first to the last of these, so that a short message costs one small chunk
 * and a long one few of them. */
enum { CHUNK_FIRST = 2048, CHUNK_LAST = 65536 };

void *mem_take_zero(const mem *m, size_t n) {
    void *piece = mem_take(m, n);
    if (piece) memset(piece, 0, n);
    return piece;
}

void mem_arena_init(mem_arena *a, const mem *m, size_t ceiling) {
    *a = (mem_arena){.mem = m, .ceiling = ceiling};
}

static void open_chunk(mem_arena *a, mem_chunk *c) {
    a->last = c;
    a->next = (uint8_t *)(c + 1);
    a->end = (uint8_t *)c + c->size;
}

void *mem_arena_take_slow(mem_arena *a, size_t n) {
    size_t left = a->ceiling - a->held;
    size_t size = CHUNK_FIRST;
    if (left < sizeof(mem_chunk) || n > left - sizeof(mem_chunk)) return NULL;
    if (a->last) size = a->last->size < CHUNK_LAST / 2 ? a->last->size * 2 : CHUNK_LAST;
    if (size > left) size = left;
    if (size < sizeof(mem_chunk) + n) size = sizeof(mem_chunk) + n;

    mem_chunk *c = mem_take(a->mem, size);
    if (!c) return NULL;
    *c = (mem_chunk){.size = size};
    if (a->last)
        a->last->next = c;
    else
        a->first = c;
    a->held += size;
    open_chunk(a, c);

    uint8_t *piece = a->next;
    a->next += n;
    return piece;
}

static void give_chunks(mem_arena *a, mem_chunk *c) {
    while (c) {
        mem_chunk *next = c->next;
        a->held -= c->size;
        mem_give(a->mem, c, c->size);
        c = next;
    }
}

void mem_arena_clear(mem_arena *a) {
    if (!a->first) return;
    give_chunks(a, a->first->next);
    a->first->next = NULL;
    open_chunk(a, a->first);
}

void mem_arena_end(mem_arena *a) {
    give_chunks(a, a->first);
    mem_arena_init(a, a->mem, a->ceiling);
}
