#include "applets/server/push.h"

static const plan_push *find(const plan *p, span name) {
    for (size_t i = 0; i < p->push_count; i++) {
        if (span_eq(p->pushes[i].path, name)) return &p->pushes[i];
    }
    return NULL;
}

/* The promised request goes the way of any other. */
static bool push_one(site *s, net_link *k, const http_event *ev, span path) {
    http_field f[4] = {HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(PATH, path),
                       HTTP_FIELD_OF(SCHEME, ev->summary.scheme),
                       HTTP_FIELD_OF(AUTHORITY, ev->summary.authority)};
    http_event promised = {.kind = HTTP_EVENT_REQUEST, .end = true, .fields = f, .field_count = 4};
    if (session_push(link_session(k), ev->ref, f, 4, &promised.ref).scope != VERDICT_NONE)
        return false; /* it takes no pushes, or no more of them */
    promised.summary = (fields_summary){.method = f[0].value,
                                        .path = path,
                                        .scheme = ev->summary.scheme,
                                        .authority = ev->summary.authority,
                                        .content_length = FIELDS_NO_LENGTH};
    site_answer_pushed(s, k, &promised);
    return true;
}

void push_all(site *s, net_link *k, const http_event *ev, span name) {
    const plan_push *push = ev->summary.authority.n ? find(s->plan, name) : NULL;
    for (size_t i = 0; push && i < push->count; i++) {
        if (!push_one(s, k, ev, push->targets[i])) return;
    }
}
