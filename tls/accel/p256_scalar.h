/* Integers modulo the order n of P-256's group: keys, nonces and the two halves of a signature.
 * Plain form outside; mul takes Montgomery's factor along (see there). Constant time. */
#ifndef H2BOX_TLS_ACCEL_P256_SCALAR_H
#define H2BOX_TLS_ACCEL_P256_SCALAR_H

#include <stdbool.h>
#include <stddef.h>

#include "tls/accel/p256_words.h"

#if defined(P256_HERE)
typedef p256_words p256_scalar;

extern const p256_scalar p256_scalar_n;

/* 32 bytes; false if the number is 0, n or more. */
bool p256_scalar_get(p256_scalar *r, const uint8_t p[32]);
/* A digest as FIPS 186-5 section 6.4 has it: the first 256 bits of it, modulo n. */
void p256_scalar_digest(p256_scalar *r, const uint8_t *p, size_t n);

void p256_scalar_add(p256_scalar *r, const p256_scalar *a, const p256_scalar *b);
/* a b / 2^256 */
void p256_scalar_mul(p256_scalar *r, const p256_scalar *a, const p256_scalar *b);
/* a 2^256, so that a product of it with a plain number is plain. */
void p256_scalar_enter(p256_scalar *r, const p256_scalar *a);
/* 1 / a for a plain a, in Montgomery's form: times a plain number it gives a plain quotient. */
void p256_scalar_invert(p256_scalar *r, const p256_scalar *a);

#endif
#endif
