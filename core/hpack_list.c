/* The list that decoded fields go into. */
#include "core/hpack_impl.h"

/* Places for this many fields outlive hpack_list_clear; more were one peer's long message. */
enum { FIRST_CAPACITY = 16, KEPT_CAPACITY = 128 };

/* Twice this many still have a size that 32 bits hold. */
#define MOST_CAPACITY (UINT32_MAX / (2 * (uint32_t)sizeof(http_field)))

/* Fields take up at most max_size bytes, but where a piece does not fit into a chunk any more the
 * chunk's rest is lost: each time less than was asked for, which is up to max_size and some slack
 * that the 32 bytes counted for each field outweigh. */
static size_t arena_ceiling(uint32_t max_size) {
    uint64_t ceiling = (uint64_t)max_size * 4 + 8192;
    return ceiling < SIZE_MAX ? (size_t)ceiling : SIZE_MAX;
}

void hpack_list_init(hpack_list *l, const mem *m, uint32_t max_count, uint32_t max_size) {
    *l = (hpack_list){.max_count = max_count, .max_size = max_size, .mem = m};
    mem_arena_init(&l->bytes, m, arena_ceiling(max_size));
}

static void give_fields(hpack_list *l) {
    mem_give(l->mem, l->fields, l->capacity * sizeof *l->fields);
    l->fields = NULL;
    l->capacity = 0;
}

void hpack_list_clear(hpack_list *l) {
    if (l->capacity > KEPT_CAPACITY) give_fields(l);
    l->count = 0;
    l->size = 0;
    l->valid = 0;
    l->overflowed = false;
    mem_arena_clear(&l->bytes);
}

void hpack_list_end(hpack_list *l) {
    give_fields(l);
    mem_arena_end(&l->bytes);
    l->count = 0;
    l->size = 0;
    l->valid = 0;
    l->overflowed = false;
}

bool hpack_list_grow(hpack_list *l) {
    if (l->capacity > MOST_CAPACITY) return false;
    uint32_t more = l->capacity ? l->capacity * 2 : FIRST_CAPACITY;
    http_field *fields =
        mem_resize(l->mem, l->fields, l->capacity * sizeof *fields, more * sizeof *fields);
    if (!fields) return false;
    l->fields = fields;
    l->capacity = more;
    return true;
}
