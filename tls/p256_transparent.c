/* mbedTLS's P-256 (MBEDTLS_PSA_P256M_DRIVER_ENABLED) by accel/p256: what the key store asks a
 * driver of that name. Keys of other curves are not supported here, and go to the library's own
 * code; errors are those of psa/crypto.h. */
#include <mbedtls/build_info.h>

#if defined(MBEDTLS_PSA_P256M_DRIVER_ENABLED)
#include <psa/crypto.h>
#include <string.h>

#include "tls/accel/p256.h"
#include "tls/accel/wipe.h"

enum { BITS = 256, FORM = 4, PUBLIC = 1 + P256_POINT }; /* SEC 1 section 2.3.3: uncompressed */

/* The library's header for them is not installed. */
psa_status_t p256_transparent_import_key(const psa_key_attributes_t *of, const uint8_t *data,
                                         size_t n, uint8_t *key, size_t room, size_t *key_n,
                                         size_t *bits);
psa_status_t p256_transparent_export_public_key(const psa_key_attributes_t *of, const uint8_t *key,
                                                size_t key_n, uint8_t *data, size_t room,
                                                size_t *n);
psa_status_t p256_transparent_generate_key(const psa_key_attributes_t *of, uint8_t *key,
                                           size_t room, size_t *key_n);
psa_status_t p256_transparent_key_agreement(const psa_key_attributes_t *of, const uint8_t *key,
                                            size_t key_n, psa_algorithm_t algorithm,
                                            const uint8_t *peer, size_t peer_n, uint8_t *secret,
                                            size_t room, size_t *n);
psa_status_t p256_transparent_sign_hash(const psa_key_attributes_t *of, const uint8_t *key,
                                        size_t key_n, psa_algorithm_t algorithm,
                                        const uint8_t *hash, size_t hash_n, uint8_t *signature,
                                        size_t room, size_t *n);
psa_status_t p256_transparent_verify_hash(const psa_key_attributes_t *of, const uint8_t *key,
                                          size_t key_n, psa_algorithm_t algorithm,
                                          const uint8_t *hash, size_t hash_n,
                                          const uint8_t *signature, size_t n);

static bool is_public(const psa_key_attributes_t *of) {
    return psa_get_key_type(of) == PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1);
}

static bool is_pair(const psa_key_attributes_t *of) {
    return psa_get_key_type(of) == PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1);
}

/* The size tells the curve where bits is 0, so another size may be another curve's. */
psa_status_t p256_transparent_import_key(const psa_key_attributes_t *of, const uint8_t *data,
                                         size_t n, uint8_t *key, size_t room, size_t *key_n,
                                         size_t *bits) {
    size_t size = is_public(of) ? (size_t)PUBLIC : (size_t)P256_KEY;
    if ((!is_public(of) && !is_pair(of)) || (*bits != 0 && *bits != BITS))
        return PSA_ERROR_NOT_SUPPORTED;
    if (n != size) return *bits == 0 ? PSA_ERROR_NOT_SUPPORTED : PSA_ERROR_INVALID_ARGUMENT;
    if (is_public(of) ? data[0] != FORM || !p256_public(data + 1) : !p256_key(data))
        return PSA_ERROR_INVALID_ARGUMENT;
    if (room < n) return PSA_ERROR_BUFFER_TOO_SMALL;
    memcpy(key, data, n);
    *key_n = n;
    *bits = BITS;
    return PSA_SUCCESS;
}

psa_status_t p256_transparent_export_public_key(const psa_key_attributes_t *of, const uint8_t *key,
                                                size_t key_n, uint8_t *data, size_t room,
                                                size_t *n) {
    if (psa_get_key_bits(of) != BITS || !is_pair(of)) return PSA_ERROR_NOT_SUPPORTED;
    if (key_n != P256_KEY) return PSA_ERROR_INVALID_ARGUMENT;
    if (room < PUBLIC) return PSA_ERROR_BUFFER_TOO_SMALL;
    data[0] = FORM;
    if (!p256_derive(key, data + 1)) return PSA_ERROR_INVALID_ARGUMENT;
    *n = PUBLIC;
    return PSA_SUCCESS;
}

/* FIPS 186-5 appendix A.2.2: numbers outside of 1 to n - 1 are drawn again (1 of 2^32). */
psa_status_t p256_transparent_generate_key(const psa_key_attributes_t *of, uint8_t *key,
                                           size_t room, size_t *key_n) {
    (void)of;
    if (room < P256_KEY) return PSA_ERROR_BUFFER_TOO_SMALL;
    do {
        psa_status_t status = psa_generate_random(key, P256_KEY);
        if (status != PSA_SUCCESS) return status;
    } while (!p256_key(key));
    *key_n = P256_KEY;
    return PSA_SUCCESS;
}

psa_status_t p256_transparent_key_agreement(const psa_key_attributes_t *of, const uint8_t *key,
                                            size_t key_n, psa_algorithm_t algorithm,
                                            const uint8_t *peer, size_t peer_n, uint8_t *secret,
                                            size_t room, size_t *n) {
    (void)of;
    (void)algorithm;
    if (key_n != P256_KEY || peer_n != PUBLIC || peer[0] != FORM) return PSA_ERROR_INVALID_ARGUMENT;
    if (room < P256_KEY) return PSA_ERROR_BUFFER_TOO_SMALL;
    if (!p256_agree(key, peer + 1, secret)) return PSA_ERROR_INVALID_ARGUMENT;
    *n = P256_KEY;
    return PSA_SUCCESS;
}

psa_status_t p256_transparent_sign_hash(const psa_key_attributes_t *of, const uint8_t *key,
                                        size_t key_n, psa_algorithm_t algorithm,
                                        const uint8_t *hash, size_t hash_n, uint8_t *signature,
                                        size_t room, size_t *n) {
    uint8_t fresh[32];
    (void)of;
    (void)algorithm;
    if (key_n != P256_KEY) return PSA_ERROR_INVALID_ARGUMENT;
    if (room < P256_SIGNATURE) return PSA_ERROR_BUFFER_TOO_SMALL;
    psa_status_t status = psa_generate_random(fresh, sizeof fresh);
    if (status != PSA_SUCCESS) return status;
    bool good = p256_sign(key, hash, hash_n, fresh, sizeof fresh, signature);
    wipe(fresh, sizeof fresh);
    if (!good) return PSA_ERROR_INVALID_ARGUMENT;
    *n = P256_SIGNATURE;
    return PSA_SUCCESS;
}

psa_status_t p256_transparent_verify_hash(const psa_key_attributes_t *of, const uint8_t *key,
                                          size_t key_n, psa_algorithm_t algorithm,
                                          const uint8_t *hash, size_t hash_n,
                                          const uint8_t *signature, size_t n) {
    uint8_t made[P256_POINT];
    const uint8_t *point = made;
    (void)algorithm;
    if (is_pair(of)) {
        if (key_n != P256_KEY || !p256_derive(key, made)) return PSA_ERROR_INVALID_ARGUMENT;
    } else {
        if (key_n != PUBLIC || key[0] != FORM) return PSA_ERROR_INVALID_ARGUMENT;
        point = key + 1;
    }
    if (n != P256_SIGNATURE || !p256_verify(point, hash, hash_n, signature))
        return PSA_ERROR_INVALID_SIGNATURE;
    return PSA_SUCCESS;
}
#else
typedef int p256_transparent_is_the_library_s_own;
#endif
