#include "applets/proxy/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

bool daemon_descriptors(uint64_t n, const char **why) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        if (n > limit.rlim_max) limit.rlim_max = n; /* needs a privilege */
        limit.rlim_cur = n ? n : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0 || !n) return true;
    }
    *why = strerror(errno);
    return false;
}

/* ---- the pid file ---- */

bool daemon_write_pid(const char *path, const daemon_user *owner, const char **why) {
    char name[4096], text[32];
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
        *why = "what is there is no file";
        return false;
    }
    int size = snprintf(name, sizeof name, "%s.%ld", path, (long)getpid());
    if (size < 0 || (size_t)size >= sizeof name) {
        *why = "its name is too long";
        return false;
    }
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool written = fd >= 0 && write(fd, text, (size_t)n) == n;
    if (owner && written) written = fchown(fd, owner->uid, owner->gid) == 0;
    if (fd >= 0) written &= close(fd) == 0;
    if (written && rename(name, path) == 0) return true;
    *why = strerror(errno);
    if (fd >= 0) unlink(name);
    return false;
}

void daemon_remove_pid(const char *path) {
    char text[32] = "";
    int fd =
        open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* of whatever kind it is now */
    if (fd < 0) return;
    bool ours = read(fd, text, sizeof text - 1) > 0 && strtol(text, NULL, 10) == (long)getpid();
    close(fd);
    if (ours) unlink(path);
}

/* ---- the user ---- */

/* A static program has no plug-ins of the C library, so the files themselves are read: users of a
 * network directory are named by their number. */
static bool find(const char *user, struct passwd *found) {
    FILE *f = fopen("/etc/passwd", "re");
    if (!f) return false;
    struct passwd *p;
    while ((p = fgetpwent(f)) && strcmp(p->pw_name, user) != 0) {
    }
    if (p) *found = *p;
    fclose(f);
    return p != NULL;
}

#define GROUPS 256

/* initgroups(3) would load plug-ins, too. */
static bool take_groups(const char *user, gid_t own) {
    gid_t all[GROUPS] = {own};
    size_t n = 1;
    struct group *g;
    FILE *f = user ? fopen("/etc/group", "re") : NULL;
    while (f && n < GROUPS && (g = fgetgrent(f)))
        for (char **m = g->gr_mem; *m && n < GROUPS; m++)
            if (strcmp(*m, user) == 0 && g->gr_gid != own) all[n++] = g->gr_gid;
    if (f) fclose(f);
    return setgroups(n, all) == 0;
}

bool daemon_find(const char *user, daemon_user *found, const char **why) {
    struct passwd p = {0};
    char *end;
    unsigned long number = strtoul(user, &end, 10);
    bool named = find(user, &p);
    if (!named && (*end || end == user)) {
        *why = "no such user";
        return false;
    }
    if (named)
        *found = (daemon_user){user, p.pw_uid, p.pw_gid};
    else
        *found = (daemon_user){NULL, (uid_t)number, (gid_t)number};
    return true;
}

bool daemon_changes(const daemon_user *u) { return geteuid() != u->uid || getuid() != u->uid; }

bool daemon_become(const daemon_user *u, const char **why) {
    if (!daemon_changes(u)) return true;
    if (take_groups(u->name, u->gid) && setgid(u->gid) == 0 && setuid(u->uid) == 0 &&
        (u->uid == 0 || setuid(0) != 0))
        return true;
    *why = strerror(errno);
    return false;
}
