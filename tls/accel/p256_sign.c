/* ECDSA's signatures, with the nonces of RFC 6979. */
#include <string.h>

#include "tls/accel/p256.h"
#include "tls/accel/p256_base.h"
#include "tls/accel/p256_scalar.h"
#include "tls/accel/sha2.h"
#include "tls/accel/wipe.h"

#if defined(P256_HERE)

/* RFC 6979 section 3.2: the state of its generator, and room for what goes into an HMAC. */
typedef struct nonces {
    uint8_t k[32];
    uint8_t text[32 + 1 + 32 + 32 + 32]; /* V, a number, key, digest, fresh bytes */
} nonces;

static void rekey(nonces *g, uint8_t number, size_t n) {
    g->text[32] = number;
    sha2_hmac(SHA2_256, g->k, sizeof g->k, g->text, n, g->k);
    sha2_hmac(SHA2_256, g->k, sizeof g->k, g->text, 32, g->text);
}

/* Steps b to g. */
static void begin(nonces *g, const uint8_t key[P256_KEY], const p256_scalar *digest,
                  const uint8_t *fresh, size_t n) {
    memset(g->k, 0, sizeof g->k);
    memset(g->text, 1, 32);
    memcpy(g->text + 33, key, P256_KEY);
    p256_words_put(digest, g->text + 65);
    if (n > 32) n = 32;
    if (n) memcpy(g->text + 97, fresh, n);
    rekey(g, 0, 97 + n);
    rekey(g, 1, 97 + n);
}

/* Step h: numbers outside of 1 to n - 1 are refused, so none is likelier than another. */
static void draw(nonces *g, p256_scalar *k) {
    for (;;) {
        sha2_hmac(SHA2_256, g->k, sizeof g->k, g->text, 32, g->text);
        if (p256_scalar_get(k, g->text)) return;
        rekey(g, 0, 33);
    }
}

/* FIPS 186-5 section 6.4.1, from a nonce on; false asks for another. */
static bool sign_with(const p256_scalar *k, const p256_scalar *key, const p256_scalar *digest,
                      uint8_t signature[P256_SIGNATURE]) {
    p256_point a;
    p256_affine b;
    p256_scalar r, s, inverse;
    p256_base_mul(&a, k);
    bool good = p256_point_affine(&b, &a);
    if (good) {
        p256_field_leave(&r, &b.x);
        p256_words_reduce(&r, 0, &p256_scalar_n);
        p256_scalar_enter(&s, key);
        p256_scalar_mul(&s, &s, &r);
        p256_scalar_add(&s, &s, digest);
        p256_scalar_invert(&inverse, k);
        p256_scalar_mul(&s, &s, &inverse);
        good = !(p256_words_is_zero(&r) | p256_words_is_zero(&s));
        p256_words_put(&r, signature);
        p256_words_put(&s, signature + 32);
        wipe(&inverse, sizeof inverse);
    }
    wipe(&a, sizeof a);
    return good;
}

bool p256_sign(const uint8_t key[P256_KEY], const uint8_t *digest, size_t n, const uint8_t *fresh,
               size_t fresh_n, uint8_t signature[P256_SIGNATURE]) {
    p256_scalar d, e, k;
    nonces g;
    bool good = p256_scalar_get(&d, key);
    if (good) {
        p256_scalar_digest(&e, digest, n);
        begin(&g, key, &e, fresh, fresh_n);
        draw(&g, &k);
        while (!sign_with(&k, &d, &e, signature)) {
            rekey(&g, 0, 33);
            draw(&g, &k);
        }
        wipe(&g, sizeof g);
        wipe(&k, sizeof k);
    }
    wipe(&d, sizeof d);
    return good;
}

#else
typedef int p256_sign_is_not_here;
#endif
