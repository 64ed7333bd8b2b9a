/* core/accept.c: RFC 9110 section 12.5.3. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/accept.h"

static unsigned coding(const char *text, span which, bool *preferred) {
    size_t n = strlen(text);
    uint8_t *p = malloc(n ? n : 1);
    cr_assert_not_null(p);
    memcpy(p, text, n);
    unsigned v = accept_coding(span_of(p, n), which);
    *preferred = accept_prefers(span_of(p, n), which);
    free(p);
    return v;
}

Test(accept, weights) {
    static const struct {
        const char *text;
        unsigned gzip, identity;
        bool preferred;
    } list[] = {
        {"", 0, 1, false},
        {"gzip", 1000, 1, true},
        {"GZIP", 1000, 1, true},
        {"x-gzip", 1000, 1, true},
        {"gzip, deflate", 1000, 1, true},
        {"deflate , gzip;q=0.5", 500, 1, true},
        {"br,gzip;q=0.001", 1, 1, true},
        {"gzip;q=1.000", 1000, 1, true},
        {"gzip ; q=0.25", 250, 1, true},
        {"gzip;q=0", 0, 1, false},
        {"gzip;q=0.000", 0, 1, false},
        {"*", 1000, 1000, true},
        {"*;q=0", 0, 0, false},
        {"*;q=0, gzip", 1000, 0, true},
        {"gzip;q=0, *", 0, 1000, false},
        {"gzip;q=0.5, identity", 500, 1000, false},
        {"identity;q=0.5, gzip;q=0.6", 600, 500, true},
        {"deflate", 0, 1, false},
        {"gzipped", 0, 1, false},
        {",, ,gzip,", 1000, 1, true},
        /* no weights */
        {"gzip;q=", 0, 0, false},
        {"gzip;q=2", 0, 0, false},
        {"gzip;q=1.001", 0, 0, false},
        {"gzip;q=0.1234", 0, 0, false},
        {"gzip;q=0,5", 0, 1, false},
        {"gzip;level=9", 0, 0, false},
        {"gzip;q=-1", 0, 0, false},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        bool preferred, other;
        cr_expect_eq(coding(list[i].text, SPAN("gzip"), &preferred), list[i].gzip, "%s",
                     list[i].text);
        cr_expect_eq(preferred, list[i].preferred, "%s", list[i].text);
        cr_expect_eq(coding(list[i].text, SPAN("identity"), &other), list[i].identity, "%s",
                     list[i].text);
    }
}
