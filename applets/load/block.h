/* The result as people read it: the block that h2load prints, and what it does not tell. */
#ifndef H2BOX_APPLETS_LOAD_BLOCK_H
#define H2BOX_APPLETS_LOAD_BLOCK_H

#include "applets/load/result.h"

#include <stdio.h>

/* The parts of a latency table, in per cent: the last one stands for the maximum. */
#define BLOCK_PARTS 8u
extern const double block_parts[BLOCK_PARTS];
extern const char *const block_part_names[BLOCK_PARTS];

/* Four lines and the time table, laid out as by h2load 1.52, then percentiles and, where there is
 * anything to say, reconnects, reasons of failures and the rate that was held. */
void block_print(FILE *out, const result *r);

/* --histogram: the times as bars. */
void block_draw(FILE *out, const result *r);

#endif
