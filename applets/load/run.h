/* A run: workers that make the requests, a live line meanwhile, and the result. */
#ifndef H2BOX_APPLETS_LOAD_RUN_H
#define H2BOX_APPLETS_LOAD_RUN_H

#include "applets/load/result.h"

/* Runs to the end, or until the first SIGINT or SIGTERM, and fills *out, which result_begin has
 * made. False after a message when it could not begin. */
bool load_run_all(load_run *run, result *out);

#endif
