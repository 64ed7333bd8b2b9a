/* The static table, and how the encoder finds its way into it. Rows: hpack_static.def. */
#include "core/hpack_impl.h"

static const hpack_entry entries[HPACK_STATIC_COUNT + 1] = {
#define HPACK_STATIC(i, token, name, value) \
    [i] = {SPAN_LIT(name), SPAN_LIT(value), HTTP_TOKEN_##token},
#define HPACK_STATIC_MORE(i, token, name, value) HPACK_STATIC(i, token, name, value)
#define HPACK_STATIC_RARE(i, name)               HPACK_STATIC(i, OTHER, name, "")
#include "core/hpack_static.def"
#undef HPACK_STATIC
#undef HPACK_STATIC_MORE
#undef HPACK_STATIC_RARE
};

/* The first entry of each token's name, 0 for a name that is not here. */
static const uint8_t first_of[HTTP_TOKEN_COUNT] = {
#define HPACK_STATIC(i, token, name, value) [HTTP_TOKEN_##token] = (i),
#define HPACK_STATIC_MORE(i, token, name, value)
#define HPACK_STATIC_RARE(i, name)
#include "core/hpack_static.def"
#undef HPACK_STATIC
#undef HPACK_STATIC_MORE
#undef HPACK_STATIC_RARE
};

/* The names without a token. */
static const uint8_t rare[] = {
#define HPACK_STATIC(i, token, name, value)
#define HPACK_STATIC_MORE(i, token, name, value)
#define HPACK_STATIC_RARE(i, name) (i),
#include "core/hpack_static.def"
#undef HPACK_STATIC
#undef HPACK_STATIC_MORE
#undef HPACK_STATIC_RARE
};

/* Bit n is set when one of the names without a token is n bytes long: most names stop here. */
static const uint32_t rare_lengths = 0
#define HPACK_STATIC(i, token, name, value)
#define HPACK_STATIC_MORE(i, token, name, value)
#define HPACK_STATIC_RARE(i, name) | 1u << (sizeof(name) - 1)
#include "core/hpack_static.def"
#undef HPACK_STATIC
#undef HPACK_STATIC_MORE
#undef HPACK_STATIC_RARE
    ;

hpack_entry hpack_static_entry(uint32_t i) { return entries[i]; }

uint32_t hpack_static_of_token(http_token token) { return first_of[token]; }

uint32_t hpack_static_of_name(span name) {
    if (name.n >= 32 || !(rare_lengths >> name.n & 1)) return 0;
    for (size_t i = 0; i < sizeof(rare); i++) {
        if (span_eq(entries[rare[i]].name, name)) return rare[i];
    }
    return 0;
}

uint32_t hpack_static_of_pair(uint32_t first, span value) {
    for (uint32_t i = first; i <= HPACK_STATIC_COUNT; i++) {
        if (i > first && (entries[i].token != entries[first].token || !entries[i].token)) return 0;
        if (span_eq(entries[i].value, value)) return i;
    }
    return 0;
}
