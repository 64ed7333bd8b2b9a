/* The AEADs of TLS 1.3 behind one face (RFC 8446 appendix B.4): a key of 16 or 32 bytes, a nonce of
 * 12, a tag of 16. A message is a stream, so that pieces can be encrypted from where they lie into
 * a record. Constant time; nothing is allocated. */
#ifndef H2BOX_TLS_ACCEL_AEAD_H
#define H2BOX_TLS_ACCEL_AEAD_H

#include "core/bytes.h"
#include "tls/accel/aes_gcm.h"
#include "tls/accel/chacha_poly.h"

enum { AEAD_TAG = 16, AEAD_NONCE = 12, AEAD_KEY_MAX = 32 };

typedef enum aead_kind { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305 } aead_kind;

typedef struct aead {
    union {
        aes_gcm_key gcm;
        uint8_t chacha[CHACHA_KEY];
    };
    uint8_t kind;
} aead;

typedef struct aead_stream {
    union {
        aes_gcm_stream gcm;
        chacha_poly_stream chacha;
    };
    uint8_t kind;
} aead_stream;

size_t aead_key_bytes(aead_kind kind);
void aead_init(aead *a, aead_kind kind, const uint8_t *key);

/* a outlives the stream; aad is used in the call. */
void aead_begin(aead_stream *s, const aead *a, const uint8_t nonce[AEAD_NONCE], span aad);
/* out may be in.p, but may not overlap it otherwise. */
void aead_encrypt(aead_stream *s, span in, uint8_t *out);
/* The tag to write; the stream is over. */
void aead_end(aead_stream *s, uint8_t tag[AEAD_TAG]);

/* Decrypts `in`, cipher text and tag behind it, to out, which may be in.p. False when it was not
 * sealed so: then out holds zeros. in.n >= AEAD_TAG. */
bool aead_open(const aead *a, const uint8_t nonce[AEAD_NONCE], span aad, span in, uint8_t *out);

#endif
