#include "applets/server/site.h"
#include "applets/server/page.h"
#include "core/limits.h"
#include "core/path.h"

#include <string.h>

#define INDEX      "index.html"
#define FIELDS_MAX 10

/* A request while its file is being opened, and the little that its answer needs of it. */
typedef struct pending {
    site *site;
    net_link *link; /* NULL: the stream is gone */
    http_ref ref;
    bool head;
    bool *answered_now;      /* set when the answer comes while the request's event still lives */
    const http_event *event; /* that event, while it lives */
    int64_t since;           /* if-modified-since, DATE_MIN when absent */
    span location; /* where a directory is: scheme, authority, path with "/" and query; made when
                      the event ends before the answer comes */
    size_t location_size;
    size_t size; /* of this allocation */
    span name;   /* decoded path, with index.html where it was a folder */
    uint8_t bytes[];
} pending;

typedef struct answer {
    http_field fields[FIELDS_MAX];
    size_t n;
    uint8_t status[3], length[20];
} answer;

bool site_open(site *s, loop *l, const char *root, const char **why) {
    s->loop = l;
    s->date_at = INT64_MIN;
    facts_init(&s->facts);
    s->files = file_cache_new(l, root, why);
    return s->files != NULL;
}

void site_close(site *s) { file_cache_free(s->files); }

/* ---- answers ---- */

static void add(answer *a, http_field f) { a->fields[a->n++] = f; }

static void begin(answer *a, site *s, unsigned status) {
    int64_t now = loop_unix_seconds(s->loop);
    if (now != s->date_at) {
        date_format(now, s->date);
        s->date_at = now;
    }
    a->n = 0;
    bytes_put_decimal(a->status, status);
    add(a, HTTP_FIELD_OF(STATUS, span_of(a->status, 3)));
    add(a, HTTP_FIELD_OF(SERVER, s->server));
}

static void add_date(answer *a, const site *s) {
    add(a, HTTP_FIELD_OF(DATE, span_of(s->date, DATE_LENGTH)));
}

static void add_length(answer *a, uint64_t n) {
    add(a, HTTP_FIELD_OF(CONTENT_LENGTH, span_of(a->length, bytes_put_decimal(a->length, n))));
}

static void send(net_link *k, http_ref ref, const answer *a, http_body body) {
    verdict v = session_reply(link_session(k), ref, a->fields, a->n, body);
    if (v.scope != VERDICT_NONE) {
        if (body.ops) body.ops->release(body.user);
        session_reset(link_session(k), ref, H2_INTERNAL_ERROR);
    }
    link_touch(k);
}

static void send_error(site *s, net_link *k, http_ref ref, unsigned status, span location,
                       bool head) {
    answer a;
    size_t length = 0;
    http_body body = page_error(loop_mem(s->loop), status, s->server, s->port, &length);
    begin(&a, s, status);
    add_date(&a, s);
    if (status == 405)
        add(&a, (http_field){SPAN("allow"), SPAN("GET, HEAD"), HTTP_TOKEN_OTHER, false});
    if (location.n) add(&a, HTTP_FIELD_OF(LOCATION, location));
    add(&a, HTTP_FIELD_OF(CONTENT_TYPE, SPAN("text/html; charset=UTF-8")));
    add_length(&a, length);
    if (head && body.ops) {
        body.ops->release(body.user);
        body = HTTP_NO_BODY;
    }
    send(k, ref, &a, body);
}

static void send_file(site *s, net_link *k, const pending *p, file *f) {
    answer a;
    http_body body = HTTP_NO_BODY;
    bool same = p->since != DATE_MIN && file_mtime(f) <= p->since;
    begin(&a, s, same ? 304 : 200);
    add(&a, HTTP_FIELD_OF(CACHE_CONTROL, SPAN("max-age=3600")));
    add_date(&a, s);
    if (!same) add_length(&a, file_size(f));
    add(&a, HTTP_FIELD_OF(LAST_MODIFIED, facts_date(&s->facts, file_mtime(f))));
    if (!same) add(&a, HTTP_FIELD_OF(CONTENT_TYPE, facts_type(&s->facts, p->name)));
    if (!same && !p->head && file_size(f) && !file_body(f, k, p->ref, &body)) {
        send_error(s, k, p->ref, 503, SPAN(""), false);
        return;
    }
    send(k, p->ref, &a, body);
}

/* ---- from request to file ---- */

/* "http://host/dir/?query": absolute, since that is what the tools that read it are used to;
 * without an authority "/dir/?query". In a block of its own, of *size bytes; empty when memory is
 * refused or the path cannot be written. */
