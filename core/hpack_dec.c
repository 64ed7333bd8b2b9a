/* The decoder (RFC 7541 section 3 and 6). */
#include "core/limits.h"
#include "core/hpack_impl.h"

void hpack_dec_init(hpack_dec *d, const mem *m, uint32_t limit) {
    /* The peer starts from the default, and must say so when it goes on with another size. */
    *d = (hpack_dec){.limit = limit, .lowest = limit};
    hpack_table_init(&d->table, m, HPACK_DEFAULT_SIZE);
    hpack_dec_limit(d, limit);
}

void hpack_dec_end(hpack_dec *d) { hpack_table_end(&d->table); }

void hpack_dec_limit(hpack_dec *d, uint32_t limit) {
    d->limit = limit;
    if (limit < d->lowest) d->lowest = limit;
    if (limit < d->table.max_size) d->must_update = true;
}

/* ---- reading ---- */

typedef struct reader {
    const uint8_t *p, *end;
} reader;

/* What follows an integer's first byte when that says no more than `*value` (section 5.1): at most
 * five bytes, in all at most 2^32-1. */
static hpack_status read_more(reader *r, uint32_t *value) {
    uint64_t sum = *value;
    for (unsigned shift = 0; shift <= 28; shift += 7) {
        if (r->p == r->end) return HPACK_TRUNCATED;
        uint8_t byte = *r->p++;
        sum += (uint64_t)(byte & 0x7f) << shift;
        if (sum > UINT32_MAX) return HPACK_BAD_INTEGER;
        if (!(byte & 0x80)) {
            *value = (uint32_t)sum;
            return HPACK_OK;
        }
    }
    return HPACK_BAD_INTEGER;
}

/* The integer that begins in the low `bits` bits of the next byte, which must be there. */
static inline hpack_status read_integer(reader *r, unsigned bits, uint32_t *value) {
    uint32_t most = (1u << bits) - 1;
    *value = *r->p++ & most;
    return *value < most ? HPACK_OK : read_more(r, value);
}

/* A string literal as it lies in the block (section 5.2). */
typedef struct literal {
    span coded;
    bool huffman;
} literal;

static inline hpack_status read_literal(reader *r, literal *s) {
    uint32_t n;
    if (r->p == r->end) return HPACK_TRUNCATED;
    s->huffman = *r->p & HPACK_HUFFMAN;
    hpack_status bad = read_integer(r, HPACK_STRING_BITS, &n);
    if (bad) return bad;
    if (n > (size_t)(r->end - r->p)) return HPACK_TRUNCATED;
    s->coded = span_of(r->p, n);
    r->p += n;
    return HPACK_OK;
}

/* ---- into the list ---- */

/* Whether l has place for one more field whose name and value take n bytes. */
static inline bool fits(const hpack_list *l, uint64_t n) {
    return !l->overflowed && l->count < l->max_count &&
           l->size + n + HPACK_ENTRY_OVERHEAD <= l->max_size;
}

/* The place for one more field, or NULL when memory is refused. */
static inline http_field *next_place(hpack_list *l) {
    if (l->count == l->capacity && !hpack_list_grow(l)) return NULL;
    return &l->fields[l->count];
}

/* Counts in the field at next_place; `valid` when fields_pair_valid is known to hold for it. */
static inline void count_in(hpack_list *l, const http_field *f, bool valid) {
    if (l->count < FIELDS_VALID_MOST) l->valid |= (uint64_t)valid << l->count;
    l->count++;
    l->size += (uint32_t)(f->name.n + f->value.n) + HPACK_ENTRY_OVERHEAD;
}

/* Counts a field of n bytes that does not fit. */
static void drop(hpack_list *l, uint64_t n) {
    uint64_t size = l->size + n + HPACK_ENTRY_OVERHEAD;
    l->overflowed = true;
    l->size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
}

