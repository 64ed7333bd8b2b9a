/* mbedTLS's own interface (PSA) over our code: published vectors through the hooks that tls/ hangs
 * into the library, what must be refused there, and our curves beside the library's own code on
 * random input. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <criterion/criterion.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/psa_util.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <string.h>

#include "tls/accel/p256.h"
#include "tls/accel/x25519.h"

static size_t hex(const char *text, uint8_t *out) {
    size_t n = 0;
    for (unsigned v; *text; text += 2) {
        cr_assert_eq(sscanf(text, "%2x", &v), 1);
        out[n++] = (uint8_t)v;
    }
    return n;
}

static bool same(const uint8_t *got, size_t n, const char *want) {
    uint8_t w[64];
    return n == hex(want, w) && memcmp(got, w, n) == 0;
}

static psa_key_id_t key(psa_key_type_t type, psa_algorithm_t algorithm, const char *text) {
    uint8_t k[32];
    psa_key_id_t id = 0;
    psa_key_attributes_t a = PSA_KEY_ATTRIBUTES_INIT;
    cr_assert_eq(psa_crypto_init(), PSA_SUCCESS);
    psa_set_key_type(&a, type);
    psa_set_key_usage_flags(&a,
                            PSA_KEY_USAGE_DERIVE | PSA_KEY_USAGE_ENCRYPT | PSA_KEY_USAGE_DECRYPT);
    psa_set_key_algorithm(&a, algorithm);
    cr_assert_eq(psa_import_key(&a, k, hex(text, k), &id), PSA_SUCCESS);
    return id;
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
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

/* RFC 7748 section 6.1, and a peer's point of low order, which fails the handshake (RFC 8446
 * section 7.4.2). */
