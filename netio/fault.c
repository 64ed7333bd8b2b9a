#include "netio/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netio/socket.h"

static const char *next_word(const char *words) {
    const char *comma = strchr(words, ',');
    return comma ? comma + 1 : words + strlen(words);
}

static uint64_t value_of(const char *words, const char *name) {
    size_t n = strlen(name);
    for (const char *w = words; *w; w = next_word(w)) {
        if (strncmp(w, name, n) == 0 && w[n] == '=') return strtoull(w + n + 1, NULL, 10);
    }
    return 0;
}

fault *fault_new(void) {
    const char *words = getenv("H2BOX_FAULT");
    if (!words || !*words) return NULL;
    fault *f = malloc(sizeof *f);
    if (!f) return NULL;
    *f = (fault){.write = (uint32_t)value_of(words, "write"),
                 .read = (uint32_t)value_of(words, "read"),
                 .eagain = (uint32_t)value_of(words, "eagain"),
                 .sndbuf = (uint32_t)value_of(words, "sndbuf"),
                 .rcvbuf = (uint32_t)value_of(words, "rcvbuf"),
                 .reset = value_of(words, "reset"),
                 .seed = value_of(words, "seed"),
                 .alloc = value_of(words, "alloc")};
    return f;
}

void fault_free(fault *f) { free(f); }

/* A linear congruence (Knuth's MMIX) is random enough to vary where faults fall, and repeats by its
 * seed. */
static bool strikes(fault *f) {
    f->seed = f->seed * 6364136223846793005u + 1442695040888963407u;
    return (f->seed >> 33) % 100 < f->eagain;
}

ssize_t fault_writev(fault *f, int fd, const struct iovec *iov, size_t n, uint64_t sent) {
    if (f->reset && sent >= f->reset) {
        socket_reset(fd); /* so the peer sees the break as well */
        errno = ECONNRESET;
        return -1;
    }
    if (strikes(f)) {
        errno = EAGAIN;
        return -1;
    }
    size_t most = f->write ? f->write : SIZE_MAX;
    if (f->reset && most > f->reset - sent) most = (size_t)(f->reset - sent);
    if (n && iov[0].iov_len > most) return write(fd, iov[0].iov_base, most);
    size_t whole = 0, bytes = 0;
    while (whole < n && bytes + iov[whole].iov_len <= most) bytes += iov[whole++].iov_len;
    return writev(fd, iov, (int)whole);
}

ssize_t fault_read(fault *f, int fd, void *p, size_t n) {
    if (strikes(f)) {
        errno = EAGAIN;
        return -1;
    }
    return read(fd, p, f->read && f->read < n ? f->read : n);
}

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    fault *f = user;
    if (new_size && f->alloc && --f->alloc == 0) return NULL;
    return f->below.resize(f->below.user, p, old_size, new_size);
}

mem fault_mem(fault *f, mem m) {
    f->below = m;
    return f->alloc ? (mem){resize, f} : m;
}

void fault_socket(const fault *f, int fd) {
    int size = (int)f->sndbuf;
    if (size) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    size = (int)f->rcvbuf;
    if (size) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}
