#include <arpa/inet.h>
#include <errno.h>
#include <mbedtls/asn1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/limits.h"
#include "tls/tls_impl.h"

/* Where systems keep what they trust: Debian and Arch, Fedora, openSUSE, Alpine and the BSDs. */
static const char *const bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

static const char *system_bundle(void) {
    const char *named = getenv("SSL_CERT_FILE"); /* as OpenSSL has it */
    if (named && *named) return named;
    for (size_t i = 0; i < sizeof bundles / sizeof bundles[0]; i++) {
        if (access(bundles[i], R_OK) == 0) return bundles[i];
    }
    return NULL;
}

bool tls_trust_load(mbedtls_x509_crt *trusted, const char *ca_file, char *why) {
    const char *file = ca_file ? ca_file : system_bundle();
    if (!file) return true; /* then nobody is trusted, and each connection says so */
    if (!tls_text_may_read(why, file)) return false;
    errno = 0;
    int error = mbedtls_x509_crt_parse_file(trusted, file);
    /* A bundle may hold some that mbedTLS does not know (DSA, exotic curves). */
    return error < 0 ? tls_text_fail(why, file, error) : true;
}

/* ---- names ---- */

static bool has_address(const mbedtls_x509_crt *crt, const char *name) {
    uint8_t address[16];
    size_t n = inet_pton(AF_INET, name, address) == 1    ? 4
               : inet_pton(AF_INET6, name, address) == 1 ? 16
                                                         : 0;
    for (const mbedtls_x509_sequence *alt = &crt->subject_alt_names; n && alt && alt->buf.p;
         alt = alt->next) {
        if (alt->buf.tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_IP_ADDRESS) &&
            alt->buf.len == n && memcmp(alt->buf.p, address, n) == 0)
            return true;
    }
    return false;
}

/* Who made the certificate may be anybody: nothing in it steers a terminal. */
static size_t put(char *text, span s) {
    for (size_t i = 0; i < s.n; i++)
        text[i] = (char)(s.p[i] >= ' ' && s.p[i] < 0x7f ? s.p[i] : '?');
    return s.n;
}

/* Some of the names that it is for, for people; at most `room` bytes. */
static void print_names(const mbedtls_x509_crt *crt, char *text, size_t room) {
    size_t at = 0;
    *text = 0;
    for (const mbedtls_x509_sequence *alt = &crt->subject_alt_names; alt && alt->buf.p;
         alt = alt->next) {
        bool dns = alt->buf.tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_DNS_NAME);
        bool ip = alt->buf.tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_IP_ADDRESS);
        char address[INET6_ADDRSTRLEN] = "";
        span name = dns ? span_of(alt->buf.p, alt->buf.len) : span_of(address, 0);
        if (ip && (alt->buf.len == 4 || alt->buf.len == 16)) {
            inet_ntop(alt->buf.len == 4 ? AF_INET : AF_INET6, alt->buf.p, address, sizeof address);
            name = span_str(address);
        }
        if (!name.n || at + name.n + 8 > room) continue;
        if (at) at += put(text + at, SPAN(", "));
        at += put(text + at, name);
        text[at] = 0;
    }
}

/* ---- verdicts ---- */

static void print_day(char text[16], const mbedtls_x509_time *t) {
    snprintf(text, 16, "%04d-%02d-%02d", t->year, t->mon, t->day);
}

static void explain(const tls_conn *c, const mbedtls_x509_crt *crt, int depth, uint32_t flags,
                    char *text) {
    const char *whose = depth ? "an issuer's certificate" : "certificate";
    char day[16], names[TLS_WHY_ROOM / 2];
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED) {
        print_day(day, &crt->valid_to);
        snprintf(text, TLS_WHY_ROOM, "%s expired %s", whose, day);
    } else if (flags & MBEDTLS_X509_BADCERT_FUTURE) {
        print_day(day, &crt->valid_from);
        snprintf(text, TLS_WHY_ROOM, "%s is not valid before %s", whose, day);
    } else if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) {
        print_names(crt, names, sizeof names);
        snprintf(text, TLS_WHY_ROOM, "certificate is not for %.80s%s%s", c->name ? c->name : "this",
                 *names ? " but for " : "", names);
    } else if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) {
        bool own = crt->issuer_raw.len == crt->subject_raw.len &&
                   memcmp(crt->issuer_raw.p, crt->subject_raw.p, crt->issuer_raw.len) == 0;
        if (own && !depth) {
            snprintf(text, TLS_WHY_ROOM, "certificate is self-signed");
        } else {
            if (mbedtls_x509_dn_gets(names, sizeof names, &crt->issuer) < 0) *names = 0;
            snprintf(text, TLS_WHY_ROOM, "certificate is of an unknown authority%s%s",
                     *names ? ": " : "", names);
        }
    } else if (flags & (MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK |
                        MBEDTLS_X509_BADCERT_BAD_KEY)) {
        snprintf(text, TLS_WHY_ROOM, "%s uses a weak signature or key", whose);
    } else if (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
                        MBEDTLS_X509_BADCERT_NS_CERT_TYPE)) {
        snprintf(text, TLS_WHY_ROOM, "%s is for another use", whose);
    } else {
        snprintf(text, TLS_WHY_ROOM, "%s is not valid", whose);
    }
}

int tls_trust_check(void *self, mbedtls_x509_crt *crt, int depth, uint32_t *flags) {
    tls_conn *c = self;
    /* mbedTLS would send an address as SNI, which RFC 6066 section 3 forbids, so it was not told.
     */
    if (!depth && c->name_is_address && !has_address(crt, c->name))
        *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    if (c->config->tolerate_expired) *flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_EXPIRED;
    if (!*flags) return 0;
    if (!c->distrust) c->distrust = mem_take(c->mem, TLS_WHY_ROOM);
    if (!c->distrust) return MBEDTLS_ERR_X509_ALLOC_FAILED;
    explain(c, crt, depth, *flags, c->distrust); /* the last call is for the peer's own */
    if (c->config->check == TLS_CHECK_DEMAND) *flags = 0;
    return 0;
}
