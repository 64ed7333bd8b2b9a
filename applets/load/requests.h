/* A file of requests, one JSON object to a line, into a plan. */
#ifndef H2BOX_APPLETS_LOAD_REQUESTS_H
#define H2BOX_APPLETS_LOAD_REQUESTS_H

#include "applets/load/workload.h"

/* Members: method, path or url, headers (an object of strings), body or body_file, weight. False
 * after a message that names the line. */
bool requests_read(workload *p, const workload_source *from);

#endif
