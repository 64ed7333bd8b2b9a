/* What a server advertises (ALTSVC, ORIGIN), as a function of its number. */
#include <stdio.h>

#include "tests/sim/sim.h"

typedef struct notice_text {
    char first[32], second[32];
    span a, b;
} notice_text;

static void write(notice_text *t, unsigned number) {
    int n = snprintf(t->first, sizeof t->first, "https://a%u.test", number);
    int m = snprintf(t->second, sizeof t->second, "h2=\":%u\"", 1000 + number);
    t->a = span_of(t->first, (size_t)n);
    t->b = span_of(t->second, (size_t)m);
}

void notice_send(peer *p, bool altsvc) {
    notice_text t;
    write(&t, p->notices);
    verdict v = altsvc ? h2_conn_altsvc(p->conn, t.a, t.b) : h2_conn_origin(p->conn, &t.a, 1);
    if (v.scope == VERDICT_NONE) {
        p->notices++;
    } else if (!p->over && !p->closed && !p->drained && !p->eof && !sim_starved(p->sim)) {
        sim_fail(p->sim, "ALTSVC or ORIGIN: %s", v.why);
    }
}

void notice_told(peer *p, const http_event *ev) {
    notice_text t;
    bool same;
    write(&t, p->notices_told++);
    if (ev->kind == HTTP_EVENT_ALTSVC)
        same = span_eq(ev->name, t.a) && span_eq(ev->data, t.b);
    else
        same = ev->data.n == 2 + t.a.n && bytes_get16(ev->data.p) == t.a.n &&
               span_eq(span_skip(ev->data, 2), t.a);
    if (!same || p->notices_told > p->sim->peer[SERVER].notices)
        sim_fail(p->sim, "ALTSVC or ORIGIN is told wrongly");
}
