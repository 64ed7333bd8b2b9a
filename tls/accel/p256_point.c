#include "tls/accel/p256_point.h"

#if defined(P256_HERE)
#include <string.h>

#include "tls/accel/wipe.h"

bool p256_point_get(p256_affine *r, const uint8_t p[64]) {
    static const p256_field b = {
        {0xd89cdf6229c4bddf, 0xacf005cd78843090, 0xe5a220abf7212ed6, 0xdc30061d04874834}};
    p256_field left, right;
    p256_words x, y;
    p256_words_get(&x, p);
    p256_words_get(&y, p + 32);
    if (!(p256_words_below(&x, &p256_field_p) & p256_words_below(&y, &p256_field_p))) return false;
    p256_field_enter(&r->x, &x);
    p256_field_enter(&r->y, &y);
    p256_field_square(&right, &r->x);
    for (int i = 0; i < 3; i++) p256_field_sub(&right, &right, &p256_field_one);
    p256_field_mul(&right, &right, &r->x);
    p256_field_add(&right, &right, &b);
    p256_field_square(&left, &r->y);
    p256_field_sub(&left, &left, &right);
    return p256_words_is_zero(&left) != 0;
}

bool p256_point_affine(p256_affine *r, const p256_point *a) {
    p256_field z, zz;
    if (p256_words_is_zero(&a->z)) return false;
    p256_field_invert(&z, &a->z);
    p256_field_square(&zz, &z);
    p256_field_mul(&r->x, &a->x, &zz);
    p256_field_mul(&z, &z, &zz);
    p256_field_mul(&r->y, &a->y, &z);
    return true;
}

/* Explicit-Formulas Database, "dbl-2001-b": 3 products and 5 squares. Infinity stays. */
void p256_point_double(p256_point *r, const p256_point *a) {
    p256_field delta, gamma, beta, alpha, t;
    p256_field_square(&delta, &a->z);
    p256_field_square(&gamma, &a->y);
    p256_field_mul(&beta, &a->x, &gamma);
    p256_field_sub(&t, &a->x, &delta);
    p256_field_add(&alpha, &a->x, &delta);
    p256_field_mul(&alpha, &alpha, &t);
    p256_field_add(&t, &alpha, &alpha);
    p256_field_add(&alpha, &alpha, &t); /* 3 (x - delta) (x + delta) */
    p256_field_add(&t, &a->y, &a->z);
    p256_field_square(&t, &t);
    p256_field_sub(&t, &t, &gamma);
    p256_field_sub(&r->z, &t, &delta);
    p256_field_add(&beta, &beta, &beta);
    p256_field_add(&beta, &beta, &beta); /* 4 beta */
    p256_field_square(&t, &alpha);
    p256_field_sub(&t, &t, &beta);
    p256_field_sub(&r->x, &t, &beta);
    p256_field_sub(&beta, &beta, &r->x);
    p256_field_mul(&t, &alpha, &beta);
    p256_field_add(&gamma, &gamma, &gamma);
    p256_field_square(&gamma, &gamma);
    p256_field_add(&gamma, &gamma, &gamma); /* 8 gamma^2 */
    p256_field_sub(&r->y, &t, &gamma);
}

static void select_point(p256_point *r, uint64_t mask, const p256_point *a) {
    p256_words_select(&r->x, mask, &a->x);
    p256_words_select(&r->y, mask, &a->y);
    p256_words_select(&r->z, mask, &a->z);
}

/* The rest of both sums: a is (u1, s1) and b is (u2, s2) over one denominator, z the product of
 * both z. */
static void add_rest(p256_point *r, const p256_field *u1, const p256_field *s1,
                     const p256_field *u2, const p256_field *s2, const p256_field *z) {
    p256_field h, hh, hhh, slope, v, t;
    p256_field_sub(&h, u2, u1);
    p256_field_sub(&slope, s2, s1);
    p256_field_mul(&r->z, z, &h);
    p256_field_square(&hh, &h);
    p256_field_mul(&hhh, &hh, &h);
    p256_field_mul(&v, u1, &hh);
    p256_field_square(&t, &slope);
    p256_field_sub(&t, &t, &hhh);
    p256_field_sub(&t, &t, &v);
    p256_field_sub(&r->x, &t, &v);
    p256_field_sub(&v, &v, &r->x);
    p256_field_mul(&v, &v, &slope);
    p256_field_mul(&t, s1, &hhh);
    p256_field_sub(&r->y, &v, &t);
}

