/* What the files that make a plan share.
 *
 * All that a plan points to is taken from it, lives as long as it and goes with it. Makers return
 * false with a message in the making's `why`. */
#ifndef H2BOX_APPLETS_PROXY_PLAN_PARTS_H
#define H2BOX_APPLETS_PROXY_PLAN_PARTS_H

#include "applets/proxy/options.h"
#include "applets/proxy/plan.h"

typedef struct plan_making {
    plan *plan;
    const proxy_settings *set;
    bool old_name;
    char *why;
    size_t room;
} plan_making;

/* n zeroed bytes, aligned for any type; NULL with a message. n may be 0. */
void *plan_take(plan_making *m, size_t n);

/* A copy of a text, with a NUL. */
char *plan_text(plan_making *m, span s);
span plan_span(plan_making *m, span s); /* empty with a NULL p when it could not be taken */

/* Writes the message; false. */
bool plan_fail(plan_making *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- plan_routes.c: backends, as texts, into patterns and routes ---- */

typedef struct plan_texts {
    const char *const *v;
    size_t count;
    bool numeric; /* hosts must be addresses, unless they have dns */
} plan_texts;

bool plan_routes_make(plan_making *m, const plan_texts *backends);

/* ---- plan_fronts.c ---- */

bool plan_fronts_make(plan_making *m);

/* ---- plan_fields.c: what is rewritten ---- */

bool plan_fields_make(plan_making *m);

/* ---- plan_tls.c ---- */

bool plan_tls_front(plan_making *m);

/* Configurations for backends, of which it makes those that any backend needs and that are not
 * there yet. */
bool plan_tls_back(plan_making *m);

/* ---- plan_sessions.c: configurations of sessions, and times ---- */

void plan_sessions_make(plan_making *m);

#endif
