#include "tls/accel/x25519.h"

#include <string.h>

#include "tls/accel/field25519.h"
#include "tls/accel/wipe.h"

/* Two points of the ladder, n P and (n + 1) P, by x = u / z. */
typedef struct ladder {
    field x2, z2, x3, z3;
} ladder;

static inline void turn(ladder *l, uint64_t mask) {
    field_swap(&l->x2, &l->x3, mask);
    field_swap(&l->z2, &l->z3, mask);
}

static inline void step(ladder *l, const field *x1) {
    field a = field_add(l->x2, l->z2), b = field_sub(l->x2, l->z2);
    field da = field_mul(field_sub(l->x3, l->z3), a), cb = field_mul(field_add(l->x3, l->z3), b);
    field aa = field_square(a), bb = field_square(b), e = field_sub(aa, bb);
    l->x3 = field_square(field_add(da, cb));
    l->z3 = field_mul(field_square(field_sub(da, cb)), *x1);
    l->x2 = field_mul(aa, bb);
    l->z2 = field_mul(e, field_add(aa, field_times(e, 121665)));
}

/* Section 5. */
bool x25519(uint8_t out[X25519_BYTES], const uint8_t scalar[X25519_BYTES],
            const uint8_t u[X25519_BYTES]) {
    uint8_t k[32], any = 0;
    uint64_t before = 0;
    memcpy(k, scalar, sizeof k);
    k[0] &= 248;
    k[31] = (uint8_t)((k[31] & 127) | 64);
    const field x1 = field25519_unpack(u);
    ladder l = {{{1}}, {{0}}, x1, {{1}}};
    for (int t = 254; t >= 0; t--) {
        uint64_t bit = (k[t / 8] >> (t % 8)) & 1;
        turn(&l, field_all(before ^ bit));
        before = bit;
        step(&l, &x1);
    }
    turn(&l, field_all(before));
    field25519_pack(out, field_mul(l.x2, field25519_inverse(l.z2)));
    for (unsigned i = 0; i < 32; i++) any |= out[i];
    wipe(k, sizeof k);
    wipe(&l, sizeof l);
    return any != 0;
}
