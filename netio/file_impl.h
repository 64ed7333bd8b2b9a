/* The inside of files: a version of one, the cache's entry for a path, and the job that loads it on
 * a thread.
 *
 * A version never changes, so bodies keep sending the one they began with while the cache already
 * holds the next. It is counted on its loop's thread only. */
#ifndef H2BOX_NETIO_FILE_IMPL_H
#define H2BOX_NETIO_FILE_IMPL_H

#include <sys/stat.h>

#include "netio/loop_impl.h"

/* What tells one version from another. */
typedef struct file_identity {
    struct timespec modified, changed;
    uint64_t size;
    dev_t device;
    ino_t inode;
} file_identity;

/* The document root: a descriptor for the path alone. */
typedef struct file_root {
    int fd;
    bool confined; /* symbolic links lead nowhere outside of it */
} file_root;

struct file {
    uint32_t refs;
    int fd;           /* -1: the bytes are here */
    bool memory;      /* on a file system that never waits for a device: plain reads do not block */
    bool waits;       /* on a file system that does not know RWF_NOWAIT: only a thread may read */
    bool map_refused; /* it cannot be mapped: do not try again */
    bool map_cut;     /* zeros have taken the place of its pages */
    uint64_t size;    /* of the body: what was read, when the bytes are here */
    file_identity is;
    uint64_t version;           /* told from all others of its name by this */
    uint8_t *map;               /* of the whole of a bigger file, or NULL */
    file *map_next, **map_prev; /* in loop.mapped */
    uint8_t etag[FILE_ETAG];
    uint8_t bytes[];
};

/* One file to be opened, or only to be looked at. */
typedef struct file_load {
    const char *path; /* relative to root */
    void *owner;
    bool have; /* there is a version: see whether it still is the one */
    file_identity old;
    /* The answer: */
    file_status status;
    bool same;    /* the old version is still good */
    bool changed; /* it is not, and a new one was not asked for */
    file *fresh;  /* a new one, with one reference */
} file_load;

/* Opens, checks and (if small) reads, but `only_check` does no more than a stat; on any thread. */
void file_load_run(file_load *load, const file_root *root, bool only_check);

/* Forgets a version that nobody has any more; on any thread. */
void file_load_free(file *f);

/* Whether the file's bytes are still what they were when it was opened. That it has lost its name
 * to another one does not count. */
bool file_load_unwritten(const file *f);

/* Descriptors open for bigger files, of all caches together. */
unsigned file_load_descriptors(void);

/* ---- the root (file_root.c); on any thread ---- */

/* As openat and fstatat, on a path relative to the root; where it is confined, what leads outside
 * is not there (ENOENT). */
int file_root_open(const file_root *r, const char *path, int flags);
int file_root_stat(const file_root *r, const char *path, struct stat *st);

/* What file_cache_new was given, for others that read below it. */
const file_root *file_cache_root(const file_cache *c);

/* ---- maps (file_map.c) ---- */

/* A bigger file is mapped once for all its bodies on cleartext links, and its pages are lent, so
 * that writev copies from the page cache. Only the kernel may ever touch them: where a file was cut
 * off meanwhile a system call says EFAULT, but a load of ours would end the process. */

/* Maps f, if it is not yet; false: it is to be read. */
bool file_map_open(file *f, loop *l);
void file_map_close(file *f);

/* How many of the n <= LIMIT_MAP_PROBE bytes at offset (n > 0) are in memory, as far as anybody can
 * tell, so that a write of them does not wait for a device. */
size_t file_map_here(file *f, uint64_t offset, size_t n);

/* A writev has said EFAULT. The maps of files that have changed become zeros, so that frames once
 * begun can be finished; their bodies will fail. False when there is nothing to mend. */
bool file_map_mend(loop *l);

#endif
