/* AEAD_CHACHA20_POLY1305 (RFC 8439 section 2.8), with the shape of aes_gcm: a key, and messages as
 * streams of pieces. Text that was decrypted is not to be believed before end says that the tag is
 * right. */
#ifndef H2BOX_TLS_ACCEL_CHACHA_POLY_H
#define H2BOX_TLS_ACCEL_CHACHA_POLY_H

#include "tls/accel/chacha.h"
#include "tls/accel/poly1305.h"

typedef struct chacha_poly_stream {
    uint32_t state[16];
    poly1305 poly;
    uint8_t pad[CHACHA_BLOCK];  /* key stream of the block that is not full */
    uint8_t part[CHACHA_BLOCK]; /* what of it is for Poly1305 */
    uint64_t aad_n, text_n;
} chacha_poly_stream;

void chacha_poly_begin(chacha_poly_stream *s, const uint8_t key[CHACHA_KEY],
                       const uint8_t nonce[CHACHA_NONCE]);

/* More data to authenticate only; before any text. */
void chacha_poly_aad(chacha_poly_stream *s, const uint8_t *p, size_t n);

/* out may be in, but may not overlap it otherwise. */
void chacha_poly_encrypt(chacha_poly_stream *s, const uint8_t *in, size_t n, uint8_t *out);
void chacha_poly_decrypt(chacha_poly_stream *s, const uint8_t *in, size_t n, uint8_t *out);

/* The tag. The stream is over and holds nothing any more. */
void chacha_poly_end(chacha_poly_stream *s, uint8_t tag[POLY1305_TAG]);

#endif
