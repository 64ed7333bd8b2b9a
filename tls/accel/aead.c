#include "tls/accel/aead.h"

#include "tls/accel/wipe.h"

size_t aead_key_bytes(aead_kind kind) { return kind == AEAD_AES_128_GCM ? 16 : 32; }

void aead_init(aead *a, aead_kind kind, const uint8_t *key) {
    a->kind = (uint8_t)kind;
    if (kind == AEAD_CHACHA20_POLY1305)
        memcpy(a->chacha, key, CHACHA_KEY);
    else
        (void)aes_gcm_init(&a->gcm, key, aead_key_bytes(kind));
}

void aead_begin(aead_stream *s, const aead *a, const uint8_t nonce[AEAD_NONCE], span aad) {
    s->kind = a->kind;
    if (a->kind == AEAD_CHACHA20_POLY1305) {
        chacha_poly_begin(&s->chacha, a->chacha, nonce);
        if (aad.n) chacha_poly_aad(&s->chacha, aad.p, aad.n);
    } else {
        aes_gcm_begin(&s->gcm, &a->gcm, nonce, AEAD_NONCE);
        if (aad.n) aes_gcm_aad(&s->gcm, aad.p, aad.n);
    }
}

void aead_encrypt(aead_stream *s, span in, uint8_t *out) {
    if (s->kind == AEAD_CHACHA20_POLY1305)
        chacha_poly_encrypt(&s->chacha, in.p, in.n, out);
    else
        aes_gcm_encrypt(&s->gcm, in.p, in.n, out);
}

void aead_end(aead_stream *s, uint8_t tag[AEAD_TAG]) {
    if (s->kind == AEAD_CHACHA20_POLY1305)
        chacha_poly_end(&s->chacha, tag);
    else
        aes_gcm_end(&s->gcm, tag);
}

bool aead_open(const aead *a, const uint8_t nonce[AEAD_NONCE], span aad, span in, uint8_t *out) {
    aead_stream s;
    uint8_t tag[AEAD_TAG], theirs[AEAD_TAG];
    size_t n = in.n - AEAD_TAG;
    memcpy(theirs, in.p + n, AEAD_TAG);
    aead_begin(&s, a, nonce, aad);
    if (a->kind == AEAD_CHACHA20_POLY1305)
        chacha_poly_decrypt(&s.chacha, in.p, n, out);
    else
        aes_gcm_decrypt(&s.gcm, in.p, n, out);
    aead_end(&s, tag);
    if (wipe_equal(tag, theirs, AEAD_TAG)) return true;
    wipe(out, n);
    return false;
}
