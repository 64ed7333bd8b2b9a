/* The inside of a loop, for the files of netio only: libuv's handles and what the other parts hang
 * on.
 *
 * The parts keep their state here because a turn touches all of it: the wheel, the pool, the read
 * slab, the links to flush. */
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

/* Something to do before the loop sleeps, outside of every callback. Embedded in who wants it;
 * zeroed: not queued. */
typedef struct loop_task {
    struct loop_task *next, **prev;
    void (*run)(struct loop_task *t);
} loop_task;

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
    uv_prepare_t turn; /* flushes before the loop sleeps; referenced while `held`, so that it keeps
                          the loop alive */
    uv_idle_t
        again; /* active while something waits for the next turn: the loop polls without sleeping */
    uv_async_t bell;
    uv_timer_t clock; /* of the wheel */
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
    buf *slab;      /* reads land here */
    buf *feeding;   /* holds the bytes that a session steps over now: what buf_pin may pin */
    unsigned held;  /* links, dials and jobs that keep the loop alive */
    unsigned reads; /* since the last flush */
    size_t read_bytes;
    bool flushing, stopped, closing;

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

/* Runs t before the loop sleeps; queueing twice is once. */
void loop_soon(loop *l, loop_task *t);
void loop_task_cancel(loop *l, loop_task *t);

/* Posts an embedded letter from any thread; false when the loop has ended. */
bool loop_mail_post(loop *l, loop_mail *m);

/* Runs tasks and flushes dirty links; called once a turn, and earlier when a poll brings much.
 * Never from a callback of an applet. */
void loop_flush(loop *l);

/* Closes links (told), dials (told) and listeners; nothing new can be opened after it. */
void loop_close_all(loop *l);

/* Closes all handles, on the loop's own thread; then only loop_post (which answers false) and
 * loop_give may be called. */
void loop_end(loop *l);
void loop_give(loop *l);

/* What errno says, in plain words; static storage. */
const char *loop_error_text(int error);

#endif
