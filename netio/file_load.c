#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/file_impl.h"

static atomic_uint descriptors;

unsigned file_load_descriptors(void) {
    return atomic_load_explicit(&descriptors, memory_order_relaxed);
}

void file_load_free(file *f) {
    if (f->fd >= 0) {
        close(f->fd);
        atomic_fetch_sub_explicit(&descriptors, 1, memory_order_relaxed);
    }
    free(f);
}

static file_identity identity(const struct stat *st) {
    return (file_identity){.device = st->st_dev,
                           .inode = st->st_ino,
                           .size = (uint64_t)st->st_size,
                           .modified = st->st_mtim,
                           .changed = st->st_ctim};
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_version(const file_identity *a, const file_identity *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

bool file_load_unwritten(const file *f) {
    struct stat st;
    if (fstat(f->fd, &st) != 0) return false;
    file_identity is = identity(&st);
    return is.size == f->is.size && same_time(is.modified, f->is.modified);
}

static file_status status_of(int error) {
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EINTR: return FILE_BUSY;
    default: return FILE_MISSING;
    }
}

/* Reads a small file whole. One that shrinks meanwhile is as long as what was there: the next check
 * sees that it changed. */
static bool read_whole(file *f, int fd) {
    uint64_t have = 0;
    while (have < f->is.size) {
        ssize_t n = pread(fd, f->bytes + have, f->is.size - have, (off_t)have);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        if (n == 0) break;
        have += (uint64_t)n;
    }
    f->size = have;
    return true;
}

static uint64_t mix(uint64_t h, uint64_t v) {
    h = (h ^ v) * 0x9e3779b97f4a7c15u; /* 2^64 over the golden ratio */
    return h ^ h >> 32;
}

/* All that tells versions apart goes into it, also the inode and the time of the last change: tools
 * that build the same thing everywhere give all files one time. Of them it shows nothing
 * (CVE-2003-1418: inode numbers in entity tags). */
static uint64_t version_of(const file_identity *is) {
    uint64_t h = mix(is->size, (uint64_t)is->modified.tv_sec);
    h = mix(h, (uint64_t)is->modified.tv_nsec);
    h = mix(h, (uint64_t)is->changed.tv_sec);
    h = mix(h, (uint64_t)is->changed.tv_nsec);
    return mix(mix(h, is->device), is->inode);
}

/* Six bits a letter: every byte of a tag is encoded for every answer. */
static void put_etag(uint8_t out[FILE_ETAG], uint64_t version) {
    static const char letters[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    out[0] = out[FILE_ETAG - 1] = '"';
    for (unsigned i = FILE_ETAG - 2; i > 0; i--, version >>= 6)
        out[i] = (uint8_t)letters[version & 63];
}

static file_status take_version(file_load *load, int fd, const struct stat *st) {
    bool small = st->st_size <= (off_t)LIMIT_CACHE_FILE;
    struct statfs fs;
    file *f = malloc(sizeof *f + (small ? (size_t)st->st_size : 0));
    if (!f) {
        close(fd);
        return FILE_BUSY;
    }
    *f = (file){.refs = 1, .fd = -1, .size = (uint64_t)st->st_size, .is = identity(st)};
    if (small) {
        bool good = read_whole(f, fd);
        close(fd);
        if (!good) {
            free(f);
            return FILE_MISSING;
        }
    } else {
        f->fd = fd;
        f->memory = fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
        atomic_fetch_add_explicit(&descriptors, 1, memory_order_relaxed);
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* doubles the kernel's read-ahead */
    }
    f->version = version_of(&f->is);
    put_etag(f->etag, f->version);
    load->fresh = f;
    return FILE_OK;
}

/* What we have is not outside of the root, and if the path now leads there, it leads to something
 * else. */
static int look(const file_load *load, const file_root *root, struct stat *st) {
    return load->have ? fstatat(root->fd, load->path, st, 0) : file_root_stat(root, load->path, st);
}

void file_load_run(file_load *load, const file_root *root, bool only_check) {
    struct stat st;
    load->same = load->changed = false;
    load->fresh = NULL;
    /* Looked at before it is opened: opening a device can have effects, however soon it is closed.
     */
    if (look(load, root, &st) != 0) {
        load->status = status_of(errno);
        return;
    }
    if (!S_ISREG(st.st_mode) && load->have && root->confined) {
        load->have = false;
        if (file_root_stat(root, load->path, &st) != 0) {
            load->status = status_of(errno);
            return;
        }
    }
    if (!S_ISREG(st.st_mode)) {
        load->status = S_ISDIR(st.st_mode) ? FILE_DIRECTORY : FILE_MISSING;
        return;
    }
    file_identity is = identity(&st);
    if (load->have && same_version(&is, &load->old)) {
        load->same = true;
        load->status = FILE_OK;
        return;
    }
    if (only_check) {
        load->changed = true;
        return;
    }
    /* It may have become something else since; O_NONBLOCK keeps a FIFO from blocking, O_NOCTTY a
     * terminal from adopting us. */
    int fd = file_root_open(root, load->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        load->status = status_of(errno);
    } else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        load->status = FILE_MISSING;
    } else {
        load->status = take_version(load, fd, &st);
    }
}
