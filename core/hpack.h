/* HPACK, header compression for HTTP/2 (RFC 7541): an encoder and a decoder, each with its own
 * dynamic table.
 *
 * Each holds nothing until the first entry goes in, and gives everything back on end. One of each
 * belongs to a connection, which must feed blocks in wire order. Not here: frames and message rules
 * (fields.h). */
#ifndef H2BOX_CORE_HPACK_H
#define H2BOX_CORE_HPACK_H

#include "core/fields.h"
#include "core/huffman.h"
#include "core/mem.h"

#define HPACK_ENTRY_OVERHEAD 32u   /* RFC 7541 section 4.1 */
#define HPACK_DEFAULT_SIZE   4096u /* RFC 9113 section 6.5.2, SETTINGS_HEADER_TABLE_SIZE */
#define HPACK_STATIC_COUNT   61u   /* RFC 7541 appendix A */

/* The dynamic table (hpack_table.c): one contiguous block, grown from empty, newest entry first. */
typedef struct hpack_table {
    const mem *mem;
    uint8_t *block; /* bytes and entry records */
    uint32_t block_size;
    uint32_t count;    /* entries now */
    uint32_t size;     /* RFC 7541 section 4.1 size now */
    uint32_t max_size; /* size entries may reach now */
    /* hpack_table.c's own bookkeeping */
    uint32_t inserted; /* entries ever added, modulo 2^32: the number of the next one */
    uint32_t slots;    /* records the block has, a power of two */
    uint32_t room;     /* bytes the block has for names and values */
    uint32_t held;     /* bytes of names and values in use */
    uint32_t tail;     /* where the newest entry's bytes end */
} hpack_table;

typedef struct hpack_entry {
    span name, value; /* live until the next change of the table */
    uint16_t token;
} hpack_entry;

/* Entry i of the dynamic table, 0 the newest (wire index 62 + i); i must be below count. */
hpack_entry hpack_table_entry(const hpack_table *t, uint32_t i);

/* ---- decoder (hpack_dec.c) ---- */

typedef enum hpack_status {
    HPACK_OK,
    HPACK_TRUNCATED,    /* the block ends inside a field */
    HPACK_BAD_INTEGER,  /* over 2^32-1 or over-long (section 5.1) */
    HPACK_BAD_INDEX,    /* 0 or past both tables (section 2.3.3) */
    HPACK_BAD_HUFFMAN,  /* EOS, padding over 7 bits or not all ones (section 5.2) */
    HPACK_BAD_SIZE,     /* table size update over the limit (section 6.3) */
    HPACK_LATE_SIZE,    /* table size update after a field (section 4.2) */
    HPACK_MISSING_SIZE, /* the limit fell and no update that low comes first (section 4.2) */
    HPACK_EXCESS,       /* fields so many times over the list's maximum that decoding stopped */
    HPACK_NO_MEMORY     /* the allocator refused */
} hpack_status;

/* What is wrong, in words. Static storage. */
const char *hpack_status_text(hpack_status s);

typedef struct hpack_dec {
    hpack_table table;
    uint32_t limit;  /* what SETTINGS_HEADER_TABLE_SIZE allows the peer */
    uint32_t lowest; /* the lowest limit since the last block: the peer must acknowledge it by an
                        update */
    bool must_update;
    bool noted; /* hpack_again.c: it has kept a block of this decoder */
} hpack_dec;

/* Decoded fields of one block. Bytes live in `bytes` (an arena) or static storage, until
 * hpack_list_clear. One list may serve many decoders in turn. */
typedef struct hpack_list {
    http_field *fields;
    uint32_t count, capacity;
    uint32_t max_count; /* fields at most */
    uint32_t max_size;  /* RFC 9113 section 6.5.2 size at most */
    uint32_t size;      /* size so far; counts on when overflowed */
    uint64_t valid; /* bit i: fields_pair_valid holds for fields[i], which a table has or has had */
    bool
        overflowed; /* over a maximum: later fields were decoded for the table's sake and dropped */
    const mem *mem;
    mem_arena bytes;
} hpack_list;

/* An empty list that holds nothing yet. Its arena stays under four times max_size and 8 KiB. */
void hpack_list_init(hpack_list *l, const mem *m, uint32_t max_count, uint32_t max_size);

/* Ends all fields; keeps the arena's first chunk and places for 128 fields at most. */
void hpack_list_clear(hpack_list *l);

/* Ends all fields and gives everything back; the list may be used again. */
void hpack_list_end(hpack_list *l);

/* The peer begins with HPACK_DEFAULT_SIZE (RFC 9113 section 6.5.2); another limit counts as set by
 * hpack_dec_limit. */
void hpack_dec_init(hpack_dec *d, const mem *m, uint32_t limit);
void hpack_dec_end(hpack_dec *d);

/* Our SETTINGS_HEADER_TABLE_SIZE changed and was acknowledged: the peer may use up to limit, and
 * when that is less than its table's maximum, must say so at the start of its next block (RFC 7541
 * section 4.2). */
void hpack_dec_limit(hpack_dec *d, uint32_t limit);

/* Decodes one whole header block and appends its fields to l. After anything but HPACK_OK the
 * decoder is out of step with its peer: the connection must end with COMPRESSION_ERROR.
 * l->overflowed is not an error: the table is in step and the message alone is refused. */
hpack_status hpack_dec_block(hpack_dec *d, span block, hpack_list *l);

/* ---- encoder (hpack_enc.c) ---- */

typedef struct hpack_enc {
    hpack_table table;
    uint32_t cap;        /* the size we choose at most, whatever the peer allows */
    uint32_t peer_limit; /* the peer's SETTINGS_HEADER_TABLE_SIZE */
    uint32_t lowest;     /* lowest maximum since the last block, announced before the final one */
    bool must_update;
    bool noted;            /* hpack_again.c: it has kept a block of this encoder */
    uint32_t *buckets;     /* hash index over the table (hpack_index.c), NULL while it is empty */
    uint32_t bucket_count; /* entries it has room for */
    uint32_t seed;         /* of the hash, so that a peer cannot aim collisions */
} hpack_enc;

/* cap bounds the table's size whatever the peer allows. seed should differ between connections. */
void hpack_enc_init(hpack_enc *e, const mem *m, uint32_t cap, uint32_t seed);
void hpack_enc_end(hpack_enc *e);

/* The peer's SETTINGS_HEADER_TABLE_SIZE; the next block begins with the updates it calls for. */
void hpack_enc_limit(hpack_enc *e, uint32_t peer_limit);

/* An upper bound, in bytes, of what hpack_enc_block writes for these fields. */
size_t hpack_enc_bound(const hpack_enc *e, const http_field *f, size_t n);

/* Writes one header block at out (hpack_enc_bound bytes of room) and returns its length. Never
 * fails: when memory is refused, fields go out as literals that the table need not hold. SECRET
 * names, short cookies and fields marked never_indexed go out never-indexed (RFC 7541
 * section 7.1.3). Names must be lower case. f[i].token may be HTTP_TOKEN_OTHER for a known name: it
 * costs speed, not bytes. */
size_t hpack_enc_block(hpack_enc *e, const http_field *f, size_t n, uint8_t *out);

#endif
