#include "tls/accel/p256_base.h"

#if defined(P256_HERE)
#include <pthread.h>
#include <string.h>

#include "tls/accel/wipe.h"

static p256_affine table[P256_DIGITS][P256_MULTIPLES]; /* written under once only */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* SP 800-186 section 3.2.1.3, in Montgomery's form. */
static const p256_affine generator = {
    {{0x79e730d418a9143c, 0x75ba95fc5fedb601, 0x79fb732b77622510, 0x18905f76a53755c6}},
    {{0xddf25357ce95560a, 0x8b4ab8e4ba19e45c, 0xd2e88688dd21f325, 0x8571ff1825885d85}}};

/* One digit's row: the first point is given. All of its multiples share one inversion. */
static void make_row(p256_affine row[P256_MULTIPLES], p256_point *last) {
    p256_point all[P256_MULTIPLES];
    p256_field before[P256_MULTIPLES], inverse, z, zz;
    p256_field product = p256_field_one;
    for (int i = 0; i < P256_MULTIPLES; i++) {
        if (i == 0)
            all[i] = (p256_point){row[0].x, row[0].y, p256_field_one};
        else
            p256_point_add_affine(&all[i], &all[i - 1], &row[0]);
        before[i] = product;
        p256_field_mul(&product, &product, &all[i].z);
    }
    p256_field_invert(&inverse, &product);
    for (int i = P256_MULTIPLES - 1; i >= 0; i--) {
        p256_field_mul(&z, &inverse, &before[i]);
        p256_field_mul(&inverse, &inverse, &all[i].z);
        p256_field_square(&zz, &z);
        p256_field_mul(&row[i].x, &all[i].x, &zz);
        p256_field_mul(&z, &z, &zz);
        p256_field_mul(&row[i].y, &all[i].y, &z);
    }
    *last = all[P256_MULTIPLES - 1];
}

static void make_table(void) {
    p256_point next;
    table[0][0] = generator;
    for (int i = 0; i < P256_DIGITS; i++) {
        make_row(table[i], &next);
        if (i + 1 == P256_DIGITS) break;
        p256_point_double(&next, &next); /* twice the sixteenth */
        p256_point_affine(&table[i + 1][0], &next);
    }
}

void p256_base_mul(p256_point *r, const p256_words *k) {
    p256_point sum, with;
    p256_affine one;
    const p256_field zero = {{0}};
    pthread_once(&once, make_table);
    memset(&sum, 0, sizeof sum);
    for (int i = P256_DIGITS - 1; i >= 0; i--) {
        uint64_t negative, digit = p256_point_digit(k, i, &negative);
        uint64_t some = ~p256_words_if_zero(digit);
        one = table[i][0];
        for (uint64_t n = 1; n < P256_MULTIPLES; n++) {
            uint64_t mask = p256_words_if_zero((n + 1) ^ digit);
            p256_words_select(&one.x, mask, &table[i][n].x);
            p256_words_select(&one.y, mask, &table[i][n].y);
        }
        p256_field minus;
        p256_field_sub(&minus, &zero, &one.y);
        p256_words_select(&one.y, negative, &minus);
        p256_point_add_affine(&with, &sum, &one);
        p256_words_select(&sum.x, some, &with.x);
        p256_words_select(&sum.y, some, &with.y);
        p256_words_select(&sum.z, some, &with.z);
    }
    *r = sum;
    wipe(&one, sizeof one);
    wipe(&with, sizeof with);
    wipe(&sum, sizeof sum);
}

#else
typedef int p256_base_is_not_here;
#endif
