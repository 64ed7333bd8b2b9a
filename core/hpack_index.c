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

/* The block: for each record a head of either kind of chain, then a link. */
enum { WORDS_PER_SLOT = 2 + sizeof(link) / sizeof(uint32_t) };

static uint32_t slots_of(const hpack_enc *e) { return e->bucket_count / WORDS_PER_SLOT; }

static uint32_t *pair_head(const hpack_enc *e, uint32_t hash) {
    return e->buckets + (hash & (slots_of(e) - 1));
}

static uint32_t *name_head(const hpack_enc *e, uint32_t hash) {
    return e->buckets + slots_of(e) + (hash & (slots_of(e) - 1));
}

static link *link_of(const hpack_enc *e, uint32_t number) {
    uint32_t slots = slots_of(e);
    return (link *)(e->buckets + 2 * slots) + (number & (slots - 1));
}

/* ---- hash ---- */

static uint64_t mix(uint64_t a, uint64_t b) {
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

static uint64_t load(const uint8_t *p, size_t n) {
    uint64_t word = 0;
    memcpy(&word, p, n);
    return word;
}

/* Odd constants without pattern: digits of pi. */
#define MIX_A UINT64_C(0x243f6a8885a308d3)
#define MIX_B UINT64_C(0x13198a2e03707345)

static uint64_t hash_bytes(uint64_t seed, span s) {
    const uint8_t *p = s.p;
    size_t n = s.n;
    uint64_t h = seed ^ n;
    for (; n > 8; p += 8, n -= 8) h = mix(h ^ load(p, 8), MIX_A);
    return mix(h ^ load(p, n), MIX_B ^ seed);
}

hpack_key hpack_index_key(const hpack_enc *e, const http_field *f) {
    uint64_t seed = e->seed * MIX_A;
    uint64_t name = f->token ? mix(seed ^ f->token, MIX_B) : hash_bytes(seed, f->name);
    return (hpack_key){f->token, f->name, f->value, (uint32_t)(name >> 32),
                       (uint32_t)(hash_bytes(name, f->value) >> 32)};
}

/* ---- chains ---- */

/* The place in the table, 0 the newest, of the entry with this number: count and more when it is
 * gone. */
static uint32_t place_of(const hpack_enc *e, uint32_t number) {
    return e->table.inserted - 1 - number;
}

static bool same_name(const hpack_entry *entry, const hpack_key *k) {
    return entry->token == k->token && (k->token || span_eq(entry->name, k->name));
}

uint32_t hpack_index_pair(const hpack_enc *e, const hpack_key *k) {
    if (!e->buckets) return HPACK_NOT_FOUND;
    uint32_t number = *pair_head(e, k->pair_hash);
    for (int step = 0; step < CHAIN_MOST; step++) {
        uint32_t place = place_of(e, number);
        if (place >= e->table.count) break;
        const link *l = link_of(e, number);
        if (l->pair_hash == k->pair_hash) {
            hpack_entry entry = hpack_table_entry(&e->table, place);
            if (same_name(&entry, k) && span_eq(entry.value, k->value)) return place;
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
        hpack_entry entry = hpack_table_entry(&e->table, place);
        if (same_name(&entry, k)) return place;
        number = link_of(e, number)->name_next;
    }
    return HPACK_NOT_FOUND;
}

static void enter(hpack_enc *e, uint32_t number, const hpack_key *k) {
    link *l = link_of(e, number);
    uint32_t *by_pair = pair_head(e, k->pair_hash);
    uint32_t *by_name = name_head(e, k->name_hash);
    l->pair_hash = k->pair_hash;
    l->pair_next = *by_pair;
    *by_pair = number;
    l->name_next = *by_name;
    *by_name = number;
}

void hpack_index_end(hpack_enc *e) {
    mem_give(e->table.mem, e->buckets, e->bucket_count * sizeof *e->buckets);
    e->buckets = NULL;
    e->bucket_count = 0;
}

/* A new block for the table's slots, with every entry in it. */
static void rebuild(hpack_enc *e) {
    const hpack_table *t = &e->table;
    hpack_index_end(e);
    uint32_t words = t->slots * WORDS_PER_SLOT;
    e->buckets = mem_take_zero(t->mem, words * sizeof *e->buckets);
    if (!e->buckets) return;
    e->bucket_count = words;
    for (uint32_t i = t->count; i-- > 0;) {
        hpack_entry entry = hpack_table_entry(t, i);
        http_field f = {entry.name, entry.value, entry.token, false};
        hpack_key k = hpack_index_key(e, &f);
        enter(e, t->inserted - 1 - i, &k);
    }
}

void hpack_index_add(hpack_enc *e, const hpack_key *k) {
    if (e->table.count == 0) return;
    if (slots_of(e) != e->table.slots)
        rebuild(e);
    else
        enter(e, e->table.inserted - 1, k);
}
