/* The site: what a static server answers to a request, out of a directory.
 *
 * One per worker. It owns its file cache, its coded files and its part of the access log; every
 * request that waits for something is its own small object (exchange.h). */
#ifndef H2BOX_APPLETS_SERVER_SITE_H
#define H2BOX_APPLETS_SERVER_SITE_H

#include "applets/server/facts.h"
#include "applets/server/gzip_cache.h"
#include "applets/server/plan.h"

#define SITE_INDEX        "index.html"
#define SITE_INDEX_LENGTH (sizeof SITE_INDEX - 1)

typedef struct site {
    loop *loop;
    const plan *plan;
    file_cache *files;
    gzip_cache *gzip;  /* NULL: nothing is coded */
    log_writer *log;   /* NULL: nothing is logged */
    unsigned listings; /* being made */
    int64_t date_at;   /* the second that date shows */
    uint8_t date[DATE_LENGTH];
    facts facts;
} site;

/* False with *why: the directory cannot be served. p outlives it. */
bool site_open(site *s, loop *l, const plan *p, const char *root, const char **why);
void site_close(site *s);

/* An event of a link that serves the site: requests, their content, their end. */
void site_take(site *s, net_link *k, const http_event *ev);

/* A request that we have promised ourselves. */
void site_answer_pushed(site *s, net_link *k, const http_event *ev);

/* 100 (Continue), when the client waits for it (RFC 9110 section 10.1.1). */
void site_continue(net_link *k, const http_event *ev);

#endif
