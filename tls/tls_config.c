#include <pthread.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/limits.h"
#include "tls/tls_impl.h"

static bool prepared;

static void prepare_once(void) { prepared = psa_crypto_init() == PSA_SUCCESS; }

static bool prepare(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_once);
    return prepared;
}

/* ---- birth and end ---- */

static void free_all(tls_config *c) {
    mbedtls_ssl_config_free(&c->ssl);
    mbedtls_x509_crt_free(&c->trusted);
    for (size_t i = 0; i < c->pair_count; i++) {
        mbedtls_x509_crt_free(&c->pairs[i].chain);
        mbedtls_pk_free(&c->pairs[i].key);
    }
    mbedtls_ssl_ticket_free(&c->ticket_keys);
    if (c->keylog >= 0) close(c->keylog);
    free(c->pairs);
    free(c->suites);
    free(c->groups);
    free(c->alpn);
    free(c);
}

static tls_config *new_config(const tls_settings *s, size_t pairs, char *why) {
    snprintf(why, TLS_WHY_ROOM, "out of memory");
    if (!prepare()) {
        snprintf(why, TLS_WHY_ROOM, "no random numbers from the system");
        return NULL;
    }
    tls_config *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    atomic_init(&c->holds, 1);
    c->server = s->server;
    c->check = s->check;
    c->tolerate_expired = s->tolerate_expired;
    c->warmup = s->warmup ? *s->warmup : (tls_warmup){LIMIT_TLS_WARM, LIMIT_TLS_COLD_MS};
    c->keylog = -1;
    mbedtls_ssl_config_init(&c->ssl);
    mbedtls_x509_crt_init(&c->trusted);
    mbedtls_ssl_ticket_init(&c->ticket_keys);
    c->pairs = pairs ? calloc(pairs, sizeof *c->pairs) : NULL;
    if (pairs && !c->pairs) {
        free_all(c);
        return NULL;
    }
    c->pair_count = pairs;
    for (size_t i = 0; i < pairs; i++) {
        mbedtls_x509_crt_init(&c->pairs[i].chain);
        mbedtls_pk_init(&c->pairs[i].key);
    }
    return c;
}

tls_config *tls_config_hold(tls_config *c) {
    atomic_fetch_add_explicit(&c->holds, 1, memory_order_relaxed);
    return c;
}

void tls_config_drop(tls_config *c) {
    if (c && atomic_fetch_sub_explicit(&c->holds, 1, memory_order_acq_rel) == 1) free_all(c);
}

const char *tls_config_fingerprint(const tls_config *c) { return c->fingerprint; }

/* ---- settings ---- */

/* One block: the array, then its texts. */
static bool copy_alpn(tls_config *c, const char *const *from) {
    size_t n = 0, bytes = 0;
    for (; from[n]; n++) bytes += strlen(from[n]) + 1;
    c->alpn = malloc((n + 1) * sizeof *c->alpn + bytes);
    if (!c->alpn) return false;
    char *text = (char *)(c->alpn + n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t room = strlen(from[i]) + 1;
        c->alpn[i] = memcpy(text, from[i], room);
        text += room;
    }
    c->alpn[n] = NULL;
    return mbedtls_ssl_conf_alpn_protocols(&c->ssl, c->alpn) == 0;
}

/* It goes into logs; a host name has 253 bytes at most (RFC 1035 section 2.3.4). */
static bool is_printable(const unsigned char *name, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (name[i] <= ' ' || name[i] > '~') return false;
    }
    return n < 256;
}

/* Chooses certificates by the name that the client asks for; without a match the first one stays,
 * as RFC 6066 section 3 allows. */
static int on_server_name(void *self, mbedtls_ssl_context *ssl, const unsigned char *name,
                          size_t n) {
    tls_config *c = self;
    tls_conn *conn = mbedtls_ssl_get_user_data_p(ssl);
    if (!conn->server_name && is_printable(name, n)) {
        conn->server_name = mem_take(conn->mem, n + 1);
        if (!conn->server_name) return MBEDTLS_ERR_SSL_ALLOC_FAILED;
        memcpy(conn->server_name, name, n);
        conn->server_name[n] = 0;
    }
    int error = 0;
    for (size_t i = 0; c->pair_count > 1 && !error && i < c->pair_count; i++) {
        if (tls_identity_matches(&c->pairs[i], span_of(name, n)))
            error = mbedtls_ssl_set_hs_own_cert(ssl, &c->pairs[i].chain, &c->pairs[i].key);
    }
    return error;
}

static int authmode(const tls_config *c) {
    switch (c->check) {
    case TLS_CHECK_NONE: return MBEDTLS_SSL_VERIFY_NONE;
    case TLS_CHECK_TELL: return MBEDTLS_SSL_VERIFY_OPTIONAL;
    case TLS_CHECK_DEMAND:
        return c->server ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_OPTIONAL;
    default: return MBEDTLS_SSL_VERIFY_REQUIRED;
    }
}

