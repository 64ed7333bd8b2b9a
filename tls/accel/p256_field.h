/* The field of P-256 (SP 800-186 section 3.2.1.3): integers modulo p = 2^256 - 2^224 + 2^192 + 2^96
 * - 1 in Montgomery's form, a 2^256 mod p, always below p. Constant time. */
#ifndef H2BOX_TLS_ACCEL_P256_FIELD_H
#define H2BOX_TLS_ACCEL_P256_FIELD_H

#include "tls/accel/p256_words.h"

#if defined(P256_HERE)
typedef p256_words p256_field;

static const p256_field p256_field_p = {
    {0xffffffffffffffff, 0x00000000ffffffff, 0x0000000000000000, 0xffffffff00000001}};
static const p256_field p256_field_one = {
    {0x0000000000000001, 0xffffffff00000000, 0xffffffffffffffff, 0x00000000fffffffe}};

static inline void p256_field_add(p256_field *r, const p256_field *a, const p256_field *b) {
    uint64_t top = p256_words_add(r, a, b);
    p256_words_reduce(r, top, &p256_field_p);
}

static inline void p256_field_sub(p256_field *r, const p256_field *a, const p256_field *b) {
    uint64_t borrow = 0 - p256_words_sub(r, a, b);
    p256_words back = {{borrow, borrow & p256_field_p.v[1], 0, borrow & p256_field_p.v[3]}};
    p256_words_add(r, r, &back);
}

/* (t + m p) / 2^64 for m = t[0]. p is -1 modulo 2^64: what it adds to the lowest word is 2^64 m
 * less m, in the middle it is m 2^96, and only its highest word needs a product. Below 2^256. */
static inline void p256_field_round(p256_words *t) {
    uint64_t m = t->v[0], low = m << 32, high = m >> 32;
#if defined(__x86_64__)
    uint64_t top = p256_field_p.v[3];
    __asm__("mulq %%rdx\n\taddq %[low], %[t1]\n\tadcq %[high], %[t2]\n\tadcq %%rax, %[t3]\n\t"
            "adcq $0, %%rdx"
            : [t1] "+&r"(t->v[1]), [t2] "+&r"(t->v[2]), [t3] "+&r"(t->v[3]), "+&d"(top), "+&a"(m)
            : [low] "r"(low), [high] "r"(high)
            : "cc");
    *t = (p256_words){{t->v[1], t->v[2], t->v[3], top}};
#else
    p256_wide product = (p256_wide)m * p256_field_p.v[3], sum = (p256_wide)t->v[1] + low;
    t->v[0] = (uint64_t)sum;
    sum = (p256_wide)t->v[2] + high + (uint64_t)(sum >> 64);
    t->v[1] = (uint64_t)sum;
    sum = product + t->v[3] + (uint64_t)(sum >> 64);
    t->v[2] = (uint64_t)sum;
    t->v[3] = (uint64_t)(sum >> 64);
#endif
}

/* t / 2^256 mod p */
static inline void p256_field_settle(p256_field *r, const uint64_t t[8]) {
    p256_words low = {{t[0], t[1], t[2], t[3]}}, high = {{t[4], t[5], t[6], t[7]}};
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) p256_field_round(&low);
    uint64_t top = p256_words_add(r, &low, &high);
    p256_words_reduce(r, top, &p256_field_p);
}

static inline void p256_field_mul(p256_field *r, const p256_field *a, const p256_field *b) {
    uint64_t t[8];
    p256_words_mul(t, a, b);
    p256_field_settle(r, t);
}

static inline void p256_field_square(p256_field *r, const p256_field *a) {
    p256_field_mul(r, a, a);
}

/* Into Montgomery's form, and out of it. */
static inline void p256_field_enter(p256_field *r, const p256_words *a) {
    static const p256_field square = {
        {0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x00000004fffffffd}};
    p256_field_mul(r, a, &square);
}

static inline void p256_field_leave(p256_words *r, const p256_field *a) {
    uint64_t t[8] = {a->v[0], a->v[1], a->v[2], a->v[3], 0, 0, 0, 0};
    p256_field_settle(r, t);
}

/* 1 / a; 0 of 0. */
void p256_field_invert(p256_field *r, const p256_field *a);

#endif
#endif
