/* Where bodies go: stdout, and the files of -O. */
#ifndef H2BOX_APPLETS_CLIENT_OUTPUT_H
#define H2BOX_APPLETS_CLIENT_OUTPUT_H

#include "applets/client/client.h"

/* A file being written. */
typedef struct output output;

/* Makes a file under the last name of the path, or index.html. NULL with why: what is there already
 * is kept, and hidden names are not made. */
output *output_open(span target, const char **why);
bool output_put(output *o, span piece);

/* Closes it; what is not whole, or cannot be written, is removed. False when it could not be. */
bool output_close(output *o, bool whole);

/* To stdout; what it refuses is remembered in the run. */
void output_print(client_run *run, span piece);

/* Flushes stdout. False after a message when it has taken not all. */
bool output_end(client_run *run);

#endif
