#include "core/limits.h"
#include "tls/alert.h"
#include "tls/tls_impl.h"

#define RECORD_HEAD      5u
#define RECORD_ALERT     21u
#define RECORD_HANDSHAKE 22u

/* ---- what mbedTLS reads and writes ---- */

static int send_bytes(void *self, const unsigned char *p, size_t n) {
    tls_conn *c = self;
    if (c->config->server) tls_group_note(c, p, n);
    if (!tls_bytes_put(c->mem, &c->out, p, n)) return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    return (int)n;
}

/* Bytes of the record in front when it is whole, else 0. One that is too long is given as it is:
 * mbedTLS refuses it by its head. */
static size_t whole_record(const tls_conn *c) {
    size_t have = tls_bytes_count(&c->in);
    if (have < RECORD_HEAD) return 0;
    const uint8_t *p = c->in.p + c->in.first;
    size_t n = RECORD_HEAD + bytes_get16(p + 3);
    if (n > RECORD_HEAD + LIMIT_TLS_SEALED_RECORD) return RECORD_HEAD;
    return have >= n ? n : 0;
}

/* A client that refuses our certificate in TLS 1.3 may say so in the clear, where mbedTLS expects
 * only sealed records and finds this one damaged. */
static void note_alert(tls_conn *c) {
    if (c->in_record != RECORD_HEAD + 2) return;
    const uint8_t *p = c->in.p + c->in.first;
    if (p[0] == RECORD_ALERT && p[RECORD_HEAD] == ALERT_LEVEL_FATAL) c->alert = p[RECORD_HEAD + 1];
}

bool tls_shake_can_read(const tls_conn *c) {
    return c->in_record || whole_record(c) ||
           c->ssl->MBEDTLS_PRIVATE(state) != MBEDTLS_SSL_HANDSHAKE_OVER;
}

/* Gives whole records only: so mbedTLS holds no part of one. */
static int receive_record(void *self, unsigned char *p, size_t n) {
    tls_conn *c = self;
    if (!c->in_record) {
        c->in_record = whole_record(c);
        note_alert(c);
        if (!c->config->server && c->in_record)
            tls_group_note(c, c->in.p + c->in.first, c->in_record);
    }
    if (!c->in_record) return MBEDTLS_ERR_SSL_WANT_READ;
    if (n > c->in_record) n = c->in_record;
    memcpy(p, c->in.p + c->in.first, n);
    c->in_record -= n;
    tls_bytes_drop(c->mem, &c->in, n);
    return (int)n;
}

/* ---- beginning ---- */

static tls_status set_up(tls_conn *c) {
    c->ssl = mem_take(c->mem, sizeof *c->ssl);
    if (!c->ssl) return tls_fail(c, "out of memory");
    mbedtls_ssl_init(c->ssl);
    int error = mbedtls_ssl_setup(c->ssl, &c->config->ssl);
    if (!error && !c->config->server)
        error = mbedtls_ssl_set_hostname(c->ssl, c->name_is_address ? NULL : c->name);
    if (error) return tls_fail(c, tls_text_error(error, NULL));
    mbedtls_ssl_set_user_data_p(c->ssl, c);
    mbedtls_ssl_set_bio(c->ssl, c, send_bytes, receive_record, NULL);
    mbedtls_ssl_set_verify(c->ssl, tls_trust_check, c);
    mbedtls_ssl_set_export_keys_cb(c->ssl, tls_takeover_note, c);
    if (c->tickets && c->config->tickets) tls_tickets_offer(c);
    return TLS_OK;
}

/* The answer to http:// on a port for https://. */
static tls_status answer_plain_http(tls_conn *c) {
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\n"
                                 "content-type: text/plain\r\n"
                                 "content-length: 36\r\n"
                                 "connection: close\r\n"
                                 "\r\n"
                                 "This port speaks TLS: use https://\r\n";
    tls_bytes_put(c->mem, &c->out, answer, sizeof answer - 1);
    return tls_fail(c, "plain HTTP where TLS was expected");
}

/* A server costs its 40 KiB for a handshake only once a whole first record has come. */
static tls_status hear(tls_conn *c) {
    if (!tls_bytes_count(&c->in)) return TLS_OK;
    uint8_t first = c->in.p[c->in.first];
    if (first >= 'A' && first <= 'Z') return answer_plain_http(c);
    if (first != RECORD_HANDSHAKE) return tls_fail(c, "the peer does not speak TLS");
    return whole_record(c) ? set_up(c) : TLS_OK;
}

/* ---- end ---- */

static tls_status finish(tls_conn *c) {
    const mbedtls_ssl_context *ssl = c->ssl;
    const char *alpn = mbedtls_ssl_get_alpn_protocol(ssl);
    bool v13 = mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
    bool named = c->name && !c->name_is_address;
    const char *group = c->facts.group;
    c->over = true;
    if (!c->full) tls_tickets_recall(c);
    c->facts = (tls_facts){
        .version = v13 ? 0x0304 : 0x0303,
        .version_name = v13 ? "TLSv1.3" : "TLSv1.2",
        .cipher = tls_suite_name(mbedtls_ssl_get_ciphersuite_id_from_ssl(ssl)),
        .group = group ? group : "",
        .alpn = alpn ? alpn : "",
        .server_name = c->server_name ? c->server_name
                       : named        ? c->name
                                      : "",
        .distrust = c->distrust ? c->distrust : "",
        .resumed = !c->full,
        .client_subject = "",
        .client_issuer = "",
        .client_serial = "",
        .client_sha256 = "",
        .client_sha1 = "",
        .session_id = "",
    };
    if (c->config->server && !tls_client_note(c)) return tls_fail(c, "out of memory");
    if (!v13) tls_tickets_keep(c);
    /* Who wants tickets waits for them: only mbedTLS can read them. */
    if (!c->tickets || !c->peer || !c->config->tickets) tls_takeover_try(c);
    return c->status;
}

