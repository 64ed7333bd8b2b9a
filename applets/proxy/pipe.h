/* Content on its way from one session to another: DATA that came in on one side, lent as a body to
 * the other.
 *
 * Big pieces stay where they were read and pin that buffer; small ones are copied together. What
 * the far side has written is credited to the near one, so what a pipe holds is bounded by the
 * windows that its source gave: a slow reader pauses its own source and nothing else. One owner,
 * one loop. */
#ifndef H2BOX_APPLETS_PROXY_PIPE_H
#define H2BOX_APPLETS_PROXY_PIPE_H

#include "netio/net.h"

typedef struct pipe pipe;
typedef struct pipe_piece pipe_piece;

typedef struct pipe_calls {
    /* n bytes are dealt with: written, or dropped. From output or release of the session that sends
     * them, so only the other one may be used. */
    void (*credit)(pipe *p, size_t n);
    /* The body that was lent is forgotten; the pipe may be freed within this call. Unless anything
     * was pulled it is all still there, and may be lent again. */
    void (*released)(pipe *p);
} pipe_calls;

/* Embedded in its owner; zeroed but for loop, calls and pinned. */
struct pipe {
    loop *loop;
    const pipe_calls *calls;
    size_t *pinned; /* bytes of buffers that pipes of the same client pin: beyond LIMIT_PROXY_PINNED
                       they copy; NULL: the client is gone */
    pipe_piece *first, *last;
    pipe_piece *at;           /* the piece that was pulled from last; NULL: none */
    uint64_t begin, at_begin; /* where the first piece, and `at`, begin */
    uint64_t taken, written;  /* bytes put in, and written */
    bool ended;               /* all of it is in */
    bool failed;              /* no more comes, and what is in is not whole */
    bool held;                /* nothing may leave it yet */
    bool lent;                /* a session has its body */
    bool pulled;              /* and has taken some of it */
    bool shut;                /* nobody will read it: what comes is credited at once */
};

/* Takes what an event has brought, within its callback. False: no memory, and nothing was taken. */
bool pipe_put(pipe *p, span bytes);
void pipe_end(pipe *p);
void pipe_fail(pipe *p);

/* The body to give to a session; accepted by it, `released` follows one day. */
http_body pipe_lend(pipe *p);
void pipe_taken_back(pipe *p); /* the session refused it */

/* Nobody will read it (any more): what it holds is dropped and credited, now or once the session
 * that has its body lets go of it. */
void pipe_shut(pipe *p);

/* The client whose bytes `pinned` counts is gone, or about to be: what it holds is counted no more.
 */
void pipe_disown(pipe *p);

/* Frees what it holds, without a call. Not while it is lent. */
void pipe_free(pipe *p);

#endif
