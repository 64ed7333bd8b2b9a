/* -s: the table of what was fetched and how long it took. */
#ifndef H2BOX_APPLETS_CLIENT_STATISTICS_H
#define H2BOX_APPLETS_CLIENT_STATISTICS_H

#include "applets/client/client.h"

/* Prints the done requests to one server, if there are any, in the order they completed; times
 * count from when the connection of each was made. */
void statistics_print(FILE *out, const request *requests);

#endif
