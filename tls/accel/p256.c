#include "tls/accel/p256.h"

#include "tls/accel/p256_base.h"
#include "tls/accel/p256_scalar.h"
#include "tls/accel/wipe.h"

#if defined(P256_HERE)

static void put(const p256_field *a, uint8_t p[32]) {
    p256_words plain;
    p256_field_leave(&plain, a);
    p256_words_put(&plain, p);
    wipe(&plain, sizeof plain);
}

bool p256_key(const uint8_t key[P256_KEY]) {
    p256_scalar k;
    bool good = p256_scalar_get(&k, key);
    wipe(&k, sizeof k);
    return good;
}

bool p256_public(const uint8_t point[P256_POINT]) {
    p256_affine a;
    return p256_point_get(&a, point);
}

bool p256_derive(const uint8_t key[P256_KEY], uint8_t point[P256_POINT]) {
    p256_scalar k;
    p256_point a;
    p256_affine b;
    bool good = p256_scalar_get(&k, key);
    if (good) {
        p256_base_mul(&a, &k);
        good = p256_point_affine(&b, &a);
    }
    if (good) {
        put(&b.x, point);
        put(&b.y, point + 32);
    }
    wipe(&k, sizeof k);
    wipe(&a, sizeof a);
    return good;
}

bool p256_agree(const uint8_t key[P256_KEY], const uint8_t point[P256_POINT],
                uint8_t secret[P256_KEY]) {
    p256_scalar k;
    p256_affine peer, shared;
    p256_point a;
    bool good = p256_scalar_get(&k, key) && p256_point_get(&peer, point);
    if (good) {
        p256_point_mul(&a, &k, &peer);
        good = p256_point_affine(&shared, &a);
    }
    if (good) put(&shared.x, secret);
    wipe(&k, sizeof k);
    wipe(&a, sizeof a);
    wipe(&shared, sizeof shared);
    return good;
}

/* FIPS 186-5 section 6.4.2. The sum of both products is compared as x = X / Z^2 = r modulo n, where
 * x may also be r + n: r Z^2 = X saves an inversion. */
bool p256_verify(const uint8_t point[P256_POINT], const uint8_t *digest, size_t n,
                 const uint8_t signature[P256_SIGNATURE]) {
    p256_scalar r, s, e, u1, u2;
    p256_affine key;
    p256_point sum, other;
    if (!p256_point_get(&key, point) || !p256_scalar_get(&r, signature) ||
        !p256_scalar_get(&s, signature + 32))
        return false;
    p256_scalar_digest(&e, digest, n);
    p256_scalar_invert(&s, &s);
    p256_scalar_mul(&u1, &s, &e);
    p256_scalar_mul(&u2, &s, &r);
    p256_base_mul(&sum, &u1);
    p256_point_mul(&other, &u2, &key);
    p256_point_add(&sum, &sum, &other);
    if (p256_words_is_zero(&sum.z)) return false;

    p256_field zz, x;
    p256_words more;
    p256_field_square(&zz, &sum.z);
    p256_field_enter(&x, &r);
    p256_field_mul(&x, &x, &zz);
    p256_field_sub(&x, &x, &sum.x);
    if (p256_words_is_zero(&x)) return true;
    if (p256_words_add(&more, &r, &p256_scalar_n) || !p256_words_below(&more, &p256_field_p))
        return false;
    p256_field_enter(&x, &more);
    p256_field_mul(&x, &x, &zz);
    p256_field_sub(&x, &x, &sum.x);
    return p256_words_is_zero(&x) != 0;
}

#else
typedef int p256_is_not_here;
#endif
