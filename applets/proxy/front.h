/* A client's connection to the proxy: what its requests need to know of it, and its streams.
 *
 * Made when it is accepted, gone when its link is closed; its streams are told first. A stream's
 * user is a front_stream: a relay, or what answers by itself and still listens. */
#ifndef H2BOX_APPLETS_PROXY_FRONT_H
#define H2BOX_APPLETS_PROXY_FRONT_H

#include "applets/proxy/proxying.h"

typedef struct front_stream front_stream;

typedef struct front_stream_calls {
    /* DATA and TRAILERS of the request. */
    void (*content)(front_stream *s, const http_event *ev);
    /* Its content is broken or late (HTTP_EVENT_REFUSED). */
    void (*refused)(front_stream *s, const http_event *ev);
    /* The stream is gone: the last call. */
    void (*closed)(front_stream *s, const http_event *ev);
} front_stream_calls;

/* Embedded as the first thing of who is attached to a stream. */
struct front_stream {
    const front_stream_calls *calls;
    front *front; /* NULL: the stream is gone */
    http_ref ref;
};

struct front {
    proxying *worker;
    generation *generation;
    const plan_frontend *frontend;
    net_link *link;        /* NULL until it is opened */
    front *next, **prev;   /* in worker.fronts */
    struct frame_log *log; /* --frontend-frame-debug; NULL: none */
    uint32_t affinity;     /* hash of its address, not 0 */
    bool told_h2;          /* its first request over HTTP/2 has been seen */
    size_t pinned;         /* bytes that pipes of its requests pin */
    size_t kept;           /* bytes of its requests' fields, until their streams are gone */
    char by[10], for_[10]; /* "_" and eight characters: of the worker and of itself */
    char local[64];        /* our end, "192.0.2.7:443" */
};

/* For listen_calls; user is an entrance, and nothing for front_opened. */
bool front_accept(void *user, link_birth *birth);
void front_opened(void *user, net_link *k);

/* Its worker leaves: the connection ends with what runs on it, or, where nothing does and HTTP/1.1
 * has no way to say that, with its next request or when it has been idle for too long. */
void front_leave(front *f);

/* The stream has an owner now: its events go to s. False: the stream is gone. */
bool front_attach(front *f, http_ref ref, front_stream *s, const front_stream_calls *calls);

/* Answers a request that nobody is attached to, without content. */
void front_answer(front *f, http_ref ref, unsigned status);

static inline session *front_session(front *f) { return link_session(f->link); }

/* What rewriting needs to know of it, but for the backend. */
void front_facts(front *f, rewrite_facts *facts);

bool front_is_h2(front *f);

#endif
