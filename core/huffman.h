/* The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B): bytes in, bytes out.
 *
 * It owns nothing. Tables: huffman_table.h, written by huffman_table.py. */
#ifndef H2BOX_CORE_HUFFMAN_H
#define H2BOX_CORE_HUFFMAN_H

#include "core/bytes.h"

/* Both directions store whole words, and write up to so much behind their result. */
#define HUFFMAN_SLACK 8u

/* Bytes that s takes when coded. */
size_t huffman_size(span s);

/* Codes s at out and returns the bytes that takes when they are less than `most`, otherwise gives
 * up and returns `most`. Needs room for `most` bytes and HUFFMAN_SLACK, and may write all of it. */
size_t huffman_encode_under(span s, uint8_t *out, size_t most);

/* Decodes s at out, which has room for s.n * 8 / 5 (the shortest codes have 5 bits) and
 * HUFFMAN_SLACK bytes, or that slack behind what is known to come out. Returns the length, or
 * SIZE_MAX for a bad code. */
size_t huffman_decode(span s, uint8_t *out);

/* The length huffman_decode would return. */
size_t huffman_decoded_size(span s);

#endif
