/* A descriptor that lines of a log go to: a file, a pipe, a terminal.
 *
 * Neither opening one nor writing to it waits for whoever should read it and does not. It owns
 * nothing: descriptors are the caller's. */
#ifndef H2BOX_APPLETS_COMMON_LOG_SINK_H
#define H2BOX_APPLETS_COMMON_LOG_SINK_H

#include "core/bytes.h"

/* The whole path, to be opened again when the process has left this directory. The caller frees
 * it; NULL: no memory. */
char *log_sink_path(const char *path);

/* A descriptor that appends to the file, which is made if need be; a FIFO that nobody reads is
 * refused. "/dev/stdout" and "/dev/stderr" are those of the process, of whatever kind. -1 with
 * *why. */
int log_sink_open(const char *path, const char **why);

/* Writes whole lines. Waits for the disk; for a reader of a pipe that has stopped, no longer than
 * two seconds. False: what is left of them is lost. */
bool log_sink_write(int fd, span lines);

#endif
