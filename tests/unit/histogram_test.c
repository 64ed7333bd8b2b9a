/* applets/load/histogram.c: no time is lost, and none is off by more than a thousandth. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "applets/load/histogram.h"
#include "applets/load/template.h"

static histogram whole, part[3];

Test(histogram, buckets_join_without_a_gap) {
    uint64_t next = 0;
    for (uint32_t i = 0; i <= histogram_bucket(HISTOGRAM_MOST_US); i++) {
        cr_assert_eq(histogram_lowest(i), next);
        cr_assert_eq(histogram_bucket(next), i);
        cr_assert_eq(histogram_bucket(histogram_highest(i)), i);
        uint64_t width = histogram_highest(i) - next;
        cr_assert(width == 0 || width * 1000 <= next, "bucket %u is %lu wide", i,
                  (unsigned long)width);
        next = histogram_highest(i) + 1;
    }
    cr_assert_geq(next, HISTOGRAM_MOST_US);
    cr_assert_lt(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS);
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum { SAMPLES = 200000 };
static uint64_t samples[SAMPLES];

Test(histogram, quantiles_are_those_of_the_sorted_samples) {
    template_dice dice = {9113};
    double sum = 0, squares = 0;
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t us = template_roll_below(&dice, UINT64_C(1) << template_roll_below(&dice, 26));
        samples[i] = us;
        histogram_add(&whole, us);
        histogram_add(&part[i % 3], us);
        sum += (double)us;
    }
    for (unsigned i = 0; i < SAMPLES; i++)
        squares += ((double)samples[i] - sum / SAMPLES) * ((double)samples[i] - sum / SAMPLES);
    qsort(samples, SAMPLES, sizeof *samples, by_size);
    const double parts[] = {0, 0.001, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t rank = (size_t)ceil(parts[i] * SAMPLES);
        uint64_t exact = samples[rank ? rank - 1 : 0], told = histogram_quantile(&whole, parts[i]);
        cr_assert(told >= exact && told - exact <= exact / 1000, "%g: %lu, not %lu", parts[i],
                  (unsigned long)told, (unsigned long)exact);
    }
    cr_assert_eq(whole.min, samples[0]);
    cr_assert_eq(whole.max, samples[SAMPLES - 1]);
    cr_assert_float_eq(histogram_mean(&whole), sum / SAMPLES, 1e-6);
    cr_assert_float_eq(histogram_deviation(&whole), sqrt(squares / (SAMPLES - 1)), 1e-3);
    for (unsigned i = 1; i < 3; i++) histogram_merge(&part[0], &part[i]);
    cr_assert_eq(part[0].count, whole.count);
    cr_assert_eq(memcmp(part[0].at, whole.at, sizeof whole.at), 0);
    cr_assert_eq(part[0].max, whole.max);
}

Test(histogram, what_is_beyond_stays_the_maximum) {
    histogram_add(&whole, 5);
    histogram_add(&whole, HISTOGRAM_MOST_US * 3);
    cr_assert_eq(histogram_quantile(&whole, 0.5), 5);
    cr_assert_eq(histogram_quantile(&whole, 1), HISTOGRAM_MOST_US * 3);
}

Test(histogram,
     two_times_as_h2load_shows_them) { /* of its output: 367us 949us, mean 658us, sd 411us, 100% */
    histogram_add(&whole, 367);
    histogram_add(&whole, 949);
    cr_assert_float_eq(histogram_mean(&whole), 658, 1e-9);
    cr_assert_float_eq(histogram_deviation(&whole), 411.5, 0.1);
    cr_assert_float_eq(histogram_within(&whole), 1, 1e-9);
}
