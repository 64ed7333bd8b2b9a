/* Numbers modulo p = 2^255 - 19: five limbs of 51 bits, a little more between operations. After
 * field_mul and the like limbs are below 2^51 + 2^14 ("carried"); what goes into them may have 54
 * bits; what field_sub takes away must be below 2^53 - 76, so a sum of two carried ones at most.
 * Constant time. */
#ifndef H2BOX_TLS_ACCEL_FIELD25519_H
#define H2BOX_TLS_ACCEL_FIELD25519_H

#include <stdint.h>

__extension__ typedef unsigned __int128 field_wide;

typedef struct field {
    uint64_t v[5];
} field;

#define FIELD_MASK (((uint64_t)1 << 51) - 1)

/* All ones when the bit is one, else zero, and the compiler does not know which. */
static inline uint64_t field_all(uint64_t bit) {
    uint64_t mask = 0 - bit;
    __asm__("" : "+r"(mask));
    return mask;
}

static inline void field_swap(field *a, field *b, uint64_t mask) {
    for (unsigned i = 0; i < 5; i++) {
        uint64_t t = mask & (a->v[i] ^ b->v[i]);
        a->v[i] ^= t;
        b->v[i] ^= t;
    }
}

/* *a becomes b where the mask is all ones. */
static inline void field_take(field *a, const field *b, uint64_t mask) {
    for (unsigned i = 0; i < 5; i++) a->v[i] ^= mask & (a->v[i] ^ b->v[i]);
}

static inline field field_add(field a, field b) {
    for (unsigned i = 0; i < 5; i++) a.v[i] += b.v[i];
    return a;
}

/* a - b + 4 p, so that no limb is negative. */
static inline field field_sub(field a, field b) {
    a.v[0] += 4 * (FIELD_MASK - 18) - b.v[0];
    for (unsigned i = 1; i < 5; i++) a.v[i] += 4 * FIELD_MASK - b.v[i];
    return a;
}

static inline field field_carried(field_wide t0, field_wide t1, field_wide t2, field_wide t3,
                                  field_wide t4) {
    field r;
    t1 += (uint64_t)(t0 >> 51);
    t2 += (uint64_t)(t1 >> 51);
    t3 += (uint64_t)(t2 >> 51);
    t4 += (uint64_t)(t3 >> 51);
    r.v[0] = ((uint64_t)t0 & FIELD_MASK) + 19 * (uint64_t)(t4 >> 51);
    r.v[1] = ((uint64_t)t1 & FIELD_MASK) + (r.v[0] >> 51);
    r.v[0] &= FIELD_MASK;
    r.v[2] = (uint64_t)t2 & FIELD_MASK;
    r.v[3] = (uint64_t)t3 & FIELD_MASK;
    r.v[4] = (uint64_t)t4 & FIELD_MASK;
    return r;
}

#define FIELD_BY(a, b) ((field_wide)(a) * (b))

static inline field field_mul(field a, field b) {
    const uint64_t *x = a.v, *y = b.v;
    uint64_t y1 = 19 * y[1], y2 = 19 * y[2], y3 = 19 * y[3], y4 = 19 * y[4];
    return field_carried(FIELD_BY(x[0], y[0]) + FIELD_BY(x[1], y4) + FIELD_BY(x[2], y3) +
                             FIELD_BY(x[3], y2) + FIELD_BY(x[4], y1),
                         FIELD_BY(x[0], y[1]) + FIELD_BY(x[1], y[0]) + FIELD_BY(x[2], y4) +
                             FIELD_BY(x[3], y3) + FIELD_BY(x[4], y2),
                         FIELD_BY(x[0], y[2]) + FIELD_BY(x[1], y[1]) + FIELD_BY(x[2], y[0]) +
                             FIELD_BY(x[3], y4) + FIELD_BY(x[4], y3),
                         FIELD_BY(x[0], y[3]) + FIELD_BY(x[1], y[2]) + FIELD_BY(x[2], y[1]) +
                             FIELD_BY(x[3], y[0]) + FIELD_BY(x[4], y4),
                         FIELD_BY(x[0], y[4]) + FIELD_BY(x[1], y[3]) + FIELD_BY(x[2], y[2]) +
                             FIELD_BY(x[3], y[1]) + FIELD_BY(x[4], y[0]));
}

static inline field field_square(field a) {
    const uint64_t *x = a.v;
    uint64_t d0 = 2 * x[0], d1 = 2 * x[1], d2 = 2 * x[2], d3 = 2 * x[3];
    uint64_t x3 = 19 * x[3], x4 = 19 * x[4];
    return field_carried(FIELD_BY(x[0], x[0]) + FIELD_BY(d1, x4) + FIELD_BY(d2, x3),
                         FIELD_BY(d0, x[1]) + FIELD_BY(d2, x4) + FIELD_BY(x[3], x3),
                         FIELD_BY(d0, x[2]) + FIELD_BY(x[1], x[1]) + FIELD_BY(d3, x4),
                         FIELD_BY(d0, x[3]) + FIELD_BY(d1, x[2]) + FIELD_BY(x[4], x4),
                         FIELD_BY(d0, x[4]) + FIELD_BY(d1, x[3]) + FIELD_BY(x[2], x[2]));
}

static inline field field_times(field a, uint64_t n) {
    return field_carried(FIELD_BY(a.v[0], n), FIELD_BY(a.v[1], n), FIELD_BY(a.v[2], n),
                         FIELD_BY(a.v[3], n), FIELD_BY(a.v[4], n));
}

/* 1 / a; of zero it is zero. */
field field25519_inverse(field a);
/* Little-endian, as RFC 7748 section 5 has it: the top bit is not looked at, numbers from p on are
 * taken modulo p. */
field field25519_unpack(const uint8_t p[32]);
/* The number below p; a is carried. */
void field25519_pack(uint8_t out[32], field a);

#endif
