/* What h2box wants of mbedTLS, on top of the library's own mbedtls_config.h (3.6). TLS 1.2 and 1.3
 * over TCP with forward secrecy only: no DTLS, no renegotiation, no static keys, no cipher or curve
 * that a browser would not offer. It is not a security boundary: tls/ still chooses versions and
 * suites at run time.
 *
 * Not set on purpose: MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH has no effect in TLS 1.3, and with a small
 * output buffer it breaks TLS 1.2 peers that send records larger than it.
 */
#ifndef H2BOX_MBEDTLS_CONFIG_H
#define H2BOX_MBEDTLS_CONFIG_H

/* Workers are threads. */
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD

#define MBEDTLS_USE_PSA_CRYPTO
#define MBEDTLS_SSL_EARLY_DATA
#define MBEDTLS_SSL_RECORD_SIZE_LIMIT

/* netio/ owns sockets and time; nothing here opens files to store keys. */
#undef MBEDTLS_NET_C
#undef MBEDTLS_TIMING_C
#undef MBEDTLS_PSA_CRYPTO_STORAGE_C
#undef MBEDTLS_PSA_ITS_FILE_C

/* Datagram TLS. */
#undef MBEDTLS_SSL_PROTO_DTLS
#undef MBEDTLS_SSL_DTLS_ANTI_REPLAY
#undef MBEDTLS_SSL_DTLS_HELLO_VERIFY
#undef MBEDTLS_SSL_DTLS_CLIENT_PORT_REUSE
#undef MBEDTLS_SSL_DTLS_CONNECTION_ID
#undef MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT

/* RFC 9113 section 9.2.1 forbids renegotiation; RFC 9113 appendix A forbids suites without forward
 * secrecy. */
#undef MBEDTLS_SSL_RENEGOTIATION
#undef MBEDTLS_KEY_EXCHANGE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_ECDSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECJPAKE_ENABLED
#undef MBEDTLS_DHM_C
#undef MBEDTLS_ECJPAKE_C

/* Ciphers and digests that no suite of ours uses. CBC stays: encrypted PEM keys need it. */
#undef MBEDTLS_CAMELLIA_C
#undef MBEDTLS_ARIA_C
#undef MBEDTLS_CCM_C
#undef MBEDTLS_NIST_KW_C
#undef MBEDTLS_RIPEMD160_C
#undef MBEDTLS_SHA3_C
#undef MBEDTLS_LMS_C
#undef MBEDTLS_CIPHER_MODE_CFB
#undef MBEDTLS_CIPHER_MODE_OFB
#undef MBEDTLS_CIPHER_MODE_XTS

/* Kept: P-256, P-384, P-521, X25519. */
#undef MBEDTLS_ECP_DP_SECP192R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP192K1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224K1_ENABLED
#undef MBEDTLS_ECP_DP_SECP256K1_ENABLED
#undef MBEDTLS_ECP_DP_BP256R1_ENABLED
#undef MBEDTLS_ECP_DP_BP384R1_ENABLED
#undef MBEDTLS_ECP_DP_BP512R1_ENABLED
#undef MBEDTLS_ECP_DP_CURVE448_ENABLED

/* Certificates are read, and written for a server that has none; requests for them are neither. */
#undef MBEDTLS_X509_CSR_WRITE_C
#undef MBEDTLS_X509_CSR_PARSE_C
#undef MBEDTLS_PKCS7_C

/* The code of these is ours (tls/mbedtls_*.c over tls/accel): the library's own is 3 to 40 times
 * slower than what the processor can do. The contexts' sizes stand in cmake/mbedtls_alt. */
#define MBEDTLS_GCM_ALT
#define MBEDTLS_CHACHAPOLY_ALT
#define MBEDTLS_SHA256_PROCESS_ALT

/* P-256 likewise, under the name of a driver that the library knows (tls/p256_transparent.c); it
 * wants products of 128 bits. The driver is not asked for deterministic signatures, and ours hedge
 * the nonce anyway. */
#if defined(__SIZEOF_INT128__)
#define MBEDTLS_PSA_P256M_DRIVER_ENABLED
#undef MBEDTLS_ECDSA_DETERMINISTIC
#endif

/* Bulk without use. */
#undef MBEDTLS_SELF_TEST
#undef MBEDTLS_DEBUG_C
#undef MBEDTLS_VERSION_FEATURES

#endif
