/* The inside of a loop, for the files of netio only: its epoll instance, libuv's handles and what
 * the other parts hang on.
 *
 * Sockets are watched by an epoll instance of our own, and libuv's loop by the same: it has
 * signals, the mailbox, look-ups and the thread pool, and runs only when one of these has
 * something. The parts keep their state here because a turn touches all of it: the wheel, the pool,
 * the read slab, the links to flush. */
#ifndef H2BOX_NETIO_LOOP_IMPL_H
#define H2BOX_NETIO_LOOP_IMPL_H

#include <pthread.h>
#include <uv.h>

#include "netio/fault.h"
#include "netio/net.h"
#include "netio/pool.h"
#include "netio/timer_impl.h"

/* Spans gathered for one write. */
#define LOOP_IOV 256

/* Events taken from one wait. More are there at the next: a few at a time are answered while what
 * they touched is still in the cache. */
#define LOOP_EVENTS 64

/* A letter for the mailbox; one that is embedded can always be posted. */
typedef struct loop_mail {
    struct loop_mail *next;
    void (*fn)(void *user);
    void *user;
    bool owned; /* by the mailbox, which frees it */
} loop_mail;

typedef struct loop_signal loop_signal;

struct loop {
    uv_loop_t uv;
    uv_async_t bell;
    int poll;    /* the epoll instance */
    bool uv_due; /* libuv has something to do */
    timer_wheel wheel;
    pool pool;
    mem mem;
    session_scratch scratch;
    fault *fault; /* NULL but in tests */

    net_link *links;               /* all */
    net_link *dirty, **dirty_last; /* to flush this turn */
    net_link *later, **later_last; /* to flush next turn: they had their share */
    loop_task *tasks, **tasks_last;
    unsigned task_count;
    listener *listeners;
    dial *dials;
    struct handshake *handshakes, **handshakes_last; /* the oldest first */
    struct handshake *shaking, **shaking_last;       /* those that can go on now */
    unsigned handshake_count;
    struct file *mapped; /* files with a map */
    buf *slab;           /* reads land here */
    buf *feeding;        /* holds the bytes that a session steps over now: what buf_pin may pin */
    unsigned held;       /* links, listeners, dials and look-ups that keep the loop alive */
    bool flushing, stopped, closing;

    uint64_t alarm_us; /* of loop_now_us; 0: none is set */
    void (*alarm)(void *user);
    void *alarm_user;
    bool exact; /* the thread's timers come when they are due */

    int64_t unix_seconds; /* 0: not read this turn */
    uint8_t random[256];
    size_t random_left;
    loop_signal *signals;

    pthread_mutex_t mail_lock; /* guards the three below */
    loop_mail *mail, **mail_last;
    bool mail_closed;

    span iov[LOOP_IOV];
};

/* Counts something that keeps the loop running although no active handle of libuv shows it. */
void loop_hold(loop *l);
void loop_release(loop *l);

/* Posts an embedded letter from any thread; false when the loop has ended. */
bool loop_mail_post(loop *l, loop_mail *m);

/* Closes links (told), dials (told) and listeners; nothing new can be opened after it. */
void loop_close_all(loop *l);

/* Closes all handles, on the loop's own thread; then only loop_post (which answers false) and
 * loop_give may be called. */
void loop_end(loop *l);
void loop_give(loop *l);

/* What errno says, in plain words; static storage. */
const char *loop_error_text(int error);

/* ---- loop_poll.c: what wakes the loop ---- */

bool loop_poll_open(loop *l); /* false when the system refuses */
void loop_poll_close(loop *l);

/* Waits until something is ready or wait_ms have passed (-1: for good) and marks it: link_ready,
 * loop_soon, l->uv_due. It calls nobody and so nothing dies while events are handed out. */
void loop_poll_wait(loop *l, int wait_ms);

/* From now on link_ready is told when bytes come or the peer shuts its side, each time once. False
 * when the system refuses. A socket that is closed is watched no more. */
bool loop_poll_link(loop *l, int fd, net_link *k);

/* Tells link_ready of room to write as well, and once more of all that is ready already. */
void loop_poll_again(loop *l, int fd, net_link *k);

/* Queues t by loop_soon on the events of epoll(7); 0: on errors alone. */
bool loop_poll_task(loop *l, int fd, uint32_t events, loop_task *t);
void loop_poll_change(loop *l, int fd, uint32_t events, loop_task *t);
void loop_poll_forget(loop *l, int fd);

#endif
