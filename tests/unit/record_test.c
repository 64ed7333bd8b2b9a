/* tls/record.c: what one side seals the other opens, however it is cut; published records; keys
 * that change; sizes; memory that is refused or left over. */
#include "tests/unit/record_pair.h"

#include <stdio.h>

#include "core/limits.h"
#include "tls/alert.h"

static const uint16_t suites[] = {RECORD_AES_128_GCM_SHA256, RECORD_AES_256_GCM_SHA384,
                                  RECORD_CHACHA20_POLY1305_SHA256};
enum { SUITES = 3 };

static size_t hex(const char *text, uint8_t *out) {
    size_t n = 0;
    for (unsigned v; *text; text += 2) {
        while (*text == ' ') text++;
        if (!*text || sscanf(text, "%2x", &v) != 1) break;
        out[n++] = (uint8_t)v;
    }
    return n;
}

/* RFC 8448 section 3: what the client and the server send when all is agreed on. */
Test(record, rfc8448) {
    uint8_t up[32], down[32], text[50], want[128];
    size_t n;
    span out, plain;
    const char *why;
    hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5", up);
    hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643", down);
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)i;
    span all = span_of(text, sizeof text);
    record_birth birth = {.mem = &hook,
                          .suite = RECORD_AES_128_GCM_SHA256,
                          .read_secret = down,
                          .write_secret = up,
                          .secret_bytes = 32,
                          .read_seq = 1};
    record *client = record_new(&birth);
    cr_assert(client);
    cr_assert_eq(record_seal(client, &all, 1), sizeof text);
    n = hex(
        "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a"
        "20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4",
        want);
    out = drained(client);
    cr_assert(span_eq(out, span_of(want, n)));
    n = hex(
        "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb"
        "501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d",
        want);
    cr_assert_eq(fed(client, span_of(want, n), 0, &plain, &why), TLS_OK);
    cr_assert(span_eq(plain, all));
    record_close(client);
    n = hex("1703030013c9872760655666b74d7ff1153efd6db6d0b0e3", want);
    out = drained(client);
    cr_assert(span_eq(out, span_of(want, n)));
    n = hex("1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9", want);
    cr_assert_eq(fed(client, span_of(want, n), 0, &plain, &why), TLS_CLOSED);
    record_free(client);
    cr_assert_eq(held, 0);
}

Test(record, births) {
    cr_assert_not(record_knows(0x1304));
    cr_assert(record_knows(0x1303));
    record_birth b = {.mem = &hook,
                      .suite = RECORD_AES_256_GCM_SHA384,
                      .read_secret = secret_up,
                      .write_secret = secret_down,
                      .secret_bytes = 32};
    cr_assert_null(record_new(&b), "a secret of the wrong hash");
    b.suite = 0x1304;
    cr_assert_null(record_new(&b));
    b.suite = RECORD_AES_128_GCM_SHA256;
    refuse = true;
    cr_assert_null(record_new(&b));
    refuse = false;
    record_free(NULL);
    cr_assert_eq(held, 0);
}

/* Spans of all kinds of lengths, through every suite and at many cuts. */
Test(record, every_cut) {
    static uint8_t text[40000];
    static const size_t lengths[] = {9, 1, 0, 511, 512, 513, 9, 16384, 9, 15, 9, 20000};
    static const size_t cuts[] = {0, 1, 2, 5, 6, 21, 22, 23, 1000, 1421, 1422, 16384, 70000};
    span iov[12], plain;
    const char *why;
    size_t all = 0;
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)(i * 7 + (i >> 8));
    for (size_t i = 0; i < 12; i++) {
        iov[i] = span_of(text + all, lengths[i]);
        all += lengths[i];
    }
    for (size_t s = 0; s < SUITES; s++) {
        for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
            record *a = side(suites[s], false, 0), *b = side(suites[s], true, 0);
            cr_assert(a && b);
            cr_assert_eq(record_seal(a, iov, 12), all);
            cr_assert_eq(fed(b, drained(a), cuts[c], &plain, &why), TLS_OK);
            cr_assert(span_eq(plain, span_of(text, all)));
            record_free(a);
            record_free(b);
            cr_assert_eq(held, 0);
        }
    }
}

