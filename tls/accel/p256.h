/* P-256 (SP 800-186 section 3.2.1.3) for TLS: keys, ECDH (SP 800-56A section 5.7.1.2) and ECDSA
 * (FIPS 186-5 section 6). Constant time in whatever is secret; signatures are verified with the
 * same code. It draws no random numbers: who makes a key or signs brings them.
 *
 * A key is 32 bytes, a point x and y, a signature r and s, all big endian. Results tell whether the
 * input was good; what was to be written is then undefined. Without 128-bit products
 * (p256_words.h) there is none of it. */
#ifndef H2BOX_TLS_ACCEL_P256_H
#define H2BOX_TLS_ACCEL_P256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { P256_KEY = 32, P256_POINT = 64, P256_SIGNATURE = 64 };

/* From 1 to n - 1? */
bool p256_key(const uint8_t key[P256_KEY]);
/* On the curve, coordinates below p? */
bool p256_public(const uint8_t point[P256_POINT]);

/* The point of a key. */
bool p256_derive(const uint8_t key[P256_KEY], uint8_t point[P256_POINT]);
/* The x of key times the peer's point. */
bool p256_agree(const uint8_t key[P256_KEY], const uint8_t point[P256_POINT],
                uint8_t secret[P256_KEY]);

/* The nonce is RFC 6979's of key and digest, with SHA-256, and with the fresh random bytes as its
 * additional input (section 3.6): neither a bad generator nor a fault that repeats a signature
 * gives the key away. Without random bytes it is section 3.2's. */
bool p256_sign(const uint8_t key[P256_KEY], const uint8_t *digest, size_t n, const uint8_t *fresh,
               size_t fresh_n, uint8_t signature[P256_SIGNATURE]);
bool p256_verify(const uint8_t point[P256_POINT], const uint8_t *digest, size_t n,
                 const uint8_t signature[P256_SIGNATURE]);

#endif
