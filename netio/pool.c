#include "netio/pool.h"

#include <stdlib.h>

#include "core/limits.h"

/* Reuse would hide a use after free from the sanitizers, and their allocators are slow enough
 * anyway. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POOL_OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define POOL_OFF 1
#endif
#endif
#ifndef POOL_OFF
#define POOL_OFF 0
#endif

#define POOL_MOST 65536u
#define POOL_NONE POOL_CLASSES

struct pool_block {
    pool_block *next;
};

/* Classes 0 to 7 are 16, 32 .. 128; then (4 + step) << shift for step 1 to 4: 160, 192, 224, 256,
 * 320 .. */
static unsigned class_of(size_t n) {
    if (n <= 128) return (unsigned)((n - 1) >> 4);
    if (n > POOL_MOST) return POOL_NONE;
    unsigned top = 63u - (unsigned)__builtin_clzll((unsigned long long)(n - 1)); /* 7 .. 15 */
    unsigned step = (unsigned)((n - 1) >> (top - 2)) & 3u;
    return 8u + (top - 7u) * 4u + step;
}

static size_t class_room(unsigned class) {
    if (class < 8) return (size_t)(class + 1) << 4;
    unsigned shift = (class - 8u) / 4u + 5u;
    return (size_t)(5u + (class - 8u) % 4u) << shift;
}

_Static_assert(POOL_CLASSES == 8 + 9 * 4, "one class for each step up to 65536");

void pool_init(pool *p) { *p = (pool){.cached = 0}; }

void pool_end(pool *p) {
    for (unsigned i = 0; i < POOL_CLASSES; i++) {
        while (p->spare[i]) {
            pool_block *b = p->spare[i];
            p->spare[i] = b->next;
            free(b);
        }
    }
    p->cached = 0;
}

size_t pool_room(size_t n) {
    unsigned class = class_of(n);
    return class == POOL_NONE ? n : class_room(class);
}

static void *take(pool *p, size_t n) {
    unsigned class = class_of(n);
    if (POOL_OFF || class == POOL_NONE) return malloc(n);
    pool_block *b = p->spare[class];
    if (!b) return malloc(class_room(class));
    p->spare[class] = b->next;
    p->cached -= class_room(class);
    return b;
}

static void give(pool *p, void *block, size_t n) {
    unsigned class = class_of(n);
    if (POOL_OFF || class == POOL_NONE || p->cached + class_room(class) > LIMIT_POOL_CACHED) {
        free(block);
        return;
    }
    pool_block *b = block;
    b->next = p->spare[class];
    p->spare[class] = b;
    p->cached += class_room(class);
}

void *pool_resize(void *user, void *block, size_t old_size, size_t new_size) {
    pool *p = user;
    if (!block) return take(p, new_size);
    if (!new_size) {
        give(p, block, old_size);
        return NULL;
    }
    unsigned from = class_of(old_size), to = class_of(new_size);
    if (POOL_OFF || (from == POOL_NONE && to == POOL_NONE)) return realloc(block, new_size);
    if (from == to) return block;
    void *moved = take(p, new_size);
    if (!moved) return NULL;
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    give(p, block, old_size);
    return moved;
}
