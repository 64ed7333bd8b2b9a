/* The encoder (RFC 7541 section 6), and its choice of what to put into the table. */
#include "core/hpack_impl.h"

/* A cookie shorter than this may be found out by guessing (RFC 7541 section 7.1.3). */
enum { SHORT_COOKIE = 20 };

/* Bytes besides those of names and values (section 5.1: six hold 32 bits). A field has at most its
 * first byte and two lengths, a block two size updates. */
enum { FIELD_OVERHEAD = 1 + 2 * 6, BLOCK_OVERHEAD = 2 * 6 + HUFFMAN_SLACK };

static void set_maximum(hpack_enc *e) {
    uint32_t size = e->cap < e->peer_limit ? e->cap : e->peer_limit;
    if (size == e->table.max_size) return;
    if (!e->must_update) e->lowest = size;
    if (size < e->lowest) e->lowest = size;
    e->must_update = true;
    hpack_table_limit(&e->table, size);
    if (e->table.count == 0) hpack_index_end(e);
}

void hpack_enc_init(hpack_enc *e, const mem *m, uint32_t cap, uint32_t seed) {
    *e = (hpack_enc){.cap = cap, .peer_limit = HPACK_DEFAULT_SIZE, .seed = seed};
    hpack_table_init(&e->table, m, HPACK_DEFAULT_SIZE);
    set_maximum(e);
}

void hpack_enc_end(hpack_enc *e) {
    hpack_index_end(e);
    hpack_table_end(&e->table);
}

void hpack_enc_limit(hpack_enc *e, uint32_t peer_limit) {
    e->peer_limit = peer_limit;
    set_maximum(e);
}

size_t hpack_enc_bound(const hpack_enc *e, const http_field *f, size_t n) {
    (void)e;
    size_t bound = BLOCK_OVERHEAD;
    for (size_t i = 0; i < n; i++) bound += f[i].name.n + f[i].value.n + FIELD_OVERHEAD;
    return bound;
}

/* ---- primitives (RFC 7541 section 5) ---- */

static uint8_t *put_integer(uint8_t *w, unsigned first, unsigned bits, size_t value) {
    size_t most = (1u << bits) - 1;
    if (value < most) {
        *w++ = (uint8_t)(first | value);
        return w;
    }
    *w++ = (uint8_t)(first | most);
    for (value -= most; value >= 0x80; value >>= 7) *w++ = (uint8_t)(0x80 | value);
    *w++ = (uint8_t)value;
    return w;
}

/* Huffman when strictly shorter. */
static uint8_t *put_string(uint8_t *w, span s) {
    const size_t one_byte = (1u << HPACK_STRING_BITS) - 1; /* lengths from here on take more */
    if (s.n < one_byte) {
        /* The length takes one byte either way, so that the string can go to its place at once. */
        size_t n = huffman_encode_under(s, w + 1, s.n);
        if (n < s.n) {
            *w = (uint8_t)(HPACK_HUFFMAN | n);
            return w + 1 + n;
        }
        *w++ = (uint8_t)s.n;
        if (s.n) memcpy(w, s.p, s.n);
        return w + s.n;
    }
    size_t n = huffman_size(s);
    if (n < s.n) {
        w = put_integer(w, HPACK_HUFFMAN, HPACK_STRING_BITS, n);
        return w + huffman_encode_under(s, w, n + 1);
    }
    w = put_integer(w, 0, HPACK_STRING_BITS, s.n);
    memcpy(w, s.p, s.n);
    return w + s.n;
}

/* ---- fields ---- */

/* An indexed field: `place` counts from the table's newest entry. */
static inline uint8_t *put_place(uint8_t *w, uint32_t place) {
    return put_integer(w, HPACK_INDEXED, HPACK_INDEXED_BITS, HPACK_STATIC_COUNT + 1 + place);
}

static inline uint8_t *put_literal(uint8_t *w, unsigned kind, unsigned bits, uint32_t named,
                                   const http_field *f) {
    w = put_integer(w, kind, bits, named);
    if (!named) w = put_string(w, f->name);
    return put_string(w, f->value);
}

