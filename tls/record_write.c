#include "core/limits.h"
#include "tls/record_impl.h"

/* Plaintext that is shorter is gathered in the record and encrypted there together; what is longer
 * is encrypted from where it lies. */
#define LEND_FROM 512u

/* Where the reader stands in an iov. */
typedef struct cursor {
    const span *iov;
    size_t at;
} cursor;

/* Seals n bytes from the cursor into one record at p. */
static void seal_one(record *r, uint8_t *p, uint8_t type, cursor *c, size_t n) {
    uint8_t nonce[AEAD_NONCE], *text = p + HEAD, *run = text;
    aead_stream s;
    p[0] = TYPE_DATA;
    p[1] = p[2] = 3;
    bytes_put16(p + 3, (uint32_t)(n + RECORD_OVERHEAD - HEAD));
    record_nonce(&r->write, nonce);
    aead_begin(&s, &r->write.key, nonce, span_of(p, HEAD));
    while (n) {
        span piece = span_skip(*c->iov, c->at);
        size_t taken = piece.n < n ? piece.n : n;
        if (taken >= LEND_FROM) {
            if (text != run) aead_encrypt(&s, span_of(run, (size_t)(text - run)), run);
            aead_encrypt(&s, span_of(piece.p, taken), text);
            run = text + taken;
        } else if (taken) {
            memcpy(text, piece.p, taken);
        }
        text += taken;
        n -= taken;
        c->at += taken;
        if (c->at == c->iov->n) {
            c->iov++;
            c->at = 0;
        }
    }
    *text++ = type;
    aead_encrypt(&s, span_of(run, (size_t)(text - run)), run);
    aead_end(&s, text);
}

bool record_write_message(record *r, uint8_t type, span text) {
    cursor c = {&text, 0};
    uint8_t *p = outq_reserve(&r->out, text.n + RECORD_OVERHEAD);
    if (!p) return false;
    size_t n = text.n;
    seal_one(r, p, type, &c, n);
    outq_commit(&r->out, n + RECORD_OVERHEAD);
    return true;
}

/* Section 4.6.3: written under the old key; what comes after, under the next. We never ask for the
 * peer's, which has limits of its own. */
bool record_write_update(record *r) {
    static const uint8_t text[] = {MESSAGE_KEY_UPDATE, 0, 0, 1, 0};
    if (!record_write_message(r, TYPE_HANDSHAKE, span_of(text, sizeof text))) return false;
    record_next_key(r, &r->write);
    return true;
}

/* A record is of use only when all of it has come, so the first ones fit a packet each: a page then
 * begins to show while the congestion window is still small. */
static size_t record_room(record *r) {
    return r->sent < r->warmup.bytes ? LIMIT_TLS_SMALL_RECORD : LIMIT_TLS_FULL_RECORD;
}

static void begin_again(record *r) {
    if (!r->now_ms) return;
    uint64_t now = r->now_ms();
    if (now - r->sent_ms > r->warmup.pause_ms) r->sent = 0;
    r->sent_ms = now;
}

static size_t iov_bytes(const span *iov, size_t n) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += iov[i].n;
    return sum;
}

/* How many records under this key, and how much of `left` in them, one stretch of memory is asked
 * for. */
typedef struct stretch {
    size_t records, bytes;
} stretch;

static stretch plan(record *r, size_t left) {
    size_t room = record_room(r), most = LIMIT_TLS_STRETCH / (room + RECORD_OVERHEAD);
    uint64_t keys = r->records_per_key - r->write.seq;
    stretch s = {(left + room - 1) / room, left};
    if (room == LIMIT_TLS_SMALL_RECORD) {
        size_t small = (r->warmup.bytes - r->sent + room - 1) / room;
        if (small < most) most = small;
    }
    if (most > keys) most = (size_t)keys;
    if (s.records > most) s = (stretch){most, most * room};
    return s;
}

size_t record_write_seal(record *r, const span *iov, size_t n) {
    size_t left = iov_bytes(iov, n), all = left;
    cursor c = {iov, 0};
    if (r->write_over) return all;
    begin_again(r);
    while (left && r->out.bytes < LIMIT_SEALED) {
        if (r->write.seq >= r->records_per_key && !record_write_update(r)) break;
        size_t room = record_room(r);
        stretch s = plan(r, left);
        uint8_t *p = outq_reserve(&r->out, s.bytes + s.records * RECORD_OVERHEAD);
        if (!p) break;
        uint8_t *end = p;
        for (size_t rest = s.bytes; rest;) {
            size_t taken = rest < room ? rest : room;
            seal_one(r, end, TYPE_DATA, &c, taken);
            end += taken + RECORD_OVERHEAD;
            rest -= taken;
        }
        outq_commit(&r->out, (size_t)(end - p));
        left -= s.bytes;
        if (r->sent < r->warmup.bytes) r->sent += (uint32_t)s.bytes;
    }
    return all - left;
}
