/* mbedTLS's GCM context when the code is ours (MBEDTLS_GCM_ALT): room for what tls/mbedtls_gcm.c
 * keeps in it, which a static assertion there holds to it. */
#ifndef H2BOX_GCM_ALT_H
#define H2BOX_GCM_ALT_H

typedef struct mbedtls_gcm_context {
    _Alignas(16) unsigned char room[752];
} mbedtls_gcm_context;

#endif
