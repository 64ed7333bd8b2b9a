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

/* The first static entry with this token's name, or 0. HTTP_TOKEN_OTHER yields 0. */
uint32_t hpack_static_of_token(http_token token);

/* The static entry with a name that fields.def does not list, or 0. */
uint32_t hpack_static_of_name(span name);

/* The entry with this value among those that share the name of static entry `first` (1 and up), or
 * 0. */
uint32_t hpack_static_of_pair(uint32_t first, span value);

/* ---- hpack_index.c: what the encoder's table holds, by hash ---- */

/* A field as the index knows it. */
typedef struct hpack_key {
    uint16_t token;
    span name, value;
    uint32_t name_hash; /* of the token, or of the name without one */
    uint32_t pair_hash;
} hpack_key;

#define HPACK_NOT_FOUND UINT32_MAX

hpack_key hpack_index_key(const hpack_enc *e, const http_field *f);

/* The newest entry with this name and value, or HPACK_NOT_FOUND. */
uint32_t hpack_index_pair(const hpack_enc *e, const hpack_key *k);

/* The newest entry with this name, or HPACK_NOT_FOUND. */
uint32_t hpack_index_name(const hpack_enc *e, const hpack_key *k);

/* Enters the table's newest entry, which is the key's. When memory is refused nothing will be found
 * until it is not. */
void hpack_index_add(hpack_enc *e, const hpack_key *k);

void hpack_index_end(hpack_enc *e);

/* ---- hpack_list.c ---- */

/* The next free place in l->fields, not counted yet, or NULL when memory is refused. */
http_field *hpack_list_place(hpack_list *l);

#endif
