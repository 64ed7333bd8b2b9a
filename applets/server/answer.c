#include "applets/server/answer.h"
#include "applets/server/site.h"
#include "core/accept.h"

#include <stdio.h>
#include <string.h>

void answer_begin(answer *a, const site *s, unsigned status) {
    a->n = 0;
    a->code = status;
    if (status != 200) bytes_put_decimal(a->status, status);
    answer_add(a, HTTP_FIELD_OF(STATUS, status == 200 ? SPAN("200") : span_of(a->status, 3)));
    answer_add(a, HTTP_FIELD_OF(SERVER, s->plan->server));
}

void answer_add_date(answer *a, site *s) {
    int64_t now = loop_unix_seconds(s->loop);
    if (now != s->date_at) {
        date_format(now, s->date);
        s->date_at = now;
    }
    answer_add(a, HTTP_FIELD_OF(DATE, span_of(s->date, DATE_LENGTH)));
}

void answer_add_length(answer *a, uint64_t n) {
    answer_add(a,
               HTTP_FIELD_OF(CONTENT_LENGTH, span_of(a->length, bytes_put_decimal(a->length, n))));
}

/* ---- what every answer has ---- */

static bool over_http1(net_link *k) { return strcmp(session_protocol(link_session(k)), "h2") != 0; }

static void drop_length(answer *a) {
    size_t kept = 0;
    for (size_t i = 0; i < a->n; i++)
        if (a->fields[i].token != HTTP_TOKEN_CONTENT_LENGTH) a->fields[kept++] = a->fields[i];
    a->n = kept;
}

/* What --header, --trailer and --altsvc add to every answer. An HTTP/2 connection was told of
 * alternatives by a frame. In HTTP/1.1 only chunks have trailers behind them, and content with a
 * length is not sent in chunks (RFC 9112 section 7.1.2). */
static void add_extra(answer *a, const plan *p, net_link *k, bool content) {
    if (p->extra_count) {
        memcpy(a->fields + a->n, p->extra, p->extra_count * sizeof *p->extra);
        a->n += p->extra_count;
    }
    if (p->altsvc.n && over_http1(k)) answer_add(a, HTTP_FIELD_OF(ALT_SVC, p->altsvc));
    if (!p->trailer_count) return;
    if (content && over_http1(k)) drop_length(a);
    answer_add(a, HTTP_FIELD_OF(TRAILER, p->trailer_names));
}

static void send(answer *a, const plan *p, net_link *k, http_ref ref, http_body body) {
    session *s = link_session(k);
    add_extra(a, p, k, body.ops);
    verdict v = session_reply(s, ref, a->fields, a->n, body);
    if (v.scope != VERDICT_NONE) {
        if (body.ops) body.ops->release(body.user);
        session_reset(s, ref, H2_INTERNAL_ERROR);
    } else if (p->trailer_count && body.ops) {
        session_trailers(s, ref, p->trailers, p->trailer_count);
    }
    link_touch(k);
}

void answer_send(answer *a, exchange *r, http_body body) {
    net_link *k = r->link;
    http_ref ref = r->ref;
    const plan *p = r->site->plan;
    if (r->log) {
        r->status = a->code;
        if (body.ops) body = exchange_count(r, body);
    }
    exchange_leave(r);
    send(a, p, k, ref, body);
    exchange_end(r);
}

/* ---- errors ---- */

static http_body add_page(answer *a, const site *s, unsigned status, bool coded, bool head) {
    const error_page *it = error_page_of(s->plan->pages, status);
    const span *bytes = coded && it->coded.n ? &it->coded : &it->plain;
    answer_add(a, HTTP_FIELD_OF(CONTENT_TYPE, SPAN("text/html; charset=UTF-8")));
    if (bytes == &it->coded) answer_add(a, HTTP_FIELD_OF(CONTENT_ENCODING, SPAN("gzip")));
    if (it->coded.n) answer_add(a, HTTP_FIELD_OF(VARY, SPAN("accept-encoding")));
    answer_add_length(a, bytes->n);
    return head ? HTTP_NO_BODY : error_page_body(bytes);
}

static bool takes_gzip(const http_field *fields, size_t n) {
    const http_field *f = fields_find(fields, n, HTTP_TOKEN_ACCEPT_ENCODING);
    return f && accept_prefers(f->value, SPAN("gzip"));
}

static void begin_error(answer *a, site *s, unsigned status) {
    answer_begin(a, s, status);
    answer_add_date(a, s);
    if (status == 405) answer_add(a, HTTP_FIELD_OF(ALLOW, s->plan->allow));
}

static void send_error(answer *a, exchange *r) {
    bool coded = r->site->plan->error_gzip && takes_gzip(r->fields, r->field_count);
    http_body body = add_page(a, r->site, a->code, coded, r->head);
    answer_send(a, r, body);
}

void answer_error(exchange *r, unsigned status) {
    answer a;
    begin_error(&a, r->site, status);
    send_error(&a, r);
}

void answer_unsatisfiable(exchange *r, uint64_t size) {
    answer a;
    begin_error(&a, r->site, 416);
    int n = snprintf((char *)a.range, sizeof a.range, "bytes */%llu", (unsigned long long)size);
    answer_add(&a, HTTP_FIELD_OF(CONTENT_RANGE, span_of(a.range, (size_t)n)));
    send_error(&a, r);
}

static void send_directory(exchange *r, span location) {
    answer a;
    begin_error(&a, r->site, 301);
    if (location.n) answer_add(&a, HTTP_FIELD_OF(LOCATION, location));
    send_error(&a, r);
}

void answer_directory(exchange *r) {
    static const http_event nothing = {0};
    const http_event *ev = r->event ? r->event : &nothing;
    if (r->location.n) {
        send_directory(r, r->location);
        return;
    }
    const mem *m = loop_mem(r->site->loop);
    size_t room = exchange_location_room(ev, r->name);
    uint8_t *out = mem_take(m, room);
    if (out)
        send_directory(r, exchange_location(ev, r->name, out, room));
    else
        answer_error(r, 503);
    mem_give(m, out, room);
}

void answer_refuse(site *s, net_link *k, const http_event *ev, unsigned status) {
    answer a;
    bool head = span_eq(ev->summary.method, SPAN("HEAD"));
    bool coded = s->plan->error_gzip && takes_gzip(ev->fields, ev->field_count);
    begin_error(&a, s, status);
    http_body body = add_page(&a, s, status, coded, head);
    send(&a, s->plan, k, ev->ref, body);
}