/* mbedTLS ends a handshake of TLS 1.3 without the client's certificate by the alert no_certificate,
 * which that version has not; certificate_required takes its place (RFC 8446 section 4.4.2.4).
 * `before` is what was to be written before that step. */
static void say_certificate_required(tls_conn *c, size_t before) {
    mbedtls_ssl_context *ssl = c->ssl;
    c->out.end = c->out.first + before;
    memset(ssl->MBEDTLS_PRIVATE(cur_out_ctr), 0, sizeof ssl->MBEDTLS_PRIVATE(cur_out_ctr));
    mbedtls_ssl_send_alert_message(ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, ALERT_certificate_required);
}

static tls_status fail_with(tls_conn *c, int error, size_t before) {
    if (error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && c->distrust)
        return tls_fail(c, tls_text_keep("%s", c->distrust));
    /* In TLS 1.2 mbedTLS says nothing to the client (RFC 5246 section 7.4.6). */
    bool v13 = mbedtls_ssl_get_version_number(c->ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
    if (error == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE && v13)
        say_certificate_required(c, before);
    else if (error == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
        mbedtls_ssl_send_alert_message(c->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                       MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    if (c->alert) return tls_fail(c, tls_text_alert(c->alert));
    return tls_fail(c, tls_text_error(error, c->ssl));
}

/* ---- steps ---- */

/* Steps that cost a private key, or a chain of certificates. */
static bool is_dear(int state) {
    switch (state) {
    case MBEDTLS_SSL_CLIENT_HELLO:
    case MBEDTLS_SSL_SERVER_HELLO:
    case MBEDTLS_SSL_SERVER_CERTIFICATE:
    case MBEDTLS_SSL_SERVER_KEY_EXCHANGE:
    case MBEDTLS_SSL_CERTIFICATE_VERIFY:
    case MBEDTLS_SSL_CLIENT_CERTIFICATE:
    case MBEDTLS_SSL_CLIENT_CERTIFICATE_VERIFY:
    case MBEDTLS_SSL_CLIENT_KEY_EXCHANGE: return true;
    default: return false;
    }
}

/* mbedTLS turns to its next keys only when it has a message to write with them, so an alert before
 * that would go out under those of an earlier part of the handshake, or under none, and the peer
 * finds a damaged record. RFC 8446 has a client seal with its handshake keys from ServerHello on,
 * and a server with its application keys from its Finished on (appendix A, K_send). */
static void turn_keys(tls_conn *c, int state) {
    mbedtls_ssl_context *ssl = c->ssl;
    mbedtls_ssl_transform *keys;
    if (mbedtls_ssl_get_version_number(ssl) != MBEDTLS_SSL_VERSION_TLS1_3) return;
    switch (state) {
    case MBEDTLS_SSL_ENCRYPTED_EXTENSIONS:
    case MBEDTLS_SSL_CERTIFICATE_REQUEST:
    case MBEDTLS_SSL_SERVER_CERTIFICATE:
    case MBEDTLS_SSL_CERTIFICATE_VERIFY:
    case MBEDTLS_SSL_SERVER_FINISHED:
        if (c->config->server) return;
        keys = ssl->MBEDTLS_PRIVATE(transform_in);
        break;
    case MBEDTLS_SSL_CLIENT_CCS_AFTER_SERVER_FINISHED:
        keys = NULL; /* ChangeCipherSpec is in the clear, and mbedTLS turns right after it */
        break;
    case MBEDTLS_SSL_CLIENT_CERTIFICATE:
    case MBEDTLS_SSL_CLIENT_CERTIFICATE_VERIFY:
    case MBEDTLS_SSL_CLIENT_FINISHED:
        if (!c->config->server) return;
        keys = ssl->MBEDTLS_PRIVATE(transform_application);
        break;
    default: return;
    }
    if (ssl->MBEDTLS_PRIVATE(transform_out) == keys) return;
    ssl->MBEDTLS_PRIVATE(transform_out) = keys;
    memset(ssl->MBEDTLS_PRIVATE(cur_out_ctr), 0, sizeof ssl->MBEDTLS_PRIVATE(cur_out_ctr));
}

static tls_status step(tls_conn *c, bool *more) {
    if (!c->ssl && (c->config->server ? hear(c) : set_up(c)) != TLS_OK) return c->status;
    if (!c->ssl) return TLS_OK;
    for (;;) {
        int state = c->ssl->MBEDTLS_PRIVATE(state);
        if (state == MBEDTLS_SSL_SERVER_CERTIFICATE) c->full = true;
        turn_keys(c, state);
        size_t before = tls_bytes_count(&c->out);
        int error = mbedtls_ssl_handshake_step(c->ssl);
        if (error == MBEDTLS_ERR_SSL_WANT_READ) return TLS_OK;
        if (error) return fail_with(c, error, before);
        /* Not mbedtls_ssl_is_handshake_over: a server's tickets come after that. */
        if (c->ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_HANDSHAKE_OVER) return finish(c);
        if (is_dear(state)) {
            *more = true;
            return TLS_OK;
        }
    }
}

tls_status tls_shake_step(void *self, bool *more, const char **why) {
    tls_conn *c = self;
    *more = false;
    if (c->status == TLS_OK && !c->over) step(c, more);
    *why = c->why;
    return c->status;
}
