/* The encoder (RFC 7541 section 6), and its choice of what to put into the table. */
#include "core/hpack_impl.h"

/* A cookie this short may be guessed byte by byte when it is compressed (RFC 7541 section 7.1.3).
 */
enum { SHORT_COOKIE = 20 };

/* Bytes a field takes besides its own: an index and two lengths, or a byte and three... at most
 * (section 5.1: six bytes hold 32 bits). */
enum { FIELD_OVERHEAD = 18, UPDATES_OVERHEAD = 12 };

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

void hpack_enc_cap(hpack_enc *e, uint32_t cap) {
    e->cap = cap;
    set_maximum(e);
}

size_t hpack_enc_bound(const hpack_enc *e, const http_field *f, size_t n) {
    (void)e;
    size_t bound = UPDATES_OVERHEAD;
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
    const size_t one_byte =
        (1u << HPACK_STRING_BITS) - 1; /* lengths from here on take more than one */
    size_t n = s.n < one_byte ? huffman_encode_under(s, w + 1, s.n) : huffman_size(s);
    if (n >= s.n) {
        w = put_integer(w, 0, HPACK_STRING_BITS, s.n);
        if (s.n) memcpy(w, s.p, s.n);
        return w + s.n;
    }
    w = put_integer(w, HPACK_HUFFMAN, HPACK_STRING_BITS, n);
    if (s.n >= one_byte) huffman_encode(s, w);
    return w + n;
}

/* ---- fields ---- */

static bool is_secret(const http_field *f) {
    if (f->never_indexed || fields_flags((http_token)f->token) & HTTP_FIELD_SECRET) return true;
    return f->token == HTTP_TOKEN_COOKIE && f->value.n < SHORT_COOKIE;
}

/* Whether a pair that is in neither table is worth a place. */
static bool worth_indexing(const hpack_enc *e, const http_field *f) {
    if (fields_flags((http_token)f->token) & HTTP_FIELD_VARIES) return false;
    /* Something this large would push out nearly everything. */
    size_t most = e->table.max_size / 4 * 3;
    return f->name.n + f->value.n + HPACK_ENTRY_OVERHEAD <= most;
}

static uint8_t *put_literal(uint8_t *w, unsigned kind, unsigned bits, uint32_t name_index,
                            const http_field *f) {
    w = put_integer(w, kind, bits, name_index);
    if (!name_index) w = put_string(w, f->name);
    return put_string(w, f->value);
}

static uint8_t *put_field(hpack_enc *e, const http_field *given, uint8_t *w) {
    http_field f = *given;
    if (!f.token) f.token = (uint16_t)fields_token(f.name);
    uint32_t named =
        f.token ? hpack_static_of_token((http_token)f.token) : hpack_static_of_name(f.name);
    bool secret = is_secret(&f);
    if (named && !secret) {
        uint32_t index = hpack_static_of_pair(named, f.value);
        if (index) return put_integer(w, HPACK_INDEXED, HPACK_INDEXED_BITS, index);
    }
    hpack_key k = hpack_index_key(e, &f);
    if (!secret) {
        uint32_t place = hpack_index_pair(e, &k);
        if (place != HPACK_NOT_FOUND) {
            return put_integer(w, HPACK_INDEXED, HPACK_INDEXED_BITS,
                               HPACK_STATIC_COUNT + 1 + place);
        }
    }
    if (!named) {
        uint32_t place = hpack_index_name(e, &k);
        if (place != HPACK_NOT_FOUND) named = HPACK_STATIC_COUNT + 1 + place;
    }
    if (secret) return put_literal(w, HPACK_NEVER, HPACK_LITERAL_BITS, named, &f);
    if (worth_indexing(e, &f) && hpack_table_add(&e->table, f.token, f.name, f.value)) {
        hpack_index_add(e, &k);
        return put_literal(w, HPACK_INCREMENTAL, HPACK_INCREMENTAL_BITS, named, &f);
    }
    return put_literal(w, 0, HPACK_LITERAL_BITS, named, &f);
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
    for (size_t i = 0; i < n; i++) w = put_field(e, &f[i], w);
    return (size_t)(w - out);
}
