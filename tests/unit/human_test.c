/* applets/common/human.c: numbers as the nghttp2 tools print them. */
#include <criterion/criterion.h>

#include "applets/common/human.h"

static char text[HUMAN_ROOM];

Test(human, durations) {
    cr_assert_str_eq(human_duration(text, 0), "0us");
    cr_assert_str_eq(human_duration(text, 999), "999us");
    cr_assert_str_eq(human_duration(text, 1000), "1.00ms");
    cr_assert_str_eq(human_duration(text, 9200), "9.20ms");
    cr_assert_str_eq(human_duration(text, 999994), "999.99ms");
    cr_assert_str_eq(human_duration(text, 1000000), "1.00s");
    cr_assert_str_eq(human_duration(text, 12345678), "12.35s");
    human_duration(text, UINT64_MAX); /* fits */
}

Test(human, bytes) {
    cr_assert_str_eq(human_bytes(text, 0), "0B");
    cr_assert_str_eq(human_bytes(text, 1023), "1023B");
    cr_assert_str_eq(human_bytes(text, 1024), "1.00KB");
    cr_assert_str_eq(human_bytes(text, 16642), "16.25KB");
    cr_assert_str_eq(human_bytes(text, 12400), "12.11KB");
    cr_assert_str_eq(human_bytes(text, 3 << 20), "3.00MB");
    cr_assert_str_eq(human_bytes(text, UINT64_C(5) << 30), "5.00GB");
    cr_assert_str_eq(human_bytes(text, UINT64_C(5) << 40), "5120.00GB");
}

Test(human, units) {
    cr_assert_str_eq(human_units(text, 1023), "1023");
    cr_assert_str_eq(human_units(text, 2047), "1K");
    cr_assert_str_eq(human_units(text, 2048), "2K");
    cr_assert_str_eq(human_units(text, UINT64_C(16) << 20), "16M");
    cr_assert_str_eq(human_units(text, UINT64_MAX), "17179869183G");
}
