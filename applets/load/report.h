/* A result as one HTML page that needs nothing else: no network, no script; light and dark, and
 * readable on a phone. The charts are SVG. */
#ifndef H2BOX_APPLETS_LOAD_REPORT_H
#define H2BOX_APPLETS_LOAD_REPORT_H

#include "applets/load/result.h"

#include <stdio.h>

/* False when the stream refuses. */
bool report_write(FILE *out, const result *r);

#endif