Test(mbedtls_hooks, x25519) {
    uint8_t u[32], out[32];
    size_t n;
    psa_key_id_t id = key(PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY), PSA_ALG_ECDH,
                          "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    cr_assert_eq(psa_export_public_key(id, out, sizeof out, &n), PSA_SUCCESS);
    cr_assert(same(out, n, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
    hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", u);
    cr_assert_eq(psa_raw_key_agreement(PSA_ALG_ECDH, id, u, 32, out, sizeof out, &n), PSA_SUCCESS);
    cr_assert(same(out, n, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"));
    for (size_t i = 0; i < sizeof low_order / sizeof *low_order; i++) {
        hex(low_order[i], u);
        cr_assert_neq(psa_raw_key_agreement(PSA_ALG_ECDH, id, u, 32, out, sizeof out, &n),
                      PSA_SUCCESS, "%s", low_order[i]);
    }
    psa_destroy_key(id);
}

/* McGrew and Viega's test case 2; of ChaCha20-Poly1305, whose vectors unit.accel has, both ends. */
Test(mbedtls_hooks, aead) {
    static const struct {
        psa_key_type_t type;
        psa_algorithm_t algorithm;
        const char *key, *sealed;
    } rows[] = {
        {PSA_KEY_TYPE_AES, PSA_ALG_GCM, "00000000000000000000000000000000",
         "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"},
        {PSA_KEY_TYPE_CHACHA20, PSA_ALG_CHACHA20_POLY1305,
         "0000000000000000000000000000000000000000000000000000000000000000", NULL},
    };
    uint8_t zero[16] = {0}, out[32], back[16];
    size_t n;
    for (size_t i = 0; i < 2; i++) {
        psa_key_id_t id = key(rows[i].type, rows[i].algorithm, rows[i].key);
        cr_assert_eq(psa_aead_encrypt(id, rows[i].algorithm, zero, 12, NULL, 0, zero, 16, out,
                                      sizeof out, &n),
                     PSA_SUCCESS);
        cr_assert_eq(n, 32);
        if (rows[i].sealed) cr_assert(same(out, n, rows[i].sealed));
        cr_assert_eq(psa_aead_decrypt(id, rows[i].algorithm, zero, 12, NULL, 0, out, n, back,
                                      sizeof back, &n),
                     PSA_SUCCESS);
        cr_assert(n == 16 && memcmp(back, zero, 16) == 0);
        out[31] ^= 1;
        cr_assert_eq(psa_aead_decrypt(id, rows[i].algorithm, zero, 12, NULL, 0, out, 32, back,
                                      sizeof back, &n),
                     PSA_ERROR_INVALID_SIGNATURE);
        psa_destroy_key(id);
    }
}

/* FIPS 180-4's example. */
Test(mbedtls_hooks, sha256) {
    uint8_t out[32];
    size_t n;
    cr_assert_eq(psa_crypto_init(), PSA_SUCCESS);
    cr_assert_eq(psa_hash_compute(PSA_ALG_SHA_256, (const uint8_t *)"abc", 3, out, sizeof out, &n),
                 PSA_SUCCESS);
    cr_assert(same(out, n, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

/* ---- beside the library's own code ---- */

/* The library's multiplication, past the linker's --wrap. */
int mbedtls_hooks_stock(mbedtls_ecp_group *, mbedtls_ecp_point *, const mbedtls_mpi *,
                        const mbedtls_ecp_point *, int (*)(void *, unsigned char *, size_t), void *,
                        mbedtls_ecp_restart_ctx *) __asm__("__real_mbedtls_ecp_mul_restartable");

static mbedtls_ecp_group group;
static mbedtls_ecp_point product, point;
static mbedtls_mpi number, r, s;

static void begin(mbedtls_ecp_group_id curve) {
    cr_assert_eq(psa_crypto_init(), PSA_SUCCESS);
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&product);
    mbedtls_ecp_point_init(&point);
    mbedtls_mpi_init(&number);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    cr_assert_eq(mbedtls_ecp_group_load(&group, curve), 0);
}

static void end(void) {
    mbedtls_ecp_group_free(&group);
    mbedtls_ecp_point_free(&product);
    mbedtls_ecp_point_free(&point);
    mbedtls_mpi_free(&number);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
}

static void stock(const mbedtls_ecp_point *of) {
    cr_assert_eq(mbedtls_hooks_stock(&group, &product, &number, of, mbedtls_psa_get_random,
                                     MBEDTLS_PSA_RANDOM_STATE, NULL),
                 0);
}

static void draw(uint8_t *p, size_t n) { cr_assert_eq(psa_generate_random(p, n), PSA_SUCCESS); }

/* A point of the curve, as its key and as its coordinates. */
static void draw_pair(uint8_t secret[P256_KEY], uint8_t public[P256_POINT]) {
    do draw(secret, P256_KEY);
    while (!p256_derive(secret, public));
}

Test(mbedtls_hooks, p256_beside_stock) {
    begin(MBEDTLS_ECP_DP_SECP256R1);
    for (int i = 0; i < 25; i++) {
        uint8_t mine[P256_KEY], peers[P256_KEY], public[P256_POINT], theirs[1 + P256_POINT],
            secret[P256_KEY], digest[32], signature[P256_SIGNATURE], want[1 + P256_POINT];
        size_t n;
        draw_pair(mine, public);
        cr_assert_eq(mbedtls_mpi_read_binary(&number, mine, sizeof mine), 0);
        stock(&group.G);
        cr_assert_eq(mbedtls_ecp_point_write_binary(&group, &product, MBEDTLS_ECP_PF_UNCOMPRESSED,
                                                    &n, want, sizeof want),
                     0);
        cr_assert_arr_eq(public, want + 1, P256_POINT);

        theirs[0] = 4;
        draw_pair(peers, theirs + 1);
        cr_assert(p256_agree(mine, theirs + 1, secret));
        cr_assert_eq(mbedtls_ecp_point_read_binary(&group, &point, theirs, sizeof theirs), 0);
        stock(&point);
        cr_assert_eq(mbedtls_mpi_write_binary(&product.X, want, P256_KEY), 0);
        cr_assert_arr_eq(secret, want, P256_KEY);

        /* Ours signs and the library verifies; then the other way. */
        draw(digest, sizeof digest);
        cr_assert(p256_sign(peers, digest, sizeof digest, NULL, 0, signature));
        cr_assert_eq(mbedtls_mpi_read_binary(&r, signature, P256_KEY), 0);
        cr_assert_eq(mbedtls_mpi_read_binary(&s, signature + P256_KEY, P256_KEY), 0);
        cr_assert_eq(mbedtls_ecdsa_verify(&group, digest, sizeof digest, &point, &r, &s), 0);
        cr_assert_eq(mbedtls_mpi_read_binary(&number, peers, sizeof peers), 0);
        cr_assert_eq(mbedtls_ecdsa_sign(&group, &r, &s, &number, digest, sizeof digest,
                                        mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE),
                     0);
        cr_assert_eq(mbedtls_mpi_write_binary(&r, signature, P256_KEY), 0);
        cr_assert_eq(mbedtls_mpi_write_binary(&s, signature + P256_KEY, P256_KEY), 0);
        cr_assert(p256_verify(theirs + 1, digest, sizeof digest, signature));
        digest[i % 32] ^= 1;
        cr_assert(!p256_verify(theirs + 1, digest, sizeof digest, signature));
    }
    end();
}

Test(mbedtls_hooks, x25519_beside_stock) {
    begin(MBEDTLS_ECP_DP_CURVE25519);
    for (int i = 0; i < 25; i++) {
        uint8_t scalar[X25519_BYTES], u[X25519_BYTES], got[X25519_BYTES], want[X25519_BYTES];
        draw(scalar, sizeof scalar);
        draw(u, sizeof u);
        scalar[0] &= 248; /* as RFC 7748 section 5 has it; the library wants it done */
        scalar[31] = (uint8_t)((scalar[31] & 127) | 64);
        u[31] &= 127;
        cr_assert_eq(mbedtls_mpi_read_binary_le(&number, scalar, sizeof scalar), 0);
        cr_assert_eq(mbedtls_mpi_read_binary_le(&point.X, u, sizeof u), 0);
        cr_assert_eq(mbedtls_mpi_lset(&point.Z, 1), 0);
        stock(&point);
        cr_assert_eq(mbedtls_mpi_write_binary_le(&product.X, want, sizeof want), 0);
        cr_assert(x25519(got, scalar, u));
        cr_assert_arr_eq(got, want, X25519_BYTES);
        stock(&group.G);
        cr_assert_eq(mbedtls_mpi_write_binary_le(&product.X, want, sizeof want), 0);
        x25519_base(got, scalar);
        cr_assert_arr_eq(got, want, X25519_BYTES);
    }
    end();
}