/* Any bit that is changed on the way ends the connection, with an alert that says so; nothing of
 * the record is given out. */
Test(record, changed_bits) {
    span text = SPAN("forty bytes of text that nobody may touch"), plain;
    const char *why;
    for (size_t s = 0; s < SUITES; s++) {
        size_t bits = (text.n + RECORD_OVERHEAD) * 8;
        for (size_t bit = 0; bit < bits; bit++) {
            record *a = side(suites[s], false, 0), *b = side(suites[s], true, 0);
            record_seal(a, &text, 1);
            span out = drained(a);
            wire[bit / 8] ^= (uint8_t)(1u << bit % 8);
            tls_status status = fed(b, out, 0, &plain, &why);
            cr_assert_eq(plain.n, 0);
            if (bit < 24 || bit >= 40 || status != TLS_OK) { /* else it waits for a longer one */
                cr_assert_eq(status, TLS_FAILED);
                cr_assert_eq(fed(a, drained(b), 0, &plain, &why), TLS_FAILED);
                cr_assert(!strcmp(why, alert_told(ALERT_bad_record_mac)) ||
                          !strcmp(why, alert_told(ALERT_unexpected_message)) ||
                          !strcmp(why, alert_told(ALERT_record_overflow)));
                cr_assert(bit < 40 || !strcmp(why, alert_told(ALERT_bad_record_mac)));
                cr_assert_eq(drained(a).n, 0, "an alert is not answered");
            }
            record_free(a);
            record_free(b);
        }
    }
    cr_assert_eq(held, 0);
}

/* Records that come twice, or not in their order. */
Test(record, sequence) {
    span one = SPAN("one"), two = SPAN("two"), plain;
    const char *why;
    for (int turn = 0; turn < 2; turn++) {
        uint8_t copy[100];
        record *a = side(suites[0], false, 0), *b = side(suites[0], true, 0);
        record_seal(a, &one, 1);
        record_seal(a, &two, 1);
        drained(a);
        size_t n = one.n + RECORD_OVERHEAD;
        memcpy(copy, turn ? wire : wire + n, n);
        memcpy(copy + n, wire, n);
        cr_assert_eq(fed(b, span_of(copy, 2 * n), 0, &plain, &why), TLS_FAILED);
        cr_assert_str_eq(why, "a TLS record was changed on its way");
        cr_assert(span_eq(plain, turn ? one : span_of("", 0)), "what was right before is told");
        cr_assert_eq(fed(b, span_of(copy, n), 0, &plain, &why), TLS_FAILED, "and it stays so");
        record_free(a);
        record_free(b);
    }
    cr_assert_eq(held, 0);
}

/* A key serves so many records; then the next one, without a word to the reader. */
Test(record, own_key_update) {
    span text = SPAN("some text"), plain;
    const char *why;
    for (size_t s = 0; s < SUITES; s++) {
        record *a = side(suites[s], false, 3), *b = side(suites[s], true, 0);
        uint8_t before[48];
        memcpy(before, a->write.secret, sizeof before);
        for (int i = 0; i < 50; i++) {
            cr_assert_eq(record_seal(a, &text, 1), text.n);
            clock_ms += LIMIT_TLS_UPDATE_MS;
            cr_assert_eq(fed(b, drained(a), 0, &plain, &why), TLS_OK);
            cr_assert(span_eq(plain, text));
            cr_assert_eq(drained(b).n, 0, "not asked, not answered");
        }
        cr_assert_neq(memcmp(before, a->write.secret, 32), 0);
        record_free(a);
        record_free(b);
    }
    cr_assert_eq(held, 0);
}

