/* A descriptor that lines of a log go to: a file, a pipe, a terminal.
 *
 * Neither opening one nor writing to it waits for whoever should read it and does not. It owns
 * nothing: descriptors are the caller's. */
#ifndef H2BOX_APPLETS_COMMON_LOG_SINK_H
#define H2BOX_APPLETS_COMMON_LOG_SINK_H

#include <sys/types.h>

#include "core/bytes.h"

/* The whole path, to be opened again when the process has left this directory. The caller frees
 * it; NULL: no memory. */
char *log_sink_path(const char *path);

#define LOG_SINK_OPEN   0644 /* anybody may read it */
#define LOG_SINK_SECRET 0600

/* A descriptor that appends to the file, which is made with this mode if need be; a FIFO that
 * nobody reads is refused. "/dev/stdout" and "/dev/stderr" are those of the process, of whatever
 * kind. -1 with *why. */
int log_sink_open(const char *path, mode_t mode, const char **why);

/* Makes the file that was opened as `path` the property of a user, so that this one can open it
 * again. Only a regular file that nothing but this name leads to: whoever may write to its folder
 * could have put a link there to a file that is not to be theirs (CVE-2016-1247). What is no file,
 * or was opened by others, stays as it is. False with *why. */
bool log_sink_give(int fd, const char *path, uid_t uid, gid_t gid, const char **why);

/* Writes whole lines. Waits for the disk; for a reader of a pipe that has stopped, no longer than
 * two seconds. False: what is left of them is lost. */
bool log_sink_write(int fd, span lines);

#endif
