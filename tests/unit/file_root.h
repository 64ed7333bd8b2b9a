/* A folder of files for a test, with a loop and a cache over it. */
#ifndef H2BOX_TESTS_UNIT_FILE_ROOT_H
#define H2BOX_TESTS_UNIT_FILE_ROOT_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/net.h"

static loop *l;
static file_cache *cache;
static char root[64];

static inline const char *at(const char *name) {
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static inline uint8_t byte_at(size_t i) { return (uint8_t)(i * 31 + (i >> 9) + (i >> 17)); }

static inline void write_file(const char *name, size_t n) {
    uint8_t piece[4096];
    int fd = open(at(name), O_CREAT | O_TRUNC | O_WRONLY, 0644);
    cr_assert_geq(fd, 0);
    for (size_t i = 0; i < n;) {
        size_t part = n - i < sizeof piece ? n - i : sizeof piece;
        for (size_t j = 0; j < part; j++) piece[j] = byte_at(i + j);
        cr_assert_eq(write(fd, piece, part), (ssize_t)part);
        i += part;
    }
    close(fd);
}

static const char *where = P_tmpdir;

static inline void begin(void) {
    const char *why;
    snprintf(root, sizeof root, "%s/h2box-file-test-XXXXXX", where);
    cr_assert_not_null(mkdtemp(root));
    chmod(root, 0755);
    l = loop_new();
    cache = file_cache_new(l, root, &why);
    cr_assert_not_null(cache, "%s", why);
}

static inline void end(void) {
    char command[100];
    file_cache_free(cache);
    loop_free(l);
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
}

typedef struct opened {
    unsigned calls;
    file_status status;
    file *f;
} opened;

static inline void on_open(void *user, file_status status, file *f) {
    opened *o = user;
    o->calls++;
    o->status = status;
    o->f = f;
    cr_assert_eq(status == FILE_OK, f != NULL);
}

/* Opens and waits; *cached tells whether the answer came at once. */
static inline opened open_now(const char *path, bool *cached) {
    opened o = {0};
    file_open(cache, span_str(path), on_open, &o);
    if (cached) *cached = o.calls;
    loop_run(l);
    cr_assert_eq(o.calls, 1);
    return o;
}

static inline void pause_ms(uint64_t ms) {
    timer t = {.fire = timer_cancel};
    timer_arm(l, &t, ms);
    loop_run(l);
}

#endif
