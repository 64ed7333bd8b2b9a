/* mbedTLS's GCM (MBEDTLS_GCM_ALT) over accel/aes_gcm: TLS 1.2 records and what of TLS 1.3 goes
 * through the library. Errors are those of mbedtls/gcm.h. AES is the only block cipher there. */
#include <mbedtls/build_info.h>

#if defined(MBEDTLS_GCM_ALT)
#include <mbedtls/error.h>
#include <mbedtls/gcm.h>
#include <string.h>

#include "tls/accel/aes_gcm.h"
#include "tls/accel/wipe.h"

typedef struct state {
    aes_gcm_key key;
    aes_gcm_stream stream;
    bool keyed, decrypt;
} state;

_Static_assert(sizeof(state) <= sizeof(mbedtls_gcm_context), "gcm_alt.h has room");
_Static_assert(_Alignof(state) <= _Alignof(mbedtls_gcm_context), "gcm_alt.h is aligned");

static state *state_of(mbedtls_gcm_context *c) { return (state *)(void *)c; }

void mbedtls_gcm_init(mbedtls_gcm_context *c) { memset(c, 0, sizeof *c); }

void mbedtls_gcm_free(mbedtls_gcm_context *c) {
    if (c) wipe(c, sizeof *c);
}

int mbedtls_gcm_setkey(mbedtls_gcm_context *c, mbedtls_cipher_id_t cipher, const unsigned char *key,
                       unsigned int bits) {
    state *s = state_of(c);
    if (cipher != MBEDTLS_CIPHER_ID_AES || bits % 8 || !aes_gcm_init(&s->key, key, bits / 8))
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    s->keyed = true;
    return 0;
}

/* SP 800-38D section 5.2.1.1: the nonce is not empty, data below 2^61 bytes, text below 2^36 - 32.
 */
int mbedtls_gcm_starts(mbedtls_gcm_context *c, int mode, const unsigned char *iv, size_t iv_n) {
    state *s = state_of(c);
    if (!s->keyed || iv_n == 0 || (uint64_t)iv_n >> 61) return MBEDTLS_ERR_GCM_BAD_INPUT;
    s->decrypt = mode == MBEDTLS_GCM_DECRYPT;
    aes_gcm_begin(&s->stream, &s->key, iv, iv_n);
    return 0;
}

int mbedtls_gcm_update_ad(mbedtls_gcm_context *c, const unsigned char *p, size_t n) {
    state *s = state_of(c);
    if ((s->stream.aad_n + n) >> 61) return MBEDTLS_ERR_GCM_BAD_INPUT;
    if (n) aes_gcm_aad(&s->stream, p, n);
    return 0;
}

int mbedtls_gcm_update(mbedtls_gcm_context *c, const unsigned char *in, size_t n,
                       unsigned char *out, size_t room, size_t *out_n) {
    state *s = state_of(c);
    if (room < n) return MBEDTLS_ERR_GCM_BUFFER_TOO_SMALL;
    if (s->stream.text_n + n > 0xfffffffe0u) return MBEDTLS_ERR_GCM_BAD_INPUT;
    *out_n = n;
    (s->decrypt ? aes_gcm_decrypt : aes_gcm_encrypt)(&s->stream, in, n, out);
    return 0;
}

int mbedtls_gcm_finish(mbedtls_gcm_context *c, unsigned char *out, size_t room, size_t *out_n,
                       unsigned char *tag, size_t tag_n) {
    state *s = state_of(c);
    uint8_t whole[AES_GCM_TAG];
    (void)out;
    (void)room;
    *out_n = 0;
    if (tag_n < 4 || tag_n > AES_GCM_TAG) return MBEDTLS_ERR_GCM_BAD_INPUT;
    aes_gcm_end(&s->stream, whole);
    memcpy(tag, whole, tag_n);
    return 0;
}

int mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *c, int mode, size_t n, const unsigned char *iv,
                              size_t iv_n, const unsigned char *aad, size_t aad_n,
                              const unsigned char *in, unsigned char *out, size_t tag_n,
                              unsigned char *tag) {
    size_t out_n;
    int result = mbedtls_gcm_starts(c, mode, iv, iv_n);
    if (!result) result = mbedtls_gcm_update_ad(c, aad, aad_n);
    if (!result) result = mbedtls_gcm_update(c, in, n, out, n, &out_n);
    if (!result) result = mbedtls_gcm_finish(c, NULL, 0, &out_n, tag, tag_n);
    return result;
}

int mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *c, size_t n, const unsigned char *iv, size_t iv_n,
                             const unsigned char *aad, size_t aad_n, const unsigned char *tag,
                             size_t tag_n, const unsigned char *in, unsigned char *out) {
    uint8_t ours[AES_GCM_TAG], theirs[AES_GCM_TAG];
    if (tag_n < 4 || tag_n > AES_GCM_TAG) return MBEDTLS_ERR_GCM_BAD_INPUT;
    memcpy(theirs, tag, tag_n); /* it may lie where the output goes */
    int result = mbedtls_gcm_crypt_and_tag(c, MBEDTLS_GCM_DECRYPT, n, iv, iv_n, aad, aad_n, in, out,
                                           tag_n, ours);
    if (result) return result;
    if (wipe_equal(ours, theirs, tag_n)) return 0;
    if (n) wipe(out, n);
    return MBEDTLS_ERR_GCM_AUTH_FAILED;
}
#else
typedef int mbedtls_gcm_is_the_library_s_own;
#endif
