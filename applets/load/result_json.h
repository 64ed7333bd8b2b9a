/* A result as JSON, and back: nothing that counts is lost on the way.
 *
 * The members that h2load 1.69 writes with --output-file, in its names and units (seconds), and
 * beside them `h2box`: every histogram bucket, the series over time, reconnects, reasons. samples[]
 * of the first are a thousand even quantiles of the histogram, since no single times are kept. */
#ifndef H2BOX_APPLETS_LOAD_RESULT_JSON_H
#define H2BOX_APPLETS_LOAD_RESULT_JSON_H

#include "applets/load/result.h"

#include <stdio.h>

/* False when memory or the stream refuses. */
bool result_json_write(FILE *out, const result *r);

/* Reads what was written into r, which result_begin has made. NULL, or what is wrong. */
const char *result_json_read(const char *path, result *r);

#endif
