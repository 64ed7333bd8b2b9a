/* The memory of one loop, behind the `mem` hook of the core.
 *
 * Blocks up to 1 KiB, which connections are made of, lie side by side in slabs of one size each;
 * greater ones up to 64 KiB come from malloc and are kept for reuse; the rest is malloc's alone.
 * What is kept unused is bounded. Sizes come with the give, so a block has no header. It serves one
 * thread and counts nothing for anybody. */
#ifndef H2BOX_NETIO_POOL_H
#define H2BOX_NETIO_POOL_H

#include "core/mem.h"

/* 16-byte steps up to POOL_SMALL, then four steps to each doubling up to 65536: at most a fifth is
 * lost. */
#define POOL_SMALL   1024u
#define POOL_SIZES   (POOL_SMALL / 16u)
#define POOL_CLASSES 24

typedef struct pool_block pool_block;
typedef struct pool_slab pool_slab;

typedef struct pool {
    pool_slab *open[POOL_SIZES];     /* slabs with room, by size */
    pool_slab *empty;                /* slabs of no size */
    pool_block *spare[POOL_CLASSES]; /* greater blocks */
    size_t cached;                   /* bytes of `empty` and `spare` */
} pool;

void pool_init(pool *p);

/* Frees what is kept unused; blocks still out stay valid and must not come back. */
void pool_end(pool *p);

/* The hook: mem.resize with a pool as user. */
void *pool_resize(void *p, void *block, size_t old_size, size_t new_size);

/* Bytes that a block of n bytes really takes: what resizing looks at, and tests hold to a quarter
 * more. */
size_t pool_room(size_t n);

#endif
