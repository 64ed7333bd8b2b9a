#include "netio/pool.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "core/limits.h"

/* Reuse would hide a use after free from the sanitizers, and their allocators are slow enough
 * anyway. */
#ifndef POOL_OFF
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POOL_OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define POOL_OFF 1
#endif
#endif
#endif
#ifndef POOL_OFF
#define POOL_OFF 0
#endif

struct pool_block {
    pool_block *next;
};

/* ---- slabs ---- */

/* Aligned to its size, so that a block finds it. Pages that no block has reached cost nothing. */
#define SLAB       65536u
#define SLAB_FIRST 64u /* offset of the first block */

struct pool_slab {
    pool_slab *next, **prev; /* in pool.open, unless it is full */
    pool_block *given;       /* blocks that came back */
    uint32_t out;            /* blocks that did not */
    uint32_t fresh;          /* offset of the first block that was never out */
};

_Static_assert(sizeof(pool_slab) <= SLAB_FIRST, "the head of a slab has its place");

static unsigned size_of(size_t n) { return (unsigned)((n - 1) / 16); }
static uint32_t size_room(unsigned size) { return (size + 1u) * 16u; }

static bool is_full(const pool_slab *s, unsigned size) {
    return !s->given && s->fresh + size_room(size) > SLAB;
}

static void open_up(pool *p, pool_slab *s, unsigned size) {
    s->next = p->open[size];
    s->prev = &p->open[size];
    if (s->next) s->next->prev = &s->next;
    p->open[size] = s;
}

static void shut(pool_slab *s) {
    *s->prev = s->next;
    if (s->next) s->next->prev = s->prev;
}

static void *map(size_t n) {
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static pool_slab *new_slab(void) {
    /* The system mostly puts one mapping beside the last, so those after the first are aligned. */
    char *at = map(SLAB);
    if (!at || (uintptr_t)at % SLAB == 0) return (pool_slab *)(void *)at;
    munmap(at, SLAB);
    at = map((size_t)2 * SLAB);
    if (!at) return NULL;
    size_t before = SLAB - (uintptr_t)at % SLAB;
    munmap(at, before);
    if (before < SLAB) munmap(at + before + SLAB, SLAB - before);
    return (pool_slab *)(void *)(at + before);
}

static pool_slab *take_slab(pool *p, unsigned size) {
    pool_slab *s = p->empty;
    if (s) {
        p->empty = s->next;
        p->cached -= SLAB;
    } else if (!(s = new_slab())) {
        return NULL;
    }
    *s = (pool_slab){.fresh = SLAB_FIRST};
    open_up(p, s, size);
    return s;
}

static void give_slab(pool *p, pool_slab *s) {
    if (p->cached + SLAB > LIMIT_POOL_CACHED) {
        munmap(s, SLAB);
        return;
    }
    s->next = p->empty;
    p->empty = s;
    p->cached += SLAB;
}

static void *take_small(pool *p, unsigned size) {
    pool_slab *s = p->open[size];
    if (!s && !(s = take_slab(p, size))) return NULL;
    void *block = s->given;
    if (block) {
        s->given = s->given->next;
    } else {
        block = (char *)s + s->fresh;
        s->fresh += size_room(size);
    }
    s->out++;
    if (is_full(s, size)) shut(s);
    return block;
}

static void give_small(pool *p, void *block, unsigned size) {
    pool_slab *s = (pool_slab *)(void *)((char *)block - (uintptr_t)block % SLAB);
    pool_block *b = block;
    if (is_full(s, size)) open_up(p, s, size);
    b->next = s->given;
    s->given = b;
    s->out--;
    /* The last of its size stays, so that a block that comes and goes does not take it along. */
    if (s->out || (p->open[size] == s && !s->next)) return;
    shut(s);
    give_slab(p, s);
}

/* ---- greater blocks ---- */

#define POOL_MOST 65536u
#define POOL_NONE POOL_CLASSES

/* (4 + step) << shift for step 1 to 4: 1280, 1536, 1792, 2048, 2560 .. */
static unsigned class_of(size_t n) {
    if (n > POOL_MOST) return POOL_NONE;
    unsigned top = 63u - (unsigned)__builtin_clzll((unsigned long long)(n - 1)); /* 10 .. 15 */
    unsigned step = (unsigned)((n - 1) >> (top - 2)) & 3u;
    return (top - 10u) * 4u + step;
}

static size_t class_room(unsigned class) { return (size_t)(5u + class % 4u) << (class / 4u + 8u); }

_Static_assert(POOL_CLASSES == 6 * 4 && POOL_SMALL == 1u << 10, "a class for each step to 65536");

static void *take_great(pool *p, unsigned class) {
    pool_block *b = p->spare[class];
    if (!b) return malloc(class_room(class));
    p->spare[class] = b->next;
    p->cached -= class_room(class);
    return b;
}

static void give_great(pool *p, void *block, unsigned class) {
    pool_block *b = block;
    if (p->cached + class_room(class) > LIMIT_POOL_CACHED) {
        free(block);
        return;
    }
    b->next = p->spare[class];
    p->spare[class] = b;
    p->cached += class_room(class);
}

/* ---- the hook ---- */

static void *take(pool *p, size_t n) {
    if (POOL_OFF || n > POOL_MOST) return malloc(n);
    return n <= POOL_SMALL ? take_small(p, size_of(n)) : take_great(p, class_of(n));
}

static void give(pool *p, void *block, size_t n) {
    if (POOL_OFF || n > POOL_MOST) {
        free(block);
    } else if (n <= POOL_SMALL) {
        give_small(p, block, size_of(n));
    } else {
        give_great(p, block, class_of(n));
    }
}

size_t pool_room(size_t n) {
    if (n > POOL_MOST) return n;
    return n <= POOL_SMALL ? size_room(size_of(n)) : class_room(class_of(n));
}

void *pool_resize(void *user, void *block, size_t old_size, size_t new_size) {
    pool *p = user;
    if (!block) return take(p, new_size);
    if (!new_size) {
        give(p, block, old_size);
        return NULL;
    }
    if (POOL_OFF || (old_size > POOL_MOST && new_size > POOL_MOST)) return realloc(block, new_size);
    if (old_size <= POOL_MOST && pool_room(old_size) == pool_room(new_size)) return block;
    void *moved = take(p, new_size);
    if (!moved) return NULL;
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    give(p, block, old_size);
    return moved;
}

void pool_init(pool *p) { *p = (pool){.cached = 0}; }

void pool_end(pool *p) {
    for (unsigned i = 0; i < POOL_SIZES; i++) {
        for (pool_slab *s = p->open[i], *next; s; s = next) {
            next = s->next;
            if (!s->out) munmap(s, SLAB);
        }
    }
    while (p->empty) {
        pool_slab *s = p->empty;
        p->empty = s->next;
        munmap(s, SLAB);
    }
    for (unsigned i = 0; i < POOL_CLASSES; i++) {
        while (p->spare[i]) {
            pool_block *b = p->spare[i];
            p->spare[i] = b->next;
            free(b);
        }
    }
    pool_init(p);
}
