/* The inside of a link: its struct, and what link.c, link_pump.c and link_flush.c ask of each
 * other.
 *
 * The way of a link's bytes: the poll marks it as ready; link_flush then has link_pump read and
 * step, and writes; link.c bears it, arms its timer and ends it. None of these runs inside a
 * callback of an applet. */
#ifndef H2BOX_NETIO_LINK_IMPL_H
#define H2BOX_NETIO_LINK_IMPL_H

#include "core/proxy_header.h"
#include "netio/loop_impl.h"
#include "netio/socket.h"

/* Who is connected with whom. */
typedef struct link_end_name {
    char text[SOCKET_TEXT];
    uint16_t port;
} link_end_name;

typedef struct link_names {
    link_end_name peer, local;
} link_names;

/* What few links have, or for a short time. */
typedef struct link_extra {
    const tls_ports *tls; /* NULL: cleartext */
    void *tls_self;
    bool ended;          /* the peer has said that it sends no more (close_notify) */
    bool fresh;          /* bytes may have come behind the handshake */
    span rest;           /* input that the session would not take yet (HTTP_EVENT_PAUSED) */
    buf *held;           /* where that lies; NULL: the session has taken everything */
    struct meter *meter; /* NULL: no limits */
    bool dry;            /* it lets nothing be read now */
    link_names *names;   /* made when first asked for */
} link_extra;

/* The socket is watched for edges: each is told once, so what it says is kept here until a read or
 * a write finds that it no longer holds. Every read and write goes through fault.c.
 *
 * What a request touches comes first. Times are those of the loop in 32 bits: link_since. */
struct net_link {
    loop *loop;
    session *session; /* NULL once the link has ended */
    const link_calls *calls;
    net_link *dirty_next;
    int fd;
    bool server : 1;
    bool readable : 1;  /* a read may find something */
    bool closing : 1;   /* the peer has shut its side or the socket failed: reads lead to the end */
    bool failed : 1;    /* the socket did */
    bool again : 1;     /* edges are to be asked for once more */
    bool dirty : 1;     /* in loop.dirty or loop.later */
    bool blocked : 1;   /* the socket is full, as far as we know */
    bool full : 1;      /* it was at the last write */
    bool broken : 1;    /* the socket takes no more bytes at all */
    bool eof : 1;       /* the peer sends no more (and may read on), or reading failed */
    bool over : 1;      /* the session is: flush, then close */
    bool draining : 1;  /* session_drain was called for idleness */
    bool shut : 1;      /* our side is: close_notify is queued, or the session reads on alone */
    bool lingering : 1; /* likewise, and it is over; waiting for the peer to have read it */
    bool ending : 1;    /* to be ended by the flush of this turn */
    bool filled : 1;    /* it became full; how soon it has room again was not seen yet */
    bool yielded : 1;   /* input is left over only because its share is used up */
    uint8_t ahead : 3;  /* the step of socket_drained */
    uint32_t taken : 11; /* by the full socket since then; LIMIT_STALL_BYTES at most */
    uint32_t wrote_ms;  /* since when a full socket has taken next to nothing, or lingering lasts */
    uint32_t active_ms; /* the last byte either way */
    uint64_t sent;      /* bytes that the socket took, of a handshake too */

    timer timer;       /* its user is the link's */
    link_extra *extra; /* NULL until there is any */
    const char *why;   /* what closed() will be told */
    uint32_t idle_ms, write_ms;
    net_link *next, **prev; /* in loop.links */
};

/* The moment that a time kept in 32 bits stands for: none that is asked for lies 49 days back. */
static inline uint64_t link_since(const net_link *k, uint32_t ms) {
    uint64_t now = loop_now_ms(k->loop);
    return now - (uint32_t)((uint32_t)now - ms);
}

/* When the session wants to be stepped. Nothing of the peer's is late while there may be more to
 * read. */
static inline uint64_t link_session_due(const net_link *k) {
    return k->readable ? UINT64_MAX : session_deadline(k->session);
}

static inline bool link_has_tls(const net_link *k) { return k->extra && k->extra->tls; }
static inline bool link_has_rest(const net_link *k) { return k->extra && k->extra->held; }

/* NULL: no limits. */
static inline struct meter *link_meter(const net_link *k) {
    return k->extra ? k->extra->meter : NULL;
}

/* k->extra, made if need be; NULL when memory is refused. */
link_extra *link_more(net_link *k);

/* Takes fd over and puts the link on the dirty list; tls may be NULL, else tls_self belongs to the
 * link from now on. NULL when memory is refused: fd and tls_self then still belong to the caller.
 */
net_link *link_new(loop *l, int fd, const link_birth *birth, const tls_ports *tls, void *tls_self);

/* Puts into *n what a header says that names somebody. */
void link_names_set(link_names *n, const proxy_header *h);

/* Behind link_new: what was told of its ends (NULL: nothing; the link's from now on), and bytes of
 * the peer that were read already. */
void link_adopt(net_link *k, link_names *n, span rest);

/* Ends it now: events of the streams that die, `closed`, everything given back. From the flush
 * only, while it is marked dirty: so nobody puts it on the list again. */
void link_end(net_link *k);

/* Marks it to be ended by this turn's flush; the first why stays. */
void link_fail(net_link *k, const char *why);

/* Events of epoll(7) on its socket. Calls nobody. */
void link_ready(net_link *k, uint32_t events);

/* Whether the next turn should read. */
static inline bool link_wants_read(const net_link *k) {
    if (!k->readable || k->eof || k->ending) return false;
    return !k->extra || (!k->extra->held && !k->extra->dry);
}

/* Moves the timer forward if anything is due earlier than it; later dues are found when it fires.
 */
void link_watch_time(net_link *k);

/* One read of the socket, if it is ready and may be read, and all that follows from it but for
 * writes. */
void link_pump_read(net_link *k);

/* Tells what the session has to tell without input. */
void link_pump_events(net_link *k);

/* Input that comes before all reads. */
void link_pump_give(net_link *k, span in);

/* Offers kept input again; true when any of it was used. */
bool link_pump_rest(net_link *k);
void link_pump_forget(net_link *k);

/* Tells the session that its transport is gone, and its applet what dies of it. */
void link_pump_end(net_link *k);

/* Reads what came before a write failed, so that the peer's last words (its GOAWAY) are heard; then
 * the streams are told, and the link will end. */
void link_pump_last(net_link *k, const char *why);

/* Flushes, and ends, every link on the loop's dirty list. */
void link_flush_pass(loop *l);

/* Writes what the socket takes at once, without events. */
void link_flush_write(net_link *k);

#endif
