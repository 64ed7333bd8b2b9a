/* What both wire versions tell and are told: stream references, bodies and events.
 *
 * The common vocabulary of h1, h2 and session.h, and of the applets above them. It holds no state.
 */
#ifndef H2BOX_CORE_HTTP_H
#define H2BOX_CORE_HTTP_H

#include "core/fields.h"
#include "core/verdict.h"

/* The only handle to a stream that an applet holds. A stale one is answered with VERDICT_BAD_CALL,
 * never obeyed. id is the stream identifier on the wire (HTTP/1: 1, 3, 5, ...); 0 means no stream.
 */
typedef struct http_ref {
    uint32_t slot, id;
} http_ref;

#define HTTP_NO_REF ((http_ref){0, 0})

/* What a body's pull says about what comes after the span it lends. */
typedef enum http_pull {
    HTTP_PULL_MORE,  /* there is more at once */
    HTTP_PULL_END,   /* that was all (the span may be empty) */
    HTTP_PULL_LATER, /* nothing more now: the owner calls _wake (the span may still hold bytes) */
    HTTP_PULL_FAILED /* it cannot go on and lends nothing: the stream is reset with INTERNAL_ERROR
                      */
} http_pull;

/* A message body to send. It belongs to the applet and lives until release().
 *
 * pull lends up to `want` bytes that start `offset` bytes into the body, and stores them in *lent.
 * With `want` 0 it lends nothing and only says whether the body has ended. Lent bytes must stay as
 * they are until done() has returned them, in order; they may be lent while earlier ones are still
 * out. An empty span goes with anything but MORE (which may have one only when `want` is 0).
 *
 * done gives back n bytes, whether they were written or their stream was reset.
 *
 * release is the last call: everything lent is back and the core has forgotten the body. Called
 * exactly once for every body that was accepted. A body that was refused (the call returned a
 * verdict) is not released.
 *
 * pull is called from output only; done and release from output, output_done and free: never from
 * step. None of them may call back into the connection. */
typedef struct http_body_ops {
    http_pull (*pull)(void *user, uint64_t offset, size_t want, span *lent);
    void (*done)(void *user, size_t n);
    void (*release)(void *user);
} http_body_ops;

typedef struct http_body {
    const http_body_ops *ops; /* NULL: no body */
    void *user;
} http_body;

#define HTTP_NO_BODY ((http_body){NULL, NULL})

typedef enum http_event_kind {
    HTTP_EVENT_NONE,     /* all input is used: bring more */
    HTTP_EVENT_PAUSED,   /* input is left over and must wait: read no more until the next output
                            (HTTP/1 pipelining, or a cap is hit) */
    HTTP_EVENT_REQUEST,  /* server: a request begins. ref is new */
    HTTP_EVENT_REFUSED,  /* server: a request is wrong, and will be answered with summary.status for
                            the reason in verdict: by the next step, without content, unless reply
                            has answered until then. ref is new, or its REQUEST was told. What else
                            there is of fields and summary was read and not judged: it is for logs
                          */
    HTTP_EVENT_INTERIM,  /* client: a 1xx response */
    HTTP_EVENT_RESPONSE, /* client: the final response begins */
    HTTP_EVENT_DATA,     /* body bytes; the applet owes a credit of `credit` bytes for them */
    HTTP_EVENT_TRAILERS, /* fields after the body; always the end of it */
    HTTP_EVENT_PUSH, /* client: ref was promised on `parent`; the request it answers is in fields */
    HTTP_EVENT_CLOSED,   /* a stream with a user attached is gone: reset, refused or both ends done;
                            ref is stale */
    HTTP_EVENT_ROOM,     /* client: session_room() grew, after it had been refused or zero */
    HTTP_EVENT_SETTINGS, /* the peer's SETTINGS were applied */
    HTTP_EVENT_PONG,     /* the peer acknowledged our PING; data holds its 8 bytes */
    HTTP_EVENT_GOAWAY, /* the peer will take no new streams; last_id, code and data (debug data) say
                          more */
    HTTP_EVENT_ALTSVC, /* RFC 7838 section 4: origin in name (may be empty), the value in data */
    HTTP_EVENT_ORIGIN, /* RFC 8336 section 2: entries of a two-byte length and an origin, in data */
    HTTP_EVENT_OVER    /* the connection is over: flush what output still gives, then close. verdict
                          says why, VERDICT_NONE when it was drained */
} http_event_kind;

/* One thing that happened. Spans and fields live until the next step on any connection that shares
 * its scratch. */
typedef struct http_event {
    http_event_kind kind;
    http_ref ref;
    void *user;   /* what the applet attached to the stream (PUSH: to `parent`), or NULL */
    bool tunnel;  /* RESPONSE: to CONNECT or an Upgrade, and accepts it: content is the tunnel's */
    bool end;     /* REQUEST, RESPONSE, DATA, TRAILERS: the peer's side of the stream ends here */
    bool by_peer; /* CLOSED: the peer reset it */
    bool early_close;     /* CLOSED: not both sides were finished */
    bool never_processed; /* CLOSED: surely not acted upon, may be sent again (RFC 9113 section 8.7)
                           */
    bool old;             /* REQUEST, REFUSED, RESPONSE: it is of HTTP/1.0 */
    bool relative;        /* REQUEST: the target names no origin by itself, as HTTP/1.1 lets it:
                             origin-form        or asterisk-form (RFC 9112 section 3.2) */
    bool unanswered;      /* CLOSED, client of HTTP/1.1: not a byte of an answer has come */
    uint32_t code;        /* CLOSED, GOAWAY: an h2_code, or what else the peer sent */
    uint32_t last_id;     /* GOAWAY */
    http_ref parent;      /* PUSH */
    const http_field *fields; /* REQUEST, REFUSED, INTERIM, RESPONSE, TRAILERS, PUSH */
    size_t field_count;
    fields_summary summary; /* REQUEST, REFUSED, INTERIM, RESPONSE, PUSH */
    uint32_t head_bytes; /* client: INTERIM, RESPONSE, TRAILERS: the header block on the wire; over
                            HTTP/1.1, where nothing is compressed, as head_plain */
    uint32_t head_plain; /* and the bytes of names and values */
    span data;           /* DATA, PONG, GOAWAY, ALTSVC, ORIGIN */
    span name;           /* ALTSVC */
    size_t credit;   /* DATA: bytes to give back by _credit, when the applet is done with them */
    verdict verdict; /* REFUSED, CLOSED, OVER; VERDICT_NONE when nobody is at fault */
} http_event;

#endif
