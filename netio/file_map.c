#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/file_impl.h"

static atomic_uint_fast64_t mapped; /* bytes, of all loops */

/* ---- maps ---- */

static bool count_in(uint64_t n) {
    uint64_t before = atomic_fetch_add_explicit(&mapped, n, memory_order_relaxed);
    if (before + n <= LIMIT_MAP_BYTES) return true;
    atomic_fetch_sub_explicit(&mapped, n, memory_order_relaxed);
    return false;
}

static void count_out(uint64_t n) { atomic_fetch_sub_explicit(&mapped, n, memory_order_relaxed); }

static bool map_whole(file *f, loop *l) {
    if (f->size > SIZE_MAX || !count_in(f->size)) return false;
    void *at = mmap(NULL, (size_t)f->size, PROT_READ, MAP_SHARED, f->fd, 0);
    if (at == MAP_FAILED) {
        count_out(f->size);
        return false;
    }
    f->map = at;
    f->map_next = l->mapped;
    f->map_prev = &l->mapped;
    if (f->map_next) f->map_next->map_prev = &f->map_next;
    l->mapped = f;
    return true;
}

bool file_map_open(file *f, loop *l) {
    if (f->waits || f->map_cut || f->map_refused) return false;
    if (!f->map) f->map_refused = !map_whole(f, l);
    return f->map != NULL;
}

void file_map_close(file *f) {
    if (!f->map) return;
    munmap(f->map, (size_t)f->size);
    count_out(f->size);
    *f->map_prev = f->map_next;
    if (f->map_next) f->map_next->map_prev = f->map_prev;
    f->map = NULL;
}

/* ---- what is in memory ---- */

static bool byte_is_here(file *f, uint64_t at) {
    uint8_t byte;
    struct iovec iov = {&byte, 1};
    ssize_t n = preadv2(f->fd, &iov, 1, (off_t)at, RWF_NOWAIT);
    if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)) f->waits = true;
    return n == 1;
}

size_t file_map_here(file *f, uint64_t offset, size_t n) {
    unsigned char pages[LIMIT_MAP_PROBE / 4096 + 1];
    size_t page = (size_t)sysconf(_SC_PAGESIZE), begin = (size_t)offset & ~(page - 1);
    size_t count = ((size_t)offset + n - begin + page - 1) / page, here = 0;
    if (f->memory) return n;
    if (mincore(f->map + begin, count * page, pages) != 0) return 0;
    while (here < count && (pages[here] & 1)) here++;
    if (here == 0) return 0;
    if (here < count) n = begin + here * page - (size_t)offset;
    /* Of a file that is not ours to write, mincore says that everything is here. So the last byte
     * is asked for in another way as well: what was read in one go mostly stays in one go. */
    return byte_is_here(f, offset + n - 1) ? n : 0;
}

/* ---- files that shrink ---- */

bool file_map_mend(loop *l) {
    bool mended = false;
    for (file *f = l->mapped; f; f = f->map_next) {
        if (f->map_cut || file_load_unwritten(f)) continue;
        f->map_cut = true;
        if (mmap(f->map, (size_t)f->size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) != MAP_FAILED)
            mended = true;
    }
    return mended;
}
