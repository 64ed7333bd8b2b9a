/* What the parts of the client share: its settings, and the requests it makes. */
#ifndef H2BOX_APPLETS_CLIENT_CLIENT_H
#define H2BOX_APPLETS_CLIENT_CLIENT_H

#include "applets/client/decode.h"
#include "applets/common/h2_options.h"
#include "applets/common/tls_options.h"
#include "applets/opt.h"
#include "core/uri.h"
#include "netio/net.h"

#include <stdio.h>

typedef struct client_settings {
    uint32_t verbose;
    bool null_out, remote_name, statistics;
    bool no_push, no_content_length, continuation;
    uint64_t timeout_ms;
    int64_t multiply, peer_streams, max_streams;
    h2_options h2;
    tls_options tls;
    const char *cert, *key;
    bool insecure, no_verify_peer;
    opt_sizes table_sizes;
    opt_list headers, trailers;
    const char *upload;
} client_settings;

typedef enum request_state {
    REQUEST_WAITS,
    REQUEST_RUNS,
    REQUEST_DONE,
    REQUEST_FAILED
} request_state;

/* One exchange. Made before the first connection, or when the server promises one. */
typedef struct request {
    uri uri;       /* borrows from text */
    uint8_t *text; /* owned */
    request_state state;
    bool pushed, ended; /* ended: the response came whole */
    uint8_t tries;      /* times it was sent */
    uint16_t status;
    http_ref ref;
    uint64_t start_us, end_us; /* loop_now_us */
    uint64_t received;         /* body bytes as they came */
    decode *decode;            /* content coding being undone, or NULL */
    FILE *save;                /* -O: where the body goes; NULL: stdout */
    timer limit;
    struct fetch *fetch;
    struct request *next;      /* to the same server, in the order of the command line */
    struct request *wait_next; /* in fetch.waiting */
} request;

#endif
