/* The access log: a line for each request in the combined format, when its stream is over.
 *
 * A file for the whole process. Each worker gathers lines and has a thread of the pool write them,
 * many at once; a loop never waits for the disk. */
#ifndef H2BOX_APPLETS_SERVER_ACCESS_LOG_H
#define H2BOX_APPLETS_SERVER_ACCESS_LOG_H

#include "netio/net.h"

typedef struct access_log access_log;

/* Appends to path; "-" is stdout. NULL with *why. */
access_log *access_log_open(const char *path, const char **why);

/* Opens the path once more, for who has moved the file away. False with *why: the old one goes on.
 * On any thread, also while others write. */
bool access_log_reopen(access_log *a, const char **why);
void access_log_close(access_log *a); /* NULL is nothing */

/* One worker's part of it; NULL: no memory. */
typedef struct access_log_writer access_log_writer;
access_log_writer *access_log_writer_new(loop *l, access_log *a);

/* Writes what is left, at once: when the loop no longer serves. */
void access_log_writer_free(access_log_writer *w);

/* What of a request will stand in its line. NULL: no memory, it will not be logged. */
typedef struct access_log_entry access_log_entry;
access_log_entry *access_log_begin(access_log_writer *w, net_link *k, const http_event *ev);

/* The request is over, answered with `status` (0: not at all) and so many bytes of content. */
void access_log_end(access_log_writer *w, access_log_entry *e, unsigned status, uint64_t bytes);

#endif
