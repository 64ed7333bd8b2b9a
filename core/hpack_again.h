/* What was decoded and encoded last, so that the same once more costs a comparison and a copy.
 *
 * A worker has one of each, and all its connections share them: what comes in one read, and what
 * goes out in one write, belongs to one connection, and there most blocks repeat. Only blocks that
 * left their table as it was are kept, so that nothing but the next block of that connection, or a
 * change of its limits, could give the bytes another meaning. Messages that differ from each other
 * lose some 50 instructions a block. */
#ifndef H2BOX_CORE_HPACK_AGAIN_H
#define H2BOX_CORE_HPACK_AGAIN_H

#include "core/hpack.h"

#define HPACK_AGAIN_BLOCK                                                                          \
    384u                        /* bytes of a block that is kept: browsers' requests are 30 to 300 \
                                 */
#define HPACK_AGAIN_TEXT   768u /* of names and values */
#define HPACK_AGAIN_FIELDS 24u

typedef struct hpack_again_in {
    const hpack_dec *of; /* whose block it was; NULL: none is kept */
    uint32_t max_size;   /* of the list at that time */
    uint32_t n;
    uint8_t block[HPACK_AGAIN_BLOCK];
} hpack_again_in;

typedef struct hpack_again_out {
    const hpack_enc *of;
    uint32_t n;     /* of the block */
    uint32_t count; /* fields; 0: the block has come once, and they are not kept */
    http_field fields[HPACK_AGAIN_FIELDS]; /* their bytes are in text */
    uint8_t text[HPACK_AGAIN_TEXT];
    uint8_t block[HPACK_AGAIN_BLOCK];
} hpack_again_out;

/* As hpack_list_clear and hpack_dec_block, but when the list still holds what this block says,
 * nothing is done and *same is true. d keeps to this list and this `a` for all its life, and nobody
 * else touches the list's fields. */
hpack_status hpack_again_decode(hpack_again_in *a, hpack_dec *d, span block, hpack_list *l,
                                bool *same);

/* The kept block when it says these fields, else empty: to be written instead of
 * hpack_again_encode. e keeps to this `a` for all its life. */
span hpack_again_encoded(const hpack_again_out *a, const hpack_enc *e, const http_field *f,
                         size_t n);

/* As hpack_enc_block, for fields of which hpack_again_encoded has nothing. */
size_t hpack_again_encode(hpack_again_out *a, hpack_enc *e, const http_field *f, size_t n,
                          uint8_t *out);

#endif
