/* The encoder's way into its dynamic table: two hash chains per entry, one by name and value, one
 * by name.
 *
 * Chains link entry numbers, newest first, and end at the first number that the table has evicted:
 * eviction costs nothing here. Whatever a chain says is compared with the table before it is
 * believed, so that a number that comes round again after 2^32 entries does no harm. */
#include "core/hpack_impl.h"

/* A peer that makes us encode what it chooses does not know the seed; should it find collisions all
 * the same, they cost compression, not time. */
enum { CHAIN_MOST = 16 };

typedef struct link {
    uint32_t pair_hash, pair_next, name_next;
} link;

/* The block begins with the numbers of entries that the first fields of a block had last; answers
 * of servers have six to eight. For each of e->bucket_count entries it then has heads of the two
 * kinds of chain, and a link. The count is that of the table's slots when the block was made, a
 * power of two. Four heads by pair rather than one make encoding 10 % faster: nearly no chain has a
 * second link to guess at. */
enum { REMEMBERED = 8, PAIR_HEADS = 4 };

static size_t block_size(uint32_t count) {
    return REMEMBERED * sizeof(uint32_t) +
           count * ((PAIR_HEADS + 1) * sizeof(uint32_t) + sizeof(link));
}

static inline uint32_t *pair_head(const hpack_enc *e, uint32_t hash) {
    return e->buckets + REMEMBERED + (hash & (PAIR_HEADS * e->bucket_count - 1));
}

static inline uint32_t *name_head(const hpack_enc *e, uint32_t hash) {
    return e->buckets + REMEMBERED + PAIR_HEADS * e->bucket_count + (hash & (e->bucket_count - 1));
}

static inline link *link_of(const hpack_enc *e, uint32_t number) {
    return (link *)(e->buckets + REMEMBERED + (PAIR_HEADS + 1) * (size_t)e->bucket_count) +
           (number & (e->bucket_count - 1));
}

/* ---- hash ---- */

static inline uint64_t mix(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t low = (uint64_t)(uint32_t)a * (uint32_t)b;
    uint64_t high = (a >> 32) * (b >> 32);
    uint64_t cross = (a >> 32) * (uint32_t)b ^ (uint64_t)(uint32_t)a * (b >> 32);
    return low ^ high ^ (cross << 32 | cross >> 32);
#endif
}

/* Odd constants without pattern: digits of pi. */
#define MIX_A UINT64_C(0x243f6a8885a308d3)
#define MIX_B UINT64_C(0x13198a2e03707345)

/* Both factors depend on the seed, so that nobody can aim at a product of zero. */
static inline uint64_t hash_bytes(uint64_t seed, uint64_t h, span s) {
    const uint8_t *p = s.p;
    size_t n = s.n;
    uint64_t a = 0, b = 0;
    h ^= n;
    for (; n > 16; p += 16, n -= 16) h = mix(hpack_load64(p) ^ seed, hpack_load64(p + 8) ^ h);
    if (n >= 8) {
        a = hpack_load64(p);
        b = hpack_load64(p + n - 8);
    } else if (n >= 4) {
        a = hpack_load32(p);
        b = hpack_load32(p + n - 4);
    } else if (n) {
        a = (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1];
    }
    return mix(a ^ seed, b ^ h);
}

hpack_key hpack_index_key(const hpack_enc *e, const http_field *f) {
    uint64_t seed = (e->seed | UINT64_C(1) << 32) * MIX_A;
    uint64_t name = f->token ? f->token * MIX_B : hash_bytes(seed, MIX_B, f->name);
    uint64_t pair = hash_bytes(seed, name ^ seed >> 32, f->value);
    return (hpack_key){f, (uint32_t)(name >> 32), (uint32_t)(pair >> 32)};
}

/* ---- chains ---- */

/* The place in the table, 0 the newest, of the entry with this number: count and more when it is
 * gone. */
static inline uint32_t place_of(const hpack_enc *e, uint32_t number) {
    return e->table.inserted - 1 - number;
}

