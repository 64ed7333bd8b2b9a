#include <arpa/inet.h>
#include <errno.h>
#include <mbedtls/asn1.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tls/tls_impl.h"

/* ---- from files ---- */

static int read_key(mbedtls_pk_context *key, const tls_identity *from, const char *password) {
    return mbedtls_pk_parse_keyfile(key, from->key_file, password, mbedtls_psa_get_random,
                                    MBEDTLS_PSA_RANDOM_STATE);
}

bool tls_identity_read(tls_pair *p, const tls_identity *from, char *why) {
    if (!tls_text_may_read(why, from->cert_file) || !tls_text_may_read(why, from->key_file))
        return false;
    errno = 0;
    int error = mbedtls_x509_crt_parse_file(&p->chain, from->cert_file);
    if (error > 0) { /* so many certificates of the file were not understood */
        snprintf(why, TLS_WHY_ROOM, "%s: a certificate in it cannot be read", from->cert_file);
        return false;
    }
    if (error) return tls_text_fail(why, from->cert_file, error);
    error = read_key(&p->key, from, from->password);
    /* What a wrong password makes of a key has good padding once in 256 times, and then it is
     * nothing else that can be read. */
    if (error && from->password &&
        read_key(&p->key, from, NULL) == MBEDTLS_ERR_PK_PASSWORD_REQUIRED)
        error = MBEDTLS_ERR_PK_PASSWORD_MISMATCH;
    if (error) return tls_text_fail(why, from->key_file, error);
    if (mbedtls_pk_check_pair(&p->chain.pk, &p->key, mbedtls_psa_get_random,
                              MBEDTLS_PSA_RANDOM_STATE) == 0)
        return true;
    snprintf(why, TLS_WHY_ROOM, "%s: this key does not belong to %s", from->key_file,
             from->cert_file);
    return false;
}

/* ---- what it is for ---- */

static bool same_host(span pattern, span name) {
    if (pattern.n > 2 && pattern.p[0] == '*' && pattern.p[1] == '.') { /* one label: RFC 9525 6.3 */
        const uint8_t *dot = name.n ? memchr(name.p, '.', name.n) : NULL;
        if (!dot || dot == name.p) return false;
        name = span_skip(name, (size_t)(dot - name.p));
        pattern = span_skip(pattern, 1);
    }
    return span_ieq(pattern, name);
}

bool tls_identity_matches(const tls_pair *p, span name) {
    const mbedtls_x509_sequence *alt = &p->chain.subject_alt_names;
    bool any = false;
    for (; alt && alt->buf.p; alt = alt->next) {
        if (alt->buf.tag != (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_DNS_NAME)) continue;
        any = true;
        if (same_host(span_of(alt->buf.p, alt->buf.len), name)) return true;
    }
    for (const mbedtls_x509_name *n = any ? NULL : &p->chain.subject; n; n = n->next) {
        if (n->oid.p && MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &n->oid) == 0 &&
            same_host(span_of(n->val.p, n->val.len), name))
            return true;
    }
    return false;
}

void tls_identity_fingerprint(const mbedtls_x509_crt *crt, char text[3 * 32]) {
    uint8_t hash[32];
    size_t n;
    *text = 0;
    if (psa_hash_compute(PSA_ALG_SHA_256, crt->raw.p, crt->raw.len, hash, sizeof hash, &n) !=
        PSA_SUCCESS)
        return;
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(text + 3 * i, 4, i + 1 < sizeof hash ? "%02X:" : "%02X", hash[i]);
}

/* ---- one of our own ---- */

#define MADE_DAYS 7
#define MADE_ROOM 4096u

/* A name of the certificate, with the bytes of an address. */
typedef struct alt_name {
    mbedtls_x509_san_list list;
    uint8_t address[16];
} alt_name;

static void set_name(alt_name *a, const char *name) {
    mbedtls_x509_subject_alternative_name *node = &a->list.node;
    size_t n = inet_pton(AF_INET, name, a->address) == 1    ? 4
               : inet_pton(AF_INET6, name, a->address) == 1 ? 16
                                                            : 0;
    node->type = n ? MBEDTLS_X509_SAN_IP_ADDRESS : MBEDTLS_X509_SAN_DNS_NAME;
    /* It is only read. */
    node->san.unstructured_name.p = n ? a->address : (unsigned char *)(uintptr_t)name;
    node->san.unstructured_name.len = n ? n : strlen(name);
}

static void print_time(char text[16], time_t at) {
    struct tm tm;
    gmtime_r(&at, &tm);
    strftime(text, 16, "%Y%m%d%H%M%S", &tm);
}

static int sign(mbedtls_x509write_cert *w, tls_pair *p, alt_name *names, const char *subject) {
    uint8_t serial[16], der[MADE_ROOM];
    char from[16], until[16];
    int error = mbedtls_psa_get_random(MBEDTLS_PSA_RANDOM_STATE, serial, sizeof serial);
    time_t now = time(NULL);
    serial[0] = (serial[0] & 0x7f) | 1; /* positive, and not 0: RFC 5280 section 4.1.2.2 */
    print_time(from, now - 3600);       /* clocks differ */
    print_time(until, now + MADE_DAYS * 86400);
    mbedtls_x509write_crt_set_version(w, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(w, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(w, &p->key);
    mbedtls_x509write_crt_set_issuer_key(w, &p->key);
    if (!error) error = mbedtls_x509write_crt_set_serial_raw(w, serial, sizeof serial);
    if (!error) error = mbedtls_x509write_crt_set_validity(w, from, until);
    if (!error) error = mbedtls_x509write_crt_set_subject_name(w, subject);
    if (!error) error = mbedtls_x509write_crt_set_issuer_name(w, subject);
    if (!error) error = mbedtls_x509write_crt_set_basic_constraints(w, 0, -1);
    if (!error && names)
        error = mbedtls_x509write_crt_set_subject_alternative_name(w, &names->list);
    if (error) return error;
    int n = mbedtls_x509write_crt_der(w, der, sizeof der, mbedtls_psa_get_random,
                                      MBEDTLS_PSA_RANDOM_STATE);
    /* It is written at the end of the room. */
    return n < 0 ? n : mbedtls_x509_crt_parse_der(&p->chain, der + sizeof der - n, (size_t)n);
}

bool tls_identity_make(tls_pair *p, const char *const *names, char *why) {
    size_t count = 0;
    while (names[count]) count++;
    alt_name *alt = count ? calloc(count, sizeof *alt) : NULL;
    for (size_t i = 0; alt && i < count; i++) {
        set_name(&alt[i], names[i]);
        alt[i].list.next = i + 1 < count ? &alt[i + 1].list : NULL;
    }
    mbedtls_x509write_cert w;
    mbedtls_x509write_crt_init(&w);
    int error = count && !alt
                    ? MBEDTLS_ERR_X509_ALLOC_FAILED
                    : mbedtls_pk_setup(&p->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (!error)
        error = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(p->key),
                                    mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    if (!error) error = sign(&w, p, alt, "CN=h2box");
    mbedtls_x509write_crt_free(&w);
    free(alt);
    return error ? tls_text_fail(why, "a certificate of our own", error) : true;
}