/* Section 4.6.3: a KeyUpdate that asks is answered before anything else, and two that ask before we
 * could write by one. */
Test(record, asked_key_update) {
    static const uint8_t ask[] = {MESSAGE_KEY_UPDATE, 0, 0, 1, 1};
    span text = SPAN("some text"), plain;
    const char *why;
    record *a = side(suites[1], false, 0), *b = side(suites[1], true, 0);
    for (int i = 0; i < 2; i++) {
        cr_assert(record_write_message(a, TYPE_HANDSHAKE, span_of(ask, sizeof ask)));
        record_next_key(a, &a->write);
    }
    record_seal(a, &text, 1);
    cr_assert_eq(fed(b, drained(a), 1, &plain, &why), TLS_OK);
    cr_assert(span_eq(plain, text));
    record_seal(b, &text, 1);
    span out = drained(b);
    cr_assert_eq(out.n, sizeof ask + RECORD_OVERHEAD + text.n + RECORD_OVERHEAD);
    cr_assert_eq(fed(a, out, 0, &plain, &why), TLS_OK);
    cr_assert(span_eq(plain, text));
    cr_assert_eq(drained(a).n, 0);
    record_free(a);
    record_free(b);
    cr_assert_eq(held, 0);
}

static size_t record_count(span out, size_t *first) {
    size_t count = 0;
    *first = bytes_get16(out.p + 3) - (RECORD_OVERHEAD - HEAD);
    for (; out.n; count++) out = span_skip(out, HEAD + bytes_get16(out.p + 3));
    return count;
}

/* Small records first, then great ones; small ones again after a pause. */
Test(record, sizes) {
    static uint8_t text[65536];
    span all = span_of(text, sizeof text), little = span_of(text, 100);
    size_t first, small = (sizeof text + LIMIT_TLS_SMALL_RECORD - 1) / LIMIT_TLS_SMALL_RECORD;
    clock_ms = 5000;
    record *a = side(suites[0], true, 0);
    cr_assert_eq(record_seal(a, &all, 1), sizeof text);
    cr_assert_eq(record_count(drained(a), &first), small);
    cr_assert_eq(first, LIMIT_TLS_SMALL_RECORD);
    clock_ms += LIMIT_TLS_COLD_MS;
    cr_assert_eq(record_seal(a, &all, 1), sizeof text);
    cr_assert_eq(record_count(drained(a), &first), 5);
    cr_assert_eq(first, LIMIT_TLS_FULL_RECORD);
    clock_ms += LIMIT_TLS_COLD_MS + 1;
    cr_assert_eq(record_seal(a, &little, 1), 100);
    cr_assert_eq(record_seal(a, &all, 1), sizeof text);
    record_count(drained(a), &first);
    cr_assert_eq(first, 100);
    record_seal(a, &little, 1);
    span iov[2] = {all, all};
    cr_assert_lt(record_seal(a, iov, 2), 2 * sizeof text, "so much is sealed ahead, not more");
    cr_assert_eq(record_seal(a, &all, 1), 0);
    drained(a);
    cr_assert_eq(record_seal(a, &all, 1), sizeof text);
    record_free(a);
    cr_assert_eq(held, 0);
}

Test(record, other_sizes) {
    static uint8_t text[65536];
    span all = span_of(text, sizeof text);
    size_t first, few = (3000 + LIMIT_TLS_SMALL_RECORD - 1) / LIMIT_TLS_SMALL_RECORD;
    clock_ms = 5000;
    warmup = (tls_warmup){3000, 10};
    record *a = side(suites[0], true, 0);
    cr_assert_eq(record_seal(a, &all, 1), sizeof text);
    cr_assert_eq(record_count(drained(a), &first), few + 4);
    cr_assert_eq(first, LIMIT_TLS_SMALL_RECORD);
    clock_ms += 11;
    record_seal(a, &all, 1);
    cr_assert_eq(record_count(drained(a), &first), few + 4);
    record_free(a);
    warmup = (tls_warmup){0, 10};
    a = side(suites[0], true, 0);
    for (int i = 0; i < 2; i++, clock_ms += 1000) {
        cr_assert_eq(record_seal(a, &all, 1), sizeof text);
        cr_assert_eq(record_count(drained(a), &first), 5);
        cr_assert_eq(first, LIMIT_TLS_FULL_RECORD);
    }
    record_free(a);
    cr_assert_eq(held, 0);
}

