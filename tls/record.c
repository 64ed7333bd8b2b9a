#include "tls/record.h"

#include "core/limits.h"
#include "tls/accel/wipe.h"
#include "tls/alert.h"
#include "tls/hkdf.h"
#include "tls/record_impl.h"

/* An idle connection shall cost little beside its 700 bytes of socket and session. */
_Static_assert(sizeof(record) < 2048, "a record layer at rest stays under 2 KiB");

typedef struct suite {
    uint16_t number;
    uint8_t kind, hash;
} suite;

static const suite suites[] = {
    {RECORD_AES_128_GCM_SHA256, AEAD_AES_128_GCM, SHA2_256},
    {RECORD_AES_256_GCM_SHA384, AEAD_AES_256_GCM, SHA2_384},
    {RECORD_CHACHA20_POLY1305_SHA256, AEAD_CHACHA20_POLY1305, SHA2_256},
};

static const suite *suite_of(uint16_t number) {
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        if (suites[i].number == number) return &suites[i];
    }
    return NULL;
}

bool record_knows(uint16_t number) { return suite_of(number) != NULL; }

/* Key and IV from the way's secret. */
static void derive_key(const record *r, record_way *w) {
    uint8_t key[AEAD_KEY_MAX];
    hkdf_expand_label(r->hash, w->secret, "key", key, aead_key_bytes(r->kind));
    hkdf_expand_label(r->hash, w->secret, "iv", w->iv, AEAD_NONCE);
    aead_init(&w->key, r->kind, key);
    w->seq = 0;
    wipe(key, sizeof key);
}

record *record_new(const record_birth *b) {
    const suite *s = suite_of(b->suite);
    if (!s || b->secret_bytes != s->hash) return NULL;
    record *r = mem_take_zero(b->mem, sizeof *r);
    if (!r) return NULL;
    r->mem = b->mem;
    r->now_ms = b->now_ms;
    r->warmup = b->warmup;
    r->records_per_key = b->records_per_key ? b->records_per_key : LIMIT_TLS_RECORDS_PER_KEY;
    r->server = b->server;
    r->kind = s->kind;
    r->hash = s->hash;
    r->update_tokens = LIMIT_TLS_KEY_UPDATES;
    outq_init(&r->out, b->mem);
    memcpy(r->read.secret, b->read_secret, s->hash);
    memcpy(r->write.secret, b->write_secret, s->hash);
    derive_key(r, &r->read);
    derive_key(r, &r->write);
    r->read.seq = b->read_seq;
    r->write.seq = b->write_seq;
    return r;
}

void record_next_key(const record *r, record_way *w) {
    uint8_t next[SHA2_MAX];
    hkdf_expand_label(r->hash, w->secret, "traffic upd", next, r->hash);
    memcpy(w->secret, next, r->hash);
    wipe(next, sizeof next);
    derive_key(r, w);
}

void record_nonce(record_way *w, uint8_t nonce[AEAD_NONCE]) {
    memcpy(nonce, w->iv, AEAD_NONCE);
    for (unsigned i = 0; i < 8; i++) nonce[4 + i] ^= (uint8_t)(w->seq >> (56 - 8 * i));
    w->seq++;
}

tls_status record_fail(record *r, uint8_t alert, const char *why) {
    if (!r->why) {
        uint8_t text[2] = {ALERT_LEVEL_FATAL, alert};
        if (!r->write_over) (void)record_write_message(r, TYPE_ALERT, span_of(text, sizeof text));
        r->write_over = true;
        r->why = why;
    }
    return TLS_FAILED;
}

tls_status record_feed(record *r, span *in, const char **why) {
    return record_read_feed(r, in, why);
}

span record_plain(record *r) { return record_read_plain(r); }

size_t record_seal(record *r, const span *iov, size_t n) { return record_write_seal(r, iov, n); }

size_t record_output(record *r, span *iov, size_t niov) { return outq_peek(&r->out, iov, niov); }

void record_output_done(record *r, size_t n) {
    uint32_t mark;
    while (outq_take(&r->out, &n, &mark)) continue;
    if (!r->out.bytes) r->update_queued = false;
}

void record_close(record *r) {
    static const uint8_t text[2] = {ALERT_LEVEL_WARNING, ALERT_close_notify};
    if (r->write_over) return;
    (void)record_write_message(r, TYPE_ALERT, span_of(text, sizeof text));
    r->write_over = true;
}

void record_free(record *r) {
    if (!r) return;
    outq_end(&r->out);
    mem_give(r->mem, r->body, r->body_room);
    mem_give(r->mem, r->plain, r->plain_room);
    const mem *m = r->mem;
    wipe(r, sizeof *r);
    mem_give(m, r, sizeof *r);
}
