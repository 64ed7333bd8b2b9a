/* X25519 (RFC 7748), in constant time: Montgomery's ladder, and for public keys a table of
 * multiples of the base point on the Edwards curve. */
#ifndef H2BOX_TLS_ACCEL_X25519_H
#define H2BOX_TLS_ACCEL_X25519_H

#include <stdbool.h>
#include <stdint.h>

enum { X25519_BYTES = 32 };

/* out = scalar times the point with this u. False when the result is zero, as it is for points of
 * low order (section 6.1): out is then zero and not to be used. */
bool x25519(uint8_t out[X25519_BYTES], const uint8_t scalar[X25519_BYTES],
            const uint8_t u[X25519_BYTES]);

/* The public key of a scalar: the same for u = 9. The first call makes the table. */
void x25519_base(uint8_t out[X25519_BYTES], const uint8_t scalar[X25519_BYTES]);

#endif
