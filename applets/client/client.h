/* What the parts of the client share: its settings, the run, and the requests it makes. */
#ifndef H2BOX_APPLETS_CLIENT_CLIENT_H
#define H2BOX_APPLETS_CLIENT_CLIENT_H

#include "applets/client/upload.h"
#include "applets/common/h2_options.h"
#include "applets/common/tls_options.h"
#include "applets/opt.h"
#include "core/priority.h"
#include "core/uri.h"
#include "netio/net.h"

#include <stdio.h>

typedef struct client_settings {
    uint32_t verbose;
    bool null_out, remote_name, statistics, json;
    bool no_push, no_content_length, continuation, expect_continue, compress;
    bool assets, fail, location, http1, upgrade;
    uint64_t timeout_ms, max_time_ms, frame_size;
    int64_t multiply, peer_streams, max_streams, max_redirs;
    h2_options h2;
    tls_options tls;
    const char *cert, *key;
    bool insecure;
    opt_sizes table_sizes;
    opt_list headers, trailers, priorities, resolves, routes;
    const char *upload, *har, *tunnel;
} client_settings;

/* What all connections of one run share. Owned by client.c. */
typedef struct client_run {
    const client_settings *set;
    const opt_call *call; /* for messages */
    const session_config *config;
    loop *loop;
    tls_config *tls;         /* NULL: no URI is https */
    tls_tickets *tickets;    /* to resume with, between the connections of the run */
    upload *upload;          /* or NULL */
    const http_field *extra; /* -H, lower case */
    size_t extra_count;
    const http_field *trailers;
    size_t trailer_count;
    struct request *todo, **todo_last; /* what no connection has taken yet */
    struct har *har;                   /* or NULL */
    struct json_log *json;             /* or NULL */
    struct progress *progress;         /* or NULL */
    uint64_t start_us;                 /* of the run: what the log counts from */
    uint64_t unix_start_us;            /* the same moment by the clock on the wall */
    int output_error;                  /* errno when stdout took no more */
    const char *stopped;               /* why the whole run ends; NULL: it does not */
    timer limit;                       /* --max-time */
    struct fetch *fetch;               /* the connection at work */
    struct request *finished;          /* of connections that are over */
    uint32_t assets;                   /* requested so far */
    uint32_t connections;              /* dialled so far */
} client_run;

typedef enum request_state {
    REQUEST_WAITS,
    REQUEST_RUNS,
    REQUEST_DONE,
    REQUEST_FAILED
} request_state;

typedef enum request_kind {
    REQUEST_ASKED,  /* on the command line, or what a redirect made of it */
    REQUEST_ASSET,  /* named by a page that was asked for (-a) */
    REQUEST_PUSHED, /* promised by the server */
    REQUEST_TUNNEL, /* CONNECT to where --connect says */
    REQUEST_WEBSOCKET,
    REQUEST_OPENER /* OPTIONS *, to carry Upgrade where a body follows */
} request_kind;

/* One exchange. */
typedef struct request {
    uri uri;         /* borrows from text */
    uint8_t *text;   /* owned */
    uint32_t number; /* of the operand it goes back to */
    request_kind kind;
    request_state state;
    bool ended;       /* the response came whole */
    bool plain_get;   /* a redirect made it a GET without content */
    bool stranger;    /* a redirect led to another origin: no credentials */
    bool redirected;  /* answered by another request, which counts in its place */
    uint8_t tries;    /* times it was sent */
    uint8_t hops;     /* redirects that led here */
    uint8_t interims; /* 1xx answers so far */
    uint16_t status;
    http_ref ref;
    priority priority;
    const char *said_priority;                         /* --extpri, as given, or NULL */
    uint64_t connected_us, start_us, first_us, end_us; /* loop_now_us; 0: not yet */
    uint64_t received;                                 /* body bytes as they came */
    uint64_t content;                                  /* and when their coding was undone */
    uint64_t expected;                                 /* content-length; UINT64_MAX: not told */
    uint32_t connection;                               /* of the run, from 1 */
    bool http1;                                        /* sent by HTTP/1.1 */
    struct response *response;                         /* while it comes */
    struct channel *channel;                           /* of a tunnel or WebSocket */
    struct har_entry *har;
    upload_hold *hold; /* its content waits for 100 (Continue), or NULL */
    timer limit, patience;
    struct fetch *fetch;
    struct request *from;      /* what redirected to it */
    struct request *next;      /* to the same server, in the order they were made */
    struct request *wait_next; /* in fetch.waiting */
} request;

#endif
