/* AES-GCM (NIST SP 800-38D), on the fastest code that the processor has.
 *
 * A key is made once and only read from then on. A message is a stream: begin, aad, then pieces of
 * text of any length from wherever they lie to wherever they go (in place too), end. Constant time
 * in keys and texts on all paths; lengths are not secret. Nothing is allocated. Text that was
 * decrypted is not to be believed before end says that the tag is right. */
#ifndef H2BOX_TLS_ACCEL_AES_GCM_H
#define H2BOX_TLS_ACCEL_AES_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AES_GCM_TAG = 16, AES_GCM_NONCE = 12, AES_GCM_POWERS = 16 };

typedef struct aes_gcm_code aes_gcm_code;

typedef struct aes_gcm_key {
    _Alignas(16) uint8_t round[15][16]; /* as the code wants them */
    uint8_t power[AES_GCM_POWERS][16];  /* H^16 ... H, byte-reversed and times x */
    const aes_gcm_code *code;
    uint32_t rounds;
} aes_gcm_key;

typedef struct aes_gcm_stream {
    _Alignas(16) uint8_t sum[16]; /* GHASH so far, byte-reversed */
    uint8_t counter[16];          /* of the next block */
    uint8_t first[16];            /* the counter block that masks the tag */
    uint8_t pad[16];              /* key stream of the block that is not full */
    uint8_t part[16];             /* what of it is for GHASH */
    uint64_t aad_n, text_n;
    const aes_gcm_key *key;
} aes_gcm_stream;

/* n is 16, 24 or 32; false otherwise. */
bool aes_gcm_init(aes_gcm_key *k, const uint8_t *key, size_t n);

/* A message with a nonce of n > 0 bytes; 12 is what protocols use. k outlives the stream. */
void aes_gcm_begin(aes_gcm_stream *s, const aes_gcm_key *k, const uint8_t *nonce, size_t n);

/* More data to authenticate only; before any text. */
void aes_gcm_aad(aes_gcm_stream *s, const uint8_t *p, size_t n);

/* out may be in, but may not overlap it otherwise. */
void aes_gcm_encrypt(aes_gcm_stream *s, const uint8_t *in, size_t n, uint8_t *out);
void aes_gcm_decrypt(aes_gcm_stream *s, const uint8_t *in, size_t n, uint8_t *out);

/* The tag of all that went through. The stream is over and holds nothing any more. */
void aes_gcm_end(aes_gcm_stream *s, uint8_t tag[AES_GCM_TAG]);

#endif
