#include "tls/accel/p256_scalar.h"

#if defined(P256_HERE)
#include <string.h>

#include "tls/accel/wipe.h"

const p256_scalar p256_scalar_n = {
    {0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000}};

bool p256_scalar_get(p256_scalar *r, const uint8_t p[32]) {
    p256_words_get(r, p);
    return (p256_words_below(r, &p256_scalar_n) & ~p256_words_is_zero(r)) != 0;
}

void p256_scalar_digest(p256_scalar *r, const uint8_t *p, size_t n) {
    uint8_t whole[32] = {0};
    if (n > 32) n = 32;
    if (n) memcpy(whole + 32 - n, p, n);
    p256_words_get(r, whole);
    p256_words_reduce(r, 0, &p256_scalar_n);
}

void p256_scalar_add(p256_scalar *r, const p256_scalar *a, const p256_scalar *b) {
    uint64_t top = p256_words_add(r, a, b);
    p256_words_reduce(r, top, &p256_scalar_n);
}

/* Montgomery, column by column: each of the lower four becomes 0 by a multiple of n. */
void p256_scalar_mul(p256_scalar *r, const p256_scalar *a, const p256_scalar *b) {
    const uint64_t *n = p256_scalar_n.v;
    p256_column c = {0, 0, 0};
    p256_scalar out;
    uint64_t m[4];
#pragma GCC unroll 8
    for (int i = 0; i < 7; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            if (i - j < 0 || i - j > 3) continue;
            p256_words_term(&c, a->v[j], b->v[i - j]);
            if (j < i) p256_words_term(&c, m[j], n[i - j]);
        }
        if (i < 4) {
            m[i] = c.low * 0xccd1c8aaee00bc4f; /* -1 / n modulo 2^64 */
            p256_words_term(&c, m[i], n[0]);
            p256_words_shift(&c);
        } else {
            out.v[i - 4] = p256_words_shift(&c);
        }
    }
    out.v[3] = c.low;
    p256_words_reduce(&out, c.mid, &p256_scalar_n);
    *r = out;
}

/* 2^512 mod n */
static const p256_scalar square = {
    {0x83244c95be79eea2, 0x4699799c49bd6fa6, 0x2845b2392b6bec59, 0x66e12d94f3d95620}};

void p256_scalar_enter(p256_scalar *r, const p256_scalar *a) { p256_scalar_mul(r, a, &square); }

/* a^(2^n) b */
static void lift(p256_scalar *r, const p256_scalar *a, int n, const p256_scalar *b) {
    p256_scalar t = *a;
    while (n--) p256_scalar_mul(&t, &t, &t);
    p256_scalar_mul(r, &t, b);
}

/* Fermat: a^(n - 2). Its upper half is ffffffff 00000000 ffffffff ffffffff, the lower half goes by
 * four bits; the exponent is public. */
void p256_scalar_invert(p256_scalar *r, const p256_scalar *a) {
    static const uint64_t low[2] = {0xbce6faada7179e84, 0xf3b9cac2fc63254f};
    p256_scalar x[16], x8, x16, x32, t;
    p256_scalar_enter(&x[1], a);
    for (int i = 2; i < 16; i++) p256_scalar_mul(&x[i], &x[i - 1], &x[1]);
    lift(&x8, &x[15], 4, &x[15]);
    lift(&x16, &x8, 8, &x8);
    lift(&x32, &x16, 16, &x16);
    lift(&t, &x32, 64, &x32);
    lift(&t, &t, 32, &x32);
    for (int i = 0; i < 32; i++) {
        unsigned four = (unsigned)(low[i / 16] >> (60 - i % 16 * 4)) & 15;
        for (int k = 0; k < 4; k++) p256_scalar_mul(&t, &t, &t);
        if (four) p256_scalar_mul(&t, &t, &x[four]);
    }
    *r = t;
    wipe(x, sizeof x);
}

#else
typedef int p256_scalar_is_not_here;
#endif
