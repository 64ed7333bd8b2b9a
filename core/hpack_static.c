/* The static table, and how the encoder finds its way into it. Rows: hpack_static.def. */
#include "core/hpack_impl.h"

const hpack_entry hpack_static_entries[HPACK_STATIC_COUNT + 2] = {
#define HPACK_STATIC(i, token, name, value) \
    [i] = {SPAN_LIT(name), SPAN_LIT(value), HTTP_TOKEN_##token},
#define HPACK_STATIC_MORE(i, token, name, value) HPACK_STATIC(i, token, name, value)
#define HPACK_STATIC_RARE(i, name, slot)         HPACK_STATIC(i, OTHER, name, "")
#include "core/hpack_static.def"
#undef HPACK_STATIC
#undef HPACK_STATIC_MORE
#undef HPACK_STATIC_RARE
};

/* The first entry of each token's name, 0 for a name that is not here. */
static const uint8_t first_of[HTTP_TOKEN_COUNT] = {
#define HPACK_STATIC(i, token, name, value) [HTTP_TOKEN_##token] = (i),
#define HPACK_STATIC_MORE(i, token, name, value)
#define HPACK_STATIC_RARE(i, name, slot)
#include "core/hpack_static.def"
#undef HPACK_STATIC
#undef HPACK_STATIC_MORE
#undef HPACK_STATIC_RARE
};

/* The names without a token by a perfect hash of length and two letters. The slots stand in the
 * .def; tests/unit/hpack_table_test.c finds a wrong one. */
enum { RARE_SLOTS = 32 };

static const uint8_t rare[RARE_SLOTS] = {
#define HPACK_STATIC(i, token, name, value)
#define HPACK_STATIC_MORE(i, token, name, value)
#define HPACK_STATIC_RARE(i, name, slot) [slot] = (i),
#include "core/hpack_static.def"
#undef HPACK_STATIC
#undef HPACK_STATIC_MORE
#undef HPACK_STATIC_RARE
};

static inline size_t rare_slot(span name) {
    return (name.n * 3 + name.p[name.n / 2] * 8u + name.p[name.n - 1]) % RARE_SLOTS;
}

uint32_t hpack_static_of_token(http_token token) { return first_of[token]; }

uint32_t hpack_static_of_name(span name) {
    if (name.n == 0) return 0;
    uint32_t i = rare[rare_slot(name)]; /* 0 names nothing */
    span there = hpack_static_entries[i].name;
    return there.n == name.n && hpack_same(there.p, name.p, name.n) ? i : 0;
}

uint32_t hpack_static_of_pair(uint32_t first, span value) {
    const hpack_entry *e = &hpack_static_entries[first];
    const uint16_t token = e->token;
    do {
        if (e->value.n == value.n && hpack_same(e->value.p, value.p, value.n)) {
            return (uint32_t)(e - hpack_static_entries);
        }
        e++;
    } while (token && e->token == token);
    return 0;
}
