#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tls/tls_impl.h"

int tls_keylog_open(const char *file, char *why) {
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) snprintf(why, TLS_WHY_ROOM, "%s: %s", file, strerror(errno));
    return fd;
}

/* The labels of NSS's key log. */
static const char *label_of(mbedtls_ssl_key_export_type type) {
    switch (type) {
    case MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET: return "CLIENT_RANDOM";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET:
        return "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET:
        return "SERVER_HANDSHAKE_TRAFFIC_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET:
        return "CLIENT_TRAFFIC_SECRET_0";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET:
        return "SERVER_TRAFFIC_SECRET_0";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_EARLY_SECRET: return "CLIENT_EARLY_TRAFFIC_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_EARLY_EXPORTER_SECRET: return "EARLY_EXPORTER_SECRET";
    default: return NULL;
    }
}

static size_t put_hex(char *out, const unsigned char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[p[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }
    return 2 * n;
}

void tls_keylog_note(void *self, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                     size_t n, const unsigned char client_random[32],
                     const unsigned char server_random[32], mbedtls_tls_prf_types prf) {
    const tls_conn *c = self;
    const char *label = label_of(type);
    char line[64 + 2 * 32 + 2 * 64];
    (void)server_random;
    (void)prf;
    if (c->config->keylog < 0 || !label || n > 64) return;
    size_t at = (size_t)snprintf(line, 64, "%s ", label);
    at += put_hex(line + at, client_random, 32);
    line[at++] = ' ';
    at += put_hex(line + at, secret, n);
    line[at++] = '\n';
    /* One write for a line: workers append to the same file. That it fails must not end a
     * connection. */
    ssize_t ignored = write(c->config->keylog, line, at);
    (void)ignored;
}
