/* netio/meter.c: what passes in a time is what the rate says, whoever asks how often. */
#include <criterion/criterion.h>

#include "netio/meter.h"

static meter m;

static void begin(uint32_t rate, uint32_t burst) {
    link_rates r = {.read_rate = rate, .read_burst = burst};
    meter_init(&m, &r, 1000);
}

Test(meter, no_limit) {
    begin(0, 0);
    cr_assert_eq(meter_room(&m.read, 5000), SIZE_MAX);
    cr_assert_eq(meter_room(&m.write, 5000), SIZE_MAX);
    cr_assert_eq(meter_due(&m.read), UINT64_MAX);
    meter_take(&m.read, 1000);
    cr_assert_eq(meter_room(&m.read, 5000), SIZE_MAX);
}

Test(meter, burst_then_rate) {
    begin(10000, 4000);
    cr_assert_eq(meter_room(&m.read, 1000), 4000);
    meter_take(&m.read, 4000);
    cr_assert_eq(meter_room(&m.read, 1000), 0);
    uint64_t due = meter_due(&m.read);
    cr_assert(due > 1000 && due <= 1100, "%zu", (size_t)due);
    cr_assert_gt(meter_room(&m.read, due), 0);
    cr_assert_eq(meter_room(&m.read, 1100), 1000);
    cr_assert_eq(meter_room(&m.read, 1u << 30), 4000, "never more than the burst");
}

Test(meter, a_debt_is_paid) {
    begin(1000, 1000);
    meter_take(&m.read, 3000);
    cr_assert_eq(meter_room(&m.read, 2999), 0);
    cr_assert_gt(meter_due(&m.read), 2999);
    cr_assert_eq(meter_room(&m.read, 4000), 1000);
}

/* Asked each millisecond or once, at rates below and above a byte a millisecond. */
Test(meter, average) {
    static const uint32_t rates[] = {1, 7, 999, 1000, 1001, 123457, 1u << 31};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        begin(rates[i], 0);
        uint64_t passed = 0;
        for (uint64_t now = 1000; now <= 101000; now++) {
            size_t n = meter_room(&m.read, now);
            meter_take(&m.read, n);
            passed += n;
        }
        uint64_t want = 101ull * rates[i]; /* what it begins with, and 100 seconds */
        cr_assert(passed <= want && passed >= want - want / 50 - 2, "%u: %zu of %zu", rates[i],
                  (size_t)passed, (size_t)want);
    }
}

Test(meter, slow_readers) {
    link_rates r = {.least_rate = 1000, .least_grace_ms = 100, .least_most_ms = 500};
    meter_init(&m, &r, 1000);
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
