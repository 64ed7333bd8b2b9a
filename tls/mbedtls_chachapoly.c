/* mbedTLS's ChaCha20-Poly1305 (MBEDTLS_CHACHAPOLY_ALT) over accel/chacha_poly. Errors are those of
 * mbedtls/chachapoly.h. */
#include <mbedtls/build_info.h>

#if defined(MBEDTLS_CHACHAPOLY_ALT)
#include <mbedtls/chachapoly.h>
#include <string.h>

#include "tls/accel/chacha_poly.h"
#include "tls/accel/wipe.h"

typedef struct state {
    chacha_poly_stream stream;
    uint8_t key[CHACHA_KEY];
    bool started, decrypt;
} state;

_Static_assert(sizeof(state) <= sizeof(mbedtls_chachapoly_context), "chachapoly_alt.h has room");
_Static_assert(_Alignof(state) <= _Alignof(mbedtls_chachapoly_context), "and is aligned");

static state *state_of(mbedtls_chachapoly_context *c) { return (state *)(void *)c; }

void mbedtls_chachapoly_init(mbedtls_chachapoly_context *c) { memset(c, 0, sizeof *c); }

void mbedtls_chachapoly_free(mbedtls_chachapoly_context *c) {
    if (c) wipe(c, sizeof *c);
}

int mbedtls_chachapoly_setkey(mbedtls_chachapoly_context *c, const unsigned char key[32]) {
    memcpy(state_of(c)->key, key, CHACHA_KEY);
    return 0;
}

int mbedtls_chachapoly_starts(mbedtls_chachapoly_context *c, const unsigned char nonce[12],
                              mbedtls_chachapoly_mode_t mode) {
    state *s = state_of(c);
    chacha_poly_begin(&s->stream, s->key, nonce);
    s->decrypt = mode == MBEDTLS_CHACHAPOLY_DECRYPT;
    s->started = true;
    return 0;
}

int mbedtls_chachapoly_update_aad(mbedtls_chachapoly_context *c, const unsigned char *p, size_t n) {
    state *s = state_of(c);
    if (!s->started || s->stream.text_n) return MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
    if (n) chacha_poly_aad(&s->stream, p, n);
    return 0;
}

int mbedtls_chachapoly_update(mbedtls_chachapoly_context *c, size_t n, const unsigned char *in,
                              unsigned char *out) {
    state *s = state_of(c);
    if (!s->started) return MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
    (s->decrypt ? chacha_poly_decrypt : chacha_poly_encrypt)(&s->stream, in, n, out);
    return 0;
}

int mbedtls_chachapoly_finish(mbedtls_chachapoly_context *c, unsigned char tag[16]) {
    state *s = state_of(c);
    if (!s->started) return MBEDTLS_ERR_CHACHAPOLY_BAD_STATE;
    chacha_poly_end(&s->stream, tag);
    s->started = false;
    return 0;
}

static void crypt(mbedtls_chachapoly_context *c, mbedtls_chachapoly_mode_t mode, size_t n,
                  const unsigned char *nonce, const unsigned char *aad, size_t aad_n,
                  const unsigned char *in, unsigned char *out, unsigned char *tag) {
    mbedtls_chachapoly_starts(c, nonce, mode);
    mbedtls_chachapoly_update_aad(c, aad, aad_n);
    mbedtls_chachapoly_update(c, n, in, out);
    mbedtls_chachapoly_finish(c, tag);
}

int mbedtls_chachapoly_encrypt_and_tag(mbedtls_chachapoly_context *c, size_t n,
                                       const unsigned char nonce[12], const unsigned char *aad,
                                       size_t aad_n, const unsigned char *in, unsigned char *out,
                                       unsigned char tag[16]) {
    crypt(c, MBEDTLS_CHACHAPOLY_ENCRYPT, n, nonce, aad, aad_n, in, out, tag);
    return 0;
}

int mbedtls_chachapoly_auth_decrypt(mbedtls_chachapoly_context *c, size_t n,
                                    const unsigned char nonce[12], const unsigned char *aad,
                                    size_t aad_n, const unsigned char tag[16],
                                    const unsigned char *in, unsigned char *out) {
    uint8_t ours[POLY1305_TAG], theirs[POLY1305_TAG];
    memcpy(theirs, tag, sizeof theirs); /* it may lie where the output goes */
    crypt(c, MBEDTLS_CHACHAPOLY_DECRYPT, n, nonce, aad, aad_n, in, out, ours);
    if (wipe_equal(ours, theirs, sizeof ours)) return 0;
    if (n) wipe(out, n);
    return MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED;
}
#else
typedef int mbedtls_chachapoly_is_the_library_s_own;
#endif
