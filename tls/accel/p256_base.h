/* Multiples of P-256's generator, in constant time and without doublings: a table holds 1 to 16
 * times 2^(5 i) G for each digit i of a scalar.
 *
 * The table (53 KiB) is computed at the first use, under pthread_once: that takes about a
 * millisecond, and only those who use the curve pay it; in the source it would be 6,656 numbers
 * that nobody can read. */
#ifndef H2BOX_TLS_ACCEL_P256_BASE_H
#define H2BOX_TLS_ACCEL_P256_BASE_H

#include "tls/accel/p256_point.h"

#if defined(P256_HERE)
/* k G, for a k below n. */
void p256_base_mul(p256_point *r, const p256_words *k);

#endif
#endif
