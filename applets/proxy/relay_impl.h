/* The inside of a relay: its struct, and what relay*.c ask of each other. */
#ifndef H2BOX_APPLETS_PROXY_RELAY_IMPL_H
#define H2BOX_APPLETS_PROXY_RELAY_IMPL_H

#include "applets/common/websocket_key.h"
#include "applets/proxy/pipe.h"
#include "applets/proxy/relay.h"

/* Who may still call a relay. */
enum {
    RELAY_NEAR = 1,      /* the client's stream */
    RELAY_FAR = 2,       /* the backend's stream */
    RELAY_UP_BODY = 4,   /* the backend's session has the request's content */
    RELAY_DOWN_BODY = 8, /* the client's session has the answer's */
    RELAY_SEAT = 16,     /* the pool */
    RELAY_AGAIN = 32     /* the loop, to send it once more */
};

/* A request's fields, kept. */
typedef struct relay_request {
    http_field *fields;
    size_t count;
    fields_summary summary;
    void *block; /* where they lie */
    size_t block_size;
    bool old; /* of HTTP/1.0 */
} relay_request;

typedef struct relay {
    front_stream near; /* first: what events of the client's stream find */
    proxying *worker;
    generation *generation;
    const plan_pattern *pattern; /* NULL: none is needed (PLAN_DIRECT), or none was found */
    uint32_t pattern_index;
    unsigned holds;
    pool_link *back; /* NULL: no stream of a backend */
    http_ref far;
    pool_seat seat;
    loop_task again;
    pipe up, down;
    relay_request request;
    relay_request *trailers; /* of its content; NULL: none, or not yet */
    timer limit;             /* the backend's time to say something */
    uint64_t heard_ms;       /* when it last did */
    uint64_t began_us;
    uint64_t sent;   /* content of the answer that was written */
    uint16_t status; /* of the answer; 0: none yet */
    uint8_t tries;
    uint8_t informs;       /* 1xx responses so far */
    bool has_content : 1;  /* the request does not end with its fields */
    bool tunnel : 1;       /* CONNECT, or an upgrade */
    bool upgrade : 1;      /* by Upgrade of HTTP/1.1, which need not be taken */
    bool answered : 1;     /* a final answer was given to the client's session */
    bool complete : 1;     /* the backend's answer is whole */
    bool from_backend : 1; /* the answer is the backend's */
    bool pushed_far : 1;   /* its stream was opened by the backend */
    bool logged : 1;
    bool fresh : 1; /* wants a connection that nobody used */
    bool has_cookie : 1;
    uint32_t affinity;
    const plan_backend *backend; /* that answered, or was tried last */
    uint8_t websocket_key[WEBSOCKET_KEY];
    bool websocket; /* it asks for one, and that is its key */
    span page;      /* an answer of our own */
} relay;

/* ---- relay_request.c ---- */

/* Copies a request's fields. False: no memory, or its client's requests have too many already
 * (LIMIT_PROXY_FIELDS). */
bool relay_request_keep(relay_request *r, front *near, const http_field *f, size_t n,
                        uint64_t content_length);
void relay_request_leave(const relay_request *r, front *near); /* the client's stream is gone */
void relay_request_free(relay_request *r, const mem *m);

/* How many of these are not pseudo-header fields, which come first. */
size_t relay_request_count(const http_field *f, size_t n);

/* Makes a GET of one with :protocol. */
void relay_request_decline(relay_request *r);

/* The same for the trailers behind its content, which are left out when they cannot be kept. */
relay_request *relay_request_keep_trailers(front *near, const http_field *f, size_t n);
void relay_request_leave_trailers(const relay_request *r, front *near); /* NULL is nothing */
void relay_request_free_trailers(relay_request *r, const mem *m);       /* NULL is nothing */

/* ---- relay.c ---- */

/* A relay for a stream that is attached to it; NULL: no memory, and the stream is answered or
 * reset. */
relay *relay_new(front *f, http_ref ref, const http_field *fields, size_t n,
                 const fields_summary *s);

/* Gives up one of RELAY_...; frees it with the last. */
void relay_let_go(relay *r, unsigned hold);

/* Ends the backend's stream, if there is one. */
void relay_cancel(relay *r, h2_code code);

/* ---- relay_route.c: which backend ---- */

/* Finds its pattern, and a connection, and sends it. */
void relay_route(relay *r);

/* The same once more, after a backend that has not taken it. */
void relay_route_again(relay *r);

/* ---- relay_send.c: to the backend ---- */

/* Sends it on a connection that the pool has found. */
void relay_send(relay *r, pool_link *k);

/* From now on the backend has its time to say something, and to take what it is sent. */
void relay_send_watch(relay *r);

/* Sends it once more, soon, when its content is back. */
void relay_send_again(relay *r);

/* Gives the trailers that were kept to the backend's session, if it has the request. */
void relay_send_trailers(relay *r);

/* What rewriting needs to know, of either side. */
void relay_send_facts(const relay *r, const pool_link *k, rewrite_facts *facts);

/* ---- relay_answer.c: to the client ---- */

void relay_answer_event(void *user, pool_link *k, const http_event *ev);

/* ---- relay_page.c: answers of our own ---- */

/* Answers it by ourselves, with a page for the status and the fields given. */
void relay_page_answer(relay *r, unsigned status, const http_field *f, size_t n);

/* The same for a failure, which is logged; when an answer was begun already, it is cut. */
void relay_page_refuse(relay *r, unsigned status, const char *why);

/* ---- relay_push.c ---- */

void relay_push_promised(relay *parent, pool_link *k, const http_event *ev);
void relay_push_preloads(relay *r, const http_event *ev);

/* ---- relay_log.c ---- */

/* Its line in the access log, once. */
void relay_log(relay *r);

/* A line of any request, whoever has answered it. */
typedef struct relay_line {
    const log_format *format; /* NULL: there is no access log */
    const relay_request *request;
    bool whole; /* its target is told as a whole URI */
    unsigned status;
    uint64_t bytes;
    uint64_t began_us;
    span backend_host; /* empty: it was answered by ourselves */
    uint16_t backend_port;
} relay_line;

void relay_log_line(front *f, const relay_line *x);

/* A message of a client over HTTP/2, or to it, into PLAN_LOG_REQUESTS or PLAN_LOG_ANSWERS. */
void relay_log_fields(front *f, plan_log which, const http_field *v, size_t n);

/* Into the error log: why it is answered with a status of our own. */
void relay_log_complain(const relay *r, unsigned status, const char *why);
void relay_log_say(void *worker, const char *level, const char *text);

#endif
