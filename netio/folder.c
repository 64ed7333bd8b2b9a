#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/file_impl.h"

struct folder {
    file_root root; /* a descriptor of its own */
    char path[];    /* relative to root */
};

folder *folder_open(file_cache *c, span path) {
    while (path.n && *path.p == '/') path = span_skip(path, 1);
    folder *d = malloc(sizeof *d + path.n + 2);
    if (!d) return NULL;
    d->root = *file_cache_root(c);
    d->root.fd = fcntl(d->root.fd, F_DUPFD_CLOEXEC, 0);
    if (d->root.fd < 0) {
        free(d);
        return NULL;
    }
    if (!path.n) path = SPAN(".");
    memcpy(d->path, path.p, path.n);
    d->path[path.n] = 0;
    return d;
}

void folder_close(folder *d) {
    if (!d) return;
    close(d->root.fd);
    free(d);
}

/* What a name in the folder is; false: nothing to be served. Only what may be a link is looked up
 * from the root again. */
static bool look(const folder *d, int fd, const struct dirent *name, struct stat *st) {
    char path[LIMIT_PATH + LIMIT_NAME + 2];
    if (!d->root.confined || name->d_type == DT_REG || name->d_type == DT_DIR)
        return fstatat(fd, name->d_name, st, 0) == 0;
    int n = snprintf(path, sizeof path, "%s/%s", d->path, name->d_name);
    return n > 0 && (size_t)n < sizeof path && file_root_stat(&d->root, path, st) == 0;
}

file_status folder_read(const folder *d, bool (*entry)(void *user, const folder_entry *e),
                        void *user) {
    struct stat st;
    const struct dirent *name;
    int fd = file_root_open(&d->root, d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        if (fd >= 0) close(fd);
        return FILE_MISSING;
    }
    while ((name = readdir(stream))) {
        if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0) continue;
        if (!look(d, fd, name, &st) || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) continue;
        folder_entry e = {.name = name->d_name,
                          .size = (uint64_t)st.st_size,
                          .modified = st.st_mtim.tv_sec,
                          .is_folder = S_ISDIR(st.st_mode)};
        if (!entry(user, &e)) break;
    }
    closedir(stream);
    return FILE_OK;
}
