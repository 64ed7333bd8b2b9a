/* What the process as a whole becomes: its user, its pid file, its limits. Main thread. */
#ifndef H2BOX_APPLETS_PROXY_DAEMON_H
#define H2BOX_APPLETS_PROXY_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

/* Sets how many descriptors it may have: n, or with 0 as many as it may. False with *why. */
bool daemon_descriptors(uint64_t n, const char **why);

/* Writes the process's id and a newline. A file or link of that name is replaced as a whole, so
 * that nobody reads half a number; anything else (/dev/null) is left alone. False with *why. */
bool daemon_write_pid(const char *path, const char **why);

/* Removes it, if it is still ours. */
void daemon_remove_pid(const char *path);

/* Becomes this user, by name or number, with its groups, for good; for all threads. False with
 * *why. */
bool daemon_become(const char *user, const char **why);

#endif
