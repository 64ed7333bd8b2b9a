#include "applets/server/site.h"
#include "applets/server/page.h"
#include "core/limits.h"
#include "core/path.h"

#include <string.h>

#define INDEX      "index.html"
#define FIELDS_MAX 10

/* A request while its file is being opened, and the little that its answer needs of it. A name and
 * a location lie in the request's event while that lives, then in a block of their own, which goes
 * with the stream: thousands of requests that were taken back may wait for one file. */
typedef struct pending {
    site *site;
    net_link *link; /* NULL: the stream is gone */
    http_ref ref;
    bool head;
    bool *answered_now;      /* set when the answer comes while the request's event still lives */
    const http_event *event; /* that event, while it lives */
    int64_t since;           /* if-modified-since, DATE_MIN when absent */
    span name;               /* decoded path, with index.html where it was a folder */
    span location;           /* where a directory is, when it was worth keeping */
    uint8_t *kept;           /* the two, NULL while the event lives */
    size_t kept_size;
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
    if (status != 200) bytes_put_decimal(a->status, status);
    add(a, HTTP_FIELD_OF(STATUS, status == 200 ? SPAN("200") : span_of(a->status, 3)));
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

/* Bytes that make_location writes at most. */
static size_t location_room(const http_event *ev, span name) {
    const fields_summary *r = &ev->summary;
    return r->scheme.n + 3 + r->authority.n + 3 * name.n + 1 + r->path.n;
}

/* "http://host/dir/?query": absolute, since that is what the tools that read it are used to;
 * without an authority "/dir/?query". Empty when the path cannot be written. */
static span make_location(uint8_t *out, size_t room, const http_event *ev, span name) {
    const fields_summary *r = &ev->summary;
    const uint8_t *mark = memchr(r->path.p, '?', r->path.n);
    span query = mark ? span_skip(r->path, (size_t)(mark - r->path.p)) : SPAN("");
    size_t n = 0;
    if (r->authority.n) {
        memcpy(out, r->scheme.p, r->scheme.n);
        n += r->scheme.n;
        memcpy(out + n, "://", 3);
        n += 3;
        memcpy(out + n, r->authority.p, r->authority.n);
        n += r->authority.n;
    }
    size_t encoded = path_encode(name, out + n, room - n);
    if (encoded == 0) return SPAN("");
    n += encoded;
    out[n++] = '/';
    if (query.n) memcpy(out + n, query.p, query.n);
    return span_of(out, n + query.n);
}

static void forget_kept(pending *p) {
    mem_give(loop_mem(p->site->loop), p->kept, p->kept_size);
    p->kept = NULL;
    p->kept_size = 0;
    p->name = p->location = SPAN("");
}

static void pending_free(pending *p) {
    forget_kept(p);
    mem_give(loop_mem(p->site->loop), p, sizeof *p);
}

/* The event ends: what is needed of it moves into a block of its own. A location that is long, by
 * its escapes or its query, is not kept: a directory's path alone is then made of its name. Without
 * memory there is no name any more. */
static void keep(pending *p, const http_event *ev) {
    size_t room = location_room(ev, p->name);
    if (room > LIMIT_LOCATION) room = 0;
    span name = p->name;
    p->event = NULL;
    p->name = SPAN("");
    p->kept_size = name.n + room;
    p->kept = mem_take(loop_mem(p->site->loop), p->kept_size);
    if (!p->kept) {
        p->kept_size = 0;
        return;
    }
    memcpy(p->kept, name.p, name.n);
    p->name = span_of(p->kept, name.n);
    if (room) p->location = make_location(p->kept + name.n, room, ev, p->name);
}

static void send_directory(site *s, net_link *k, const pending *p) {
    const mem *m = loop_mem(s->loop);
    static const http_event nothing = {0};
    const http_event *ev = p->event ? p->event : &nothing;
    if (p->location.n) {
        send_error(s, k, p->ref, 301, p->location, p->head);
        return;
    }
    size_t room = location_room(ev, p->name);
    uint8_t *out = mem_take(m, room);
    if (out)
        send_error(s, k, p->ref, 301, make_location(out, room, ev, p->name), p->head);
    else
        send_error(s, k, p->ref, 503, SPAN(""), p->head);
    mem_give(m, out, room);
}

static void opened(void *user, file_status st, file *f) {
    pending *p = user;
    net_link *k = p->link;
    site *s = p->site;
    if (p->event) *p->answered_now = true;
    if (k) {
        session_attach(link_session(k), p->ref, NULL);
        if (!p->name.n) st = FILE_BUSY; /* it could not be kept */
        switch (st) {
        case FILE_OK: send_file(s, k, p, f); break;
        case FILE_DIRECTORY: send_directory(s, k, p); break;
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

/* No file system has longer names than NAME_MAX: such a path need not be asked for. */
static bool name_too_long(span name) {
    size_t n = 0;
    for (size_t i = 0; i < name.n && n <= LIMIT_NAME; i++) n = name.p[i] == '/' ? 0 : n + 1;
    return n > LIMIT_NAME;
}

/* The decoded path of the request, with index.html where it is a folder; empty when it is none. */
static span name_of(const http_event *ev, uint8_t *buffer, size_t room) {
    path decoded;
    span target = ev->summary.path;
    if (target.n > LIMIT_PATH || path_decode(target, buffer, room - sizeof INDEX, &decoded))
        return SPAN("");
    if (decoded.name.n > LIMIT_NAME && name_too_long(decoded.name)) return SPAN("");
    if (!decoded.folder) return decoded.name;
    memcpy(buffer + decoded.name.n, INDEX, sizeof INDEX - 1);
    return span_of(buffer, decoded.name.n + sizeof INDEX - 1);
}

void site_answer(site *s, net_link *k, const http_event *ev) {
    uint8_t buffer[LIMIT_PATH + 1 + sizeof INDEX];
    bool head = span_eq(ev->summary.method, SPAN("HEAD")), answered = false;
    if (!head && !s->any_method && !span_eq(ev->summary.method, SPAN("GET"))) {
        send_error(s, k, ev->ref, 405, SPAN(""), head);
        return;
    }
    span name = name_of(ev, buffer, sizeof buffer);
    pending *p = name.n ? mem_take(loop_mem(s->loop), sizeof *p) : NULL;
    if (!p) {
        send_error(s, k, ev->ref, name.n ? 503 : 404, SPAN(""), head);
        return;
    }
    *p = (pending){.site = s,
                   .link = k,
                   .ref = ev->ref,
                   .head = head,
                   .answered_now = &answered,
                   .event = ev,
                   .since = since_of(s, ev),
                   .name = name};
    /* Attached first: when the answer comes within the call, opened() detaches it and p is gone. */
    session_attach(link_session(k), p->ref, p);
    file_open(s->files, p->name, opened, p);
    if (!answered) keep(p, ev);
}

void site_forget(const http_event *ev) {
    pending *p = ev->user;
    p->link = NULL;
    forget_kept(p);
}
