/* applets/load/template.c: values that are new in each request. */
#include <criterion/criterion.h>

#include "applets/load/template.h"

static const char *made(const char *text, uint64_t n, uint64_t seed) {
    static char out[256];
    template *t;
    template_dice dice = {seed};
    const char *why = template_parse(span_str(text), &t);
    if (why) return why;
    if (!t) return text;
    cr_assert_lt(template_room(t), sizeof out);
    size_t size = template_write(t, (uint8_t *)out, n, &dice);
    cr_assert_leq(size, template_room(t));
    out[size] = '\0';
    template_free(t);
    return out;
}

Test(template, numbers_and_text) {
    cr_assert_str_eq(made("/plain", 7, 1), "/plain");
    cr_assert_str_eq(made("/item/${n}", 7, 1), "/item/7");
    cr_assert_str_eq(made("${n}${n}-x", 12, 1), "1212-x");
    cr_assert_str_eq(made("${rand:5-5}", 1, 1), "5");
    cr_assert_str_eq(made("$n {n} $", 1, 1), "$n {n} $");
}

Test(template, a_uuid_is_one_of_version_4) {
    const char *id = made("${uuid}", 1, 42);
    cr_assert_eq(strlen(id), 36);
    cr_assert_eq(id[14], '4');
    cr_assert(strchr("89ab", id[19]));
    char first[40];
    strcpy(first, id);
    cr_assert_str_eq(made("${uuid}", 1, 42), first, "the same seed");
    cr_assert_str_neq(made("${uuid}", 1, 43), first);
}

Test(template, random_numbers_reach_both_ends) {
    template_dice dice = {1};
    unsigned seen = 0;
    for (unsigned i = 0; i < 200; i++) seen |= 1u << template_roll_below(&dice, 4);
    cr_assert_eq(seen, 15);
}

Test(template, what_it_is_not) {
    cr_assert(strstr(made("${nn}", 1, 1), "none of"));
    cr_assert(strstr(made("${n", 1, 1), "without }"));
    cr_assert(strstr(made("${rand:9-3}", 1, 1), "two numbers"));
    cr_assert(strstr(made("${rand:a-3}", 1, 1), "two numbers"));
}
