/* netio/pool.c: blocks that hold their bytes, and memory that is given back. */
#include <criterion/criterion.h>

/* Its own way of the pool, which the sanitizers' build goes around. */
#define POOL_OFF 0
#include "netio/pool.c"

Test(pool, rooms_hold_what_they_say) {
    size_t last = 0;
    for (size_t n = 1; n <= 70000; n++) {
        size_t room = pool_room(n);
        cr_assert_geq(room, n);
        cr_assert_geq(room, last);
        if (n > 64) cr_assert_leq(room, n + n / 4, "%zu takes %zu", n, room);
        last = room;
    }
}

Test(pool, keeps_bytes_apart) {
    enum { HELD = 300 };
    pool p;
    uint8_t *held[HELD] = {NULL};
    size_t size[HELD] = {0};
    uint32_t seed = 7;
    pool_init(&p);
    for (unsigned turn = 0; turn < 60000; turn++) {
        seed = seed * 1664525u + 1013904223u;
        unsigned i = (seed >> 8) % HELD;
        size_t n = seed >> 30 ? (seed >> 12) % 900 : (seed >> 12) % 90000;
        for (size_t j = 0; j < size[i]; j += 97) cr_assert_eq(held[i][j], (uint8_t)(i + j));
        if (n == 0 && size[i] == 0) n = 1;
        uint8_t *moved = pool_resize(&p, held[i], size[i], n);
        if (n == 0) {
            cr_assert_null(moved);
        } else {
            cr_assert_eq((uintptr_t)moved % 16, 0);
            for (size_t j = 0; j < n && j < size[i]; j += 97)
                cr_assert_eq(moved[j], (uint8_t)(i + j));
            for (size_t j = 0; j < n; j++) moved[j] = (uint8_t)(i + j);
        }
        held[i] = moved;
        size[i] = n;
        cr_assert_leq(p.cached, LIMIT_POOL_CACHED);
    }
    for (unsigned i = 0; i < HELD; i++) {
        if (held[i]) pool_resize(&p, held[i], size[i], 0);
    }
    pool_end(&p);
    cr_assert_eq(p.cached, 0);
}

/* ---- slabs ---- */

enum { MANY = 1000 };

static void *blocks[MANY];
static pool own;

static void take_many(size_t n) {
    for (unsigned i = 0; i < MANY; i++) {
        blocks[i] = pool_resize(&own, NULL, 0, n);
        memset(blocks[i], (int)i, n);
    }
}

Test(pool, small_blocks_lie_side_by_side) {
    pool_init(&own);
    take_many(144);
    unsigned beside = 0;
    for (unsigned i = 1; i < MANY; i++) beside += (char *)blocks[i] == (char *)blocks[i - 1] + 144;
    cr_assert_geq(beside, MANY - 1 - MANY * 144 / (SLAB - SLAB_FIRST));
    for (unsigned i = 0; i < MANY; i++) pool_resize(&own, blocks[i], 144, 0);
    pool_end(&own);
}

Test(pool, free_slabs_serve_other_sizes) {
    pool_init(&own);
    take_many(1000);
    for (unsigned i = 0; i < MANY; i += 2) pool_resize(&own, blocks[i], 1000, 0);
    cr_assert_eq(own.cached, 0); /* a block in each is still out */
    for (unsigned i = 1; i < MANY; i += 2) pool_resize(&own, blocks[i], 1000, 0);
    size_t slabs = own.cached / SLAB;
    cr_assert_eq(slabs, MANY / ((SLAB - SLAB_FIRST) / 1008)); /* one stays for its size */
    take_many(500);
    cr_assert_lt(own.cached / SLAB, slabs);
    for (unsigned i = 0; i < MANY; i++) pool_resize(&own, blocks[i], 500, 0);
    pool_end(&own);
}

Test(pool, what_is_kept_is_bounded) {
    enum { LOTS = 2 * LIMIT_POOL_CACHED / 1024 };
    static void *lots[LOTS];
    pool_init(&own);
    for (unsigned i = 0; i < LOTS; i++) lots[i] = pool_resize(&own, NULL, 0, 1024);
    for (unsigned i = 0; i < LOTS; i++) pool_resize(&own, lots[i], 1024, 0);
    cr_assert_leq(own.cached, LIMIT_POOL_CACHED);
    cr_assert_gt(own.cached, LIMIT_POOL_CACHED - SLAB);
    pool_end(&own);
    cr_assert_eq(own.cached, 0);
}

Test(pool, a_block_that_comes_and_goes_keeps_its_slab) {
    pool_init(&own);
    void *first = pool_resize(&own, NULL, 0, 40);
    pool_resize(&own, first, 40, 0);
    cr_assert_eq(own.cached, 0);
    cr_assert_eq(pool_resize(&own, NULL, 0, 48), first);
    pool_resize(&own, first, 48, 0);
    pool_end(&own);
}
