/* The site: what a static server answers to a request, out of a directory.
 *
 * One per worker. It owns its file cache; every request that waits for a file is its own small
 * object and ends with the answer or with the stream, whichever is later. */
#ifndef H2BOX_APPLETS_SERVER_SITE_H
#define H2BOX_APPLETS_SERVER_SITE_H

#include "applets/server/facts.h"
#include "netio/net.h"

typedef struct site {
    loop *loop;
    file_cache *files;
    span server;     /* value of the server field */
    uint16_t port;   /* shown in error pages */
    bool any_method; /* answer every method as GET, as nghttpd does */
    int64_t date_at; /* the second that date shows */
    uint8_t date[DATE_LENGTH];
    facts facts;
} site;

/* False with *why: the directory cannot be served. */
bool site_open(site *s, loop *l, const char *root, const char **why);
void site_close(site *s);

/* Answers the request of a HTTP_EVENT_REQUEST, now or when its file is open. */
void site_answer(site *s, net_link *k, const http_event *ev);

/* The stream of an answer that still waits is gone: its HTTP_EVENT_CLOSED. */
void site_forget(const http_event *ev);

#endif
