/* Two results beside each other: what changed, and whether that is more than chance. */
#ifndef H2BOX_APPLETS_LOAD_COMPARE_H
#define H2BOX_APPLETS_LOAD_COMPARE_H

#include "applets/load/result.h"

#include <stdio.h>

/* A table of throughput and percentiles of b against a, with 95 % confidence intervals of the
 * difference by a bootstrap, then a sentence. Throughput is drawn from the slices over time, times
 * from their histograms, as if requests were independent. */
void compare_print(FILE *out, const result *a, const result *b);

#endif