static span make_location(const mem *m, const http_event *ev, span name, size_t *size) {
    const fields_summary *r = &ev->summary;
    const uint8_t *mark = memchr(r->path.p, '?', r->path.n);
    span query = mark ? span_skip(r->path, (size_t)(mark - r->path.p)) : SPAN("");
    *size = r->scheme.n + 3 + r->authority.n + 3 * name.n + 1 + query.n;
    uint8_t *out = mem_take(m, *size);
    size_t n = 0;
    if (!out) return SPAN("");
    if (r->authority.n) {
        memcpy(out, r->scheme.p, r->scheme.n);
        n += r->scheme.n;
        memcpy(out + n, "://", 3);
        n += 3;
        memcpy(out + n, r->authority.p, r->authority.n);
        n += r->authority.n;
    }
    size_t encoded = path_encode(name, out + n, *size - n);
    if (encoded == 0) {
        mem_give(m, out, *size);
        return SPAN("");
    }
    n += encoded;
    out[n++] = '/';
    if (query.n) memcpy(out + n, query.p, query.n);
    return span_of(out, n + query.n);
}

static void pending_free(pending *p) {
    const mem *m = loop_mem(p->site->loop);
    if (p->location.n) mem_give(m, (void *)(uintptr_t)p->location.p, p->location_size);
    mem_give(m, p, p->size);
}

static void keep_location(pending *p, const http_event *ev) {
    p->location = make_location(loop_mem(p->site->loop), ev, p->name, &p->location_size);
}

static void opened(void *user, file_status st, file *f) {
    pending *p = user;
    net_link *k = p->link;
    site *s = p->site;
    if (p->event) *p->answered_now = true;
    if (k) {
        session_attach(link_session(k), p->ref, NULL);
        switch (st) {
        case FILE_OK: send_file(s, k, p, f); break;
        case FILE_DIRECTORY:
            if (p->event) keep_location(p, p->event);
            send_error(s, k, p->ref, 301, p->location, p->head);
            break;
        case FILE_MISSING: send_error(s, k, p->ref, 404, SPAN(""), p->head); break;
        case FILE_BUSY: send_error(s, k, p->ref, 503, SPAN(""), p->head); break;
        }
    }
    if (f) file_close(f);
    pending_free(p);
}

static int64_t since_of(const site *s, const http_event *ev) {
    int64_t seconds = DATE_MIN;
    const http_field *f = fields_find(ev->fields, ev->field_count, HTTP_TOKEN_IF_MODIFIED_SINCE);
    if (f) date_parse(f->value, loop_unix_seconds(s->loop), &seconds);
    return seconds;
}

/* The request in an object of its own: the event's spans end with the event. NULL when memory is
 * refused or the path is none. */
static pending *pending_new(site *s, net_link *k, const http_event *ev, bool head,
                            unsigned *status) {
    const fields_summary *m = &ev->summary;
    uint8_t target[LIMIT_PATH + 1];
    path decoded;
    *status = 404;
    if (m->path.n > LIMIT_PATH || path_decode(m->path, target, sizeof target, &decoded))
        return NULL;
    size_t size = sizeof(pending) + decoded.name.n + sizeof INDEX;
    pending *p = mem_take(loop_mem(s->loop), size);
    *status = 503;
    if (!p) return NULL;
    *p = (pending){.site = s,
                   .link = k,
                   .ref = ev->ref,
                   .head = head,
                   .event = ev,
                   .size = size,
                   .since = since_of(s, ev)};
    memcpy(p->bytes, decoded.name.p, decoded.name.n);
    p->name = span_of(p->bytes, decoded.name.n);
    if (decoded.folder) {
        memcpy(p->bytes + p->name.n, INDEX, sizeof INDEX - 1);
        p->name.n += sizeof INDEX - 1;
    }
    return p;
}

void site_answer(site *s, net_link *k, const http_event *ev) {
    bool head = span_eq(ev->summary.method, SPAN("HEAD")), answered = false;
    unsigned status = 405;
    pending *p = NULL;
    if (head || s->any_method || span_eq(ev->summary.method, SPAN("GET")))
        p = pending_new(s, k, ev, head, &status);
    if (!p) {
        send_error(s, k, ev->ref, status, SPAN(""), head);
        return;
    }
    p->answered_now = &answered;
    /* Attached first: when the answer comes within the call, opened() detaches it and p is gone. */
    session_attach(link_session(k), p->ref, p);
    file_open(s->files, p->name, opened, p);
    if (answered) return;
    p->event = NULL;
    keep_location(p, ev);
}

void site_forget(const http_event *ev) {
    pending *p = ev->user;
    p->link = NULL;
}
