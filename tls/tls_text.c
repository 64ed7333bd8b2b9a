#include <errno.h>
#include <mbedtls/asn1.h>
#include <mbedtls/error.h>
#include <mbedtls/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tls/tls_impl.h"

#define KEPT 16

const char *tls_text_keep(const char *format, ...) {
    static _Thread_local char kept[KEPT][TLS_WHY_ROOM];
    static _Thread_local unsigned next;
    char text[TLS_WHY_ROOM]; /* what is printed may be a kept one */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *out = kept[next++ % KEPT];
    memcpy(out, text, sizeof text);
    return out;
}

/* RFC 8446 section 6, RFC 5246 section 7.2. */
static const char *alert_text(uint8_t alert) {
    switch (alert) {
    case 10: return "unexpected message";
    case 20: return "a record was damaged";
    case 22: return "record overflow";
    case 40: return "no version, cipher or group in common (handshake failure)";
    case 42: return "bad certificate";
    case 43: return "unsupported certificate";
    case 44: return "certificate revoked";
    case 45: return "certificate expired";
    case 46: return "certificate unknown";
    case 47: return "illegal parameter";
    case 48: return "unknown certificate authority";
    case 49: return "access denied";
    case 50: return "decode error";
    case 51: return "decrypt error";
    case 70: return "no TLS version in common";
    case 71: return "insufficient security";
    case 80: return "internal error";
    case 86: return "inappropriate fallback";
    case 90: return "canceled";
    case 109: return "missing extension";
    case 110: return "unsupported extension";
    case 112: return "unrecognized name";
    case 113: return "bad certificate status response";
    case 115: return "unknown PSK identity";
    case 116: return "certificate required";
    case 120: return "no application protocol in common (ALPN)";
    default: return NULL;
    }
}

const char *tls_text_alert(uint8_t alert) {
    const char *text = alert_text(alert);
    return text ? tls_text_keep("the peer refuses: %s", text)
                : tls_text_keep("the peer refuses: alert %u", alert);
}

const char *tls_text_error(int error, const mbedtls_ssl_context *ssl) {
    switch (error) {
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_X509_ALLOC_FAILED:
    case MBEDTLS_ERR_PK_ALLOC_FAILED:
    case MBEDTLS_ERR_PEM_ALLOC_FAILED:
    case MBEDTLS_ERR_ECP_ALLOC_FAILED: return "out of memory";
    case MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL:
        return "the peer speaks neither HTTP/2 nor HTTP/1.1 (ALPN)";
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION: return "no TLS version in common";
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE: return "no cipher, group or signature in common";
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE: return "the peer sent no certificate";
    case MBEDTLS_ERR_SSL_INVALID_RECORD: return "the peer does not speak TLS (bad record)";
    case MBEDTLS_ERR_SSL_INVALID_MAC: return "a record was damaged or forged";
    case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE: return "TLS: unexpected message";
    case MBEDTLS_ERR_SSL_DECODE_ERROR: return "TLS: message that cannot be read";
    case MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER: return "TLS: illegal parameter";
    case MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION: return "TLS: unsupported extension";
    case MBEDTLS_ERR_SSL_BAD_CERTIFICATE: return "the peer's certificate cannot be read";
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED: return "the peer's certificate is not trusted";
    case MBEDTLS_ERR_PK_PASSWORD_REQUIRED: return "the key is encrypted and needs a password";
    case MBEDTLS_ERR_PK_PASSWORD_MISMATCH: return "wrong password for the key";
    case MBEDTLS_ERR_PK_FILE_IO_ERROR:
    case MBEDTLS_ERR_X509_FILE_IO_ERROR: return strerror(errno);
    case MBEDTLS_ERR_PK_KEY_INVALID_FORMAT:
    case MBEDTLS_ERR_PK_UNKNOWN_PK_ALG: return "no private key in PEM";
    case MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT:
    case MBEDTLS_ERR_X509_INVALID_FORMAT + MBEDTLS_ERR_ASN1_UNEXPECTED_TAG:
    case MBEDTLS_ERR_X509_INVALID_FORMAT:
    case MBEDTLS_ERR_PEM_NO_HEADER_FOOTER_PRESENT: return "no certificate in PEM";
    default: break;
    }
    if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE && ssl)
        return tls_text_alert(ssl->MBEDTLS_PRIVATE(in_msg)[1]);
    char text[128];
    mbedtls_strerror(error, text, sizeof text);
    return tls_text_keep("TLS: %s", text);
}

bool tls_text_fail(char *why, const char *file, int error) {
    snprintf(why, TLS_WHY_ROOM, "%s: %s", file, tls_text_error(error, NULL));
    return false;
}

bool tls_text_may_read(char *why, const char *file) {
    struct stat st;
    if (stat(file, &st) != 0 || !(S_ISFIFO(st.st_mode) || S_ISDIR(st.st_mode))) return true;
    snprintf(why, TLS_WHY_ROOM, "%s: a file is expected, not a %s", file,
             S_ISDIR(st.st_mode) ? "directory" : "FIFO");
    return false;
}
