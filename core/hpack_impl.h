/* The seams inside HPACK: what its files show to each other and to nobody else. */
#ifndef H2BOX_CORE_HPACK_IMPL_H
#define H2BOX_CORE_HPACK_IMPL_H

#include "core/hpack.h"

/* First byte of each representation, and the bits of the integer that begins in it (RFC 7541
 * section 6). */
enum {
    HPACK_INDEXED = 0x80,
    HPACK_INDEXED_BITS = 7,
    HPACK_INCREMENTAL = 0x40,
    HPACK_INCREMENTAL_BITS = 6,
    HPACK_SIZE_UPDATE = 0x20,
    HPACK_SIZE_UPDATE_BITS = 5,
    HPACK_NEVER = 0x10,
    HPACK_LITERAL_BITS = 4,
    HPACK_HUFFMAN = 0x80,
    HPACK_STRING_BITS = 7
};

/* ---- hpack_table.c ---- */

typedef struct hpack_record {
    uint32_t at; /* where in the bytes: the name unless it has a token, then the value */
    uint32_t name_n, value_n;
    uint16_t token;
    bool valid; /* fields_pair_valid: of entries that were decoded */
} hpack_record;

/* Behind the table's bytes so many more may be read, so that short copies need not look at their
 * length. */
#define HPACK_COPY_STEP 32u

/* The record of entry i, 0 the newest. */
static inline hpack_record *hpack_table_record(const hpack_table *t, uint32_t i) {
    return (hpack_record *)(void *)t->block + ((t->inserted - 1 - i) & (t->slots - 1));
}

/* What `at` counts from. */
static inline uint8_t *hpack_table_bytes(const hpack_table *t) {
    return t->block + t->slots * sizeof(hpack_record);
}

/* Bytes that the table holds for an entry. */
static inline uint32_t hpack_table_stored(const hpack_record *r) {
    return (r->token ? 0 : r->name_n) + r->value_n;
}

/* An empty table that holds no memory. */
void hpack_table_init(hpack_table *t, const mem *m, uint32_t max_size);

/* Drops everything and gives the memory back. */
void hpack_table_end(hpack_table *t);

/* Sets the maximum size and evicts what is over it (RFC 7541 section 4.3). */
void hpack_table_limit(hpack_table *t, uint32_t max_size);

/* Adds the newest entry and evicts what it pushes out; one that is over the maximum empties the
 * table (RFC 7541 section 4.4). The bytes must not lie in the table; those of a name with a token
 * are not looked at. False when memory is refused: then nothing changed. */
bool hpack_table_add(hpack_table *t, uint16_t token, span name, span value);

/* ---- hpack_static.c ---- */

/* Entries from 1 to HPACK_STATIC_COUNT, an empty one before and behind. */
extern const hpack_entry hpack_static_entries[HPACK_STATIC_COUNT + 2];

/* The first static entry with this token's name, or 0. HTTP_TOKEN_OTHER yields 0. */
uint32_t hpack_static_of_token(http_token token);

/* The static entry with a name that fields.def does not list, or 0. */
uint32_t hpack_static_of_name(span name);

/* The entry with this value among those that share the name of static entry `first` (1 and up), or
 * 0. */
uint32_t hpack_static_of_pair(uint32_t first, span value);

/* ---- hpack_list.c ---- */

/* More places in l->fields; false when memory is refused. */
bool hpack_list_grow(hpack_list *l);

/* ---- hpack_index.c: what the encoder's table holds, by hash ---- */

/* What a field is looked up by. Its token must have been looked up itself. */
typedef struct hpack_key {
    const http_field *field;
    uint32_t name_hash, pair_hash;
} hpack_key;

#define HPACK_NOT_FOUND UINT32_MAX

hpack_key hpack_index_key(const hpack_enc *e, const http_field *f);

/* The newest entry with this name and value, or HPACK_NOT_FOUND. */
uint32_t hpack_index_pair(const hpack_enc *e, const hpack_key *k);

/* The newest entry with this name, or HPACK_NOT_FOUND. */
uint32_t hpack_index_name(const hpack_enc *e, const hpack_key *k);

/* The place of the entry that was remembered for field i of a block, when it is still in the table
 * and has this name and value, else HPACK_NOT_FOUND: what is sent again needs no hash. */
uint32_t hpack_index_again(const hpack_enc *e, size_t i, const http_field *f);

/* Field i of this block has the entry in that place. */
void hpack_index_remember(hpack_enc *e, size_t i, uint32_t place);

/* Enters the table's newest entry, which is the key's. When memory is refused nothing is found
 * until it is not. */
void hpack_index_add(hpack_enc *e, const hpack_key *k);

void hpack_index_end(hpack_enc *e);

/* ---- bytes ---- */

static inline uint64_t hpack_load64(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint32_t hpack_load32(const uint8_t *p) {
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* memcmp for equality, inline: most names and values are a few words long. */
static inline bool hpack_same(const uint8_t *a, const uint8_t *b, size_t n) {
    if (n >= 8) {
        for (size_t i = 0; i < n - 8; i += 8) {
            if (hpack_load64(a + i) != hpack_load64(b + i)) return false;
        }
        return hpack_load64(a + n - 8) == hpack_load64(b + n - 8);
    }
    if (n >= 4) {
        return hpack_load32(a) == hpack_load32(b) &&
               hpack_load32(a + n - 4) == hpack_load32(b + n - 4);
    }
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i]) return false;
    }
    return true;
}

#endif