static inline bool has_name(const hpack_enc *e, const hpack_record *r, const http_field *f) {
    if (r->token || f->token) return r->token == f->token;
    return r->name_n == f->name.n &&
           hpack_same(hpack_table_bytes(&e->table) + r->at, f->name.p, f->name.n);
}

static inline bool has_value(const hpack_enc *e, const hpack_record *r, const http_field *f) {
    const uint8_t *end = hpack_table_bytes(&e->table) + r->at + hpack_table_stored(r);
    return r->value_n == f->value.n && hpack_same(end - r->value_n, f->value.p, f->value.n);
}

uint32_t hpack_index_again(const hpack_enc *e, size_t i, const http_field *f) {
    if (!e->buckets) return HPACK_NOT_FOUND;
    uint32_t place = place_of(e, e->buckets[i % REMEMBERED]);
    if (place >= e->table.count) return HPACK_NOT_FOUND;
    const hpack_record *r = hpack_table_record(&e->table, place);
    return has_name(e, r, f) && has_value(e, r, f) ? place : HPACK_NOT_FOUND;
}

void hpack_index_remember(hpack_enc *e, size_t i, uint32_t place) {
    if (e->buckets) e->buckets[i % REMEMBERED] = e->table.inserted - 1 - place;
}

uint32_t hpack_index_pair(const hpack_enc *e, const hpack_key *k) {
    if (!e->buckets) return HPACK_NOT_FOUND;
    uint32_t number = *pair_head(e, k->pair_hash);
    for (int step = 0; step < CHAIN_MOST; step++) {
        uint32_t place = place_of(e, number);
        if (place >= e->table.count) break;
        const link *l = link_of(e, number);
        if (l->pair_hash == k->pair_hash) {
            const hpack_record *r = hpack_table_record(&e->table, place);
            if (has_name(e, r, k->field) && has_value(e, r, k->field)) return place;
        }
        number = l->pair_next;
    }
    return HPACK_NOT_FOUND;
}

uint32_t hpack_index_name(const hpack_enc *e, const hpack_key *k) {
    if (!e->buckets) return HPACK_NOT_FOUND;
    uint32_t number = *name_head(e, k->name_hash);
    for (int step = 0; step < CHAIN_MOST; step++) {
        uint32_t place = place_of(e, number);
        if (place >= e->table.count) break;
        if (has_name(e, hpack_table_record(&e->table, place), k->field)) return place;
        number = link_of(e, number)->name_next;
    }
    return HPACK_NOT_FOUND;
}

static inline void enter(hpack_enc *e, uint32_t number, const hpack_key *k) {
    link *l = link_of(e, number);
    uint32_t *by_pair = pair_head(e, k->pair_hash);
    uint32_t *by_name = name_head(e, k->name_hash);
    *l = (link){k->pair_hash, *by_pair, *by_name};
    *by_pair = number;
    *by_name = number;
}

void hpack_index_end(hpack_enc *e) {
    mem_give(e->table.mem, e->buckets, block_size(e->bucket_count));
    e->buckets = NULL;
    e->bucket_count = 0;
}

/* A new block for the table's slots, with every entry in it. */
static void rebuild(hpack_enc *e) {
    const hpack_table *t = &e->table;
    hpack_index_end(e);
    e->buckets = mem_take_zero(t->mem, block_size(t->slots));
    if (!e->buckets) return;
    e->bucket_count = t->slots;
    for (uint32_t i = t->count; i-- > 0;) {
        hpack_entry entry = hpack_table_entry(t, i);
        http_field f = {entry.name, entry.value, entry.token, false};
        hpack_key k = hpack_index_key(e, &f);
        enter(e, t->inserted - 1 - i, &k);
    }
}

void hpack_index_add(hpack_enc *e, const hpack_key *k) {
    if (e->bucket_count == e->table.slots)
        enter(e, e->table.inserted - 1, k);
    else
        rebuild(e);
}
