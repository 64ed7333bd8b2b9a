/* The ChaCha20 key stream (RFC 8439 section 2), on the widest vectors that the processor has. */
#ifndef H2BOX_TLS_ACCEL_CHACHA_H
#define H2BOX_TLS_ACCEL_CHACHA_H

#include <stddef.h>
#include <stdint.h>

enum { CHACHA_BLOCK = 64, CHACHA_KEY = 32, CHACHA_NONCE = 12 };

/* state[4..11] the key, state[12] the number of the next block, state[13..15] the nonce, all
 * little-endian words; chacha_start fills it. */
void chacha_start(uint32_t state[16], const uint8_t key[CHACHA_KEY],
                  const uint8_t nonce[CHACHA_NONCE], uint32_t number);

/* n bytes of in, a multiple of CHACHA_BLOCK, to out, which may be in; the number goes on. */
void chacha_xor(uint32_t state[16], const uint8_t *in, size_t n, uint8_t *out);

/* The next block of key stream. */
void chacha_block(uint32_t state[16], uint8_t out[CHACHA_BLOCK]);

#endif
