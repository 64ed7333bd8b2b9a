/* The streams of a connection as Python names them: by their identifier.
 *
 * A stream is owned by the table until it is closed and the core has let go of its body; pointers
 * to it stay good until then. */
#ifndef H2BOX_PYTHON_EXT_STREAMS_H
#define H2BOX_PYTHON_EXT_STREAMS_H

#include "python/ext/body.h"

typedef struct stream stream;
typedef struct streams streams;

struct stream {
    http_ref ref;
    body body;
    streams *in;
    stream *next_roomy;
    bool answered;  /* our header fields are out */
    bool finished;  /* nothing more may be added to the body */
    bool full;      /* more than BODY_FULL was queued, and WindowUpdated is owed for it */
    bool roomy;     /* it stands in the list of those to tell it of */
    bool body_lent; /* the core has the body */
    bool closed;
};

struct streams {
    stream **at; /* by identifier, a power of two of places; NULL is free */
    uint32_t count, room;
    stream *first_roomy, **last_roomy;
};

void streams_init(streams *t);

/* Frees all. The core must have released every body. */
void streams_end(streams *t);

/* The stream, or NULL. */
stream *streams_find(const streams *t, uint32_t id);

/* A new stream, not in the table yet but with a place in it, or NULL when memory is refused. */
stream *streams_new(streams *t);

/* Puts it there. ref must be set. */
void streams_add(streams *t, stream *s);

/* A stream that was never added. */
void streams_drop(stream *s);

/* The stream is closed: nobody finds it any more. It is freed once its body is released. */
void streams_close(stream *s);

/* A body is full or has room again; the latter puts its stream into a list. */
void streams_fill(stream *s);

/* Takes the next of that list, or NULL. */
stream *streams_take_roomy(streams *t);

/* A body of that stream, for the core. */
http_body streams_body(stream *s);

#endif
