/* A request's content that is made while it is sent.
 *
 * Bytes put into it are copied, and lent until they are written. It belongs to the session that
 * takes its http_body, and says when that lets go of it. */
#ifndef H2BOX_APPLETS_CLIENT_STREAM_BODY_H
#define H2BOX_APPLETS_CLIENT_STREAM_BODY_H

#include "core/http.h"

typedef struct stream_body stream_body;

typedef struct stream_body_calls {
    void (*drained)(void *user); /* all that was put in is written */
    void (*gone)(void *user);    /* the last call */
} stream_body_calls;

stream_body *stream_body_new(const stream_body_calls *calls, void *user);
http_body stream_body_of(stream_body *b);

/* False when memory is refused. The stream must be woken afterwards. */
bool stream_body_put(stream_body *b, span bytes);
void stream_body_finish(stream_body *b); /* no more is to come; likewise */

/* Its maker ends before it: nothing is told any more. */
void stream_body_forget(stream_body *b);

/* Bytes that are not written yet. */
size_t stream_body_queued(const stream_body *b);

#endif
