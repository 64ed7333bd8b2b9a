/* A worker's lines for a log: gathered, and written many at once by a thread of the pool, so that a
 * loop never waits for the disk.
 *
 * Bounded by LIMIT_LOG_WAITING: what comes faster than it can be written is counted, and the count
 * stands in the log. Belongs to one loop, and holds its file, which is the process's. */
#ifndef H2BOX_APPLETS_COMMON_LOG_WRITER_H
#define H2BOX_APPLETS_COMMON_LOG_WRITER_H

#include "applets/common/log_file.h"
#include "netio/net.h"

typedef struct log_writer log_writer;
struct text;

/* The line about n that were lost is before, n, after and a newline; both texts are static. NULL:
 * no memory. */
log_writer *log_writer_new(loop *l, log_file *f, const char *before, const char *after);

/* For one that has a successor: nothing is added any more. What is left is written as ever, and
 * then it is freed. Until then it stands in the list, where the loop's end finds it:
 * log_writer_free_all. NULL is nothing. */
void log_writer_retire(log_writer *w, log_writer **retired);

/* Writes what is left, at once: when the loop no longer serves. NULL is nothing. */
void log_writer_free(log_writer *w);
void log_writer_free_all(log_writer **retired);

/* Where to add one whole line, with its newline, before log_writer_end; nothing else may come
 * between them. NULL: too many wait, and this one is counted as lost. */
struct text *log_writer_begin(log_writer *w);
void log_writer_end(log_writer *w);

#endif
