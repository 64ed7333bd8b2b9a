/* A peer that has the keys and breaks the rules: records of TLS 1.3 with any content, of any size
 * and type, at any cuts. Records that are not sealed rightly say nothing (tls_fuzz makes those).
 *
 * Input: a byte of switches, then records: a byte for the type and for how the length is meant, a
 * byte of length, the content. What must hold: nothing crashes or leaks, a failure has its reason
 * and stays, what is read is what was sent and not more, and neither answers nor parts of messages
 * pile up. */
#include <stdlib.h>

#include "core/limits.h"
#include "tls/record_impl.h"

enum { SERVER = 1, SMALL = 2, SUITE = 12, NEVER_READS = 16, NO_CLOCK = 32 };
enum { REPEAT = 0x40, PADDED = 0x80 }; /* of a record's first byte */

static size_t held, most;

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    (void)user;
    held = held - old_size + new_size;
    if (held > most) most = held;
    if (new_size) return realloc(p, new_size);
    free(p);
    return NULL;
}

static const mem hook = {resize, NULL};

static uint64_t now;
static uint64_t clock_of(void) { return now; }

/* ---- what is sent ---- */

static size_t put_record(const record *r, uint8_t *out, uint8_t type, span text, size_t padding) {
    static uint8_t inner[LIMIT_TLS_SEALED_RECORD];
    record_way way = r->read; /* as it will read this one */
    uint8_t nonce[AEAD_NONCE];
    aead_stream s;
    size_t n = text.n + 1 + padding;
    if (text.n) memcpy(inner, text.p, text.n);
    inner[text.n] = type;
    memset(inner + text.n + 1, 0, padding);
    out[0] = TYPE_DATA;
    out[1] = out[2] = 3;
    bytes_put16(out + 3, (uint32_t)(n + AEAD_TAG));
    record_nonce(&way, nonce);
    aead_begin(&s, &way.key, nonce, span_of(out, HEAD));
    aead_encrypt(&s, span_of(inner, n), out + HEAD);
    aead_end(&s, out + HEAD + n);
    return HEAD + n + AEAD_TAG;
}

/* Zeros at the end of a record are padding, and the type is what stands before them (RFC 8446
 * section 5.4): with no type of its own, a record has that of its text, which ends before it. */
static uint8_t read_type(uint8_t type, span *text) {
    if (type) return type;
    while (text->n && !text->p[text->n - 1]) text->n--;
    return text->n ? text->p[--text->n] : 0;
}

/* ---- what comes of it ---- */

typedef struct sum {
    size_t n;
    uint64_t hash;
} sum;

static void add(sum *s, span bytes) {
    s->n += bytes.n;
    for (size_t i = 0; i < bytes.n; i++) s->hash = (s->hash ^ bytes.p[i]) * 1099511628211u;
}

static tls_status feed(record *r, const uint8_t *p, size_t n, size_t cut, sum *got) {
    tls_status status = TLS_OK;
    for (size_t at = 0; at < n; at += cut) {
        const char *why = NULL;
        span in = span_of(p + at, n - at < cut ? n - at : cut);
        tls_status before = status;
        status = record_feed(r, &in, &why);
        if (in.n || (status == TLS_FAILED) != (why != NULL)) abort();
        if (before == TLS_FAILED && status != TLS_FAILED) abort();
        for (span plain; (plain = record_plain(r)).n;) add(got, plain);
    }
    return status;
}

static void drain(record *r) {
    span iov[8];
    for (size_t n; (n = record_output(r, iov, 8)) > 0;) {
        size_t all = 0;
        for (size_t i = 0; i < n; i++) all += iov[i].n;
        record_output_done(r, all);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint16_t numbers[] = {RECORD_AES_128_GCM_SHA256, RECORD_CHACHA20_POLY1305_SHA256,
                                       RECORD_AES_256_GCM_SHA384, RECORD_AES_128_GCM_SHA256};
    static const uint8_t types[] = {TYPE_DATA, TYPE_HANDSHAKE, TYPE_ALERT, 20, 0, 24, 255, 1};
    static const uint8_t up[SHA2_MAX] = {1}, down[SHA2_MAX] = {2};
    static uint8_t wire[LIMIT_TLS_SEALED_RECORD + 64], text[LIMIT_TLS_SEALED_RECORD];
    if (size < 2) return 0;
    uint8_t how = data[0];
    uint16_t number = numbers[(how & SUITE) >> 2];
    record *r =
        record_new(&(record_birth){.mem = &hook,
                                   .suite = number,
                                   .server = how & SERVER,
                                   .read_secret = up,
                                   .write_secret = down,
                                   .secret_bytes = number == RECORD_AES_256_GCM_SHA384 ? 48 : 32,
                                   .now_ms = how & NO_CLOCK ? NULL : clock_of,
                                   .warmup = {LIMIT_TLS_WARM, LIMIT_TLS_COLD_MS}});
    if (!r) abort();
    span in = span_of(data + 1, size - 1);
    sum sent = {0}, got = {0};
    tls_status status = TLS_OK;
    most = held;
    while (in.n >= 2 && status == TLS_OK) {
        uint8_t what = in.p[0];
        size_t n = in.p[1];
        in = span_skip(in, 2);
        span some = span_take(&in, n < in.n ? n : in.n);
        bool big = what & (PADDED | 8);
        unsigned times = what & REPEAT && !big ? 40 : 1;
        if (some.n) memcpy(text, some.p, some.n);
        n = some.n;
        if (what & 8) { /* as long as may be, and longer */
            n = LIMIT_TLS_RECORD - 2 + (what >> 4 & 3);
            for (size_t i = some.n; i < n; i++) text[i] = some.n ? text[i - some.n] : 0;
        }
        size_t padding = what & PADDED ? LIMIT_TLS_SEALED_RECORD - AEAD_TAG - 1 - n : 0;
        now += what & 0x20 ? 400 : 1;
        for (; times && status == TLS_OK; times--) {
            span said = span_of(text, n);
            size_t bytes = put_record(r, wire, types[what & 7], said, padding);
            status = feed(r, wire, bytes, how & SMALL ? 7 : sizeof wire, &got);
            if (read_type(types[what & 7], &said) == TYPE_DATA && status == TLS_OK)
                add(&sent, said);
            if (!(how & NEVER_READS)) drain(r);
        }
    }
    if (got.n != sent.n || got.hash != sent.hash) abort();
    if (most > 4 * LIMIT_TLS_SEALED_RECORD) abort();
    record_close(r);
    drain(r);
    record_free(r);
    if (held) abort();
    return 0;
}
