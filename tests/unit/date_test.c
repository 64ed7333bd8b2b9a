/* core/date.c: every day of the range there and back, the three forms, and what is none of them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/date.h"

#define NOW INT64_C(1750000000) /* 2025-06-15 15:06:40 */

static const char *text_of(int64_t seconds) {
    static char text[DATE_LENGTH + 1];
    date_format(seconds, (uint8_t *)text);
    text[DATE_LENGTH] = 0;
    return text;
}

/* The sanitizer sees a read past the end. */
static bool parse(const char *text, int64_t now, int64_t *seconds) {
    const size_t n = strlen(text);
    uint8_t *p = malloc(n ? n : 1);
    cr_assert_not_null(p);
    memcpy(p, text, n);
    const bool known = date_parse(span_of(p, n), now, seconds);
    free(p);
    return known;
}

Test(date, formats) {
    static const struct {
        int64_t seconds;
        const char *text;
    } list[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {951868800, "Wed, 01 Mar 2000 00:00:00 GMT"},
        {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
        {2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"},
        {DATE_MIN, "Mon, 01 Jan 1601 00:00:00 GMT"},
        {DATE_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        int64_t back = 1;
        cr_expect_str_eq(text_of(list[i].seconds), list[i].text, "%s", text_of(list[i].seconds));
        cr_expect(parse(list[i].text, NOW, &back) && back == list[i].seconds, "%s", list[i].text);
    }
    cr_expect_str_eq(text_of(DATE_MIN - 1), list[9].text);
    cr_expect_str_eq(text_of(INT64_MIN), list[9].text);
    cr_expect_str_eq(text_of(DATE_MAX + 1), list[10].text);
    cr_expect_str_eq(text_of(INT64_MAX), list[10].text);
}

Test(date, every_day_of_the_range) {
    int64_t clock = 0;
    for (int64_t day = DATE_MIN; day < DATE_MAX; day += 86400) {
        int64_t back = 0;
        uint8_t text[DATE_LENGTH];
        clock = (clock + 12345) % 86400;
        date_format(day + clock, text);
        cr_assert(date_parse(span_of(text, DATE_LENGTH), NOW, &back) && back == day + clock,
                  "%.29s", (const char *)text);
    }
}

Test(date, agrees_with_the_system) {
    for (int64_t at = DATE_MIN; at < DATE_MAX; at += 86400 * 17 + 12347) {
        char want[40];
        const time_t t = (time_t)at;
        const struct tm *tm = gmtime(&t);
        cr_assert_not_null(tm);
        strftime(want, sizeof want, "%a, %d %b %Y %H:%M:%S GMT", tm);
        cr_assert_str_eq(text_of(at), want);
    }
}

Test(date, three_forms) {
    static const char *const same[] = {
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994",
        /* the weekday is not held against the date */
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Wednesday, 06-Nov-94 08:49:37 GMT",
        "Sat Nov  6 08:49:37 1994",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        int64_t seconds = 0;
        cr_expect(parse(same[i], NOW, &seconds), "%s", same[i]);
        cr_expect_eq(seconds, 784111777, "%s", same[i]);
    }
    int64_t leap = 0;
    cr_expect(parse("Sat, 31 Dec 2016 23:59:60 GMT", NOW, &leap) && leap == 1483228800);
    cr_expect(parse("Sat Dec 31 23:59:60 2016", NOW, &leap) && leap == 1483228800);
}

Test(date, refuses) {
    static const char *const list[] = {
        "",
        " ",
        "0",
        "Sun",
        "Sun,",
        "Sun, 06 Nov 1994",
        "now",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37 GM",
        "Sun, 06 Nov 1994 08:49:37 GMTx",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "SUN, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 NOV 1994 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Xyz 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 006 Nov 1994 08:49:37 GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 32 Dec 1994 08:49:37 GMT",
        "Sun, 29 Feb 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 30 Feb 2000 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 01994 08:49:37 GMT",
        "Sun, 06 Nov 1600 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sat, 31 Dec 2016 23:59:61 GMT",
        "Fri, 31 Dec 9999 23:59:60 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08-49-37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 0x Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37",
        "Sunday, 6-Nov-94 08:49:37 GMT",
        "Sunday, 31-Feb-94 08:49:37 GMT",
        "Sunday, 00-Nov-94 08:49:37 GMT",
        "Sunday, 29-Feb-94 08:49:37 GMT",
        "Sunday 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-9x 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov  6 08:49:37 19940",
        "Sunday Nov  6 08:49:37 1994",
        "Sun Nov  0 08:49:37 1994",
        "Sun Feb 29 08:49:37 1994",
        "Sun, Nov  6 08:49:37 1994",
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 08:49:37 GMT; length=5",
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        int64_t seconds = 42;
        cr_expect_not(parse(list[i], NOW, &seconds), "%s", list[i]);
        cr_expect_eq(seconds, 42, "%s", list[i]);
    }
    int64_t seconds;
    cr_expect_not(date_parse(span_of(NULL, 0), NOW, &seconds));
}

Test(date, two_digit_years) {
    /* Each now against a date: "over 50 years ahead" is judged to the second. */
    static const struct {
        const char *now, *date, *want;
    } list[] = {
        {"Sun, 15 Jun 2025 12:00:00 GMT", "Monday, 15-Jun-25 12:00:00 GMT", "2025"},
        {"Sun, 15 Jun 2025 12:00:00 GMT", "Monday, 31-Dec-99 00:00:00 GMT", "1999"},
        {"Sun, 15 Jun 2025 12:00:00 GMT", "Monday, 01-Jan-00 00:00:00 GMT", "2000"},
        {"Sun, 15 Jun 2025 12:00:00 GMT", "Monday, 31-Dec-74 00:00:00 GMT", "2074"},
        {"Sun, 15 Jun 2025 12:00:00 GMT", "Monday, 15-Jun-75 12:00:00 GMT", "2075"},
        {"Sun, 15 Jun 2025 12:00:00 GMT", "Monday, 15-Jun-75 12:00:01 GMT", "1975"},
        {"Sun, 15 Jun 2025 12:00:00 GMT", "Monday, 16-Jun-75 00:00:00 GMT", "1975"},
        {"Sun, 15 Jun 2025 12:00:00 GMT", "Monday, 01-Jan-76 00:00:00 GMT", "1976"},
        {"Fri, 31 Dec 1999 23:59:59 GMT", "Monday, 01-Jan-00 00:00:00 GMT", "2000"},
        {"Sat, 06 Nov 2094 00:00:00 GMT", "Monday, 06-Nov-94 00:00:00 GMT", "2094"},
        {"Fri, 01 Jan 2060 00:00:00 GMT", "Monday, 01-Jan-05 00:00:00 GMT", "2105"},
        {"Thu, 29 Feb 2024 00:00:00 GMT", "Monday, 28-Feb-74 00:00:00 GMT", "2074"},
        {"Thu, 29 Feb 2024 00:00:00 GMT", "Monday, 02-Mar-74 00:00:00 GMT", "1974"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        int64_t now = 0, seconds = 0;
        cr_assert(parse(list[i].now, NOW, &now), "%s", list[i].now);
        cr_assert(parse(list[i].date, now, &seconds), "%s", list[i].date);
        cr_expect(memcmp(text_of(seconds) + 12, list[i].want, 4) == 0, "%s at %s -> %s",
                  list[i].date, list[i].now, text_of(seconds));
    }
    /* A clock that is out of its mind harms nobody. */
    int64_t seconds = 0;
    cr_expect(parse("Monday, 01-Jan-00 00:00:00 GMT", INT64_MAX, &seconds) || seconds == 0);
    cr_expect(parse("Monday, 01-Jan-00 00:00:00 GMT", INT64_MIN, &seconds) || seconds == 0);
}
