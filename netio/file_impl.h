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
    dev_t device;
    ino_t inode;
    uint64_t size;
    struct timespec modified, changed;
} file_identity;

struct file {
    uint32_t refs;
    int fd;        /* -1: the bytes are here */
    bool memory;   /* on a file system that never waits for a device: plain reads do not block */
    bool waits;    /* on a file system that does not know RWF_NOWAIT: only a thread may read */
    uint64_t size; /* of the body: what was read, when the bytes are here */
    file_identity is;
    uint8_t bytes[];
};

typedef struct file_load {
    uv_work_t work;
    int root;
    const char *path; /* relative to root */
    void *owner;
    bool have; /* there is a version: only look whether it still is the one */
    file_identity old;
    uint64_t begun_ms;
    /* The answer: */
    file_status status;
    bool same;   /* the old version is still good */
    file *fresh; /* a new one, with one reference */
} file_load;

/* Opens, checks and (if small) reads; on any thread. */
void file_load_run(file_load *job);

/* Forgets a version that nobody has any more; on any thread. */
void file_load_free(file *f);

/* Descriptors open for bigger files, of all caches together. */
unsigned file_load_descriptors(void);

#endif
