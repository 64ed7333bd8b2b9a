/* netio/bucket.c: what passes in a time is what the rate says, whoever asks how often. */
#include <criterion/criterion.h>

#include "netio/bucket.h"

static bucket b;

static void begin(uint32_t rate, uint32_t burst) { bucket_init(&b, rate, burst, 1000); }

Test(bucket, no_limit) {
    begin(0, 0);
    cr_assert_eq(bucket_room(&b, 5000), SIZE_MAX);
    cr_assert_not(bucket_is_dry(&b));
    cr_assert_eq(bucket_due(&b), UINT64_MAX);
    bucket_take(&b, 1000);
    cr_assert_eq(bucket_room(&b, 5000), SIZE_MAX);
}

Test(bucket, burst_then_rate) {
    begin(10000, 4000);
    cr_assert_eq(bucket_room(&b, 1000), 4000);
    bucket_take(&b, 4000);
    cr_assert_eq(bucket_room(&b, 1000), 0);
    uint64_t due = bucket_due(&b);
    cr_assert(due > 1000 && due <= 1100, "%zu", (size_t)due);
    cr_assert_gt(bucket_room(&b, due), 0);
    cr_assert_eq(bucket_room(&b, 1100), 1000);
    cr_assert_eq(bucket_room(&b, 1u << 30), 4000, "never more than the burst");
}

Test(bucket, a_debt_is_paid) {
    begin(1000, 1000);
    bucket_take(&b, 3000);
    cr_assert_eq(bucket_room(&b, 2999), 0);
    cr_assert_gt(bucket_due(&b), 2999);
    cr_assert_eq(bucket_room(&b, 4000), 1000);
}

/* Asked each millisecond or once, at rates below and above a byte a millisecond. */
Test(bucket, average) {
    static const uint32_t rates[] = {1, 7, 999, 1000, 1001, 123457, 1u << 31};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        begin(rates[i], 0);
        uint64_t passed = 0;
        for (uint64_t now = 1000; now <= 101000; now++) {
            size_t n = bucket_room(&b, now);
            bucket_take(&b, n);
            passed += n;
        }
        uint64_t want = 101ull * rates[i]; /* what it begins with, and 100 seconds */
        cr_assert(passed <= want && passed >= want - want / 50 - 2, "%u: %zu of %zu", rates[i],
                  (size_t)passed, (size_t)want);
    }
}

Test(bucket, what_is_given_back) {
    begin(1000, 1000);
    bucket_take(&b, 1000);
    bucket_give(&b, 600);
    cr_assert_eq(bucket_room(&b, 1000), 600);
    bucket_give(&b, 600);
    cr_assert_eq(bucket_room(&b, 2000), 1000, "never more than the burst");
}
