/* The inside of sha2: the constants of SHA-256 and the code for processors that know it. */
#ifndef H2BOX_TLS_ACCEL_SHA2_CODE_H
#define H2BOX_TLS_ACCEL_SHA2_CODE_H

#include <stddef.h>
#include <stdint.h>

extern const uint32_t sha2_k32[64];

#if defined(__x86_64__)
void sha2_ni_blocks256(uint32_t h[8], const uint8_t *p, size_t n); /* CPU_SHA */
#endif

#endif
