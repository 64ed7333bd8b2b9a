/* SHA-256 and SHA-384 (FIPS 180-4) with their HMAC (RFC 2104), for keys and for those who compute
 * many digests. SHA-256 uses the processor's instructions for it. */
#ifndef H2BOX_TLS_ACCEL_SHA2_H
#define H2BOX_TLS_ACCEL_SHA2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA2_256 = 32, SHA2_384 = 48, SHA2_MAX = 48 };

/* A digest being made; its size (SHA2_256 or SHA2_384) says which. */
typedef struct sha2 {
    union {
        uint32_t h32[8];
        uint64_t h64[8];
    };
    uint8_t block[128];
    uint64_t n;
    size_t size;
} sha2;

void sha2_begin(sha2 *s, size_t size);
void sha2_add(sha2 *s, const uint8_t *p, size_t n);
/* s->size bytes; the state is wiped. */
void sha2_end(sha2 *s, uint8_t *digest);

/* size bytes of HMAC. */
void sha2_hmac(size_t size, const uint8_t *key, size_t key_n, const uint8_t *text, size_t text_n,
               uint8_t *mac);

/* The compression of SHA-256 over n / 64 blocks. */
void sha2_blocks256(uint32_t h[8], const uint8_t *p, size_t n);

#endif
