/* The key schedule of TLS 1.3 as far as it goes on after the handshake (RFC 8446 section 7). Only
 * computes; who asks owns and wipes. */
#ifndef H2BOX_TLS_HKDF_H
#define H2BOX_TLS_HKDF_H

#include "tls/accel/sha2.h"

/* HKDF-Expand-Label(secret, label, "", n) with a hash of `hash` bytes, which are also the secret's;
 * n <= hash. label is without "tls13 " and has at most 12 bytes. */
void hkdf_expand_label(size_t hash, const uint8_t *secret, const char *label, uint8_t *out,
                       size_t n);

#endif
