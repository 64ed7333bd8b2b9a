#include "core/limits.h"
#include "tls/alert.h"
#include "tls/record_impl.h"

/* ---- plaintext to lend ---- */

static void plain_drop(record *r) {
    if (!r->plain) return;
    mem_give(r->mem, r->plain, r->plain_room);
    r->plain = NULL;
    r->plain_room = r->plain_at = r->plain_end = 0;
}

span record_read_plain(record *r) {
    span s = {NULL, 0};
    if (r->plain_at == r->plain_end) {
        plain_drop(r);
        return s;
    }
    s = span_of(r->plain + r->plain_at, r->plain_end - r->plain_at);
    r->plain_at = r->plain_end;
    return s;
}

/* Room for n more bytes behind what nobody took yet; if that asks for memory, then for `ahead`
 * bytes more, which are about to come. */
static bool plain_reserve(record *r, size_t n, size_t ahead) {
    if (r->plain_room - r->plain_end >= n) return true;
    size_t kept = r->plain_end - r->plain_at;
    uint8_t *grown = mem_take(r->mem, kept + n + ahead);
    if (!grown) return false;
    if (kept) memcpy(grown, r->plain + r->plain_at, kept);
    plain_drop(r);
    r->plain = grown;
    r->plain_room = kept + n + ahead;
    r->plain_end = kept;
    return true;
}

/* ---- what is in a record ---- */

#define CHANGED "a TLS record was changed on its way"

static tls_status take_alert(record *r, span text) {
    if (text.n != 2) return record_fail(r, ALERT_decode_error, "a TLS alert of wrong length");
    if (text.p[1] == ALERT_close_notify) {
        r->peer_over = true;
        return TLS_CLOSED;
    }
    /* Section 6.1: a warning; close_notify follows. Section 6: all others are fatal, whatever their
     * level says. */
    if (text.p[1] == ALERT_user_canceled) {
        if (++r->warnings <= LIMIT_TLS_WARNINGS) return TLS_OK;
        return record_fail(r, ALERT_unexpected_message, "too many TLS warnings");
    }
    /* Nothing is answered to a fatal alert (section 6.2). */
    r->write_over = true;
    r->why = alert_told(text.p[1]);
    return TLS_FAILED;
}

static void earn_updates(record *r, size_t n) {
    r->update_bytes += (uint32_t)n;
    if (r->update_bytes < LIMIT_TLS_UPDATE_BYTES) return;
    r->update_bytes = 0;
    if (r->update_tokens < LIMIT_TLS_KEY_UPDATES) r->update_tokens++;
}

static tls_status take_update(record *r, bool last_of_record) {
    if (!last_of_record)
        return record_fail(r, ALERT_unexpected_message,
                           "a TLS record goes on behind a KeyUpdate"); /* section 5.1 */
    if (r->message_value > 1)
        return record_fail(r, ALERT_illegal_parameter, "a KeyUpdate of unknown kind");
    if (r->now_ms) {
        uint64_t now = r->now_ms();
        if (now - r->update_ms >= LIMIT_TLS_UPDATE_MS && !r->update_tokens) r->update_tokens = 1;
        r->update_ms = now;
    }
    if (!r->update_tokens) return record_fail(r, ALERT_unexpected_message, "too many KeyUpdates");
    r->update_tokens--;
    record_next_key(r, &r->read);
    /* One answer serves for all that ask before it has left (section 4.6.3). */
    if (r->message_value == 1 && !r->write_over && !r->update_queued) {
        if (!record_write_update(r)) return record_fail(r, ALERT_internal_error, "no memory");
        r->update_queued = true;
    }
    return TLS_OK;
}

/* The head of a message is there: is it one that may come? */
static tls_status begin_message(record *r) {
    uint32_t n = bytes_get24(r->message_head + 1);
    if (r->message_head[0] == MESSAGE_KEY_UPDATE) {
        if (n != 1) return record_fail(r, ALERT_decode_error, "a KeyUpdate of wrong length");
    } else if (r->message_head[0] == MESSAGE_TICKET && !r->server) {
        if (n == 0 || n > LIMIT_TLS_TICKET)
            return record_fail(r, ALERT_decode_error, "a session ticket of wrong length");
    } else {
        return record_fail(r, ALERT_unexpected_message,
                           "a TLS handshake message after the handshake");
    }
    r->message_left = n;
    return TLS_OK;
}

/* Messages may lie in several records and several in one. Of tickets nothing is kept: who wants
 * them reads them before this record layer takes over. */
