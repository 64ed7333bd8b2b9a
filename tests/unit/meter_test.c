/* netio/meter.c: a link's own limits beside those it shares, and peers that must read. */
#include <criterion/criterion.h>

#include "netio/meter.h"

static meter m;

Test(meter, no_limit) {
    meter_init(&m, NULL, NULL, NULL, 1000);
    cr_assert_eq(meter_room(&m.read, 5000), SIZE_MAX);
    meter_take(&m.write, 1000);
    cr_assert_eq(meter_room(&m.write, 5000), SIZE_MAX);
    cr_assert_eq(meter_due(&m.write), UINT64_MAX);
    meter_settle(&m);
    meter_end(&m);
}

Test(meter, the_less_of_both) {
    loop *l = loop_new();
    quota *q = quota_new(l);
    link_rates own = {.read_rate = 1000, .write_rate = 5000};
    uint64_t now = loop_now_ms(l);
    quota_set(q, &(link_rates){.read_rate = 3000, .write_rate = 3000});
    meter_init(&m, &own, q, NULL, now);
    cr_assert_eq(meter_room(&m.read, now), 1000);
    cr_assert_eq(meter_room(&m.write, now), 3000);
    meter_take(&m.read, 1000);
    cr_assert_eq(meter_room(&m.read, now), 0);
    cr_assert_gt(meter_due(&m.read), now);
    cr_assert_null(m.read.seat.prev, "who may not move by himself does not stand in line");
    meter_take(&m.write, 3000);
    cr_assert_eq(meter_room(&m.write, now), 0);
    cr_assert_eq(meter_due(&m.write), UINT64_MAX, "it will be touched");
    cr_assert_not_null(m.write.seat.prev);
    meter_end(&m);
    cr_assert_null(m.write.seat.prev);
    quota_free(q);
    loop_free(l);
}

Test(meter, slow_readers) {
    link_rates r = {.least_rate = 1000, .least_grace_ms = 100, .least_most_ms = 500};
    meter_init(&m, &r, NULL, NULL, 1000);
    meter_note(&m, 5000, true, 1000);
    cr_assert_eq(m.slow_due, 1100);
    meter_note(&m, 50, true, 1050);
    cr_assert_eq(m.slow_due, 1150);
    meter_note(&m, 100000, true, 1100);
    cr_assert_eq(m.slow_due, 1600, "time is not saved up beyond the most");
    meter_note(&m, 10, false, 1200);
    cr_assert_eq(m.slow_due, 0);
    meter_note(&m, 10, true, 9000);
    cr_assert_eq(m.slow_due, 9100);
}