/* A copy in the list's arena of n bytes of a table, whose bytes move; NULL when refused. */
static inline uint8_t *copy_from_table(hpack_list *l, const uint8_t *from, uint32_t n) {
    uint8_t *to = mem_arena_take(&l->bytes, (size_t)n + HPACK_COPY_STEP);
    if (!to) return NULL;
    l->bytes.next -= HPACK_COPY_STEP;
    memcpy(to, from, HPACK_COPY_STEP);
    if (n > HPACK_COPY_STEP) {
        memcpy(to + HPACK_COPY_STEP, from + HPACK_COPY_STEP, n - HPACK_COPY_STEP);
    }
    return to;
}

/* ---- indexed fields (section 6.1) ---- */

static inline hpack_status put_static(uint32_t index, hpack_list *l) {
    const hpack_entry *e = &hpack_static_entries[index];
    if (!fits(l, e->name.n + e->value.n)) {
        drop(l, e->name.n + e->value.n);
        return HPACK_OK;
    }
    http_field *f = next_place(l);
    if (!f) return HPACK_NO_MEMORY;
    *f = (http_field){e->name, e->value, e->token, false};
    count_in(l, f, e->token != HTTP_TOKEN_AUTHORITY); /* its value is empty */
    return HPACK_OK;
}

static inline hpack_status put_dynamic(const hpack_table *t, uint32_t i, hpack_list *l) {
    const hpack_record *r = hpack_table_record(t, i);
    uint64_t n = (uint64_t)r->name_n + r->value_n;
    if (!fits(l, n)) {
        drop(l, n);
        return HPACK_OK;
    }
    http_field *f = next_place(l);
    if (!f) return HPACK_NO_MEMORY;
    uint8_t *p = copy_from_table(l, hpack_table_bytes(t) + r->at, hpack_table_stored(r));
    if (!p) return HPACK_NO_MEMORY;
    if (r->token) {
        f->name = fields_name((http_token)r->token);
    } else {
        f->name = span_of(p, r->name_n);
        p += r->name_n;
    }
    f->value = span_of(p, r->value_n);
    f->token = r->token;
    f->never_indexed = false;
    count_in(l, f, r->valid);
    return HPACK_OK;
}

static inline hpack_status put_indexed(hpack_dec *d, reader *r, hpack_list *l) {
    uint32_t index;
    hpack_status bad = read_integer(r, HPACK_INDEXED_BITS, &index);
    if (bad) return bad;
    if (index == 0) return HPACK_BAD_INDEX;
    if (index <= HPACK_STATIC_COUNT) return put_static(index, l);
    index -= HPACK_STATIC_COUNT + 1;
    return index < d->table.count ? put_dynamic(&d->table, index, l) : HPACK_BAD_INDEX;
}

/* ---- literal fields (section 6.2) ---- */

/* A literal field before its strings are decoded. */
typedef struct pending {
    bool named, incremental, never;
    uint16_t token;      /* when named */
    span entry_name;     /* when named: static storage, or in the table when token is OTHER */
    literal name, value; /* name: when not named */
    uint64_t name_most, value_most; /* bytes they decode to: at most, or exactly */
} pending;

/* No code is shorter than five bits. */
static inline uint64_t most_bytes(const literal *s) {
    return s->huffman ? (uint64_t)s->coded.n * 8 / 5 : s->coded.n;
}

static inline hpack_status read_name(const hpack_dec *d, uint32_t index, pending *w) {
    hpack_entry e;
    if (index <= HPACK_STATIC_COUNT) {
        e = hpack_static_entries[index];
    } else {
        index -= HPACK_STATIC_COUNT + 1;
        if (index >= d->table.count) return HPACK_BAD_INDEX;
        e = hpack_table_entry(&d->table, index);
    }
    w->token = e.token;
    w->entry_name = e.name;
    w->name_most = e.name.n;
    return HPACK_OK;
}

