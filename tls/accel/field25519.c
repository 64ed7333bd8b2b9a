#include "tls/accel/field25519.h"

static uint64_t get64(const uint8_t *p) {
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

field field25519_unpack(const uint8_t p[32]) {
    return (field){{get64(p) & FIELD_MASK, (get64(p + 6) >> 3) & FIELD_MASK,
                    (get64(p + 12) >> 6) & FIELD_MASK, (get64(p + 19) >> 1) & FIELD_MASK,
                    (get64(p + 24) >> 12) & FIELD_MASK}};
}

static field squares(field a, unsigned n) {
    while (n--) a = field_square(a);
    return a;
}

/* a^(p - 2), p - 2 = 2^255 - 21: a chain over 2^n - 1. */
field field25519_inverse(field a) {
    field a2 = field_square(a), a9 = field_mul(squares(a2, 2), a), a11 = field_mul(a9, a2);
    field b5 = field_mul(field_square(a11), a9); /* 2^5 - 1 */
    field b10 = field_mul(squares(b5, 5), b5), b20 = field_mul(squares(b10, 10), b10);
    field b40 = field_mul(squares(b20, 20), b20), b50 = field_mul(squares(b40, 10), b10);
    field b100 = field_mul(squares(b50, 50), b50), b200 = field_mul(squares(b100, 100), b100);
    return field_mul(squares(field_mul(squares(b200, 50), b50), 5), a11);
}

static uint64_t carry(uint64_t v[5]) {
    for (unsigned i = 0; i < 4; i++) {
        v[i + 1] += v[i] >> 51;
        v[i] &= FIELD_MASK;
    }
    uint64_t over = v[4] >> 51;
    v[4] &= FIELD_MASK;
    return over;
}

void field25519_pack(uint8_t out[32], field a) {
    uint64_t *v = a.v;
    v[0] += 19 * carry(v);
    v[0] += 19 * carry(v);
    /* Now below 2^255: adding 19 carries out exactly when it is p or more, and takes p away. */
    field b = a;
    b.v[0] += 19;
    v[0] += 19 * carry(b.v);
    (void)carry(v);
    uint64_t word[4] = {v[0] | v[1] << 51, v[1] >> 13 | v[2] << 38, v[2] >> 26 | v[3] << 25,
                        v[3] >> 39 | v[4] << 12};
    for (unsigned i = 0; i < 32; i++) out[i] = (uint8_t)(word[i / 8] >> (8 * (i % 8)));
}
