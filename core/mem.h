/* Memory for the core: it has no malloc of its own, its owner hands it one.
 *
 * `mem` is that hook; `mem_arena` hands out small pieces that die together, under a ceiling. Every
 * allocation may be refused (NULL), and every caller turns that into the end of one stream or one
 * connection, never of the process. Sizes are passed back on free, so that the owner can keep size
 * classes without headers. Not thread safe: one hook serves one worker. */
#ifndef H2BOX_CORE_MEM_H
#define H2BOX_CORE_MEM_H

#include "core/bytes.h"

/* The hook. resize(user, NULL, 0, n) allocates, resize(user, p, old, 0) frees and returns NULL,
 * anything else moves. A NULL for n > 0 is a refusal and leaves p as it was. Memory is aligned for
 * any type. */
typedef struct mem {
    void *(*resize)(void *user, void *p, size_t old_size, size_t new_size);
    void *user;
} mem;

/* n bytes, not zeroed, or NULL when refused. n must not be 0. */
static inline void *mem_take(const mem *m, size_t n) { return m->resize(m->user, NULL, 0, n); }

/* n bytes, all zero, or NULL when refused. */
void *mem_take_zero(const mem *m, size_t n);

/* Gives p back; n is the size it was taken with. p may be NULL. */
static inline void mem_give(const mem *m, void *p, size_t n) {
    if (p) m->resize(m->user, p, n, 0);
}

static inline void *mem_resize(const mem *m, void *p, size_t old_size, size_t new_size) {
    return m->resize(m->user, p, old_size, new_size);
}

/* Pieces that die together. Chunks never move, so a piece stays where it is until mem_arena_clear.
 */
typedef struct mem_chunk mem_chunk;

typedef struct mem_arena {
    const mem *mem;
    mem_chunk *first, *last;
    uint8_t *next, *end; /* free room in the last chunk */
    size_t held;         /* bytes of all chunks */
    size_t ceiling;      /* bytes of all chunks at most */
} mem_arena;

/* An empty arena that holds nothing yet and may come to hold at most ceiling bytes. */
void mem_arena_init(mem_arena *a, const mem *m, size_t ceiling);

/* n bytes (not 0), unaligned, or NULL when the ceiling or the hook refuses. Lives until clear or
 * end. */
void *mem_arena_take_slow(mem_arena *a, size_t n);

static inline void *mem_arena_take(mem_arena *a, size_t n) {
    if (n <= (size_t)(a->end - a->next)) {
        uint8_t *piece = a->next;
        a->next += n;
        return piece;
    }
    return mem_arena_take_slow(a, n);
}

/* Ends all pieces; keeps the first chunk for the next round. */
void mem_arena_clear(mem_arena *a);

/* Ends all pieces and gives every chunk back. The arena is as after init. */
void mem_arena_end(mem_arena *a);

#endif