/* Reads a literal's parts, so that its size is known before memory is taken. */
static inline hpack_status read_pending(const hpack_dec *d, reader *r, pending *w) {
    uint8_t kind = *r->p;
    uint32_t index;
    hpack_status bad;
    w->incremental = kind & HPACK_INCREMENTAL;
    w->never = !w->incremental && kind & HPACK_NEVER;
    bad = w->incremental ? read_integer(r, HPACK_INCREMENTAL_BITS, &index)
                         : read_integer(r, HPACK_LITERAL_BITS, &index);
    if (bad) return bad;
    w->named = index != 0;
    if (w->named) {
        bad = read_name(d, index, w);
    } else {
        bad = read_literal(r, &w->name);
        if (!bad) w->name_most = most_bytes(&w->name);
    }
    if (!bad) bad = read_literal(r, &w->value);
    if (!bad) w->value_most = most_bytes(&w->value);
    return bad;
}

/* Decodes s at p, where there is room for its bytes and HUFFMAN_SLACK. */
static inline hpack_status decode(const literal *s, uint8_t *p, span *to) {
    size_t n = s->coded.n;
    if (s->huffman) {
        n = huffman_decode(s->coded, p);
        if (n == SIZE_MAX) return HPACK_BAD_HUFFMAN;
    } else if (n) {
        memcpy(p, s->coded.p, n);
    }
    *to = span_of(p, n);
    return HPACK_OK;
}

/* Decodes s, of at most `most` bytes, into the list's arena. */
static inline hpack_status keep(hpack_list *l, const literal *s, uint64_t most, span *to) {
    uint8_t *p = mem_arena_take(&l->bytes, (size_t)most + HUFFMAN_SLACK);
    if (!p) return HPACK_NO_MEMORY;
    hpack_status bad = decode(s, p, to);
    if (!bad) l->bytes.next = p + to->n;
    return bad;
}

static inline hpack_status keep_name(hpack_list *l, const pending *w, http_field *f) {
    if (w->named) {
        f->token = w->token;
        f->name = w->entry_name;
        if (w->token || w->entry_name.n == 0) return HPACK_OK;
        uint8_t *p = mem_arena_take(&l->bytes, f->name.n);
        if (!p) return HPACK_NO_MEMORY;
        memcpy(p, f->name.p, f->name.n);
        f->name.p = p;
        return HPACK_OK;
    }
    hpack_status bad = keep(l, &w->name, w->name_most, &f->name);
    if (bad) return bad;
    f->token = (uint16_t)fields_token(f->name);
    if (f->token) {
        l->bytes.next -= f->name.n;
        f->name = fields_name((http_token)f->token);
    }
    return HPACK_OK;
}

/* Takes a field that is sure to fit into the list, and from there into the table. */
static inline hpack_status put_listed(hpack_dec *d, const pending *w, hpack_list *l) {
    http_field *f = next_place(l);
    if (!f) return HPACK_NO_MEMORY;
    f->never_indexed = w->never;
    hpack_status bad = keep_name(l, w, f);
    if (!bad) bad = keep(l, &w->value, w->value_most, &f->value);
    if (bad) return bad;
    bool valid = w->incremental && fields_pair_valid((http_token)f->token, f->name, f->value);
    count_in(l, f, valid);
    if (!w->incremental) return HPACK_OK;
    if (!hpack_table_add(&d->table, f->token, f->name, f->value)) return HPACK_NO_MEMORY;
    if (d->table.count) hpack_table_record(&d->table, 0)->valid = valid;
    return HPACK_OK;
}

/* Decodes a field's strings into `scratch` and takes it into the table. */
static hpack_status add_from(hpack_dec *d, const pending *w, uint8_t *scratch) {
    span name = w->entry_name, value;
    uint16_t token = w->token;
    hpack_status bad;
    if (!w->named) {
        bad = decode(&w->name, scratch, &name);
        if (bad) return bad;
        token = (uint16_t)fields_token(name);
    } else if (name.n) {
        /* It may be evicted in favour of the field (section 4.4). */
        memcpy(scratch, name.p, name.n);
        name.p = scratch;
    }
    bad = decode(&w->value, scratch + name.n, &value);
    if (bad) return bad;
    return hpack_table_add(&d->table, token, name, value) ? HPACK_OK : HPACK_NO_MEMORY;
}

