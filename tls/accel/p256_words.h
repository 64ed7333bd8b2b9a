/* Numbers of 256 bits as four words, the lowest first: what the field and the scalars of P-256 are
 * both made of. Nothing here has a branch or an index that depends on a value. Masks are all ones
 * or all zeros. */
#ifndef H2BOX_TLS_ACCEL_P256_WORDS_H
#define H2BOX_TLS_ACCEL_P256_WORDS_H

#include <stdint.h>

/* The code wants a product of 128 bits; where there is none, mbedTLS keeps its own (see
 * h2box_mbedtls_config.h). */
#if defined(__SIZEOF_INT128__)
#define P256_HERE 1

__extension__ typedef unsigned __int128 p256_wide;

typedef struct p256_words {
    uint64_t v[4];
} p256_words;

/* The compiler must not learn that a mask has two values only, or it may branch. */
static inline uint64_t p256_words_opaque(uint64_t mask) {
    __asm__("" : "+r"(mask));
    return mask;
}

static inline uint64_t p256_words_if_zero(uint64_t w) {
    return p256_words_opaque(0 - ((~w & (w - 1)) >> 63));
}

static inline uint64_t p256_words_is_zero(const p256_words *a) {
    return p256_words_if_zero(a->v[0] | a->v[1] | a->v[2] | a->v[3]);
}

/* r = a where the mask is set. */
static inline void p256_words_select(p256_words *r, uint64_t mask, const p256_words *a) {
    for (int i = 0; i < 4; i++) r->v[i] ^= mask & (r->v[i] ^ a->v[i]);
}

/* Sums with carries and sums of products are the time of everything here. gcc 12 moves each carry
 * through a register, which takes twice as long as leaving it in its flag: hence the assembler. */
#if defined(__x86_64__)
#define P256_CHAIN(first, next)                                                      \
    first " %[b0], %[r0]\n\t" next " %[b1], %[r1]\n\t" next " %[b2], %[r2]\n\t" next \
          " %[b3], %[r3]\n\tsbbq %[out], %[out]"
#define P256_CHAIN_OF(first, next, r, b, left)                                                   \
    __asm__(                                                                                     \
        P256_CHAIN(first, next)                                                                  \
        : [r0] "+&r"((r)->v[0]), [r1] "+&r"((r)->v[1]), [r2] "+&r"((r)->v[2]),                   \
          [r3] "+&r"((r)->v[3]), [out] "=&r"(left)                                               \
        : [b0] "rm"((b)->v[0]), [b1] "rm"((b)->v[1]), [b2] "rm"((b)->v[2]), [b3] "rm"((b)->v[3]) \
        : "cc")
#endif

/* r = a + b; what left the top, 0 or 1. */
static inline uint64_t p256_words_add(p256_words *r, const p256_words *a, const p256_words *b) {
#if defined(__x86_64__)
    uint64_t out;
    p256_words sum = *a;
    P256_CHAIN_OF("addq", "adcq", &sum, b, out);
    *r = sum;
    return out & 1;
#else
    p256_wide sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += (p256_wide)a->v[i] + b->v[i];
        r->v[i] = (uint64_t)sum;
        sum >>= 64;
    }
    return (uint64_t)sum;
#endif
}

