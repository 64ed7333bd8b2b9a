/* What the process as a whole becomes: its user, its pid file, its limits. Main thread. */
#ifndef H2BOX_APPLETS_PROXY_DAEMON_H
#define H2BOX_APPLETS_PROXY_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Sets how many descriptors it may have: n, or with 0 as many as it may. False with *why. */
bool daemon_descriptors(uint64_t n, const char **why);

/* Whom the process is to become. */
typedef struct daemon_user {
    const char *name; /* as it was given; NULL: by number, and with no groups but its own */
    uid_t uid;
    gid_t gid;
} daemon_user;

/* By name or number. `user` lives as long as what is found. False with *why. */
bool daemon_find(const char *user, daemon_user *found, const char **why);

/* Whether it is another user than the process is now, who then needs files that are opened before.
 */
bool daemon_changes(const daemon_user *u);

/* Writes the process's id and a newline. A file or link of that name is replaced as a whole, so
 * that nobody reads half a number; anything else (/dev/null) is left alone. `owner` (NULL: who
 * writes it) gets it. False with *why. */
bool daemon_write_pid(const char *path, const daemon_user *owner, const char **why);

/* Removes it, if it is still ours. */
void daemon_remove_pid(const char *path);

/* Becomes this user, with its groups, for good; for all threads. False with *why. */
bool daemon_become(const daemon_user *u, const char **why);

#endif
