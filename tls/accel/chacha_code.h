/* The inside of chacha: what wider code does of a text, from its front. It returns how many bytes
 * it took, a multiple of CHACHA_BLOCK. */
#ifndef H2BOX_TLS_ACCEL_CHACHA_CODE_H
#define H2BOX_TLS_ACCEL_CHACHA_CODE_H

#include "tls/accel/chacha.h"

#if defined(__x86_64__)
size_t chacha_avx2_xor(uint32_t state[16], const uint8_t *in, size_t n, uint8_t *out);
size_t chacha_avx512_xor(uint32_t state[16], const uint8_t *in, size_t n, uint8_t *out);
#endif

#endif
