#include <string.h>
#include <time.h>

#include "tls/record.h"
#include "tls/tls_impl.h"

#define SECRET_MOST 48u /* of SHA-384 */

struct tls_secrets {
    uint8_t client[SECRET_MOST], server[SECRET_MOST];
    size_t bytes;
};

uint64_t tls_takeover_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

void tls_takeover_note(void *self, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                       size_t n, const unsigned char client_random[32],
                       const unsigned char server_random[32], mbedtls_tls_prf_types prf) {
    tls_conn *c = self;
    bool of_client = type == MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET;
    bool of_server = type == MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET;
    tls_keylog_note(self, type, secret, n, client_random, server_random, prf);
    if ((!of_client && !of_server) || n > SECRET_MOST) return;
    if (!c->secrets) c->secrets = mem_take_zero(c->mem, sizeof *c->secrets);
    if (!c->secrets) return; /* then mbedTLS goes on */
    memcpy(of_client ? c->secrets->client : c->secrets->server, secret, n);
    c->secrets->bytes = n;
}

void tls_takeover_forget(tls_conn *c) {
    if (!c->secrets) return;
    explicit_bzero(c->secrets, sizeof *c->secrets);
    mem_give(c->mem, c->secrets, sizeof *c->secrets);
    c->secrets = NULL;
}

static uint64_t counter(const unsigned char *p) {
    return (uint64_t)bytes_get32(p) << 32 | bytes_get32(p + 4);
}

void tls_takeover_try(tls_conn *c) {
    const mbedtls_ssl_context *ssl = c->ssl;
    int suite = mbedtls_ssl_get_ciphersuite_id_from_ssl(ssl);
    /* mbedTLS has read nothing ahead: tls_shake.c gives it whole records. */
    if (!c->secrets || c->facts.version != 0x0304 || !record_knows((uint16_t)suite) ||
        c->in_record || mbedtls_ssl_check_pending(ssl))
        return;
    bool server = c->config->server;
    record_birth b = {.mem = c->mem,
                      .suite = (uint16_t)suite,
                      .server = server,
                      .read_secret = server ? c->secrets->client : c->secrets->server,
                      .write_secret = server ? c->secrets->server : c->secrets->client,
                      .secret_bytes = c->secrets->bytes,
                      .read_seq = counter(ssl->MBEDTLS_PRIVATE(in_ctr)),
                      .write_seq = counter(ssl->MBEDTLS_PRIVATE(cur_out_ctr)),
                      .now_ms = tls_takeover_clock,
                      .warmup = c->config->warmup};
    c->record = record_new(&b);
    if (!c->record) return;
    tls_takeover_forget(c);
    mbedtls_ssl_free(c->ssl);
    mem_give(c->mem, c->ssl, sizeof *c->ssl);
    c->ssl = NULL;
    if (!tls_bytes_count(&c->in)) return;
    span early = span_of(c->in.p + c->in.first, tls_bytes_count(&c->in));
    c->status = record_feed(c->record, &early, &c->why);
    tls_bytes_end(c->mem, &c->in);
}