/* Takes a field that the list drops into the table alone. Its sizes are exact. */
static hpack_status put_unlisted(hpack_dec *d, const pending *w) {
    const mem *m = d->table.mem;
    uint64_t size = w->name_most + w->value_most;
    if (size + HPACK_ENTRY_OVERHEAD > d->table.max_size) {
        hpack_table_end(&d->table);
        return HPACK_OK;
    }
    size_t room = (size_t)size + 2 * HUFFMAN_SLACK;
    uint8_t *scratch = mem_take(m, room);
    if (!scratch) return HPACK_NO_MEMORY;
    hpack_status bad = add_from(d, w, scratch);
    mem_give(m, scratch, room);
    return bad;
}

/* Sets *n to what s decodes to. */
static hpack_status measure(const literal *s, uint64_t *n) {
    size_t size = s->huffman ? huffman_decoded_size(s->coded) : s->coded.n;
    *n = size;
    return size == SIZE_MAX ? HPACK_BAD_HUFFMAN : HPACK_OK;
}

/* Close to a maximum, or over it: it takes the exact sizes to tell, and they are had without
 * storing anything. */
static hpack_status put_measured(hpack_dec *d, pending *w, hpack_list *l) {
    hpack_status bad = w->named ? HPACK_OK : measure(&w->name, &w->name_most);
    if (!bad) bad = measure(&w->value, &w->value_most);
    if (bad) return bad;
    if (fits(l, w->name_most + w->value_most)) return put_listed(d, w, l);
    drop(l, w->name_most + w->value_most);
    return w->incremental ? put_unlisted(d, w) : HPACK_OK;
}

static hpack_status put_literal(hpack_dec *d, reader *r, hpack_list *l) {
    pending w;
    hpack_status bad = read_pending(d, r, &w);
    if (bad) return bad;
    if (fits(l, w.name_most + w.value_most)) return put_listed(d, &w, l);
    return put_measured(d, &w, l);
}

/* ---- blocks ---- */

static inline bool is_size_update(uint8_t kind) { return kind >> HPACK_SIZE_UPDATE_BITS == 1; }

/* The size updates a block begins with (sections 4.2 and 6.3). */
static hpack_status take_size_updates(hpack_dec *d, reader *r) {
    while (r->p != r->end && is_size_update(*r->p)) {
        uint32_t size;
        hpack_status bad = read_integer(r, HPACK_SIZE_UPDATE_BITS, &size);
        if (bad) return bad;
        if (size > d->limit) return HPACK_BAD_SIZE;
        if (d->must_update && size > d->lowest) return HPACK_MISSING_SIZE;
        d->must_update = false;
        hpack_table_limit(&d->table, size);
    }
    d->lowest = d->limit;
    return d->must_update ? HPACK_MISSING_SIZE : HPACK_OK;
}

hpack_status hpack_dec_block(hpack_dec *d, span block, hpack_list *l) {
    reader r = {block.p, block.n ? block.p + block.n : block.p};
    uint64_t allowed = l->max_size > LIMIT_HEADER_LIST ? l->max_size : LIMIT_HEADER_LIST;
    uint64_t most = allowed * LIMIT_HEADER_EXCESS;
    hpack_status bad = take_size_updates(d, &r);
    while (!bad && r.p != r.end) {
        if (*r.p & HPACK_INDEXED) {
            bad = put_indexed(d, &r, l);
        } else if (is_size_update(*r.p)) {
            bad = HPACK_LATE_SIZE;
        } else {
            bad = put_literal(d, &r, l);
        }
        if (l->overflowed && !bad && l->size > most) bad = HPACK_EXCESS;
    }
    return bad;
}
