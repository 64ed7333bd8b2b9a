/* The requests to be made: one, those of a list of URIs, of a timing script or of a file of
 * requests; and which of them is next.
 *
 * Made before the workers start and not changed from then on, so all of them share it. Fields and
 * bodies live as long as the plan. */
#ifndef H2BOX_APPLETS_LOAD_WORKLOAD_H
#define H2BOX_APPLETS_LOAD_WORKLOAD_H

#include "applets/load/template.h"
#include "applets/opt.h"
#include "core/http.h"
#include "core/uri.h"

typedef struct workload_request {
    http_field *fields;
    uint32_t count;
    span body;             /* p NULL: none */
    uint64_t weights;      /* its own and those before it, to draw from */
    template *const *vary; /* for each field NULL or what its value is made of; NULL: none varies */
    template *vary_body;   /* NULL: body as it is */
} workload_request;

typedef struct workload {
    workload_request *at;
    uint32_t count, room;
    uint64_t *offsets_us; /* timing script: when each is due on its connection; else NULL */
    bool weighted;        /* drawn by weight; else one after the other */
    uri base;             /* where they go; borrows from text */
    struct workload_block *blocks; /* what all that was allocated */
} workload;

/* What the plan is made of. */
typedef struct workload_source {
    const opt_call *call; /* for messages */
    const char *const *uris;
    size_t uri_count;
    const char *uri_file, *script_file, *request_file; /* or NULL */
    const char *base;                                  /* -B; NULL: the first URI */
    bool ordered;                                      /* in turn, weights not looked at */
    const http_field *extra;                           /* -H */
    size_t extra_count;
    const char *data_file; /* -d; or NULL */
    span data;             /* what is in it; for plan.c */
} workload_source;

/* False after a message. workload_free is owed in either case. */
bool workload_make(workload *p, workload_source *from);
void workload_free(workload *p);

/* n bytes that live as long as the plan; NULL when memory is refused. */
void *workload_take(workload *p, size_t n);

/* Adds a request for `target` with the fields of -H, whose body is `body`: method NULL stands for
 * GET or POST. Its fields can be added to up to `spare`. NULL when memory is refused. */
workload_request *workload_add(workload *p, const workload_source *from, span target, span method,
                               span body, uint32_t spare);

/* The whole of a file; "-" is standard input. p NULL after a message. Lives as long as the plan. */
span workload_read(workload *p, const opt_call *call, const char *path);

#endif
