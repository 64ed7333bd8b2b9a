#include "applets/common/alternatives.h"

#include <stdio.h>
#include <string.h>

void alternatives_tell(net_link *k, const fields_summary *request, span value) {
    char origin[300];
    if (strcmp(session_protocol(link_session(k)), "h2") != 0) return;
    int n = snprintf(origin, sizeof origin, "%.*s://%.*s", (int)request->scheme.n,
                     (const char *)request->scheme.p, (int)request->authority.n,
                     (const char *)request->authority.p);
    if (!request->authority.n || n < 0 || (size_t)n >= sizeof origin) return;
    session_altsvc(link_session(k), span_of(origin, (size_t)n), value);
}
