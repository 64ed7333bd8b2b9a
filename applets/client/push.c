#include "applets/client/push.h"
#include "applets/client/har.h"
#include "applets/client/request.h"
#include "core/limits.h"

#include <stdlib.h>

/* The promised request; its address is made of what the promise says. */
static request *promised(const fetch *f, const http_event *ev) {
    size_t room = ev->summary.authority.n + ev->summary.path.n + 16;
    char *typed = malloc(room);
    const char *why;
    if (!typed) return NULL;
    int n = snprintf(typed, room, "%s://%.*s%.*s", f->requests->uri.https ? "https" : "http",
                     (int)ev->summary.authority.n, (const char *)ev->summary.authority.p,
                     (int)ev->summary.path.n, (const char *)ev->summary.path.p);
    request *r = request_new(NULL, span_of(typed, (size_t)n), &why);
    free(typed);
    return r;
}

void push_take(fetch *f, const http_event *ev) {
    session *s = link_session(f->link);
    if (f->pushes++ == LIMIT_PUSHES) fetch_stop(f, "too many promised responses");
    if (!span_ieq(ev->summary.authority, f->requests->uri.authority)) {
        session_reset(s, ev->ref, H2_PROTOCOL_ERROR);
        return;
    }
    request *r = f->pushes <= LIMIT_PUSHES ? promised(f, ev) : NULL;
    if (!r) {
        session_reset(s, ev->ref, H2_REFUSED_STREAM);
        return;
    }
    r->kind = REQUEST_PUSHED;
    fetch_adopt(f, r, ev->ref);
    har_request(f->run->har, r, ev->fields, ev->field_count, 0);
}
