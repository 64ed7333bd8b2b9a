#include "applets/client/follow.h"
#include "applets/client/fetch.h"
#include "applets/client/fields_out.h"
#include "applets/client/redirect.h"
#include "applets/client/request.h"

#include <stdlib.h>

/* Has an earlier request of this chain asked for the same? Then the next one would, too. */
static bool is_loop(const request *r, const request *next) {
    for (; r; r = r->from)
        if (span_eq(r->uri.target, next->uri.target) && request_same_origin(&r->uri, &next->uri) &&
            r->plain_get == next->plain_get)
            return true;
    return false;
}

static const char *check(request *next, request *r) {
    client_run *run = r->fetch->run;
    redirect rule;
    const char *why =
        redirect_follow(r->status, fields_out_method(r, run), &r->uri, &next->uri, &rule);
    if (why) return why;
    next->plain_get = r->plain_get || rule.as_get;
    next->stranger = r->stranger || rule.stranger;
    next->hops = (uint8_t)(r->hops + 1);
    if (next->hops > run->set->max_redirs) return "too many redirects";
    return is_loop(r, next) ? "the redirects go in a circle" : NULL;
}

const char *follow_redirect(request *r, const http_event *ev) {
    client_run *run = r->fetch->run;
    const char *why;
    if (!run->set->location || !redirect_is(r->status) || r->kind == REQUEST_PUSHED) return NULL;
    const http_field *location = fields_find(ev->fields, ev->field_count, HTTP_TOKEN_LOCATION);
    if (!location) return NULL;
    request *next = request_new(&r->uri, location->value, &why);
    if (!next) return "its redirect leads to no address that can be fetched";
    if ((why = check(next, r))) {
        request_free(next);
        return why;
    }
    next->kind = r->kind;
    next->number = r->number;
    next->priority = r->priority;
    next->from = r;
    r->redirected = true;
    if (request_same_origin(&r->uri, &next->uri))
        fetch_add(r->fetch, next);
    else
        request_queue(run, next);
    return NULL;
}

/* As browsers order them: what holds up the page first, what can be shown in parts in turns. */
static priority priority_of(asset_kind kind) {
    switch (kind) {
    case ASSET_STYLE:
    case ASSET_BLOCKING: return (priority){0, false};
    case ASSET_SCRIPT: return (priority){1, false};
    case ASSET_IMAGE: return (priority){3, true};
    default: return PRIORITY_DEFAULT;
    }
}

void follow_asset(void *page, asset_kind kind, const uri *address) {
    request *r = page;
    fetch *f = r->fetch;
    client_run *run = f->run;
    const char *why;
    if (run->assets == LIMIT_ASSETS) return;
    if (run->set->multiply == 1) {
        for (const request *o = f->requests; o; o = o->next)
            if (span_eq(o->uri.target, address->target)) return;
    }
    request *next = request_new(NULL, address->text, &why);
    if (!next) return;
    run->assets++;
    next->kind = REQUEST_ASSET;
    next->number = r->number;
    next->stranger = r->stranger;
    next->priority = priority_of(kind);
    fetch_add(f, next);
}
