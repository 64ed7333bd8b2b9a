/* core/priority.c: what RFC 9218 says, and the whole syntax of RFC 9651 dictionaries around it. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/priority.h"

/* A copy of exact size, so that the sanitizer sees a read past the end. */
static bool parse(const char *text, size_t n, priority base, priority *out) {
    uint8_t *p = malloc(n ? n : 1);
    cr_assert_not_null(p);
    memcpy(p, text, n);
    const bool read = priority_parse(span_of(p, n), base, out);
    free(p);
    return read;
}

Test(priority, reads) {
    static const struct {
        const char *text;
        int urgency;
        bool incremental;
    } list[] = {
        {"", 3, false},
        {"   ", 3, false},
        {"u=0", 0, false},
        {"u=7", 7, false},
        {"i", 3, true},
        {"u=5, i", 5, true},
        {"i,u=5", 5, true},
        {"u=5 \t,\t i", 5, true},
        {"  u=5  ", 5, false},
        {"i=?1", 3, true},
        {"i=?0", 3, false},
        {"u=1;a;b=2, i;c=\"x\"", 1, true},
        {"u=1; a;  b", 1, false},
        /* the last one counts */
        {"u=1, u=2", 2, false},
        {"i, i=?0", 3, false},
        {"u=1, u=9", 3, false},
        {"u=1, u=x", 3, false},
        {"i, i=1", 3, false},
        {"u=9, u=1", 1, false},
        /* out of range, of another type: not there */
        {"u=8", 3, false},
        {"u=-1", 3, false},
        {"u=-0", 0, false},
        {"u=007", 7, false},
        {"u=999999999999999", 3, false},
        {"u=1.0", 3, false},
        {"u", 3, false},
        {"u=?1", 3, false},
        {"u=\"1\"", 3, false},
        {"u=(1)", 3, false},
        {"u=@1", 3, false},
        {"u=%\"1\"", 3, false},
        {"u=:MQ==:", 3, false},
        {"i=1", 3, false},
        {"i=(), u=2", 2, false},
        {"i=true", 3, false},
        /* unknown members of every type */
        {"a, u=2", 2, false},
        {"*, u=2", 2, false},
        {"*a-b_c.d*9=1, u=2", 2, false},
        {"uu=1, ii", 3, false},
        {"a=tok*en:/!#$%&'+-.^_`|~A9, u=2", 2, false},
        {"a=*t, u=2", 2, false},
        {"a=\"b, c; \\\" \\\\ u=1\", u=2", 2, false},
        {"a=:Zm9v+/==:, u=2", 2, false},
        {"a=::, u=2", 2, false},
        {"a=-123456789012.123, u=2", 2, false},
        {"a=@-1659578233, u=2", 2, false},
        {"a=%\"f%c3%bcr\", u=2", 2, false},
        {"a=?0, u=2", 2, false},
        {"a=(), u=2", 2, false},
        {"a=(  ), u=2", 2, false},
        {"a=(1 \"b, c)\" tok;x;y=1   ?1 );z=(  , u=2", -1, false},
        {"a=(1 \"b, c)\" tok;x;y=1   ?1 );z=t, u=2", 2, false},
        {"a=(u=1), u=2", -1, false},
        {"a;u=1, u=2", 2, false},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        priority p = {6, true};
        const bool read = parse(list[i].text, strlen(list[i].text), PRIORITY_DEFAULT, &p);
        cr_expect_eq(read, list[i].urgency >= 0, "%s", list[i].text);
        cr_expect_eq(p.urgency, list[i].urgency >= 0 ? list[i].urgency : 3, "%s", list[i].text);
        cr_expect_eq(p.incremental, list[i].incremental, "%s", list[i].text);
    }
}

Test(priority, refuses_whole_values) {
    static const char *const list[] = {
        ",",
        "u=1,",
        "u=1, ",
        "u=1,,i",
        ",u=1",
        "u=1 i",
        "u=1;",
        "u=1; ",
        "u=1;A",
        "u=1;=2",
        "u=1;a=",
        "u=",
        "u= 1",
        "u =1",
        "=1",
        "U=1",
        "I",
        "1",
        "\"u\"",
        "u=1\t",
        "\tu=1",
        "u=1, i\t",
        "u=--1",
        "u=-",
        "u=+1",
        "u=1.",
        "u=.1",
        "u=1.1234",
        "u=1.2.3",
        "u=1234567890123456",
        "u=1234567890123.1",
        "u=1x",
        "i=?",
        "i=?2",
        "i=?10",
        "i=?true",
        "a=\"b",
        "a=\"b\\",
        "a=\"b\\c\"",
        "a=\"\x7f\"",
        "a=\"\t\"",
        "a=\"\xc3\xa4\"",
        "a=:a",
        "a=:a b:",
        "a=:-:",
        "a=@",
        "a=@1.5",
        "a=@x",
        "a=%",
        "a=%\"",
        "a=%x",
        "a=%\"%\"",
        "a=%\"%C3%A4\"",
        "a=%\"%c\"",
        "a=(",
        "a=(1",
        "a=(1,2)",
        "a=(1\t2)",
        "a=((1))",
        "a=(1;)",
        "a=(\"b\"\"c\")",
        "a=)",
        "a=()b",
        "a==",
        "a=;b",
        "a=,b",
        "u=1\n",
        "u=1\xc3",
        "a={}",
        "a=<",
        "u=1; i, u=2 ;b",
    };
    const priority base = {5, true};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        priority p = {0, false};
        cr_expect_not(parse(list[i], strlen(list[i]), base, &p), "%s", list[i]);
        cr_expect(p.urgency == 5 && p.incremental, "%s", list[i]);
    }
    priority p;
    cr_expect_not(parse("u=1\0", 4, base, &p));
    cr_expect_not(parse("\0", 1, base, &p));
    cr_expect_not(parse("a=\"\0\"", 5, base, &p));
    cr_expect_not(parse("a=b\0", 4, base, &p));
    cr_expect(priority_parse(span_of(NULL, 0), base, &p));
}

Test(priority, response_over_request) {
    static const struct {
        const char *text;
        priority base, want;
    } list[] = {
        {"u=1", {5, true}, {1, true}}, {"i=?0", {5, true}, {5, false}},
        {"i", {5, false}, {5, true}},  {"u=3", {5, true}, {3, true}},
        {"", {5, true}, {5, true}},    {"u=9, i=7", {5, true}, {5, true}},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        priority p;
        cr_expect(parse(list[i].text, strlen(list[i].text), list[i].base, &p));
        cr_expect_eq(p.urgency, list[i].want.urgency, "%s", list[i].text);
        cr_expect_eq(p.incremental, list[i].want.incremental, "%s", list[i].text);
    }
}

Test(priority, there_and_back) {
    for (uint8_t urgency = 0; urgency < 8; urgency++) {
        for (int i = 0; i < 2; i++) {
            uint8_t text[PRIORITY_ROOM];
            const priority p = {urgency, i != 0};
            priority back = {9, false};
            const size_t n = priority_format(p, text);
            cr_expect_eq(n, i ? 6u : 3u);
            cr_expect(priority_parse(span_of(text, n), PRIORITY_DEFAULT, &back));
            cr_expect(back.urgency == urgency && back.incremental == (i != 0));
        }
    }
}
