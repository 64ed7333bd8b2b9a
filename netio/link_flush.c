#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/limits.h"
#include "netio/file_impl.h"
#include "netio/link_impl.h"
#include "netio/meter.h"
#include "netio/socket.h"

/* What became of one gathering of output. */
typedef enum wrote {
    WROTE_ALL,     /* there is nothing to write */
    WROTE_SOME,    /* all that was gathered went out; there may be more */
    WROTE_BLOCKED, /* the socket is full */
    WROTE_BROKEN   /* the socket takes no more, errno says why */
} wrote;

/* Spans go to writev as they are. */
_Static_assert(sizeof(span) == sizeof(struct iovec) &&
                   offsetof(span, p) == offsetof(struct iovec, iov_base) &&
                   offsetof(span, n) == offsetof(struct iovec, iov_len),
               "a span is an iovec");

/* A full socket has its time from when it became full, or took enough to count. */
static void note_write(net_link *k, size_t n, bool full) {
    k->taken = (n < LIMIT_STALL_BYTES - k->taken ? k->taken + n : LIMIT_STALL_BYTES) & 0x7ffu;
    if (!full || !k->full || k->taken == LIMIT_STALL_BYTES) {
        k->wrote_ms = (uint32_t)loop_now_ms(k->loop);
        k->taken = 0;
    }
    k->full = full;
    if (full) k->filled = true;
    if (link_meter(k)) {
        meter_take(&link_meter(k)->write, n);
        meter_note(link_meter(k), n, full, loop_now_ms(k->loop));
    }
}

/* Looks, once, at how soon a full socket has room again. */
static void note_room(net_link *k) {
    if (!k->filled || k->blocked) return;
    k->filled = false;
    k->ahead = socket_drained(k->fd, k->ahead, (uint32_t)loop_now_ms(k->loop) - k->wrote_ms) & 7u;
}

/* Writes the spans; *done tells how many bytes were taken. */
static wrote write_spans(net_link *k, const span *spans, size_t n, size_t *done) {
    const struct iovec *iov = (const struct iovec *)(const void *)spans;
    loop *l = k->loop;
    size_t total = 0;
    *done = 0;
    for (size_t i = 0; i < n; i++) total += spans[i].n;
    ssize_t w =
        l->fault ? fault_writev(l->fault, k->fd, iov, n, k->sent) : writev(k->fd, iov, (int)n);
    if (w < 0) {
        if (errno == EINTR) return WROTE_SOME;
        if (errno == EFAULT && file_map_mend(l)) return WROTE_SOME;
        if (errno != EAGAIN) return WROTE_BROKEN;
        note_write(k, 0, true);
        return WROTE_BLOCKED;
    }
    *done = (size_t)w;
    k->sent += (size_t)w;
    k->active_ms = (uint32_t)loop_now_ms(l);
    note_write(k, *done, *done < total);
    return *done < total ? WROTE_BLOCKED : WROTE_SOME;
}

/* The link's limits let nothing be written now. */
static bool is_dry(net_link *k) {
    return link_meter(k) && !k->blocked && !meter_room(&link_meter(k)->write, loop_now_ms(k->loop));
}

/* What is gathered for one write. Only for servers more than the least: bodies of a client are read
 * as they are gathered, and hold no more than that. */
static size_t budget(const net_link *k) {
    size_t most = (size_t)LIMIT_FLUSH_BUDGET << (k->server ? k->ahead : 0);
    if (link_meter(k)) {
        size_t room = meter_room(&link_meter(k)->write, loop_now_ms(k->loop));
        if (room < most) return room;
    }
    return most < LIMIT_FLUSH_TURN ? most : LIMIT_FLUSH_TURN;
}

/* The number of spans that hold the first `most` bytes. */
static size_t cut(span *v, size_t n, size_t most) {
    for (size_t i = 0; i < n; i++) {
        if (v[i].n >= most) {
            v[i].n = most;
            return i + 1;
        }
        most -= v[i].n;
    }
    return n;
}

/* What the session has, up to its budget: of limits to the byte, since bodies come in pieces of
 * their own size. A link that ends while they let nothing pass says what it has ready. */
static size_t gather(net_link *k) {
    span *iov = k->loop->iov;
    size_t most = budget(k), n = session_output(k->session, iov, LOOP_IOV, most);
    return link_meter(k) && most ? cut(iov, n, most) : n;
}

static wrote write_clear(net_link *k) {
    loop *l = k->loop;
    size_t done, n = gather(k);
    if (!n) return WROTE_ALL;
    wrote w = write_spans(k, l->iov, n, &done);
    /* Nothing is left in flight after a short write: what remains is gathered again when there is
     * room, so DATA of a more urgent stream may still be framed before it. */
    session_output_done(k->session, done);
    return w;
}