/* Nothing but itself is held when all has been written and taken. */
Test(record, at_rest) {
    static uint8_t text[100000];
    span all = span_of(text, sizeof text), plain;
    const char *why;
    record *a = side(suites[0], true, 0), *b = side(suites[0], false, 0);
    size_t two = held;
    cr_assert_leq(two, 2 * 2048);
    cr_assert_eq(record_seal(a, &all, 1), sizeof text);
    cr_assert_gt(held, two);
    fed(b, drained(a), 777, &plain, &why);
    cr_assert_eq(plain.n, sizeof text);
    cr_assert_eq(held, two);
    record_free(a);
    record_free(b);
}

/* Refused memory fails the connection and leaks nothing. */
Test(record, refusals) {
    span text = SPAN("text"), plain;
    const char *why;
    record *a = side(suites[0], true, 0), *b = side(suites[0], false, 0);
    span iov[4];
    refuse = true;
    cr_assert_eq(record_seal(a, &text, 1), 0);
    cr_assert_eq(record_output(a, iov, 4), 0,
                 "nothing taken and nothing to write: it cannot go on");
    refuse = false;
    record_seal(a, &text, 1);
    span out = drained(a);
    refuse = true;
    cr_assert_eq(fed(b, out, 0, &plain, &why), TLS_FAILED);
    cr_assert_str_eq(why, "no memory");
    cr_assert_eq(plain.n, 0);
    refuse = false;
    cr_assert_eq(record_seal(b, &text, 1), text.n, "what nobody will read is dropped");
    record_free(b);
    b = side(suites[0], false, 0);
    refuse = true;
    cr_assert_eq(fed(b, out, 3, &plain, &why), TLS_FAILED);
    refuse = false;
    record_free(a);
    record_free(b);
    cr_assert_eq(held, 0);
}

/* What was not taken before the next feed is not lost. */
Test(record, untaken) {
    span one = SPAN("one"), two = SPAN("two");
    const char *why;
    record *a = side(suites[0], true, 0), *b = side(suites[0], false, 0);
    record_seal(a, &one, 1);
    span in = drained(a);
    cr_assert_eq(record_feed(b, &in, &why), TLS_OK);
    record_seal(a, &two, 1);
    in = drained(a);
    cr_assert_eq(record_feed(b, &in, &why), TLS_OK);
    cr_assert(span_eq(record_plain(b), SPAN("onetwo")));
    cr_assert_eq(record_plain(b).n, 0);
    record_free(a);
    record_free(b);
    cr_assert_eq(held, 0);
}

/* Section 6.1: after the peer's end we may write on; what it sends then is not looked at. */
Test(record, half_closed) {
    span text = SPAN("text"), plain;
    const char *why;
    record *a = side(suites[0], true, 0), *b = side(suites[0], false, 0);
    record_seal(a, &text, 1);
    record_close(a);
    record_close(a);
    cr_assert_eq(fed(b, drained(a), 0, &plain, &why), TLS_CLOSED);
    cr_assert(span_eq(plain, text));
    cr_assert_eq(fed(b, SPAN("anything"), 0, &plain, &why), TLS_CLOSED);
    record_seal(b, &text, 1);
    cr_assert_eq(fed(a, drained(b), 0, &plain, &why), TLS_OK);
    cr_assert(span_eq(plain, text));
    record_free(a);
    record_free(b);
    cr_assert_eq(held, 0);
}
