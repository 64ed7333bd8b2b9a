/* Faults on purpose, for tests only: short writes and reads, EAGAIN and resets that loopback never
 * shows.
 *
 * H2BOX_FAULT holds words NAME=NUMBER with commas between: write and read (bytes at most per call),
 * eagain (percent of calls), reset (the socket breaks after so many bytes sent), sndbuf and rcvbuf
 * (sizes of socket buffers), seed, alloc (the number of an allocation of each loop that is
 * refused, from 1). A loop without it has no fault, and pays one branch per call. */
#ifndef H2BOX_NETIO_FAULT_H
#define H2BOX_NETIO_FAULT_H

#include <sys/types.h>
#include <sys/uio.h>

#include "core/mem.h"

typedef struct fault {
    uint32_t write, read; /* 0: no cap */
    uint32_t eagain;      /* percent */
    uint32_t sndbuf, rcvbuf;
    uint64_t reset; /* 0: never */
    uint64_t seed;
    uint64_t alloc; /* allocations until the one that is refused; 0: none will be */
    mem below;      /* where the others come from */
} fault;

/* Reads H2BOX_FAULT; NULL when it is unset. Words it does not know are ignored. To be freed by
 * fault_free. */
fault *fault_new(void);
void fault_free(fault *f);

/* writev and read with faults; sent is what the connection has sent before. */
ssize_t fault_writev(fault *f, int fd, const struct iovec *iov, size_t n, uint64_t sent);
ssize_t fault_read(fault *f, int fd, void *p, size_t n);

/* The memory hook of a loop with this fault, over m; m itself when no allocation is to be refused.
 */
mem fault_mem(fault *f, mem m);

/* Sets the sizes of a socket's buffers; call it before connect or listen. */
void fault_socket(const fault *f, int fd);

#endif
