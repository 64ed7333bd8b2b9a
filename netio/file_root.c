#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netio/file_impl.h"

/* Where an open descriptor leads, by the kernel's own word. False without /proc. */
static bool name_of(int fd, char name[PATH_MAX], size_t *n) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t got = readlink(link, name, PATH_MAX);
    if (got <= 0 || got == PATH_MAX) return false;
    *n = (size_t)got;
    return true;
}

static bool is_below(int root, int fd) {
    char above[PATH_MAX], below[PATH_MAX];
    size_t n, m;
    if (!name_of(root, above, &n) || !name_of(fd, below, &m)) return false;
    if (n == 1) return true; /* "/" */
    return m >= n && memcmp(above, below, n) == 0 && (m == n || below[n] == '/');
}

/* For kernels without openat2, sandboxes that forbid it, and absolute links, which it never follows
 * although they may lead to inside: it is opened for its path alone, and then asked where it is. */
static int open_and_ask(const file_root *r, const char *path, int flags) {
    char link[40];
    int fd = openat(r->fd, path, O_PATH | O_CLOEXEC);
    if (fd < 0) return -1;
    if (!is_below(r->fd, fd)) {
        close(fd);
        errno = ENOENT;
        return -1;
    }
    if (flags & O_PATH) return fd;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int again = open(link, flags), error = errno;
    close(fd);
    errno = error;
    return again;
}

int file_root_open(const file_root *r, const char *path, int flags) {
    if (!r->confined) return openat(r->fd, path, flags);
    struct open_how how = {.flags = (unsigned)flags,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, r->fd, path, &how, sizeof how);
    /* EAGAIN: something was renamed on the way, and the kernel would not say where ".." leads. */
    if (fd >= 0 || (errno != EXDEV && errno != ENOSYS && errno != EPERM && errno != EAGAIN))
        return fd;
    return open_and_ask(r, path, flags);
}

int file_root_stat(const file_root *r, const char *path, struct stat *st) {
    if (!r->confined) return fstatat(r->fd, path, st, 0);
    int fd = file_root_open(r, path, O_PATH | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = fstat(fd, st);
    close(fd);
    return result;
}