static uint64_t equal(const p256_field *a, const p256_field *b) {
    p256_field t;
    p256_field_sub(&t, a, b);
    return p256_words_is_zero(&t);
}

void p256_point_add(p256_point *r, const p256_point *a, const p256_point *b) {
    p256_field z1, z2, u1, u2, s1, s2, z;
    p256_point sum;
    uint64_t a_infinite = p256_words_is_zero(&a->z), b_infinite = p256_words_is_zero(&b->z);
    p256_field_square(&z1, &a->z);
    p256_field_square(&z2, &b->z);
    p256_field_mul(&u1, &a->x, &z2);
    p256_field_mul(&u2, &b->x, &z1);
    p256_field_mul(&z2, &z2, &b->z);
    p256_field_mul(&z1, &z1, &a->z);
    p256_field_mul(&s1, &a->y, &z2);
    p256_field_mul(&s2, &b->y, &z1);
    if (equal(&u1, &u2) & equal(&s1, &s2) & ~a_infinite & ~b_infinite) {
        p256_point_double(r, a);
        return;
    }
    p256_field_mul(&z, &a->z, &b->z);
    add_rest(&sum, &u1, &s1, &u2, &s2, &z);
    select_point(&sum, a_infinite, b);
    select_point(&sum, b_infinite, a);
    *r = sum;
}

void p256_point_add_affine(p256_point *r, const p256_point *a, const p256_affine *b) {
    p256_field z1, u2, s2;
    p256_point sum, other = {b->x, b->y, p256_field_one};
    uint64_t a_infinite = p256_words_is_zero(&a->z);
    p256_field_square(&z1, &a->z);
    p256_field_mul(&u2, &b->x, &z1);
    p256_field_mul(&z1, &z1, &a->z);
    p256_field_mul(&s2, &b->y, &z1);
    if (equal(&a->x, &u2) & equal(&a->y, &s2) & ~a_infinite) {
        p256_point_double(r, a);
        return;
    }
    add_rest(&sum, &a->x, &a->y, &u2, &s2, &a->z);
    select_point(&sum, a_infinite, &other);
    *r = sum;
}

/* Booth: bits 5 i - 1 to 5 i + 4; the lowest is what the digit below left to this one. */
uint64_t p256_point_digit(const p256_words *k, int i, uint64_t *negative) {
    int at = P256_DIGIT * i - 1, word = at / 64, shift = at % 64;
    uint64_t bits;
    if (i == 0) {
        bits = k->v[0] << 1;
    } else {
        bits = k->v[word] >> shift;
        if (shift > 58 && word < 3) bits |= k->v[word + 1] << (64 - shift);
    }
    bits &= 63;
    *negative = p256_words_opaque(0 - (bits >> 5));
    return ((bits ^ (*negative & 63)) + 1) >> 1;
}

void p256_point_mul(p256_point *r, const p256_words *k, const p256_affine *a) {
    p256_point multiple[P256_MULTIPLES] = {{a->x, a->y, p256_field_one}}, sum, one;
    const p256_field zero = {{0}};
    for (int i = 1; i < P256_MULTIPLES; i++) {
        if (i % 2)
            p256_point_double(&multiple[i], &multiple[i / 2]);
        else
            p256_point_add_affine(&multiple[i], &multiple[i - 1], a);
    }
    memset(&sum, 0, sizeof sum);
    for (int i = P256_DIGITS - 1; i >= 0; i--) {
        uint64_t negative, digit = p256_point_digit(k, i, &negative);
        if (i != P256_DIGITS - 1)
            for (int n = 0; n < P256_DIGIT; n++) p256_point_double(&sum, &sum);
        memset(&one, 0, sizeof one); /* infinity, of digit 0 */
        for (uint64_t n = 0; n < P256_MULTIPLES; n++)
            select_point(&one, p256_words_if_zero((n + 1) ^ digit), &multiple[n]);
        p256_field minus;
        p256_field_sub(&minus, &zero, &one.y);
        p256_words_select(&one.y, negative, &minus);
        p256_point_add(&sum, &sum, &one);
    }
    *r = sum;
    wipe(&one, sizeof one);
    wipe(&sum, sizeof sum);
}

#else
typedef int p256_point_is_not_here;
#endif
