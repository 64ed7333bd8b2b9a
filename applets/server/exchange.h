/* A request from its fields to its answer, while something is waited for: its file, its end, a job;
 * and beyond its answer when it is logged.
 *
 * What it needs of the request's event lies there while that lives, then in a block of its own,
 * which goes with the stream: thousands of requests that were taken back may wait for one file. It
 * is attached to its stream, and gone after exchange_end, or after its CLOSED when nothing is
 * waited for any more. */
#ifndef H2BOX_APPLETS_SERVER_EXCHANGE_H
#define H2BOX_APPLETS_SERVER_EXCHANGE_H

#include "applets/server/access_log.h"
#include "netio/net.h"

typedef struct site site;
typedef struct exchange exchange;

struct exchange {
    site *site;
    net_link *link; /* NULL: the stream is gone */
    http_ref ref;
    bool head, folder;       /* folder: its path ends with "/" */
    bool until_end;          /* it is answered when its content has come */
    bool answered;           /* the final response is on its way */
    uint64_t asks;           /* bits of the tokens of fields that it has, and that count */
    bool *answered_now;      /* set when the answer comes while the request's event still lives */
    const http_event *event; /* that event, while it lives */
    const http_field *fields;
    size_t field_count;
    span name;     /* decoded path, with index.html where it was a folder; empty: it has none */
    span location; /* where a directory is, when it was worth keeping */
    void *kept;    /* these, NULL while the event lives */
    size_t kept_size;
    file *file; /* held for the choice of a coding */
    struct echo *echo;
    access_log_entry *log;
    unsigned status;
    uint64_t sent;       /* content, as far as it was written */
    struct count *count; /* of its body; for the log */
};

/* Attached to the event's stream; NULL when memory is refused. */
exchange *exchange_new(site *s, net_link *k, const http_event *ev);

/* The event ends, and the request is not answered: what is needed of it is kept. Without memory it
 * has no name any more. */
void exchange_keep(exchange *r);

/* It is about to be answered: detaches it from its stream, unless it is told of the stream's end.
 */
void exchange_leave(exchange *r);

/* It is answered, or its stream is gone: it goes, unless it is still attached. */
void exchange_end(exchange *r);

/* Its stream is gone (CLOSED). When it is not answered and waits for something, it goes then. */
void exchange_closed(exchange *r);

/* Whether a callback finds that its stream is gone; the request is then, too. */
bool exchange_gone(exchange *r);

/* Writes "http://host/dir/?query" into out, room bytes of exchange_location_room: absolute, since
 * that is what the tools that read it are used to; without an authority "/dir/?query". Empty when
 * the path cannot be written. */
span exchange_location(const http_event *ev, span name, uint8_t *out, size_t room);
size_t exchange_location_room(const http_event *ev, span name);

/* The body, with what is written of it counted for the log. */
http_body exchange_count(exchange *r, http_body body);

#endif