/* Seals what the session has, as far as TLS takes it: all small frames of a turn into one record,
 * all records into one write. False when TLS takes nothing. */
static bool seal_some(net_link *k) {
    loop *l = k->loop;
    for (;;) {
        size_t all = 0, n = gather(k);
        if (!n) return true;
        for (size_t i = 0; i < n; i++) all += l->iov[i].n;
        size_t sealed = k->extra->tls->seal(k->extra->tls_self, l->iov, n);
        session_output_done(k->session, sealed);
        if (sealed < all) return sealed != 0;
        if (link_meter(k)) return true; /* no more than its budget */
    }
}

static wrote write_sealed(net_link *k) {
    loop *l = k->loop;
    const tls_ports *tls = k->extra->tls;
    void *self = k->extra->tls_self;
    size_t done, n;
    bool sealed = seal_some(k);
    n = tls->output(self, l->iov, LOOP_IOV);
    if (!n && !sealed) { /* nothing waits, and still there was no room */
        errno = ENOMEM;
        return WROTE_BROKEN;
    }
    if (!n) return WROTE_ALL;
    wrote w = write_spans(k, l->iov, n, &done);
    tls->output_done(self, done);
    return w;
}

static wrote write_some(net_link *k) { return link_has_tls(k) ? write_sealed(k) : write_clear(k); }

void link_flush_write(net_link *k) {
    uint64_t before = k->sent;
    wrote w;
    do {
        w = write_some(k);
    } while (w == WROTE_SOME && k->sent - before < LIMIT_FLUSH_TURN);
    k->blocked = w == WROTE_BLOCKED;
    k->broken = w == WROTE_BROKEN;
}

/* Ends our side of the connection. True when there is more to write. */
static bool shut(net_link *k) {
    k->shut = true;
    if (link_has_tls(k))
        k->extra->tls->close(k->extra->tls_self);
    else
        shutdown(k->fd, SHUT_WR);
    return link_has_tls(k);
}

/* The session is over and its last byte is with the system. True when there is more to write. */
static bool finish(net_link *k) {
    if (session_torn(k->session)) {
        link_fail(k, k->why);
        return false;
    }
    if (link_has_tls(k) && !k->shut) return shut(k);
    if (k->lingering) return false;
    if (k->server && !k->eof && shutdown(k->fd, SHUT_WR) == 0) {
        /* Closing a socket with unread bytes resets it, and the reset would take back what the peer
         * has not read yet. So wait until the peer closes, and throw away what it sends. */
        k->lingering = true;
        k->wrote_ms = (uint32_t)loop_now_ms(k->loop);
    } else {
        link_fail(k, k->why);
    }
    return false;
}

/* Tells and writes until nothing is left, the socket is full or the link's share is used up; then
 * it is true: the rest is for the next turn, after the others. */
static bool flush(net_link *k) {
    uint64_t before = k->sent;
    note_room(k);
    for (;;) {
        link_pump_events(k);
        if (k->ending) return false;
        if (k->sent - before >= LIMIT_FLUSH_TURN) return true;
        wrote w = WROTE_BLOCKED;
        bool dry = is_dry(k);
        if (k->blocked || dry)
            session_output_done(k->session, 0); /* what has ended goes, though nothing is written */
        else
            w = write_some(k);
        if (w == WROTE_BROKEN) {
            link_pump_last(k, loop_error_text(errno));
            return false;
        }
        if (!dry) k->blocked = w == WROTE_BLOCKED;
        if (k->yielded) { /* what is left of its input is for the next pass */
            k->yielded = false;
            return !k->ending;
        }
        bool went_on = link_pump_rest(k);
        if (k->ending) return false;
        if (k->yielded) continue;
        if (w == WROTE_BLOCKED) return false;
        if (w == WROTE_SOME || went_on || session_pending(k->session)) continue;
        if (k->over ? !finish(k) : k->shut || !session_shut(k->session) || !shut(k)) return false;
    }
}

void link_flush_pass(loop *l) {
    net_link *k = l->dirty;
    l->dirty = NULL;
    l->dirty_last = &l->dirty;
    while (k) {
        net_link *next = k->dirty_next;
        /* It stays marked meanwhile: what its own events ask for is covered by the round they are
         * in. */
        link_pump_read(k);
        bool more = flush(k) || link_wants_read(k);
        if (k->ending) {
            link_end(k);
            k = next;
            continue;
        }
        k->dirty = more;
        if (more) {
            k->dirty_next = NULL;
            *l->later_last = k;
            l->later_last = &k->dirty_next;
        }
        if (link_meter(k)) meter_settle(link_meter(k));
        if (k->blocked || k->again) {
            k->again = false;
            loop_poll_again(l, k->fd, k);
        }
        link_watch_time(k);
        k = next;
    }
}
