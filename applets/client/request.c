#include "applets/client/request.h"
#include "applets/client/channel.h"
#include "applets/client/har.h"
#include "applets/client/response.h"
#include "applets/common/text.h"

#include <stdlib.h>

request *request_new(const uri *base, span ref, const char **why) {
    size_t room = ref.n * 3 + 8 + (base ? base->text.n : 0); /* percent-encoding takes three */
    request *r = calloc(1, sizeof *r);
    if (r) r->text = malloc(room);
    *why = r && r->text ? uri_resolve(base, ref, r->text, room, &r->uri) : "out of memory";
    if (*why) {
        request_free(r);
        return NULL;
    }
    r->priority = PRIORITY_DEFAULT;
    r->expected = UINT64_MAX;
    return r;
}

request *request_typed(const char *typed, const char **why) {
    span s = span_str(typed);
    bool ws = span_ieq(span_head(s, 5), SPAN("ws://")) || span_ieq(span_head(s, 6), SPAN("wss://"));
    if (!ws) return request_new(NULL, s, why);
    char *http = malloc(s.n + 3);
    *why = "out of memory";
    if (!http) return NULL;
    int n = sprintf(http, "http%s", typed + 2); /* ws becomes http, wss https */
    request *r = request_new(NULL, span_of(http, (size_t)n), why);
    free(http);
    if (r) r->kind = REQUEST_WEBSOCKET;
    return r;
}

void request_free(request *r) {
    while (r) {
        request *next = r->next;
        timer_cancel(&r->limit);
        timer_cancel(&r->patience);
        response_end(r, "abandoned");
        if (r->channel) channel_end(r->channel, NULL);
        har_forget(r->har);
        free(r->text);
        free(r);
        r = next;
    }
}

void request_queue(client_run *run, request *r) {
    r->next = NULL;
    *run->todo_last = r;
    run->todo_last = &r->next;
}

bool request_same_origin(const uri *a, const uri *b) {
    return a->https == b->https && a->port == b->port && span_ieq(a->host, b->host);
}

void request_say(const client_run *run, span about, const char *between, span why) {
    text line = {0};
    text_add_visible(&line, about);
    text_print(&line, "%s", between);
    text_add_visible(&line, why);
    opt_say(run->call, "%.*s", (int)line.n, line.p ? line.p : "");
    text_end(&line);
}
