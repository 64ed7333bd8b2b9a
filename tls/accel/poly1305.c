#include "tls/accel/poly1305.h"

#include <string.h>

#include "tls/accel/wipe.h"

__extension__ typedef unsigned __int128 u128;

#define LIMB44 0xfffffffffffu
#define LIMB42 0x3ffffffffffu

static uint64_t get64(const uint8_t *p) {
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

void poly1305_begin(poly1305 *p, const uint8_t key[POLY1305_KEY]) {
    /* Section 2.5.1: some bits of r are cleared. */
    uint64_t low = get64(key) & 0x0ffffffc0fffffffu, high = get64(key + 8) & 0x0ffffffc0ffffffcu;
    memset(p, 0, sizeof *p);
    p->r[0] = low & LIMB44;
    p->r[1] = (low >> 44 | high << 20) & LIMB44;
    p->r[2] = high >> 24;
    p->pad[0] = get64(key + 16);
    p->pad[1] = get64(key + 24);
}

/* h = (h + block + 2^128) r modulo 2^130 - 5, for n / 16 blocks. What leaves the top comes back
 * times 5, and a limb at 2^132 times 20. */
static void blocks(poly1305 *p, const uint8_t *in, size_t n) {
    const uint64_t r0 = p->r[0], r1 = p->r[1], r2 = p->r[2], s1 = r1 * 20, s2 = r2 * 20;
    uint64_t h0 = p->h[0], h1 = p->h[1], h2 = p->h[2];
    for (; n; n -= 16, in += 16) {
        uint64_t low = get64(in), high = get64(in + 8), carry;
        h0 += low & LIMB44;
        h1 += (low >> 44 | high << 20) & LIMB44;
        h2 += high >> 24 | (uint64_t)1 << 40;
        u128 d0 = (u128)h0 * r0 + (u128)h1 * s2 + (u128)h2 * s1;
        u128 d1 = (u128)h0 * r1 + (u128)h1 * r0 + (u128)h2 * s2;
        u128 d2 = (u128)h0 * r2 + (u128)h1 * r1 + (u128)h2 * r0;
        h0 = (uint64_t)d0 & LIMB44;
        d1 += (uint64_t)(d0 >> 44);
        h1 = (uint64_t)d1 & LIMB44;
        d2 += (uint64_t)(d1 >> 44);
        h2 = (uint64_t)d2 & LIMB42;
        carry = (uint64_t)(d2 >> 42);
        h0 += carry * 5;
        h1 += h0 >> 44;
        h0 &= LIMB44;
    }
    p->h[0] = h0;
    p->h[1] = h1;
    p->h[2] = h2;
}

void poly1305_add(poly1305 *p, const uint8_t *in, size_t n) {
    size_t whole = n & ~(size_t)15;
    if (whole) blocks(p, in, whole);
    if (n != whole) {
        uint8_t last[16] = {0};
        memcpy(last, in + whole, n - whole);
        blocks(p, last, 16);
    }
}

void poly1305_end(poly1305 *p, uint8_t tag[POLY1305_TAG]) {
    uint64_t h0 = p->h[0], h1 = p->h[1], h2 = p->h[2];
    for (int i = 0; i < 2; i++) {
        h1 += h0 >> 44;
        h0 &= LIMB44;
        h2 += h1 >> 44;
        h1 &= LIMB44;
        h0 += (h2 >> 42) * 5;
        h2 &= LIMB42;
    }
    h1 += h0 >> 44;
    h0 &= LIMB44;
    /* h - (2^130 - 5) if that is not negative, chosen without a branch. */
    uint64_t g0 = h0 + 5, g1 = h1 + (g0 >> 44), g2 = h2 + (g1 >> 44);
    uint64_t take = 0 - (g2 >> 42);
    h0 = (h0 & ~take) | (g0 & LIMB44 & take);
    h1 = (h1 & ~take) | (g1 & LIMB44 & take);
    h2 = (h2 & ~take) | (g2 & LIMB42 & take);
    u128 sum =
        ((u128)(h1 >> 20 | h2 << 24) << 64 | (h0 | h1 << 44)) + ((u128)p->pad[1] << 64 | p->pad[0]);
    for (unsigned i = 0; i < 16; i++) tag[i] = (uint8_t)(sum >> (8 * i));
    wipe(p, sizeof *p);
}
