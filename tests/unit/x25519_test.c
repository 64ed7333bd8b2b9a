/* tls/accel/x25519: the vectors of RFC 7748, points of low order, numbers beyond p, and its two
 * ways against each other. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tls/accel/x25519.h"

static uint64_t seed = 1;

static void draw(uint8_t out[32]) {
    for (int i = 0; i < 32; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(seed >> 56);
    }
}

static void hex(const char *text, uint8_t out[32]) {
    for (unsigned v, i = 0; i < 32; i++, text += 2) {
        cr_assert_eq(sscanf(text, "%2x", &v), 1);
        out[i] = (uint8_t)v;
    }
}

static bool same(const uint8_t got[32], const char *want) {
    uint8_t w[32];
    hex(want, w);
    return memcmp(got, w, 32) == 0;
}

/* Section 5.2. */
Test(x25519, vectors) {
    uint8_t k[32], u[32], out[32];
    hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", k);
    hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", u);
    cr_assert(x25519(out, k, u));
    cr_assert(same(out, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"));
    hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", k);
    hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493", u);
    cr_assert(x25519(out, k, u));
    cr_assert(same(out, "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"));
}

/* Section 5.2, again and again. */
Test(x25519, iterations) {
    uint8_t k[32] = {9}, u[32] = {9}, out[32];
    for (int i = 1; i <= 1000; i++) {
        cr_assert(x25519(out, k, u));
        memcpy(u, k, 32);
        memcpy(k, out, 32);
        if (i == 1)
            cr_assert(same(k, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"));
    }
    cr_assert(same(k, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"));
}

/* Section 6.1. */
#define ALICE_SECRET "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
#define ALICE        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define BOB_SECRET   "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define BOB          "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define SHARED       "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"

Test(x25519, key_exchange) {
    uint8_t k[32], u[32], out[32];
    hex(BOB_SECRET, k);
    hex(ALICE, u);
    x25519_base(out, k);
    cr_assert(same(out, BOB));
    cr_assert(x25519(out, k, u));
    cr_assert(same(out, SHARED));
    hex(ALICE_SECRET, k);
    hex(BOB, u);
    x25519_base(out, k);
    cr_assert(same(out, ALICE));
    cr_assert(x25519(out, k, u));
    cr_assert(same(out, SHARED));
}

/* 0, 1, two of order 8, p - 1, p, p + 1; and with the bit that is not looked at. */
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};
enum { LOW = sizeof low_order / sizeof *low_order };

Test(x25519, low_order) {
    uint8_t k[32], u[32], out[32], zero[32] = {0};
    for (size_t i = 0; i < LOW; i++) {
        draw(k);
        hex(low_order[i], u);
        cr_assert_not(x25519(out, k, u), "%s", low_order[i]);
        cr_assert_eq(memcmp(out, zero, 32), 0);
    }
}

/* 2^255 - 1 is 18, and p + 9 the base point. */
Test(x25519, beyond_p) {
    uint8_t k[32], u[32], small[32] = {18}, a[32], b[32];
    draw(k);
    memset(u, 0xff, 32);
    cr_assert(x25519(a, k, u) && x25519(b, k, small));
    cr_assert_eq(memcmp(a, b, 32), 0);
    u[31] = 0x7f;
    u[0] = 0xed + 9;
    cr_assert(x25519(a, k, u));
    x25519_base(b, k);
    cr_assert_eq(memcmp(a, b, 32), 0);
}

/* Also scalars whose digits carry all the way, or not at all. */
Test(x25519, base_is_the_ladder_of_nine) {
    static const uint8_t nine[32] = {9};
    uint8_t k[32], a[32], b[32];
    for (int i = 0; i < 256 + 100; i++) {
        memset(k, i, 32);
        if (i >= 256) draw(k);
        cr_assert(x25519(a, k, nine));
        x25519_base(b, k);
        cr_assert_eq(memcmp(a, b, 32), 0, "scalar %d", i);
    }
}
