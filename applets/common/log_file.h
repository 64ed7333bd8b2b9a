/* Where lines of a log go: a file, standard output, or the system's log.
 *
 * One for the process, written to from any thread, and counted: who still has lines for it holds
 * it. It knows nothing of loops: whoever must not wait writes through a log_writer. */
#ifndef H2BOX_APPLETS_COMMON_LOG_FILE_H
#define H2BOX_APPLETS_COMMON_LOG_FILE_H

#include "applets/common/log_sink.h"

typedef struct log_file log_file;

/* Appends to path, as log_sink_open has it; "-" is standard output. The caller has a hold. NULL
 * with *why. */
log_file *log_file_open(const char *path, mode_t mode, const char **why);

/* Lines go to syslog(3) with this priority (LOG_INFO | LOG_DAEMON ...), each as a message; openlog
 * is the program's business. NULL: no memory. */
log_file *log_file_syslog(int priority);

/* Opens the path once more, for who has moved the file away. False with *why: the old one goes on.
 * On any thread, also while others write. */
bool log_file_reopen(log_file *f, const char **why);

/* Makes it a user's, as log_sink_give has it. */
bool log_file_give(const log_file *f, uid_t uid, gid_t gid, const char **why);

/* On any thread. The last drop closes it. */
log_file *log_file_hold(log_file *f);
void log_file_drop(log_file *f); /* NULL is nothing */

/* Writes whole lines, and waits as log_sink_write does: what is not written then is lost, as on a
 * disk that is full. */
void log_file_write(const log_file *f, span lines);

/* One writer at a time, for threads of a pool of which never two should wait for the same file:
 * false when another one has it. */
bool log_file_begin(log_file *f);
void log_file_end(log_file *f);

#endif
