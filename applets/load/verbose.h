/* What -v prints of each answer, as h2load does: the fields over HTTP/2, all bytes over HTTP/1.1.
 */
#ifndef H2BOX_APPLETS_LOAD_VERBOSE_H
#define H2BOX_APPLETS_LOAD_VERBOSE_H

#include "core/http.h"

/* The fields of an event, a line for each. Threads do not mix their lines. */
void verbose_fields(const http_event *ev);

void verbose_bytes(span received);

#endif
