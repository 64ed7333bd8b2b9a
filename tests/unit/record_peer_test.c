/* tls/record_read.c: what a peer may not send after the handshake, and by which alert it is told.
 */
#include "tests/unit/record_pair.h"

#include "core/limits.h"
#include "tls/alert.h"

/* What the reader makes of one message, or of two; and what alert the peer gets. */
static tls_status sent(record *reader, record *writer, uint8_t type, span text, const char **why,
                       const char **told) {
    span plain;
    cr_assert(record_write_message(writer, type, text));
    tls_status status = fed(reader, drained(writer), 0, &plain, why);
    span out = drained(reader);
    *told = "";
    if (status == TLS_FAILED && out.n) fed(writer, out, 0, &plain, told);
    return status;
}

static void refused(bool server, uint8_t type, span text, const char *words, uint8_t alert) {
    const char *why, *told;
    record *a = side(RECORD_AES_128_GCM_SHA256, !server, 0);
    record *b = side(RECORD_AES_128_GCM_SHA256, server, 0);
    cr_assert_eq(sent(b, a, type, text, &why, &told), TLS_FAILED, "%s", words);
    cr_assert_str_eq(why, words);
    cr_assert_str_eq(told, alert_told(alert));
    record_free(a);
    record_free(b);
    cr_assert_eq(held, 0);
}

Test(record_peer, refused) {
    static const uint8_t empty_ticket[] = {4, 0, 0, 0}, request[] = {13, 0, 0, 1, 0},
                         update_of_2[] = {24, 0, 0, 2, 0, 0}, update_kind[] = {24, 0, 0, 1, 2},
                         update_and[] = {24, 0, 0, 1, 0, 4}, ticket[] = {4, 0, 0, 1, 0},
                         hello[] = {1, 0, 0, 1, 0}, long_ticket[] = {4, 1, 4, 1},
                         alert_of_3[] = {2, 40, 0};
    static uint8_t too_long[LIMIT_TLS_RECORD + 1];
    refused(true, TYPE_HANDSHAKE, span_of(ticket, 5), "a TLS handshake message after the handshake",
            ALERT_unexpected_message);
    refused(true, TYPE_HANDSHAKE, span_of(hello, 5), "a TLS handshake message after the handshake",
            ALERT_unexpected_message);
    refused(false, TYPE_HANDSHAKE, span_of(request, 5),
            "a TLS handshake message after the handshake", ALERT_unexpected_message);
    refused(false, TYPE_HANDSHAKE, span_of(empty_ticket, 4), "a session ticket of wrong length",
            ALERT_decode_error);
    refused(false, TYPE_HANDSHAKE, span_of(long_ticket, 4), "a session ticket of wrong length",
            ALERT_decode_error);
    refused(true, TYPE_HANDSHAKE, span_of(update_of_2, 6), "a KeyUpdate of wrong length",
            ALERT_decode_error);
    refused(true, TYPE_HANDSHAKE, span_of(update_kind, 5), "a KeyUpdate of unknown kind",
            ALERT_illegal_parameter);
    refused(true, TYPE_HANDSHAKE, span_of(update_and, 6), "a TLS record goes on behind a KeyUpdate",
            ALERT_unexpected_message);
    refused(true, TYPE_HANDSHAKE, span_of(hello, 0), "an empty TLS handshake record",
            ALERT_unexpected_message);
    refused(true, TYPE_ALERT, span_of(alert_of_3, 3), "a TLS alert of wrong length",
            ALERT_decode_error);
    refused(true, 20, span_of(hello, 1), "a TLS record of unknown type", ALERT_unexpected_message);
    refused(true, TYPE_DATA, span_of(too_long, sizeof too_long), "a TLS record is too long",
            ALERT_record_overflow);
    refused(true, 0, span_of(too_long, 100), "a TLS record without a type",
            ALERT_unexpected_message);
}

/* Fatal alerts are told by name, and not answered. */
Test(record_peer, alerts) {
    const char *why, *told;
    for (unsigned code = 1; code < 256; code++) {
        uint8_t text[2] = {code % 2 ? ALERT_LEVEL_FATAL : ALERT_LEVEL_WARNING, (uint8_t)code};
        if (code == ALERT_user_canceled) continue;
        record *a = side(RECORD_AES_128_GCM_SHA256, false, 0);
        record *b = side(RECORD_AES_128_GCM_SHA256, true, 0);
        cr_assert_eq(sent(b, a, TYPE_ALERT, span_of(text, 2), &why, &told), TLS_FAILED);
        cr_assert_str_eq(why, alert_told((uint8_t)code));
        cr_assert_str_eq(told, "");
        record_free(a);
        record_free(b);
    }
    cr_assert_str_eq(alert_told(ALERT_bad_certificate),
                     "the peer sent the TLS alert bad_certificate");
    cr_assert_str_eq(alert_told(255), "the peer sent a TLS alert that has no name");
}

static void heads(const uint8_t *head, size_t n, const char *words) {
    span plain;
    const char *why;
    record *b = side(RECORD_AES_128_GCM_SHA256, true, 0);
    cr_assert_eq(fed(b, span_of(head, n), 1, &plain, &why), TLS_FAILED);
    cr_assert_str_eq(why, words);
    record_free(b);
}