/* A literal that gets no place: `kind` is HPACK_NEVER, or 0. `named` is its name's static index, if
 * it has one. */
static uint8_t *put_unindexed(hpack_enc *e, const http_field *f, unsigned kind, uint32_t named,
                              uint8_t *w) {
    if (!named) {
        hpack_key k = hpack_index_key(e, f);
        uint32_t place = hpack_index_name(e, &k);
        if (place != HPACK_NOT_FOUND) named = HPACK_STATIC_COUNT + 1 + place;
    }
    return put_literal(w, kind, HPACK_LITERAL_BITS, named, f);
}

/* An index into the table, or a literal that goes into it; i is its place in the block. */
static uint8_t *put_indexed(hpack_enc *e, const http_field *f, uint32_t named, size_t i,
                            uint8_t *w) {
    hpack_key k = hpack_index_key(e, f);
    uint32_t place = hpack_index_pair(e, &k);
    if (place != HPACK_NOT_FOUND) {
        hpack_index_remember(e, i, place);
        return put_place(w, place);
    }
    if (!named) {
        place = hpack_index_name(e, &k);
        if (place != HPACK_NOT_FOUND) named = HPACK_STATIC_COUNT + 1 + place;
    }
    if (!hpack_table_add(&e->table, f->token, f->name, f->value)) {
        return put_literal(w, 0, HPACK_LITERAL_BITS, named, f);
    }
    hpack_index_add(e, &k);
    hpack_index_remember(e, i, 0);
    return put_literal(w, HPACK_INCREMENTAL, HPACK_INCREMENTAL_BITS, named, f);
}

/* Whether a field whose name has these flags must stay out of every table (section 7.1.3). */
static inline bool is_secret(const http_field *f, unsigned flags) {
    if (f->never_indexed || flags & HTTP_FIELD_SECRET) return true;
    return f->token == HTTP_TOKEN_COOKIE && f->value.n < SHORT_COOKIE;
}

/* Something as large as this would push out nearly everything. */
static inline bool is_large(const hpack_enc *e, const http_field *f) {
    return f->name.n + f->value.n + HPACK_ENTRY_OVERHEAD > e->table.max_size / 4 * 3;
}

static inline uint8_t *put_field(hpack_enc *e, const http_field *f, size_t i, uint8_t *w) {
    http_field known;
    uint32_t named = hpack_static_of_token((http_token)f->token);
    if (!f->token) {
        known = *f;
        known.token = (uint16_t)fields_token(f->name);
        named = known.token ? hpack_static_of_token((http_token)known.token)
                            : hpack_static_of_name(f->name);
        f = &known;
    }
    unsigned flags = fields_flags((http_token)f->token);
    if (is_secret(f, flags)) return put_unindexed(e, f, HPACK_NEVER, named, w);
    uint32_t place = hpack_index_again(e, i, f); /* most answers repeat the one before */
    if (place != HPACK_NOT_FOUND) return put_place(w, place);
    if (named) {
        uint32_t index = hpack_static_of_pair(named, f->value);
        if (index) return put_integer(w, HPACK_INDEXED, HPACK_INDEXED_BITS, index);
    }
    if (flags & HTTP_FIELD_VARIES || is_large(e, f)) return put_unindexed(e, f, 0, named, w);
    return put_indexed(e, f, named, i, w);
}

size_t hpack_enc_block(hpack_enc *e, const http_field *f, size_t n, uint8_t *out) {
    uint8_t *w = out;
    if (e->must_update) {
        if (e->lowest < e->table.max_size) {
            w = put_integer(w, HPACK_SIZE_UPDATE, HPACK_SIZE_UPDATE_BITS, e->lowest);
        }
        w = put_integer(w, HPACK_SIZE_UPDATE, HPACK_SIZE_UPDATE_BITS, e->table.max_size);
        e->must_update = false;
    }
    for (size_t i = 0; i < n; i++) w = put_field(e, &f[i], i, w);
    return (size_t)(w - out);
}
