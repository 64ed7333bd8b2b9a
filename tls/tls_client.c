#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <psa/crypto.h>
#include <string.h>

#include "core/limits.h"
#include "tls/tls_impl.h"

/* Bytes of a SHA-256 in hex, and of a serial number (RFC 5280 section 4.1.2.2: 20 bytes) or a
 * session's identifier (32), with their ends. */
#define HEX_ROOM 65u

/* A text in the making, which never grows over its room. */
typedef struct writing {
    char *p;
    size_t n, room;
    bool cut; /* it is full: nothing more is written, so that no part stands behind a gap */
} writing;

static void put(writing *w, const char *text, size_t n) {
    if (w->cut || n > w->room - w->n) {
        w->cut = true;
        return;
    }
    memcpy(w->p + w->n, text, n);
    w->n += n;
}

static void put_text(writing *w, const char *text) { put(w, text, strlen(text)); }

static void put_hex(writing *w, const uint8_t *p, size_t n, const char *digits) {
    for (size_t i = 0; i < n; i++) {
        char pair[2] = {digits[p[i] >> 4], digits[p[i] & 15]};
        put(w, pair, 2);
    }
}

static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

/* ---- names: RFC 4514 section 2, with every byte that is not ASCII escaped, as OpenSSL has it ----
 */

/* One byte of a value in UTF-8. */
static void put_byte(writing *w, uint8_t c, bool first, bool last) {
    bool special = memchr(",+\"\\<>;", c, 7) != NULL;
    char escaped[3] = {'\\', upper[c >> 4], upper[c & 15]}, plain[2] = {'\\', (char)c};
    if (c < ' ' || c >= 0x7f)
        put(w, escaped, 3);
    else if (special || (first && (c == '#' || c == ' ')) || (last && c == ' '))
        put(w, plain, 2);
    else
        put(w, plain + 1, 1);
}

/* A character of the old string types. */
static void put_character(writing *w, unsigned c, bool first, bool last) {
    if (c < 0x80) {
        put_byte(w, (uint8_t)c, first, last);
        return;
    }
    if (c >= 0x800) {
        put_byte(w, (uint8_t)(0xe0 | c >> 12), false, false);
        put_byte(w, (uint8_t)(0x80 | (c >> 6 & 0x3f)), false, false);
    } else {
        put_byte(w, (uint8_t)(0xc0 | c >> 6), false, false);
    }
    put_byte(w, (uint8_t)(0x80 | (c & 0x3f)), false, false);
}

/* A value whose type says nothing to people: its DER. */
static void put_der(writing *w, const mbedtls_asn1_buf *v) {
    uint8_t head[4] = {(uint8_t)v->tag, 0x82, (uint8_t)(v->len >> 8), (uint8_t)v->len};
    size_t n = 4;
    if (v->len < 0x80) {
        head[1] = (uint8_t)v->len;
        n = 2;
    } else if (v->len < 0x100) {
        head[1] = 0x81;
        head[2] = (uint8_t)v->len;
        n = 3;
    }
    put_text(w, "#");
    put_hex(w, head, n, upper);
    put_hex(w, v->p, v->len, upper);
}

static void put_value(writing *w, const mbedtls_asn1_buf *v) {
    size_t width = v->tag == MBEDTLS_ASN1_BMP_STRING ? 2 : 1, n = v->len / width;
    for (size_t i = 0; i < n; i++) {
        bool first = i == 0, last = i + 1 == n;
        if (width == 2)
            put_character(w, bytes_get16(v->p + 2 * i), first, last);
        else if (v->tag == MBEDTLS_ASN1_T61_STRING) /* Latin-1, in truth */
            put_character(w, v->p[i], first, last);
        else
            put_byte(w, v->p[i], first, last);
    }
}

static bool is_text(int tag) {
    return tag == MBEDTLS_ASN1_UTF8_STRING || tag == MBEDTLS_ASN1_PRINTABLE_STRING ||
           tag == MBEDTLS_ASN1_IA5_STRING || tag == MBEDTLS_ASN1_T61_STRING ||
           tag == MBEDTLS_ASN1_BMP_STRING;
}

