#include "core/hpack_again.h"
#include "core/hpack_impl.h"

/* What a block may change of a table. */
typedef struct shape {
    uint32_t inserted, count, max_size;
} shape;

static inline shape shape_of(const hpack_table *t) {
    return (shape){t->inserted, t->count, t->max_size};
}

static inline bool unchanged(const hpack_table *t, shape s) {
    return t->inserted == s.inserted && t->count == s.count && t->max_size == s.max_size;
}

/* ---- decoding ---- */

/* `noted` tells a decoder from one that was at the same address before it. */
static inline bool decoded(const hpack_again_in *a, const hpack_dec *d, span block, uint32_t max) {
    return a->of == d && d->noted && !d->must_update && a->n == block.n && a->max_size == max &&
           hpack_same(a->block, block.p, block.n);
}

hpack_status hpack_again_decode(hpack_again_in *a, hpack_dec *d, span block, hpack_list *l,
                                bool *same) {
    *same = decoded(a, d, block, l->max_size);
    if (*same) {
        d->lowest = d->limit; /* as after any block */
        return HPACK_OK;
    }
    hpack_list_clear(l);
    a->of = NULL;
    shape before = shape_of(&d->table);
    hpack_status s = hpack_dec_block(d, block, l);
    if (s != HPACK_OK || l->overflowed || block.n > sizeof a->block || block.n == 0 ||
        !unchanged(&d->table, before))
        return s;
    memcpy(a->block, block.p, block.n);
    a->n = (uint32_t)block.n;
    a->max_size = l->max_size;
    a->of = d;
    d->noted = true;
    return s;
}

/* ---- encoding ---- */

static inline bool same_bytes(span a, span b) { return a.n == b.n && hpack_same(a.p, b.p, a.n); }

static bool same_fields(const hpack_again_out *a, const http_field *f, size_t n) {
    if (a->count != n) return false;
    for (size_t i = 0; i < n; i++) {
        const http_field *kept = &a->fields[i];
        if (f[i].token != kept->token || f[i].never_indexed != kept->never_indexed) return false;
        if (!same_bytes(f[i].value, kept->value)) return false;
        if (!f[i].token && !same_bytes(f[i].name, kept->name)) return false;
    }
    return true;
}

static span keep(uint8_t **at, span s) {
    uint8_t *p = *at;
    if (s.n) memcpy(p, s.p, s.n);
    *at += s.n;
    return span_of(p, s.n);
}

static void keep_fields(hpack_again_out *a, const http_field *f, size_t n) {
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += f[i].value.n + (f[i].token ? 0 : f[i].name.n);
    if (n > HPACK_AGAIN_FIELDS || bytes > sizeof a->text) return;
    uint8_t *at = a->text;
    for (size_t i = 0; i < n; i++) {
        a->fields[i] = f[i];
        a->fields[i].value = keep(&at, f[i].value);
        if (!f[i].token) a->fields[i].name = keep(&at, f[i].name);
    }
    a->count = (uint32_t)n;
}

/* The last block was one of this encoder's, and may come again. */
static inline bool is_ours(const hpack_again_out *a, const hpack_enc *e) {
    return a->of == e && e->noted && !e->must_update;
}

span hpack_again_encoded(const hpack_again_out *a, const hpack_enc *e, const http_field *f,
                         size_t n) {
    bool again = is_ours(a, e) && a->count && same_fields(a, f, n);
    return again ? span_of(a->block, a->n) : (span){NULL, 0};
}

size_t hpack_again_encode(hpack_again_out *a, hpack_enc *e, const http_field *f, size_t n,
                          uint8_t *out) {
    bool ours = is_ours(a, e);
    a->of = NULL;
    a->count = 0;
    shape before = shape_of(&e->table);
    bool plain = !e->must_update;
    size_t size = hpack_enc_block(e, f, n, out);
    if (!plain || size > sizeof a->block || !unchanged(&e->table, before)) return size;
    /* Fields are looked at only once their block has come twice: those of varied messages never
     * are. */
    if (ours && a->n == size && hpack_same(a->block, out, size))
        keep_fields(a, f, n);
    else
        memcpy(a->block, out, size);
    a->n = (uint32_t)size;
    a->of = e;
    e->noted = true;
    return size;
}
