#include "applets/common/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

struct log_file {
    atomic_uint holds;
    int fd;       /* -1: syslog */
    int priority; /* of syslog */
    atomic_bool busy;
    char *path; /* NULL: syslog */
    mode_t mode;
};

static log_file *new_file(void) {
    log_file *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->fd = -1;
    atomic_init(&f->holds, 1);
    atomic_init(&f->busy, false);
    return f;
}

log_file *log_file_open(const char *path, mode_t mode, const char **why) {
    log_file *f = new_file();
    *why = "out of memory";
    if (f) f->path = log_sink_path(strcmp(path, "-") == 0 ? "/dev/stdout" : path);
    if (f) f->mode = mode;
    if (f && f->path && (f->fd = log_sink_open(f->path, mode, why)) >= 0) return f;
    log_file_drop(f);
    return NULL;
}

log_file *log_file_syslog(int priority) {
    log_file *f = new_file();
    if (f) f->priority = priority;
    return f;
}

bool log_file_reopen(log_file *f, const char **why) {
    if (f->fd < 0) return true;
    int fd = log_sink_open(f->path, f->mode, why);
    if (fd < 0) return false;
    /* In one step: writers have the one or the other. */
    bool done = dup3(fd, f->fd, O_CLOEXEC) >= 0;
    if (!done) *why = strerror(errno);
    close(fd);
    return done;
}

bool log_file_give(const log_file *f, uid_t uid, gid_t gid, const char **why) {
    return f->fd < 0 || log_sink_give(f->fd, f->path, uid, gid, why);
}

log_file *log_file_hold(log_file *f) {
    atomic_fetch_add_explicit(&f->holds, 1, memory_order_relaxed);
    return f;
}

void log_file_drop(log_file *f) {
    if (!f || atomic_fetch_sub_explicit(&f->holds, 1, memory_order_acq_rel) != 1) return;
    if (f->fd >= 0) close(f->fd);
    free(f->path);
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
    if (f->fd < 0)
        write_syslog(f, lines);
    else
        log_sink_write(f->fd, lines);
}

bool log_file_begin(log_file *f) { return !atomic_exchange(&f->busy, true); }

void log_file_end(log_file *f) { atomic_store(&f->busy, false); }
