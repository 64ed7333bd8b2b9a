/* The memory of one loop: free lists by size behind the `mem` hook of the core.
 *
 * Blocks up to 64 KiB are kept for reuse when given back, within a bound; greater ones go straight
 * to malloc. Sizes come with the give, so a block has no header. It serves one thread and counts
 * nothing for anybody. */
#ifndef H2BOX_NETIO_POOL_H
#define H2BOX_NETIO_POOL_H

#include "core/mem.h"

/* 16-byte steps up to 128, then four steps to each doubling, up to 65536: at most a fifth is lost.
 */
#define POOL_CLASSES 44

typedef struct pool_block pool_block;

typedef struct pool {
    pool_block *spare[POOL_CLASSES];
    size_t cached; /* bytes of all spare blocks */
} pool;

void pool_init(pool *p);

/* Frees the spare blocks; blocks still out stay valid and must not come back. */
void pool_end(pool *p);

/* The hook: mem.resize with a pool as user. */
void *pool_resize(void *p, void *block, size_t old_size, size_t new_size);

/* Bytes that a block of n bytes really takes. */
size_t pool_room(size_t n);

#endif
