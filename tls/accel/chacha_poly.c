#include "tls/accel/chacha_poly.h"

#include <stdbool.h>
#include <string.h>

#include "tls/accel/wipe.h"

/* So much goes through the cipher and then through the authenticator: it stays in the first cache.
 */
#define STRIDE 8192u

void chacha_poly_begin(chacha_poly_stream *s, const uint8_t key[CHACHA_KEY],
                       const uint8_t nonce[CHACHA_NONCE]) {
    /* Section 2.6: block 0 is the authenticator's key. */
    chacha_start(s->state, key, nonce, 0);
    chacha_block(s->state, s->pad);
    poly1305_begin(&s->poly, s->pad);
    s->aad_n = s->text_n = 0;
}

void chacha_poly_aad(chacha_poly_stream *s, const uint8_t *p, size_t n) {
    size_t used = s->aad_n % POLY1305_TAG;
    s->aad_n += n;
    if (used) {
        size_t more = n < POLY1305_TAG - used ? n : POLY1305_TAG - used;
        memcpy(s->part + used, p, more);
        if (used + more < POLY1305_TAG) return;
        poly1305_add(&s->poly, s->part, POLY1305_TAG);
        p += more;
        n -= more;
    }
    size_t rest = n % POLY1305_TAG;
    if (n > rest) poly1305_add(&s->poly, p, n - rest);
    if (rest) memcpy(s->part, p + (n - rest), rest);
}

/* The block that is not full ends where the text begins. */
static void aad_end(chacha_poly_stream *s) {
    poly1305_add(&s->poly, s->part, s->aad_n % POLY1305_TAG);
}

static void part_crypt(chacha_poly_stream *s, size_t used, const uint8_t *in, size_t n,
                       uint8_t *out, bool decrypt) {
    for (size_t i = 0; i < n; i++) {
        uint8_t c = in[i], o = c ^ s->pad[used + i];
        s->part[used + i] = decrypt ? c : o;
        out[i] = o;
    }
}

static void crypt(chacha_poly_stream *s, const uint8_t *in, size_t n, uint8_t *out, bool decrypt) {
    size_t used = s->text_n % CHACHA_BLOCK;
    if (n == 0) return;
    if (s->text_n == 0) aad_end(s);
    s->text_n += n;
    if (used) {
        size_t more = n < CHACHA_BLOCK - used ? n : CHACHA_BLOCK - used;
        part_crypt(s, used, in, more, out, decrypt);
        if (used + more < CHACHA_BLOCK) return;
        poly1305_add(&s->poly, s->part, CHACHA_BLOCK);
        in += more;
        out += more;
        n -= more;
    }
    while (n >= CHACHA_BLOCK) {
        size_t whole = n < STRIDE ? n - n % CHACHA_BLOCK : STRIDE;
        if (decrypt) poly1305_add(&s->poly, in, whole);
        chacha_xor(s->state, in, whole, out);
        if (!decrypt) poly1305_add(&s->poly, out, whole);
        in += whole;
        out += whole;
        n -= whole;
    }
    if (n) {
        chacha_block(s->state, s->pad);
        part_crypt(s, 0, in, n, out, decrypt);
    }
}

void chacha_poly_encrypt(chacha_poly_stream *s, const uint8_t *in, size_t n, uint8_t *out) {
    crypt(s, in, n, out, false);
}

void chacha_poly_decrypt(chacha_poly_stream *s, const uint8_t *in, size_t n, uint8_t *out) {
    crypt(s, in, n, out, true);
}

void chacha_poly_end(chacha_poly_stream *s, uint8_t tag[POLY1305_TAG]) {
    uint8_t lengths[16];
    if (s->text_n == 0) aad_end(s);
    poly1305_add(&s->poly, s->part, s->text_n % CHACHA_BLOCK);
    for (unsigned i = 0; i < 8; i++) {
        lengths[i] = (uint8_t)(s->aad_n >> (8 * i));
        lengths[8 + i] = (uint8_t)(s->text_n >> (8 * i));
    }
    poly1305_add(&s->poly, lengths, sizeof lengths);
    poly1305_end(&s->poly, tag);
    wipe(s, sizeof *s);
}
