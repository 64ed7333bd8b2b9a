/* core/range.c: RFC 9110 section 14, with what is ignored and what is not satisfiable. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/range.h"

/* "0-4,9-9", "none", "unsatisfiable": what a value comes to. The copy of exact size lets the
 * sanitizer see a read past the end. */
static const char *of(const char *text, uint64_t size) {
    static char out[1024];
    range parts[LIMIT_RANGES];
    size_t count, n = strlen(text), at = 0;
    uint8_t *p = malloc(n ? n : 1);
    cr_assert_not_null(p);
    memcpy(p, text, n);
    range_result result = range_parse(span_of(p, n), size, parts, &count);
    free(p);
    if (result != RANGE_PARTS) return result == RANGE_NONE ? "none" : "unsatisfiable";
    cr_assert(count > 0 && count <= LIMIT_RANGES);
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%llu-%llu", i ? "," : "",
                               (unsigned long long)parts[i].first,
                               (unsigned long long)(parts[i].first + parts[i].length - 1));
    return out;
}

Test(range, reads) {
    static const struct {
        const char *text;
        uint64_t size;
        const char *is;
    } list[] = {
        /* RFC 9110 section 14.1.2 and its examples */
        {"bytes=0-499", 10000, "0-499"},
        {"bytes=500-999", 10000, "500-999"},
        {"bytes=-500", 10000, "9500-9999"},
        {"bytes=9500-", 10000, "9500-9999"},
        {"bytes=0-0,-1", 10000, "0-0,9999-9999"},
        {"bytes= 0-999, 4500-5499, -1000", 10000, "0-999,4500-5499,9000-9999"},
        {"bytes=500-600,601-999", 10000, "500-999"},
        {"bytes=500-700,601-999", 10000, "500-999"},
        {"Bytes=0-0", 10, "0-0"},
        {"bytes=0-", 10, "0-9"},
        {"bytes=0-9", 10, "0-9"},
        {"bytes=0-99999999999999999999999", 10, "0-9"},
        {"bytes=-10", 10, "0-9"},
        {"bytes=-99999999999999999999999", 10, "0-9"},
        {"bytes=,, 1-2 ,\t, 5-6,", 10, "1-2,5-6"},
        /* the order stays, and what touches is one */
        {"bytes=8-9,0-1", 10, "8-9,0-1"},
        {"bytes=4-5,0-1,2-3", 10, "0-5"},
        {"bytes=8-8,0-0,4-4,2-2,1-1", 10, "8-8,0-2,4-4"},
        {"bytes=0-0,20-30", 10, "0-0"},
        /* not satisfiable */
        {"bytes=10-", 10, "unsatisfiable"},
        {"bytes=10-20,30-40", 10, "unsatisfiable"},
        {"bytes=-0", 10, "unsatisfiable"},
        {"bytes=99999999999999999999999-", 10, "unsatisfiable"},
        /* the whole is no more */
        {"bytes=0-5,3-9", 10, "none"},
        {"bytes=0-,-1", 10, "none"},
        /* none */
        {"bytes=0-5", 0, "none"},
        {"bytes=", 10, "none"},
        {"bytes=,", 10, "none"},
        {"bytes=-", 10, "none"},
        {"bytes=5-4", 10, "none"},
        {"bytes=0-1,5-4", 10, "none"},
        {"bytes=a-b", 10, "none"},
        {"bytes=1", 10, "none"},
        {"bytes=1-2 3-4", 10, "none"},
        {"bytes=+1-2", 10, "none"},
        {"bytes=1--2", 10, "none"},
        {"bytes =1-2", 10, "none"},
        {"lines=1-2", 10, "none"},
        {"1-2", 10, "none"},
        {"", 10, "none"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        cr_expect_str_eq(of(list[i].text, list[i].size), list[i].is, "'%s' of %llu: %s",
                         list[i].text, (unsigned long long)list[i].size,
                         of(list[i].text, list[i].size));
}

Test(range, as_many_as_allowed) {
    char text[1024];
    size_t n = (size_t)snprintf(text, sizeof text, "bytes=");
    for (unsigned i = 0; i < LIMIT_RANGES; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%u-%u,", i * 10, i * 10 + 1);
    cr_expect_str_neq(of(text, 100000), "none");
    snprintf(text + n, sizeof text - n, "5000-5001");
    cr_expect_str_eq(of(text, 100000), "none");
}
