/* What the server was told to do, prepared: texts, tables and pages that every worker uses.
 *
 * Made once from the settings, immutable from then on. What an answer looks at comes first. */
#ifndef H2BOX_APPLETS_SERVER_PLAN_H
#define H2BOX_APPLETS_SERVER_PLAN_H

#include "applets/server/access_log.h"
#include "applets/server/options.h"
#include "applets/server/error_page.h"
#include "applets/server/types.h"

/* PATH=TARGET,...: what is pushed with the answer for a path. */
typedef struct plan_push {
    span path;
    span *targets;
    size_t count;
} plan_push;

typedef struct plan {
    span server;        /* value of the server field */
    span cache_control; /* empty: none */
    uint64_t honours;   /* bits of the tokens of request fields that count */
    bool plain;         /* as nghttpd answers: no tags, ranges, codings */
    bool any_method;    /* every method but HEAD is GET */
    bool early;         /* does not wait for the end of a request that is answered like GET */
    bool gzip, error_gzip, no_length, dotfiles, follow_links, index, echo;
    span allow; /* value of the allow field */
    http_field *extra, *trailers;
    size_t extra_count, trailer_count;
    span trailer_names;
    plan_push *pushes;
    size_t push_count;
    span altsvc;                  /* value of the alt-svc field; empty: none */
    span origins[SERVER_ORIGINS]; /* "https://host[:port]" */
    size_t origin_count;
    types *types; /* NULL: the built-in table */
    error_page pages[ERROR_PAGE_COUNT];
    log_file *log; /* NULL: none */
    char name[64];
    char *texts[8 + SERVER_ORIGINS]; /* what the spans above lie in */
    size_t text_count;
} plan;

/* False after a message, and the call has ended; *code is then what to exit with. plan_end is due
 * in any case. */
bool plan_make(plan *p, const server_settings *set, opt_call *call, int *code);

/* When the port is known, that pages show. False: no memory. */
bool plan_make_pages(plan *p, unsigned port);
void plan_end(plan *p);

#endif
