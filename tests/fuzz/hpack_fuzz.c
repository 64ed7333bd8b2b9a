/* The HPACK decoder against libnghttp2's: the same verdict, the same fields, and the same table
 * afterwards. What decodes also goes through our encoder and back.
 *
 * Input: one byte of caps for the list, then blocks: a byte that may change the limit, two bytes of
 * length, the block. */
#include <stdlib.h>

#include "applets/common/heap.h"
#include "core/hpack.h"

#ifdef HAVE_NGHTTP2
#include <nghttp2/nghttp2.h>
#endif

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void demand(bool holds) {
    if (!holds) abort();
}

#ifdef HAVE_NGHTTP2
/* Fields of the block one by one against l; true when libnghttp2 takes the block. */
static bool inflate(nghttp2_hd_inflater *i, span block, const hpack_list *l, bool ours_good) {
    uint32_t fields = 0;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(i, &nv, &flags, block.p, block.n, 1);
        if (used < 0) return false;
        block = span_skip(block, (size_t)used);
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            if (fields < l->count) {
                const http_field *f = &l->fields[fields];
                demand(span_eq(f->name, span_of(nv.name, nv.namelen)));
                demand(span_eq(f->value, span_of(nv.value, nv.valuelen)));
                demand(f->never_indexed == !!(nv.flags & NGHTTP2_NV_FLAG_NO_INDEX));
            }
            fields++;
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
        if (used == 0 && !(flags & NGHTTP2_HD_INFLATE_EMIT)) break;
    }
    nghttp2_hd_inflate_end_headers(i);
    if (ours_good && !l->overflowed) demand(fields == l->count);
    return true;
}

static void same_table(nghttp2_hd_inflater *i, const hpack_table *t) {
    demand(nghttp2_hd_inflate_get_dynamic_table_size(i) == t->size);
    demand(nghttp2_hd_inflate_get_num_table_entries(i) == HPACK_STATIC_COUNT + t->count);
    for (uint32_t k = 0; k < t->count; k++) {
        const nghttp2_nv *nv = nghttp2_hd_inflate_get_table_entry(i, HPACK_STATIC_COUNT + 1 + k);
        hpack_entry e = hpack_table_entry(t, k);
        demand(span_eq(e.name, span_of(nv->name, nv->namelen)));
        demand(span_eq(e.value, span_of(nv->value, nv->valuelen)));
        demand(e.token == fields_token(e.name));
    }
}
#endif

/* The list through our encoder and a decoder of its own. */
static void encode_again(hpack_enc *e, hpack_dec *back, const hpack_list *l) {
    hpack_list again;
    size_t bound = hpack_enc_bound(e, l->fields, l->count);
    uint8_t *wire = malloc(bound);
    demand(wire != NULL);
    size_t n = hpack_enc_block(e, l->fields, l->count, wire);
    demand(n <= bound);
    hpack_list_init(&again, heap_mem(), UINT32_MAX, 1 << 24);
    demand(hpack_dec_block(back, span_of(wire, n), &again) == HPACK_OK);
    demand(again.count == l->count && again.size == l->size);
    for (uint32_t i = 0; i < l->count; i++) {
        demand(span_eq(again.fields[i].name, l->fields[i].name));
        demand(span_eq(again.fields[i].value, l->fields[i].value));
        demand(again.fields[i].token == l->fields[i].token);
        demand(again.fields[i].never_indexed || !l->fields[i].never_indexed);
    }
    demand(e->table.size == back->table.size && e->table.count == back->table.count);
    hpack_list_end(&again);
    free(wire);
}

typedef struct bench {
    hpack_dec d, back;
    hpack_enc e;
    hpack_list l;
#ifdef HAVE_NGHTTP2
    nghttp2_hd_inflater *theirs;
#endif
} bench;

static void set_limit(bench *b, uint32_t limit) {
    hpack_dec_limit(&b->d, limit);
    hpack_dec_limit(&b->back, limit);
    hpack_enc_limit(&b->e, limit);
#ifdef HAVE_NGHTTP2
    demand(nghttp2_hd_inflate_change_table_size(b->theirs, limit) == 0);
#endif
}

/* False when the block was refused, which ends a connection. */
static bool play_block(bench *b, span block) {
    /* A copy of its own size, so that a read past the end is seen. */
    uint8_t *copy = malloc(block.n ? block.n : 1);
    demand(copy != NULL);
    if (block.n) memcpy(copy, block.p, block.n);
    hpack_list_clear(&b->l);
    hpack_status status = hpack_dec_block(&b->d, span_of(copy, block.n), &b->l);
    demand(status != HPACK_NO_MEMORY);
    demand(b->l.overflowed || b->l.size <= b->l.max_size);
    demand(b->d.table.size <= b->d.table.max_size);
#ifdef HAVE_NGHTTP2
    demand(inflate(b->theirs, span_of(copy, block.n), &b->l, !status) == !status);
    if (!status) same_table(b->theirs, &b->d.table);
#endif
    if (!status && !b->l.overflowed) encode_again(&b->e, &b->back, &b->l);
    free(copy);
    return !status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    span in = span_of(bytes, n);
    if (in.n == 0) return 0;
    uint8_t caps = span_take(&in, 1).p[0];
    bench b;
    hpack_dec_init(&b.d, heap_mem(), HPACK_DEFAULT_SIZE);
    hpack_dec_init(&b.back, heap_mem(), HPACK_DEFAULT_SIZE);
    hpack_enc_init(&b.e, heap_mem(), 16384, caps);
    hpack_list_init(&b.l, heap_mem(), caps & 1 ? 5 : 100000, caps & 2 ? 200 : 1 << 24);
#ifdef HAVE_NGHTTP2
    demand(nghttp2_hd_inflate_new(&b.theirs) == 0);
#endif
    while (in.n >= 3) {
        span head = span_take(&in, 3);
        if (head.p[0] & 0x80) set_limit(&b, (head.p[0] & 0x7fu) * 64);
        size_t length = bytes_get16(head.p + 1);
        if (!play_block(&b, span_take(&in, length < in.n ? length : in.n))) break;
    }
#ifdef HAVE_NGHTTP2
    nghttp2_hd_inflate_del(b.theirs);
#endif
    hpack_list_end(&b.l);
    hpack_enc_end(&b.e);
    hpack_dec_end(&b.back);
    hpack_dec_end(&b.d);
    return 0;
}
