/* Linked with --wrap=malloc and so on: all calls in static archives come here. libuv is given
 * functions of its own, so that its allocations are told apart. */
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/exchange/exchange.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

/* <uv.h>, which only netio may include. */
int uv_replace_allocator(void *(*take)(size_t), void *(*move)(void *, size_t),
                         void *(*take_zero)(size_t, size_t), void (*give)(void *));

const char *const wrap_names[WRAP_KINDS] = {"of the loop", "of the pool's threads", "of libuv"};

static atomic_long blocks;
static atomic_uint left; /* allocations of the kind until the one that is refused */
static atomic_bool refused;
static atomic_int kind;
static _Thread_local bool on_loop;

static bool refuses(wrap_whose whose) {
    if (atomic_load(&kind) != (int)whose || !atomic_load(&left)) return false;
    if (atomic_fetch_sub(&left, 1) != 1) return false;
    atomic_store(&refused, true);
    return true;
}

static void *counted(void *p) {
    if (p) atomic_fetch_add(&blocks, 1);
    return p;
}

static wrap_whose mine(void) { return on_loop ? WRAP_LOOP : WRAP_POOL; }

void *__wrap_malloc(size_t n) { return refuses(mine()) ? NULL : counted(__real_malloc(n)); }

void *__wrap_calloc(size_t n, size_t size) {
    return refuses(mine()) ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n) {
    if (refuses(mine())) return NULL;
    void *moved = __real_realloc(p, n);
    return p ? moved : counted(moved);
}

void __wrap_free(void *p) {
    if (p) atomic_fetch_sub(&blocks, 1);
    __real_free(p);
}

static void *uv_take(size_t n) { return refuses(WRAP_LIBUV) ? NULL : counted(__real_malloc(n)); }

static void *uv_take_zero(size_t n, size_t size) {
    return refuses(WRAP_LIBUV) ? NULL : counted(__real_calloc(n, size));
}

/* Never refused: libuv grows its table of watchers so, and aborts when it cannot. */
static void *uv_move(void *p, size_t n) {
    void *moved = __real_realloc(p, n);
    return p ? moved : counted(moved);
}

void wrap_begin(wrap_whose whose, unsigned n) {
    static bool replaced;
    if (!replaced)
        replaced = uv_replace_allocator(uv_take, uv_move, uv_take_zero, __wrap_free) == 0;
    if (!replaced) abort();
    on_loop = true;
    atomic_store(&refused, false);
    atomic_store(&kind, (int)whose);
    atomic_store(&left, n);
}

bool wrap_end(void) {
    atomic_store(&left, 0);
    return atomic_load(&refused);
}

long wrap_blocks(void) { return atomic_load(&blocks); }
