/* Read buffers of a loop: the slab that reads land in, and the pins that keep parts of it alive.
 *
 * An idle connection holds none: a read borrows the loop's slab and leaves it when the session has
 * stepped. Whoever keeps bytes longer pins the slab, and later reads go behind them or into a fresh
 * one. The face for applets, buf_pin and buf_unpin, is in net.h. */
#ifndef H2BOX_NETIO_BUF_H
#define H2BOX_NETIO_BUF_H

#include "netio/net.h"

struct buf {
    loop *loop;
    uint32_t refs;
    uint32_t size; /* of bytes */
    uint32_t used; /* bytes in front that a pin may hold */
    uint8_t bytes[];
};

/* Room to read into: at least BUF_LEAST bytes of the loop's slab, or NULL when memory is refused.
 */
uint8_t *buf_room(loop *l, size_t *room);

/* n bytes were read into that room and the session has stepped over them: when a pin holds any,
 * they stay. */
void buf_read(loop *l, size_t n);

/* Gives the slab back; pins that are still out keep theirs. */
void buf_end(loop *l);

/* Less room than this behind pinned bytes is not worth a read: a DATA frame of the default size
 * would not fit. */
#define BUF_LEAST 16393u

/* Kept spans shorter than this are copied: pinning 64 KiB for them costs more memory than the copy
 * costs time. */
#define BUF_PIN_LEAST 4096u

#endif
