/* A result as CSV (RFC 4180): a line of names and a line of figures; times in microseconds. */
#ifndef H2BOX_APPLETS_LOAD_CSV_H
#define H2BOX_APPLETS_LOAD_CSV_H

#include "applets/load/result.h"

#include <stdio.h>

void csv_print(FILE *out, const result *r);

#endif