/* r = a - b; what was borrowed, 0 or 1. */
static inline uint64_t p256_words_sub(p256_words *r, const p256_words *a, const p256_words *b) {
    uint64_t borrow = 0;
#if defined(__x86_64__)
    p256_words difference = *a;
    P256_CHAIN_OF("subq", "sbbq", &difference, b, borrow);
    *r = difference;
    return borrow & 1;
#else
    for (int i = 0; i < 4; i++) {
        p256_wide difference = (p256_wide)a->v[i] - b->v[i] - borrow;
        r->v[i] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
    return borrow;
#endif
}

/* A column of a product, of up to 2^64 terms: low and high are what its next columns get. */
typedef struct p256_column {
    uint64_t low, mid, high;
} p256_column;

static inline void p256_words_term(p256_column *c, uint64_t a, uint64_t b) {
#if defined(__x86_64__)
    __asm__("mulq %[b]\n\taddq %%rax, %[low]\n\tadcq %%rdx, %[mid]\n\tadcq $0, %[high]"
            : [low] "+&r"(c->low), [mid] "+&r"(c->mid), [high] "+&r"(c->high), "+&a"(a)
            : [b] "rm"(b)
            : "rdx", "cc");
#else
    p256_wide product = (p256_wide)a * b, sum = (p256_wide)c->low + (uint64_t)product;
    c->low = (uint64_t)sum;
    sum = (p256_wide)c->mid + (uint64_t)(product >> 64) + (uint64_t)(sum >> 64);
    c->mid = (uint64_t)sum;
    c->high += (uint64_t)(sum >> 64);
#endif
}

/* The lowest word; the others move down. */
static inline uint64_t p256_words_shift(p256_column *c) {
    uint64_t word = c->low;
    c->low = c->mid;
    c->mid = c->high;
    c->high = 0;
    return word;
}

/* r below twice the modulus, with its 257th bit in top, becomes r modulo it. */
static inline void p256_words_reduce(p256_words *r, uint64_t top, const p256_words *modulus) {
#if defined(__x86_64__)
    p256_words less = *r;
    __asm__("subq %[m0], %[l0]\n\tsbbq %[m1], %[l1]\n\tsbbq %[m2], %[l2]\n\tsbbq %[m3], %[l3]\n\t"
            "sbbq $0, %[top]\n\tcmovcq %[r0], %[l0]\n\tcmovcq %[r1], %[l1]\n\t"
            "cmovcq %[r2], %[l2]\n\tcmovcq %[r3], %[l3]"
            : [l0] "+&r"(less.v[0]), [l1] "+&r"(less.v[1]), [l2] "+&r"(less.v[2]),
              [l3] "+&r"(less.v[3]), [top] "+&r"(top)
            : [m0] "rme"(modulus->v[0]), [m1] "rme"(modulus->v[1]), [m2] "rme"(modulus->v[2]),
              [m3] "rme"(modulus->v[3]), [r0] "rm"(r->v[0]), [r1] "rm"(r->v[1]), [r2] "rm"(r->v[2]),
              [r3] "rm"(r->v[3])
            : "cc");
    *r = less;
#else
    p256_words less;
    uint64_t borrow = p256_words_sub(&less, r, modulus);
    p256_words_select(r, p256_words_opaque(0 - (top | (borrow ^ 1))), &less);
#endif
}

static inline void p256_words_mul(uint64_t t[8], const p256_words *a, const p256_words *b) {
    p256_column c = {0, 0, 0};
#pragma GCC unroll 7
    for (int i = 0; i < 7; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            if (i - j >= 0 && i - j < 4) p256_words_term(&c, a->v[j], b->v[i - j]);
        t[i] = p256_words_shift(&c);
    }
    t[7] = c.low;
}

/* Big endian, as keys, points and signatures are written (SEC 1 section 2.3). */
static inline void p256_words_get(p256_words *r, const uint8_t p[32]) {
    for (int i = 0; i < 4; i++) {
        uint64_t w = 0;
        for (int k = 0; k < 8; k++) w = w << 8 | p[(3 - i) * 8 + k];
        r->v[i] = w;
    }
}

static inline void p256_words_put(const p256_words *a, uint8_t p[32]) {
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 8; k++) p[(3 - i) * 8 + k] = (uint8_t)(a->v[i] >> (56 - 8 * k));
}

/* Below the modulus? */
static inline uint64_t p256_words_below(const p256_words *a, const p256_words *modulus) {
    p256_words unused;
    return p256_words_opaque(0 - p256_words_sub(&unused, a, modulus));
}

#endif
#endif