static void put_part(writing *w, const mbedtls_x509_name *part) {
    const char *name;
    char number[64];
    bool known = mbedtls_oid_get_attr_short_name(&part->oid, &name) == 0;
    if (known)
        put_text(w, strcmp(name, "uid") == 0 ? "UID" : name); /* section 3 */
    else if (mbedtls_oid_get_numeric_string(number, sizeof number, &part->oid) > 0)
        put_text(w, number);
    put_text(w, "=");
    if (known && is_text(part->val.tag))
        put_value(w, &part->val);
    else
        put_der(w, &part->val);
}

static void put_name(writing *w, const mbedtls_x509_name *name) {
    const mbedtls_x509_name *parts[LIMIT_TLS_NAME_PARTS];
    size_t n = 0;
    for (; name && name->oid.p && n < LIMIT_TLS_NAME_PARTS; name = name->next) parts[n++] = name;
    while (n--) {
        put_part(w, parts[n]);
        if (n) put_text(w, parts[n - 1]->MBEDTLS_PRIVATE(next_merged) ? "+" : ",");
    }
}

/* ---- the rest ---- */

static void put_digest(writing *w, psa_algorithm_t kind, const mbedtls_x509_buf *bytes) {
    uint8_t hash[32];
    size_t n;
    if (psa_hash_compute(kind, bytes->p, bytes->len, hash, sizeof hash, &n) == PSA_SUCCESS)
        put_hex(w, hash, n, lower);
}

static void put_serial(writing *w, const mbedtls_x509_buf *serial) {
    size_t zeros = 0;
    while (zeros < serial->len && !serial->p[zeros]) zeros++;
    put_hex(w, serial->p + zeros, serial->len - zeros, lower);
}

/* What facts say, one after the other in one buffer. */
enum { SUBJECT, ISSUER, SERIAL, SHA256, SHA1, SESSION, TEXTS };

static void put_one(writing *w, int which, const mbedtls_x509_crt *crt, span session) {
    switch (which) {
    case SUBJECT: put_name(w, &crt->subject); break;
    case ISSUER: put_name(w, &crt->issuer); break;
    case SERIAL: put_serial(w, &crt->serial); break;
    case SHA256: put_digest(w, PSA_ALG_SHA_256, &crt->raw); break;
    case SHA1: put_digest(w, PSA_ALG_SHA_1, &crt->raw); break;
    default: put_hex(w, session.p, session.n, lower); break;
    }
}

bool tls_client_note(tls_conn *c) {
    char text[2 * (LIMIT_TLS_NAME + 1) + 4 * HEX_ROOM];
    const char **facts[TEXTS] = {&c->facts.client_subject, &c->facts.client_issuer,
                                 &c->facts.client_serial,  &c->facts.client_sha256,
                                 &c->facts.client_sha1,    &c->facts.session_id};
    const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(c->ssl);
    const mbedtls_ssl_session *s = c->ssl->MBEDTLS_PRIVATE(session);
    span session = span_of(s->MBEDTLS_PRIVATE(id), s->MBEDTLS_PRIVATE(id_len));
    if (c->facts.version != 0x0303) session.n = 0;
    if (!crt && !session.n) return true;
    size_t starts[TEXTS], at = 0;
    for (int i = 0; i < TEXTS; i++) {
        writing w = {.p = text + at, .room = i <= ISSUER ? LIMIT_TLS_NAME : HEX_ROOM - 1};
        if (crt || i == SESSION) put_one(&w, i, crt, session);
        starts[i] = at;
        at += w.n;
        text[at++] = 0;
    }
    c->client = mem_take(c->mem, at);
    if (!c->client) return false;
    memcpy(c->client, text, at);
    c->client_room = at;
    for (int i = 0; i < TEXTS; i++) *facts[i] = c->client + starts[i];
    return true;
}