static int apply_versions(tls_config *c, const tls_settings *s) {
    uint16_t least = s->version_min ? s->version_min : MBEDTLS_SSL_VERSION_TLS1_2;
    uint16_t most = s->version_max ? s->version_max : MBEDTLS_SSL_VERSION_TLS1_3;
    if (least > most || least < MBEDTLS_SSL_VERSION_TLS1_2 || most > MBEDTLS_SSL_VERSION_TLS1_3)
        return MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION;
    mbedtls_ssl_conf_min_tls_version(&c->ssl, (mbedtls_ssl_protocol_version)least);
    mbedtls_ssl_conf_max_tls_version(&c->ssl, (mbedtls_ssl_protocol_version)most);
    return 0;
}

static int apply_tickets(tls_config *c, const tls_settings *s) {
    if (s->no_tickets) {
        mbedtls_ssl_conf_session_tickets(&c->ssl, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
        return 0;
    }
    c->tickets = true;
    if (!c->server) {
        mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
            &c->ssl, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
        return 0;
    }
    /* Two keys in turn: a new one each lifetime, the one before it still opens tickets. */
    int error =
        mbedtls_ssl_ticket_setup(&c->ticket_keys, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE,
                                 MBEDTLS_CIPHER_AES_256_GCM, LIMIT_TICKET_SECONDS);
    if (!error)
        mbedtls_ssl_conf_session_tickets_cb(&c->ssl, mbedtls_ssl_ticket_write,
                                            mbedtls_ssl_ticket_parse, &c->ticket_keys);
    return error;
}

static bool apply(tls_config *c, const tls_settings *s, char *why) {
    int error = mbedtls_ssl_config_defaults(
        &c->ssl, s->server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(&c->ssl, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    if (!error) error = apply_versions(c, s);
    if (!error) error = apply_tickets(c, s);
    if (error) return tls_text_fail(why, "TLS settings", error);
    /* Only exchanges with forward secrecy. */
    mbedtls_ssl_conf_tls13_key_exchange_modes(
        &c->ssl, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
                     MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
    if (!(c->suites = tls_suite_list(s->ciphers, why))) return false;
    if (!(c->groups = tls_suite_groups(s->groups, why))) return false;
    mbedtls_ssl_conf_ciphersuites(&c->ssl, c->suites);
    mbedtls_ssl_conf_groups(&c->ssl, c->groups);
    snprintf(why, TLS_WHY_ROOM, "out of memory");
    if (s->alpn && *s->alpn && !copy_alpn(c, s->alpn)) return false;
    mbedtls_ssl_conf_authmode(&c->ssl, authmode(c));
    if (c->check != TLS_CHECK_NONE) {
        /* A server that takes any certificate names no authorities in its request. */
        if (c->check != TLS_CHECK_DEMAND && !tls_trust_load(&c->trusted, s->ca_file, why))
            return false;
        mbedtls_ssl_conf_ca_chain(&c->ssl, &c->trusted, NULL);
        mbedtls_ssl_conf_cert_req_ca_list(&c->ssl, s->ca_file
                                                       ? MBEDTLS_SSL_CERT_REQ_CA_LIST_ENABLED
                                                       : MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
    }
    if (c->server) mbedtls_ssl_conf_sni(&c->ssl, on_server_name, c);
    const char *keylog = s->keylog_file;
    return !keylog || (c->keylog = tls_keylog_open(keylog, why)) >= 0;
}

/* With its pairs filled in: the last step. */
static bool adopt_pairs(tls_config *c, char *why) {
    if (!c->pair_count) return true;
    int error = mbedtls_ssl_conf_own_cert(&c->ssl, &c->pairs[0].chain, &c->pairs[0].key);
    if (error) return tls_text_fail(why, "the certificate", error);
    tls_identity_fingerprint(&c->pairs[0].chain, c->fingerprint);
    return true;
}

tls_config *tls_config_new(const tls_settings *s, char *why) {
    if (s->identity_count > LIMIT_CERTIFICATES) {
        snprintf(why, TLS_WHY_ROOM, "more than %d certificates", LIMIT_CERTIFICATES);
        return NULL;
    }
    tls_config *c = new_config(s, s->identity_count, why);
    if (!c) return NULL;
    bool ok = apply(c, s, why);
    for (size_t i = 0; ok && i < c->pair_count; i++)
        ok = tls_identity_read(&c->pairs[i], &s->identities[i], why);
    if (ok && adopt_pairs(c, why)) return c;
    free_all(c);
    return NULL;
}

tls_config *tls_config_self_signed(const tls_settings *s, const char *const *names, char *why) {
    tls_config *c = new_config(s, 1, why);
    if (!c) return NULL;
    if (apply(c, s, why) && tls_identity_make(&c->pairs[0], names, why) && adopt_pairs(c, why))
        return c;
    free_all(c);
    return NULL;
}
