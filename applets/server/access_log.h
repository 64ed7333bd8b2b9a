/* The access log: a line for each request in the combined format, when its stream is over. */
#ifndef H2BOX_APPLETS_SERVER_ACCESS_LOG_H
#define H2BOX_APPLETS_SERVER_ACCESS_LOG_H

#include "applets/common/log_writer.h"

/* One worker's part of it; NULL: no memory. */
log_writer *access_log_writer(loop *l, log_file *f);

/* What of a request will stand in its line. NULL: no memory, it will not be logged. */
typedef struct access_log_entry access_log_entry;
access_log_entry *access_log_begin(net_link *k, const http_event *ev);

/* The request is over, answered with `status` (0: not at all) and so many bytes of content. l is
 * the loop of its link. */
void access_log_end(log_writer *w, loop *l, access_log_entry *e, unsigned status, uint64_t bytes);

#endif
