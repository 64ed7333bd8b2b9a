/* One connection of the client and the requests that go over it. */
#ifndef H2BOX_APPLETS_CLIENT_FETCH_H
#define H2BOX_APPLETS_CLIENT_FETCH_H

#include "applets/client/client.h"
#include "applets/client/detour.h"
#include "applets/common/frame_log.h"

typedef struct fetch {
    client_run *run;
    request *requests; /* all to the same scheme, host and port; pushed ones are added */
    request **last;
    request *waiting, **waiting_last; /* to be sent, next one first; some may have timed out */
    timer patience;                   /* nothing runs and nothing may be sent */
    uint32_t pushes;                  /* taken so far */
    dial *dial;
    net_link *link;
    frame_log log;
    detour detour;
    char tls_name[DETOUR_HOST_ROOM]; /* for SNI and the certificate's check */
    uint64_t dial_us, connected_us;
    uint64_t settled_bytes;
    uint32_t connection; /* of the run, from 1 */
    uint32_t sent;       /* requests on this connection */
    uint32_t running;
    uint32_t pushing; /* of these, what nobody asked for */
    uint32_t settled; /* on this connection */
    bool ever_connected, ever_settled;
    bool goaway;         /* the server takes no more requests here, without an error */
    bool again;          /* a request may be sent once more, on another connection */
    bool fault;          /* no other connection would do better */
    const char *stopped; /* why we ended it */
    const char *why;     /* the connection failed: every request that is not done has */
} fetch;

/* Dials and runs the loop until every request is done or has failed, over as many connections as
 * the server makes necessary. The outcome is in the requests. */
void fetch_all(fetch *f, client_run *run, request *requests);

/* One more request to the same server, in the middle of that. */
void fetch_add(fetch *f, request *r);

/* What no request of ours began (a push): counted, and attached to its stream. */
void fetch_adopt(fetch *f, request *r, http_ref ref);

/* Ends the connection: whatever is not done has failed. */
void fetch_stop(fetch *f, const char *why);

#endif
