/* The decoder (RFC 7541 section 3 and 6). */
#include "core/hpack_impl.h"

/* A string literal as it lies in the block (section 5.2). */
typedef struct literal {
    span coded;
    bool huffman;
} literal;

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

/* The integer in the low `bits` bits of the first byte and what follows (section 5.1): at most
 * 2^32-1, in at most five bytes behind the first. There must be a first byte. */
static hpack_status read_integer(span *in, unsigned bits, uint32_t *value) {
    uint32_t most = (1u << bits) - 1;
    uint64_t sum = in->p[0] & most;
    *in = span_skip(*in, 1);
    if (sum == most) {
        for (unsigned shift = 0;; shift += 7) {
            if (shift > 28) return HPACK_BAD_INTEGER;
            if (in->n == 0) return HPACK_TRUNCATED;
            uint8_t byte = in->p[0];
            *in = span_skip(*in, 1);
            sum += (uint64_t)(byte & 0x7f) << shift;
            if (sum > UINT32_MAX) return HPACK_BAD_INTEGER;
            if (!(byte & 0x80)) break;
        }
    }
    *value = (uint32_t)sum;
    return HPACK_OK;
}

static hpack_status read_literal(span *in, literal *s) {
    uint32_t n;
    if (in->n == 0) return HPACK_TRUNCATED;
    s->huffman = in->p[0] & HPACK_HUFFMAN;
    hpack_status bad = read_integer(in, HPACK_STRING_BITS, &n);
    if (bad) return bad;
    if (n > in->n) return HPACK_TRUNCATED;
    s->coded = span_take(in, n);
    return HPACK_OK;
}

static hpack_status entry_at(const hpack_dec *d, uint32_t index, hpack_entry *e) {
    if (index == 0) return HPACK_BAD_INDEX;
    if (index <= HPACK_STATIC_COUNT) {
        *e = hpack_static_entry(index);
        return HPACK_OK;
    }
    index -= HPACK_STATIC_COUNT + 1;
    if (index >= d->table.count) return HPACK_BAD_INDEX;
    *e = hpack_table_entry(&d->table, index);
    return HPACK_OK;
}

/* ---- into the list ---- */

/* Whether l has place for one more field whose name and value take n bytes. */
static bool fits(const hpack_list *l, uint64_t n) {
    return !l->overflowed && l->count < l->max_count &&
           l->size + n + HPACK_ENTRY_OVERHEAD <= l->max_size;
}

/* Counts in a field that fits and is in its place, or one that does not and is dropped. */
static void count_in(hpack_list *l, uint64_t n) {
    uint64_t size = l->size + n + HPACK_ENTRY_OVERHEAD;
    if (fits(l, n))
        l->count++;
    else
        l->overflowed = true;
    l->size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
}

/* Makes *s a copy that lives as long as the list's fields. */
static bool copy(hpack_list *l, span *s) {
    if (s->n == 0) return true;
    uint8_t *p = mem_arena_take(&l->bytes, s->n);
    if (!p) return false;
    memcpy(p, s->p, s->n);
    s->p = p;
    return true;
}

/* An indexed field (section 6.1). */
static hpack_status put_indexed(hpack_dec *d, span *in, hpack_list *l) {
    uint32_t index;
    hpack_entry e;
    hpack_status bad = read_integer(in, HPACK_INDEXED_BITS, &index);
    if (!bad) bad = entry_at(d, index, &e);
    if (bad) return bad;
    size_t n = e.name.n + e.value.n;
    if (fits(l, n)) {
        http_field *f = hpack_list_place(l);
        if (!f) return HPACK_NO_MEMORY;
        *f = (http_field){e.name, e.value, e.token, false};
        /* The table's bytes move; names with a token are static. */
        bool moves = index > HPACK_STATIC_COUNT;
        if (moves && !e.token && !copy(l, &f->name)) return HPACK_NO_MEMORY;
        if (moves && !copy(l, &f->value)) return HPACK_NO_MEMORY;
    }
    count_in(l, n);
    return HPACK_OK;
}

/* ---- literals ---- */

/* A literal field before its strings are decoded. */
typedef struct pending {
    bool named, incremental, never;
    hpack_entry entry;        /* whose name it has, when named */
    literal name, value;      /* name: when not named */
    uint64_t name_n, value_n; /* bytes they decode to: at most or exactly */
} pending;

/* No code is shorter than five bits. */
static uint64_t most_bytes(literal s) {
    return s.huffman ? (uint64_t)s.coded.n * 8 / 5 : s.coded.n;
}

static hpack_status exact_bytes(literal s, uint64_t *n) {
    *n = s.huffman ? huffman_decoded_size(s.coded) : s.coded.n;
    return *n == SIZE_MAX ? HPACK_BAD_HUFFMAN : HPACK_OK;
}

/* Decodes s at p, where there is room for its bytes and HUFFMAN_SLACK. */
static hpack_status decode(literal s, uint8_t *p, span *to) {
    size_t n = s.coded.n;
    if (s.huffman) {
        n = huffman_decode(s.coded, p);
        if (n == SIZE_MAX) return HPACK_BAD_HUFFMAN;
    } else if (n) {
        memcpy(p, s.coded.p, n);
    }
    *to = span_of(p, n);
    return HPACK_OK;
}

