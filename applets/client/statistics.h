/* -s: the table of what was fetched and how long it took. */
#ifndef H2BOX_APPLETS_CLIENT_STATISTICS_H
#define H2BOX_APPLETS_CLIENT_STATISTICS_H

#include "applets/client/client.h"

/* Prints the done requests of one connection, which was made at connected_us, in the order they
 * completed. */
void statistics_print(FILE *out, const request *requests, uint64_t connected_us);

#endif
