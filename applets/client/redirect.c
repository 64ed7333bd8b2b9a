#include "applets/client/redirect.h"

bool redirect_is(unsigned status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

const char *redirect_follow(unsigned status, span method, const uri *from, const uri *to,
                            redirect *out) {
    *out = (redirect){0};
    /* What was asked for in secret is not fetched in the open because a server says so. */
    if (from->https && !to->https) return "redirected from https to http";
    bool safe = span_eq(method, SPAN("GET")) || span_eq(method, SPAN("HEAD"));
    /* Sections 15.4.2 and 15.4.3 let POST become GET, as all user agents do; 15.4.4 (See Other)
     * means it for every method but HEAD; 15.4.8 and 15.4.9 forbid it. */
    out->as_get = !safe && (status == 303 ||
                            ((status == 301 || status == 302) && span_eq(method, SPAN("POST"))));
    out->stranger =
        from->https != to->https || from->port != to->port || !span_ieq(from->host, to->host);
    return NULL;
}
