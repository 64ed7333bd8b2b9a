#include "applets/common/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

/* Who reads standard output may have stopped: pieces that fit a pipe which is ready, and no longer
 * wait. */
#define PIPE_PIECE   4096u
#define PIPE_WAIT_MS 2000

struct log_file {
    int fd;       /* -1: syslog */
    int priority; /* of syslog */
    bool is_stdout;
    bool patient; /* a regular file: writes end */
    atomic_bool busy;
    char path[];
};

static int open_path(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

log_file *log_file_open(const char *path, const char **why) {
    bool is_stdout = strcmp(path, "-") == 0;
    /* The whole path: a daemon leaves the directory it was started in. */
    char *here = *path == '/' || is_stdout ? NULL : getcwd(NULL, 0);
    size_t n = strlen(path) + (here ? strlen(here) : 0) + 2;
    log_file *f = calloc(1, sizeof *f + n);
    *why = "out of memory";
    if (f) {
        snprintf(f->path, n, "%s%s%s", here ? here : "", here ? "/" : "", path);
        f->is_stdout = is_stdout;
        f->fd = is_stdout ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0) : open_path(f->path);
        struct stat st;
        atomic_init(&f->busy, false);
        f->patient = f->fd >= 0 && fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode);
        if (f->fd < 0) {
            *why = strerror(errno);
            free(f);
            f = NULL;
        }
    }
    free(here);
    return f;
}

log_file *log_file_syslog(int priority) {
    log_file *f = calloc(1, sizeof *f + 1);
    if (!f) return NULL;
    f->fd = -1;
    f->priority = priority;
    atomic_init(&f->busy, false);
    return f;
}

bool log_file_reopen(log_file *f, const char **why) {
    if (f->is_stdout || f->fd < 0) return true;
    int fd = open_path(f->path);
    /* In one step: writers have the one or the other. */
    if (fd >= 0 && dup3(fd, f->fd, O_CLOEXEC) >= 0) {
        close(fd);
        return true;
    }
    *why = strerror(errno);
    if (fd >= 0) close(fd);
    return false;
}

void log_file_close(log_file *f) {
    if (!f) return;
    if (f->fd >= 0) close(f->fd);
    free(f);
}

static void write_syslog(const log_file *f, span lines) {
    while (lines.n) {
        const uint8_t *end = memchr(lines.p, '\n', lines.n);
        span line = span_take(&lines, end ? (size_t)(end - lines.p) : lines.n);
        if (end) lines = span_skip(lines, 1);
        syslog(f->priority, "%.*s", (int)line.n, (const char *)line.p);
    }
}

void log_file_write(const log_file *f, span lines) {
    if (f->fd < 0) write_syslog(f, lines);
    while (f->fd >= 0 && lines.n) {
        struct pollfd ready = {.fd = f->fd, .events = POLLOUT};
        if (!f->patient && poll(&ready, 1, PIPE_WAIT_MS) == 0) return;
        size_t piece = f->patient || lines.n < PIPE_PIECE ? lines.n : PIPE_PIECE;
        ssize_t n = write(f->fd, lines.p, piece);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return; /* nobody can be told: the disk is full, or the reader gone */
        lines = span_skip(lines, (size_t)n);
    }
}

bool log_file_begin(log_file *f) { return !atomic_exchange(&f->busy, true); }

void log_file_end(log_file *f) { atomic_store(&f->busy, false); }
