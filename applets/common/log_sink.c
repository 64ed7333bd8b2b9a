#include "applets/common/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Pieces that fit a pipe which is ready (PIPE_BUF), and no longer wait. */
#define PIPE_PIECE   4096u
#define PIPE_WAIT_MS 2000

char *log_sink_path(const char *path) {
    char *here = *path == '/' ? NULL : getcwd(NULL, 0);
    size_t n = strlen(path) + (here ? strlen(here) : 0) + 2;
    char *whole = malloc(n);
    if (whole) snprintf(whole, n, "%s%s%s", here ? here : "", here ? "/" : "", path);
    free(here);
    return whole;
}

/* Opening "/dev/stderr" fails where a socket stands behind it, as under systemd. */
static int standard(const char *path) {
    if (strcmp(path, "/dev/stdout") == 0) return STDOUT_FILENO;
    return strcmp(path, "/dev/stderr") == 0 ? STDERR_FILENO : -1;
}

static const char *why_not(const char *path, int error) {
    struct stat st;
    if (error == ENXIO && stat(path, &st) == 0 && S_ISFIFO(st.st_mode))
        return "nobody reads this FIFO";
    return strerror(error);
}

int log_sink_open(const char *path, mode_t mode, const char **why) {
    int from = standard(path);
    int fd =
        from >= 0
            ? fcntl(from, F_DUPFD_CLOEXEC, 0)
            : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode);
    if (fd < 0) {
        *why = why_not(path, errno);
        return -1;
    }
    /* Only the opening must not wait: whoever else writes there knows of no EAGAIN. */
    if (from < 0) fcntl(fd, F_SETFL, O_APPEND);
    return fd;
}

bool log_sink_give(int fd, const char *path, uid_t uid, gid_t gid, const char **why) {
    struct stat named, open;
    if (standard(path) >= 0) return true;
    if (lstat(path, &named) == 0 && fstat(fd, &open) == 0) {
        if (!S_ISREG(open.st_mode)) return true;
        if (open.st_uid == uid && open.st_gid == gid) return true;
        bool alone = named.st_dev == open.st_dev && named.st_ino == open.st_ino;
        if (!alone || named.st_nlink != 1 || open.st_nlink != 1) {
            *why = "a link leads there";
            return false;
        }
        if (fchown(fd, uid, gid) == 0) return true;
    }
    *why = strerror(errno);
    return false;
}

bool log_sink_write(int fd, span lines) {
    struct stat st;
    bool patient = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    while (lines.n) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        if (!patient && poll(&ready, 1, PIPE_WAIT_MS) == 0) return false;
        size_t piece = patient || lines.n < PIPE_PIECE ? lines.n : PIPE_PIECE;
        ssize_t n = write(fd, lines.p, piece);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false; /* the disk is full, or the reader gone */
        lines = span_skip(lines, (size_t)n);
    }
    return true;
}
