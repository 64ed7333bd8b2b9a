/* The inside of aes_gcm: what one way of computing must offer. Sums and powers are GHASH's field
 * elements with their bytes reversed, and powers are multiplied by x beforehand, so that a product
 * is a carry-less one and a Montgomery reduction (RFC 8452 appendix A says why). */
#ifndef H2BOX_TLS_ACCEL_AES_GCM_CODE_H
#define H2BOX_TLS_ACCEL_AES_GCM_CODE_H

#include "tls/accel/aes_gcm.h"

struct aes_gcm_code {
    /* Fills round and power; k->rounds is set. */
    void (*setup)(aes_gcm_key *k, const uint8_t *key, size_t n);
    /* One block of the cipher. */
    void (*block)(const aes_gcm_key *k, const uint8_t in[16], uint8_t out[16]);
    /* Adds n bytes to the sum, the last block filled up with zeros. */
    void (*ghash)(const aes_gcm_key *k, uint8_t sum[16], const uint8_t *p, size_t n);
    /* n bytes, a multiple of 16, through the counter mode; counter and sum go on. */
    void (*encrypt)(const aes_gcm_key *k, uint8_t counter[16], uint8_t sum[16], const uint8_t *in,
                    size_t n, uint8_t *out);
    void (*decrypt)(const aes_gcm_key *k, uint8_t counter[16], uint8_t sum[16], const uint8_t *in,
                    size_t n, uint8_t *out);
};

extern const aes_gcm_code aes_gcm_portable;
#if defined(__x86_64__)
extern const aes_gcm_code aes_gcm_ni;     /* CPU_AES */
extern const aes_gcm_code aes_gcm_vaes;   /* CPU_AES, CPU_VAES */
extern const aes_gcm_code aes_gcm_avx512; /* CPU_AES, CPU_VAES, CPU_AVX512 */
#endif

/* Parts of aes_gcm_ni that the wider ones share. */
void aes_gcm_ni_setup(aes_gcm_key *k, const uint8_t *key, size_t n);
void aes_gcm_ni_block(const aes_gcm_key *k, const uint8_t in[16], uint8_t out[16]);
void aes_gcm_ni_ghash(const aes_gcm_key *k, uint8_t sum[16], const uint8_t *p, size_t n);
void aes_gcm_ni_encrypt(const aes_gcm_key *k, uint8_t counter[16], uint8_t sum[16],
                        const uint8_t *in, size_t n, uint8_t *out);

#endif
