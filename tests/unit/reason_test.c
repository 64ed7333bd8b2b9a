/* core/reason.c: IANA's registry, and nothing for the rest. */
#include <criterion/criterion.h>

#include "core/reason.h"

Test(reason, words) {
    cr_assert(span_eq(reason_of(100), SPAN("Continue")));
    cr_assert(span_eq(reason_of(200), SPAN("OK")));
    cr_assert(span_eq(reason_of(404), SPAN("Not Found")));
    cr_assert(span_eq(reason_of(431), SPAN("Request Header Fields Too Large")));
    cr_assert(span_eq(reason_of(511), SPAN("Network Authentication Required")));
}

/* They go into status lines as they are (RFC 9112 section 4), and none is there twice. */
Test(reason, every_code) {
    unsigned known = 0;
    for (unsigned a = 0; a < 1000; a++) {
        span words = reason_of(a);
        if (!words.n) continue;
        cr_assert(a >= 100 && a < 600);
        known++;
        for (size_t i = 0; i < words.n; i++)
            cr_assert(words.p[i] >= ' ' && words.p[i] < 0x7f, "%u", a);
        for (unsigned b = 0; b < a; b++) cr_assert_not(span_eq(reason_of(b), words), "%u %u", a, b);
    }
    /* The registry without 104 (temporary), 306 and 418 (unused) and 510 (obsolete). */
    cr_assert_eq(known, 60);
    cr_assert_eq(reason_of(0).n, 0);
    cr_assert_eq(reason_of(306).n, 0);
    cr_assert_eq(reason_of(1000000).n, 0);
}