static tls_status take_handshake(record *r, span text) {
    if (!text.n) return record_fail(r, ALERT_unexpected_message, "an empty TLS handshake record");
    while (text.n) {
        if (r->message_n < 4) {
            r->message_head[r->message_n++] = *span_take(&text, 1).p;
            if (r->message_n < 4) continue;
            tls_status status = begin_message(r);
            if (status != TLS_OK) return status;
        }
        size_t taken = text.n < r->message_left ? text.n : r->message_left;
        if (taken) r->message_value = text.p[0];
        text = span_skip(text, taken);
        r->message_left -= (uint32_t)taken;
        if (r->message_left) continue;
        r->message_n = 0;
        if (r->message_head[0] == MESSAGE_KEY_UPDATE) {
            tls_status status = take_update(r, text.n == 0);
            if (status != TLS_OK) return status;
        } else if (++r->empty > LIMIT_TLS_EMPTY_RECORDS) {
            return record_fail(r, ALERT_unexpected_message, "too many session tickets");
        }
    }
    return TLS_OK;
}

/* Decrypts one record behind the plaintext that is there, and looks at what it is. */
static tls_status take_record(record *r, span body, size_t ahead) {
    uint8_t nonce[AEAD_NONCE];
    if (body.n < AEAD_TAG) return record_fail(r, ALERT_bad_record_mac, CHANGED);
    if (!plain_reserve(r, body.n, ahead)) return record_fail(r, ALERT_internal_error, "no memory");
    uint8_t *text = r->plain + r->plain_end;
    record_nonce(&r->read, nonce);
    if (!aead_open(&r->read.key, nonce, span_of(r->head, HEAD), body, text))
        return record_fail(r, ALERT_bad_record_mac, CHANGED);
    size_t n = body.n - AEAD_TAG;
    while (n && text[n - 1] == 0) n--; /* section 5.4: padding */
    if (!n) return record_fail(r, ALERT_unexpected_message, "a TLS record without a type");
    uint8_t type = text[--n];
    if (n > LIMIT_TLS_RECORD)
        return record_fail(r, ALERT_record_overflow, "a TLS record is too long");
    if (r->message_n && type != TYPE_HANDSHAKE)
        return record_fail(r, ALERT_unexpected_message,
                           "a TLS record inside a handshake message"); /* section 5.1 */
    if (type == TYPE_DATA) {
        r->plain_end += n;
        r->empty = n ? 0 : (uint8_t)(r->empty + 1);
        if (r->empty > LIMIT_TLS_EMPTY_RECORDS)
            return record_fail(r, ALERT_unexpected_message, "too many empty TLS records");
        earn_updates(r, n);
        return TLS_OK;
    }
    if (type == TYPE_ALERT) return take_alert(r, span_of(text, n));
    if (type == TYPE_HANDSHAKE) return take_handshake(r, span_of(text, n));
    return record_fail(r, ALERT_unexpected_message, "a TLS record of unknown type");
}

/* Section 5.2: what the outside of a record says. Its version is to be ignored. */
static tls_status check_head(record *r) {
    if (r->head[0] != TYPE_DATA)
        return record_fail(r, ALERT_unexpected_message, "a TLS record that is not encrypted");
    if (bytes_get16(r->head + 3) > LIMIT_TLS_SEALED_RECORD)
        return record_fail(r, ALERT_record_overflow, "a TLS record is too long");
    return TLS_OK;
}

/* A record that came whole is decrypted from where it lies; of one that did not, the parts are
 * gathered. */
static tls_status step(record *r, span *in) {
    while (r->head_n < HEAD) {
        if (!in->n) return TLS_OK;
        r->head[r->head_n++] = *span_take(in, 1).p;
        if (r->head_n == HEAD) {
            tls_status status = check_head(r);
            if (status != TLS_OK) return status;
        }
    }
    uint32_t n = bytes_get16(r->head + 3);
    if (!r->body && in->n >= n) {
        r->head_n = 0;
        span body = span_take(in, n);
        return take_record(r, body, in->n);
    }
    if (!in->n) return TLS_OK;
    if (!r->body) {
        r->body = mem_take(r->mem, n);
        if (!r->body) return record_fail(r, ALERT_internal_error, "no memory");
        r->body_room = n;
        r->body_n = 0;
    }
    size_t taken = in->n < n - r->body_n ? in->n : n - r->body_n;
    memcpy(r->body + r->body_n, in->p, taken);
    r->body_n += (uint32_t)taken;
    *in = span_skip(*in, taken);
    if (r->body_n < n) return TLS_OK;
    uint8_t *body = r->body;
    r->body = NULL;
    r->head_n = 0;
    tls_status status = take_record(r, span_of(body, n), in->n);
    mem_give(r->mem, body, n);
    return status;
}

tls_status record_read_feed(record *r, span *in, const char **why) {
    tls_status status = TLS_OK;
    if (r->plain_at == r->plain_end) plain_drop(r);
    if (!r->why && !r->peer_over && in->n) {
        while (status == TLS_OK && in->n) status = step(r, in);
        if (r->plain_at == r->plain_end) plain_drop(r);
    }
    /* What comes behind the end is of no interest (section 6.1). */
    *in = span_skip(*in, in->n);
    if (r->why) {
        *why = r->why;
        return TLS_FAILED;
    }
    return r->peer_over ? TLS_CLOSED : TLS_OK;
}
