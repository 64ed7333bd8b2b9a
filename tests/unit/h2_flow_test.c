/* core/h2_flow.c: windows at their edges (RFC 9113 section 6.9). */
#include <criterion/criterion.h>

#include "core/h2_flow.h"

Test(h2_flow, grow) {
    int32_t w = 0;
    cr_assert(h2_flow_grow(&w, H2_FLOW_MAX));
    cr_assert_eq(w, H2_FLOW_MAX);
    cr_assert_not(h2_flow_grow(&w, 1));
    cr_assert_eq(w, H2_FLOW_MAX);
    w = -5;
    cr_assert(h2_flow_grow(&w, 5));
    cr_assert_eq(w, 0);
    w = INT32_MIN;
    cr_assert(h2_flow_grow(&w, UINT32_MAX));
    cr_assert_eq(w, H2_FLOW_MAX);
    w = 1;
    cr_assert_not(h2_flow_grow(&w, UINT32_MAX));
    cr_assert_eq(w, 1);
}

Test(h2_flow, shift) {
    int32_t w = 65535;
    cr_assert(h2_flow_shift(&w, 65535, 0));
    cr_assert_eq(w, 0);
    w = 100;
    cr_assert(h2_flow_shift(&w, 65535, 0));
    cr_assert_eq(w, 100 - 65535);
    cr_assert(h2_flow_shift(&w, 0, 65535));
    cr_assert_eq(w, 100);
    cr_assert_not(h2_flow_shift(&w, 0, H2_FLOW_MAX));
    cr_assert_eq(w, 100);
    w = 0;
    cr_assert(h2_flow_shift(&w, 0, H2_FLOW_MAX));
    cr_assert_eq(w, H2_FLOW_MAX);
    w = INT32_MIN;
    cr_assert_not(h2_flow_shift(&w, 1, 0));
    cr_assert_eq(w, INT32_MIN);
}

Test(h2_flow, spend_and_receive) {
    int32_t w = 10;
    h2_flow_spend(&w, 10);
    cr_assert_eq(w, 0);
    cr_assert(h2_flow_receive(&w, 0, 0));
    cr_assert_not(h2_flow_receive(&w, 1, 0));
    cr_assert_eq(w, 0);
    cr_assert(h2_flow_receive(&w, 7, 10));
    cr_assert_eq(w, -7);
    cr_assert(h2_flow_receive(&w, 3, 10));
    cr_assert_not(h2_flow_receive(&w, 1, 10));
    cr_assert_eq(w, -10);
}

Test(h2_flow, due) {
    cr_assert_eq(h2_flow_due(0, 0), 0);
    cr_assert_eq(h2_flow_due(1, 0), 1);
    cr_assert_eq(h2_flow_due(1, 1), 1);
    cr_assert_eq(h2_flow_due(4, 10), 0);
    cr_assert_eq(h2_flow_due(5, 10), 5);
    cr_assert_eq(h2_flow_due(20, 10), 20);
}

Test(h2_flow, allowed) {
    cr_assert_eq(h2_flow_allowed(10, 20, 30), 10);
    cr_assert_eq(h2_flow_allowed(20, 10, 30), 10);
    cr_assert_eq(h2_flow_allowed(20, 10, 5), 5);
    cr_assert_eq(h2_flow_allowed(20, 0, 5), 0);
    cr_assert_eq(h2_flow_allowed(20, -1, 5), 0);
    cr_assert_eq(h2_flow_allowed(INT32_MIN, 5, 5), 0);
}