/* Decodes s, of at most n bytes, into the list's arena. */
static hpack_status keep(hpack_list *l, literal s, uint64_t n, span *to) {
    uint8_t *p = mem_arena_take(&l->bytes, (size_t)n + HUFFMAN_SLACK);
    if (!p) return HPACK_NO_MEMORY;
    hpack_status bad = decode(s, p, to);
    if (!bad) l->bytes.next = p + to->n;
    return bad;
}

static hpack_status keep_name(hpack_list *l, const pending *w, http_field *f) {
    if (w->named) {
        f->name = w->entry.name;
        f->token = w->entry.token;
        return f->token || copy(l, &f->name) ? HPACK_OK : HPACK_NO_MEMORY;
    }
    hpack_status bad = keep(l, w->name, w->name_n, &f->name);
    if (bad) return bad;
    f->token = (uint16_t)fields_token(f->name);
    if (f->token) {
        l->bytes.next -= f->name.n;
        f->name = fields_name((http_token)f->token);
    }
    return HPACK_OK;
}

/* Takes a field that is sure to fit into the list, and from there into the table. */
static hpack_status put_listed(hpack_dec *d, const pending *w, hpack_list *l) {
    http_field *f = hpack_list_place(l);
    if (!f) return HPACK_NO_MEMORY;
    f->never_indexed = w->never;
    hpack_status bad = keep_name(l, w, f);
    if (!bad) bad = keep(l, w->value, w->value_n, &f->value);
    if (bad) return bad;
    count_in(l, f->name.n + f->value.n);
    if (!w->incremental || hpack_table_add(&d->table, f->token, f->name, f->value)) return HPACK_OK;
    return HPACK_NO_MEMORY;
}

/* Takes a field that the list drops into the table alone. Its sizes are exact. */
static hpack_status put_unlisted(hpack_dec *d, const pending *w) {
    hpack_table *t = &d->table;
    uint64_t room = w->name_n + w->value_n + 2 * HUFFMAN_SLACK;
    if (w->name_n + w->value_n + HPACK_ENTRY_OVERHEAD > t->max_size) {
        hpack_table_end(t);
        return HPACK_OK;
    }
    uint8_t *scratch = mem_take(t->mem, (size_t)room);
    if (!scratch) return HPACK_NO_MEMORY;
    span name = span_of(scratch, w->entry.name.n), value;
    hpack_status bad = HPACK_OK;
    if (!w->named)
        bad = decode(w->name, scratch, &name);
    else if (name.n)
        memcpy(scratch, w->entry.name.p, name.n);
    if (!bad) bad = decode(w->value, scratch + name.n, &value);
    if (!bad) {
        uint16_t token = w->named ? w->entry.token : (uint16_t)fields_token(name);
        if (!hpack_table_add(t, token, name, value)) bad = HPACK_NO_MEMORY;
    }
    mem_give(t->mem, scratch, (size_t)room);
    return bad;
}

/* Reads a literal's parts, so that its size is known before memory is taken. */
static hpack_status read_pending(const hpack_dec *d, span *in, pending *w) {
    uint8_t kind = in->p[0];
    uint32_t index;
    *w = (pending){.incremental = kind & HPACK_INCREMENTAL};
    w->never = !w->incremental && kind & HPACK_NEVER;
    hpack_status bad =
        read_integer(in, w->incremental ? HPACK_INCREMENTAL_BITS : HPACK_LITERAL_BITS, &index);
    if (bad) return bad;
    if (index) {
        w->named = true;
        bad = entry_at(d, index, &w->entry);
        w->name_n = w->entry.name.n;
    } else {
        bad = read_literal(in, &w->name);
        w->name_n = most_bytes(w->name);
    }
    if (!bad) bad = read_literal(in, &w->value);
    w->value_n = most_bytes(w->value);
    return bad;
}

/* A literal field (section 6.2). */
static hpack_status put_literal(hpack_dec *d, span *in, hpack_list *l) {
    pending w;
    hpack_status bad = read_pending(d, in, &w);
    if (bad) return bad;
    if (fits(l, w.name_n + w.value_n)) return put_listed(d, &w, l);
    /* Close to a maximum it takes the exact sizes to tell; they are had without storing anything.
     */
    if (!w.named) bad = exact_bytes(w.name, &w.name_n);
    if (!bad) bad = exact_bytes(w.value, &w.value_n);
    if (bad) return bad;
    if (fits(l, w.name_n + w.value_n)) return put_listed(d, &w, l);
    count_in(l, w.name_n + w.value_n);
    return w.incremental ? put_unlisted(d, &w) : HPACK_OK;
}

/* ---- blocks ---- */

static bool is_size_update(uint8_t kind) { return kind >> HPACK_SIZE_UPDATE_BITS == 1; }

/* The size updates a block begins with (sections 4.2 and 6.3). */
static hpack_status take_size_updates(hpack_dec *d, span *in) {
    while (in->n && is_size_update(in->p[0])) {
        uint32_t size;
        hpack_status bad = read_integer(in, HPACK_SIZE_UPDATE_BITS, &size);
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
    hpack_status bad = take_size_updates(d, &block);
    while (!bad && block.n) {
        if (block.p[0] & HPACK_INDEXED)
            bad = put_indexed(d, &block, l);
        else if (is_size_update(block.p[0]))
            bad = HPACK_LATE_SIZE;
        else
            bad = put_literal(d, &block, l);
    }
    return bad;
}
