/* mbedTLS's ChaCha20-Poly1305 context when the code is ours (MBEDTLS_CHACHAPOLY_ALT): room for what
 * tls/mbedtls_chachapoly.c keeps in it, which a static assertion there holds to it. */
#ifndef H2BOX_CHACHAPOLY_ALT_H
#define H2BOX_CHACHAPOLY_ALT_H

typedef struct mbedtls_chachapoly_context {
    _Alignas(16) unsigned char room[336];
} mbedtls_chachapoly_context;

#endif
