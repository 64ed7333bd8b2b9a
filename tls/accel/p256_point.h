/* The group of P-256: y^2 = x^3 - 3x + b in Jacobian coordinates (x = X / Z^2, y = Y / Z^3; Z = 0
 * is infinity), and its two products.
 *
 * Both products walk over signed digits of five bits from the highest, in constant time, with
 * lookups that read a whole table. The one exception of the sum's formulas that is a branch, two
 * equal points, does not come up there: at the last digit d, |d| <= 16, the sum so far is 32 m
 * times the point, and 32 m = d modulo n for a scalar 32 m + d below n leaves 32 m = n - |d| only,
 * but n is 17 modulo 32. At digits above, where sum and digit share a power of two, n is odd.
 */
#ifndef H2BOX_TLS_ACCEL_P256_POINT_H
#define H2BOX_TLS_ACCEL_P256_POINT_H

#include <stdbool.h>

#include "tls/accel/p256_field.h"

#if defined(P256_HERE)
typedef struct p256_point {
    p256_field x, y, z;
} p256_point;

/* A point other than infinity, z being 1. */
typedef struct p256_affine {
    p256_field x, y;
} p256_affine;

/* 64 bytes, x and y; false if a coordinate is p or more, or the point is not on the curve. The
 * group has no other subgroup, so such a point is good for every use. */
bool p256_point_get(p256_affine *r, const uint8_t p[64]);
/* False if it is infinity. */
bool p256_point_affine(p256_affine *r, const p256_point *a);

/* Any points, equal, opposite or infinite. */
void p256_point_add(p256_point *r, const p256_point *a, const p256_point *b);
void p256_point_add_affine(p256_point *r, const p256_point *a, const p256_affine *b);
void p256_point_double(p256_point *r, const p256_point *a);

/* k a, for a k below n. */
void p256_point_mul(p256_point *r, const p256_words *k, const p256_affine *a);

/* The signed digit in -16..16 at bit 5 i of k: its size, and a mask that is set if it is negative.
 * The sum of digits times 2^(5 i) for i < P256_DIGITS is k. */
enum { P256_DIGIT = 5, P256_DIGITS = 52, P256_MULTIPLES = 16 };
uint64_t p256_point_digit(const p256_words *k, int i, uint64_t *negative);

#endif
#endif
