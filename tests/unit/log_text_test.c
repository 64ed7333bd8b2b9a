/* applets/common/log_text.c: times in zones, and escapes that are never cut. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "applets/common/log_text.h"

static void zone(const char *name) {
    setenv("TZ", name, 1);
    tzset();
}

static void is(span text, const char *expected) {
    cr_expect(span_eq(text, span_str(expected)), "%.*s, not %s", (int)text.n, (const char *)text.p,
              expected);
}

Test(log_text, times) {
    zone("NST3:30");
    is(log_text_clf(1795869157, true), "28/Nov/2026:09:02:37 -0330");
    is(log_text_clf(1795869157, false), "28/Nov/2026:12:32:37 +0000");
    is(log_text_iso(1795869157, 7), "2026-11-28T09:02:37.007-03:30");
    is(log_text_iso(1795869157, 999), "2026-11-28T09:02:37.999-03:30");
    is(log_text_iso(1795869158, 1999), "2026-11-28T09:02:38.999-03:30");
}

Test(log_text, universal) {
    zone("UTC0");
    is(log_text_iso(1795869157, 35), "2026-11-28T12:32:37.035Z");
    is(log_text_iso(0, 0), "1970-01-01T00:00:00.000Z");
    is(log_text_clf(0, true), "01/Jan/1970:00:00:00 +0000");
    is(log_text_clf(-1, true), "31/Dec/1969:23:59:59 +0000");
    is(log_text_clf(INT64_MAX, true), "-");
    is(log_text_iso(INT64_MIN, 5), "-");
    is(log_text_iso(INT64_MIN, 6), "-");
}

Test(log_text, escapes) {
    char *out = malloc(9);
    cr_expect_eq(log_text_escape(out, 9, SPAN("a\n\"b")), 9);
    cr_expect_eq(memcmp(out, "a\\x0a\\x22", 9), 0);
    for (size_t room = 0; room <= 9; room++) {
        size_t n = log_text_escape(out, room, SPAN("a\n\"b"));
        cr_expect_eq(n, room == 0 ? 0u : room < 5 ? 1u : room < 9 ? 5u : 9u, "%zu", room);
    }
    cr_expect_eq(log_text_escape(out, 9, SPAN("\\")), 4);
    cr_expect_eq(log_text_escape(out, 9, (span){NULL, 0}), 0);
    free(out);
}
