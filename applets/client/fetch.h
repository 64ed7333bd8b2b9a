/* One connection of the client and the requests that go over it. */
#ifndef H2BOX_APPLETS_CLIENT_FETCH_H
#define H2BOX_APPLETS_CLIENT_FETCH_H

#include "applets/client/client.h"
#include "applets/client/upload.h"
#include "applets/common/frame_log.h"

/* What all connections of one run share. Owned by the caller. */
typedef struct fetch_run {
    const client_settings *set;
    const opt_call *call; /* for messages */
    const session_config *config;
    tls_config *tls; /* NULL: no URI is https */
    loop *loop;
    upload *upload;          /* or NULL */
    const http_field *extra; /* -H, lower case */
    size_t extra_count;
    const http_field *trailers;
    size_t trailer_count;
    uint64_t start_us; /* of the run: what the log counts from */
    int output_error;  /* errno when stdout took no more */
} fetch_run;

typedef struct fetch {
    fetch_run *run;
    request *requests; /* all to the same scheme, host and port; pushed ones are added for -s */
    request **last;
    request *waiting, **waiting_last; /* to be sent, next one first; some may have timed out */
    timer patience;                   /* nothing runs and nothing may be sent */
    uint32_t pushes;                  /* taken so far */
    net_link *link;
    frame_log log;
    uint64_t connected_us;
    uint32_t running;
    uint32_t settled; /* on this connection */
    bool goaway;      /* the server takes no more requests here, without an error */
    const char *why;  /* the connection failed: every request that is not done has */
} fetch;

/* Dials and runs the loop until every request is done or has failed. The outcome is in the
 * requests. */
void fetch_all(fetch *f, fetch_run *run, request *requests);

/* Frees requests, pushed ones too. */
void fetch_free_requests(request *r);

#endif
