/* core/conditional.c and core/etag.c: the lists, the comparisons, and the order of RFC 9110 section
 * 13.2.2. */
#include <criterion/criterion.h>

#include "core/conditional.h"
#include "core/date.h"
#include "core/etag.h"

Test(etag, lists) {
    static const struct {
        const char *list;
        bool strong, weak;
    } rows[] = {
        {"\"a\"", true, true},         {"*", true, true},
        {" * ", true, true},           {"W/\"a\"", false, true},
        {"\"b\", \"a\"", true, true},  {"\"b\",W/\"a\"", false, true},
        {"\"x,\", \"a\"", true, true}, {", ,\"a\",", true, true},
        {"\"\", \"a\"", true, true},   {"", false, false},
        {"a", false, false},           {"\"a", false, false},
        {"\"A\"", false, false},       {"w/\"a\"", false, false},
        {"\"b\" \"a\"", false, false}, {"b, \"a\"", false, false},
        {"*, \"a\"", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_eq(etag_in_list(span_str(rows[i].list), SPAN("\"a\""), false), rows[i].strong,
                     "%s", rows[i].list);
        cr_expect_eq(etag_in_list(span_str(rows[i].list), SPAN("\"a\""), true), rows[i].weak, "%s",
                     rows[i].list);
    }
    cr_expect(!etag_same(SPAN("W/\"a\""), SPAN("W/\"a\""), false));
    cr_expect(etag_same(SPAN("W/\"a\""), SPAN("\"a\""), true));
}

#define MODIFIED 1700000000

static const conditional there = {.etag = SPAN_LIT("\"a\""),
                                  .coded_etag = SPAN_LIT("\"a-gz\""),
                                  .modified = MODIFIED,
                                  .now = MODIFIED + 100};

static uint8_t dates[3][DATE_LENGTH];

/* "<", "=" and ">" stand for dates before, at and after the modification. */
static http_field field(http_token token, const char *value) {
    span v = span_str(value);
    if (v.n == 1 && *value >= '<' && *value <= '>') {
        int i = *value - '<';
        date_format(MODIFIED - 1 + i, dates[i]);
        v = span_of(dates[i], DATE_LENGTH);
    }
    return (http_field){fields_name(token), v, (uint16_t)token, false};
}

/* The table of section 13.2.2: each row has If-Match, If-Unmodified-Since, If-None-Match,
 * If-Modified-Since; NULL: absent. */
Test(conditional, order) {
    static const struct {
        const char *match, *unmodified, *none, *modified;
        conditional_result is;
    } rows[] = {
        {NULL, NULL, NULL, NULL, CONDITIONAL_GO},
        {"\"a\"", NULL, NULL, NULL, CONDITIONAL_GO},
        {"\"a-gz\"", NULL, NULL, NULL, CONDITIONAL_GO},
        {"*", NULL, NULL, NULL, CONDITIONAL_GO},
        {"\"b\"", NULL, NULL, NULL, CONDITIONAL_FAILED},
        {"W/\"a\"", NULL, NULL, NULL, CONDITIONAL_FAILED},
        {"\"a\"", "<", NULL, NULL, CONDITIONAL_GO}, /* If-Match makes it ignored */
        {"\"b\"", ">", NULL, NULL, CONDITIONAL_FAILED},
        {NULL, "<", NULL, NULL, CONDITIONAL_FAILED},
        {NULL, "=", NULL, NULL, CONDITIONAL_GO},
        {NULL, ">", NULL, NULL, CONDITIONAL_GO},
        {NULL, "yesterday", NULL, NULL, CONDITIONAL_GO},
        {NULL, NULL, "\"a\"", NULL, CONDITIONAL_SAME},
        {NULL, NULL, "W/\"a\"", NULL, CONDITIONAL_SAME},
        {NULL, NULL, "\"b\", \"a-gz\"", NULL, CONDITIONAL_SAME},
        {NULL, NULL, "*", NULL, CONDITIONAL_SAME},
        {NULL, NULL, "\"b\"", NULL, CONDITIONAL_GO},
        {NULL, NULL, "\"b\"", ">", CONDITIONAL_GO}, /* If-None-Match makes it ignored */
        {NULL, NULL, "\"a\"", "<", CONDITIONAL_SAME},
        {NULL, NULL, NULL, "<", CONDITIONAL_GO},
        {NULL, NULL, NULL, "=", CONDITIONAL_SAME},
        {NULL, NULL, NULL, ">", CONDITIONAL_SAME},
        {NULL, NULL, NULL, "soon", CONDITIONAL_GO},
        {"\"a\"", NULL, "\"a\"", NULL, CONDITIONAL_SAME},
        {"\"b\"", NULL, "\"a\"", NULL, CONDITIONAL_FAILED},
        {NULL, "<", "\"a\"", "=", CONDITIONAL_FAILED},
        {NULL, ">", "\"b\"", "=", CONDITIONAL_GO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        http_field f[4];
        size_t n = 0;
        if (rows[i].match) f[n++] = field(HTTP_TOKEN_IF_MATCH, rows[i].match);
        if (rows[i].unmodified) f[n++] = field(HTTP_TOKEN_IF_UNMODIFIED_SINCE, rows[i].unmodified);
        if (rows[i].none) f[n++] = field(HTTP_TOKEN_IF_NONE_MATCH, rows[i].none);
        if (rows[i].modified) f[n++] = field(HTTP_TOKEN_IF_MODIFIED_SINCE, rows[i].modified);
        cr_expect_eq(conditional_evaluate(&there, f, n), rows[i].is, "row %zu", i);
    }
}

Test(conditional, several_fields_are_one_list) {
    http_field f[2] = {field(HTTP_TOKEN_IF_NONE_MATCH, "\"b\""),
                       field(HTTP_TOKEN_IF_NONE_MATCH, "\"a\"")};
    cr_expect_eq(conditional_evaluate(&there, f, 2), CONDITIONAL_SAME);
}

Test(conditional, without_a_tag) {
    conditional bare = {.modified = MODIFIED, .now = MODIFIED + 100};
    http_field f[1] = {field(HTTP_TOKEN_IF_NONE_MATCH, "\"\"")};
    cr_expect_eq(conditional_evaluate(&bare, f, 1), CONDITIONAL_GO);
}

Test(conditional, ranges) {
    static const struct {
        const char *value;
        bool obeyed;
    } rows[] = {{"\"a\"", true}, {"W/\"a\"", false}, {"\"a-gz\"", false}, {"=", true},
                {"<", false},    {">", false},       {"", false},         {"*", false}};
    cr_expect(conditional_range(&there, NULL, 0));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        http_field f[1] = {field(HTTP_TOKEN_IF_RANGE, rows[i].value)};
        cr_expect_eq(conditional_range(&there, f, 1), rows[i].obeyed, "%s", rows[i].value);
    }
    conditional fresh = there;
    fresh.now = MODIFIED;
    http_field f[1] = {field(HTTP_TOKEN_IF_RANGE, "=")};
    cr_expect(!conditional_range(&fresh, f, 1));
}
