/* The Poly1305 authenticator (RFC 8439 section 2.5). One key serves one message. */
#ifndef H2BOX_TLS_ACCEL_POLY1305_H
#define H2BOX_TLS_ACCEL_POLY1305_H

#include <stddef.h>
#include <stdint.h>

enum { POLY1305_KEY = 32, POLY1305_TAG = 16 };

typedef struct poly1305 {
    uint64_t r[3], h[3]; /* limbs of 44, 44 and 42 bits */
    uint64_t pad[2];
} poly1305;

void poly1305_begin(poly1305 *p, const uint8_t key[POLY1305_KEY]);

/* n bytes, the last block filled up with zeros: as the AEAD of section 2.8 pads, not as a message
 * of its own that ends there. */
void poly1305_add(poly1305 *p, const uint8_t *in, size_t n);

void poly1305_end(poly1305 *p, uint8_t tag[POLY1305_TAG]);

#endif
