/* Two record layers joined for unit tests, with a clock that is a number. */
#ifndef H2BOX_TESTS_UNIT_RECORD_PAIR_H
#define H2BOX_TESTS_UNIT_RECORD_PAIR_H

#include <criterion/criterion.h>

#include "core/limits.h"
#include "tests/unit/mem_hook.h"
#include "tls/record.h"
#include "tls/record_impl.h"

enum { WIRE_ROOM = 1 << 20 };

static uint64_t clock_ms;
static uint8_t wire[WIRE_ROOM], got[WIRE_ROOM];
static const uint8_t secret_up[48] = {1, 2, 3}, secret_down[48] = {4, 5, 6};

__attribute__((unused)) static uint64_t now_ms(void) { return clock_ms; }

static tls_warmup warmup = {LIMIT_TLS_WARM, LIMIT_TLS_COLD_MS};

static record *side(uint16_t suite, bool server, uint64_t per_key) {
    size_t n = suite == RECORD_AES_256_GCM_SHA384 ? 48 : 32;
    return record_new(&(record_birth){
        .mem = &hook,
        .suite = suite,
        .server = server,
        .read_secret = server ? secret_up : secret_down,
        .write_secret = server ? secret_down : secret_up,
        .secret_bytes = n,
        .now_ms = now_ms,
        .warmup = warmup,
        .records_per_key = per_key,
    });
}

/* All that is to be written, in one piece. */
static span drained(record *r) {
    size_t at = 0;
    span iov[8];
    for (size_t n; (n = record_output(r, iov, 8));) {
        size_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            cr_assert_leq(at + sum + iov[i].n, WIRE_ROOM);
            memcpy(wire + at + sum, iov[i].p, iov[i].n);
            sum += iov[i].n;
        }
        record_output_done(r, sum);
        at += sum;
    }
    return span_of(wire, at);
}

/* Feeds `in` in steps of `cut` bytes (0: whole), gathers the plaintext in `got`. */
static tls_status fed(record *r, span in, size_t cut, span *plain, const char **why) {
    tls_status status = TLS_OK;
    size_t n = 0;
    *why = NULL;
    *plain = span_of(got, 0);
    while (in.n && status == TLS_OK) {
        span piece = span_take(&in, cut && cut < in.n ? cut : in.n);
        status = record_feed(r, &piece, why);
        cr_assert_eq(piece.n, 0, "all is used up");
        for (span s; (s = record_plain(r)).n; n += s.n) memcpy(got + n, s.p, s.n);
    }
    *plain = span_of(got, n);
    return status;
}

#endif