Test(record_peer, outside) {
    static const uint8_t change[] = {20, 3, 3, 0, 1, 1}, alert[] = {21, 3, 3, 0, 2, 2, 40},
                         long_one[] = {23, 3, 3, 0x41, 1}, short_one[] = {23, 3, 3, 0, 1, 7},
                         nothing[] = {23, 3, 3, 0, 0, 0};
    heads(change, sizeof change, "a TLS record that is not encrypted");
    heads(alert, sizeof alert, "a TLS record that is not encrypted");
    heads((const uint8_t *)"GET / ", 6, "a TLS record that is not encrypted");
    heads(long_one, sizeof long_one, "a TLS record is too long");
    heads(short_one, sizeof short_one, "a TLS record was changed on its way");
    heads(nothing, 6, "a TLS record was changed on its way");
}

/* Tickets of any length and cut are skipped by a client; nothing may come between their pieces. */
Test(record_peer, tickets) {
    static uint8_t ticket[4 + 40000];
    const char *why, *told;
    span plain;
    ticket[0] = MESSAGE_TICKET;
    bytes_put24(ticket + 1, sizeof ticket - 4);
    record *a = side(RECORD_AES_128_GCM_SHA256, true, 0);
    record *b = side(RECORD_AES_128_GCM_SHA256, false, 0);
    static const size_t cuts[] = {1, 3, 5, 16000, 16000};
    span rest = span_of(ticket, sizeof ticket), text = SPAN("text");
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(sent(b, a, TYPE_HANDSHAKE, span_take(&rest, cuts[i]), &why, &told), TLS_OK);
    cr_assert_eq(sent(b, a, TYPE_HANDSHAKE, rest, &why, &told), TLS_OK);
    record_seal(a, &text, 1);
    cr_assert_eq(fed(b, drained(a), 0, &plain, &why), TLS_OK);
    cr_assert(span_eq(plain, text));
    cr_assert_eq(sent(b, a, TYPE_HANDSHAKE, span_of(ticket, 1000), &why, &told), TLS_OK);
    cr_assert_eq(sent(b, a, TYPE_DATA, text, &why, &told), TLS_FAILED);
    cr_assert_str_eq(why, "a TLS record inside a handshake message");
    record_free(a);
    record_free(b);
    cr_assert_eq(held, 0);
}

/* Records that bring nothing: so many in a row, and no more. */
Test(record_peer, floods) {
    static const uint8_t canceled[] = {1, ALERT_user_canceled}, ticket[] = {4, 0, 0, 1, 0};
    const char *why, *told;
    const struct {
        uint8_t type;
        span text;
        unsigned most;
        const char *words;
    } rows[] = {
        {TYPE_DATA, SPAN_LIT(""), LIMIT_TLS_EMPTY_RECORDS, "too many empty TLS records"},
        {TYPE_ALERT, {canceled, 2}, LIMIT_TLS_WARNINGS, "too many TLS warnings"},
        {TYPE_HANDSHAKE, {ticket, 5}, LIMIT_TLS_EMPTY_RECORDS, "too many session tickets"},
    };
    for (size_t i = 0; i < 3; i++) {
        record *a = side(RECORD_AES_128_GCM_SHA256, true, 0);
        record *b = side(RECORD_AES_128_GCM_SHA256, false, 0);
        for (unsigned n = 0; n < rows[i].most; n++)
            cr_assert_eq(sent(b, a, rows[i].type, rows[i].text, &why, &told), TLS_OK);
        cr_assert_eq(sent(b, a, rows[i].type, rows[i].text, &why, &told), TLS_FAILED);
        cr_assert_str_eq(why, rows[i].words);
        record_free(a);
        record_free(b);
    }
    cr_assert_eq(held, 0);
}

/* KeyUpdates in a row are limited; data and time grant others. */
Test(record_peer, update_flood) {
    static uint8_t text[LIMIT_TLS_UPDATE_BYTES];
    const char *why = NULL;
    span plain, data = span_of(text, sizeof text);
    clock_ms = 1;
    record *a = side(RECORD_AES_128_GCM_SHA256, true, 0);
    record *b = side(RECORD_AES_128_GCM_SHA256, false, 0);
    b->update_ms = 1;
    for (unsigned i = 0; i < LIMIT_TLS_KEY_UPDATES; i++) {
        cr_assert(record_write_update(a));
        cr_assert_eq(fed(b, drained(a), 0, &plain, &why), TLS_OK);
    }
    record_seal(a, &data, 1);
    cr_assert(record_write_update(a));
    cr_assert_eq(fed(b, drained(a), 0, &plain, &why), TLS_OK);
    clock_ms += LIMIT_TLS_UPDATE_MS;
    cr_assert(record_write_update(a));
    cr_assert_eq(fed(b, drained(a), 0, &plain, &why), TLS_OK);
    cr_assert(record_write_update(a));
    cr_assert_eq(fed(b, drained(a), 0, &plain, &why), TLS_FAILED);
    cr_assert_str_eq(why, "too many KeyUpdates");
    record_free(a);
    record_free(b);
    cr_assert_eq(held, 0);
}
