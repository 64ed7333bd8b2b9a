#include "applets/server/site.h"
#include "applets/server/answer.h"
#include "applets/server/content.h"
#include "applets/server/echo.h"
#include "applets/server/folder_page.h"
#include "applets/server/push.h"
#include "core/limits.h"
#include "core/path.h"

#include <string.h>

/* A decoded path, index.html and a NUL. */
#define NAME_ROOM (LIMIT_PATH + 1 + sizeof SITE_INDEX)

bool site_open(site *s, loop *l, const plan *p, const char *root, const char **why) {
    *s = (site){.loop = l, .plan = p, .date_at = INT64_MIN};
    facts_init(&s->facts, p->types);
    s->files = file_cache_new(l, root, why);
    if (!s->files) return false;
    if (!p->follow_links) file_cache_confine(s->files);
    if (p->gzip) s->gzip = gzip_cache_new(l);
    if (p->log) s->log = access_log_writer(l, p->log);
    if ((!p->gzip || s->gzip) && (!p->log || s->log)) return true;
    *why = "out of memory";
    site_close(s);
    return false;
}

void site_close(site *s) {
    file_cache_free(s->files);
    gzip_cache_free(s->gzip);
    log_writer_free(s->log);
}

/* ---- from request to file ---- */

static void opened(void *user, file_status st, file *f) {
    exchange *r = user;
    if (!exchange_gone(r)) {
        if (!r->name.n) st = FILE_BUSY; /* it could not be kept */
        switch (st) {
        case FILE_OK: content_send(r, f); break;
        case FILE_DIRECTORY: answer_directory(r); break;
        case FILE_MISSING:
            if (r->site->plan->index && r->folder)
                folder_page_send(r);
            else
                answer_error(r, 404);
            break;
        case FILE_BUSY: answer_error(r, 503); break;
        }
    }
    if (f) file_close(f);
}

/* No file system has longer names than NAME_MAX: such a path need not be asked for. */
static bool name_too_long(span name) {
    size_t n = 0;
    for (size_t i = 0; i < name.n && n <= LIMIT_NAME; i++) n = name.p[i] == '/' ? 0 : n + 1;
    return n > LIMIT_NAME;
}

/* A name that begins with a dot is hidden, but for what RFC 8615 gives to everybody. */
static bool is_hidden(span name) {
    static const span known = SPAN_LIT("/.well-known/");
    if (span_starts(name, known)) name = span_skip(name, known.n - 1);
    for (const uint8_t *at = name.p, *end = name.p + name.n; at;
         at = memchr(at + 1, '/', (size_t)(end - at - 1))) {
        if (at + 1 < end && at[1] == '.') return true;
    }
    return false;
}

/* The decoded path of the request, with index.html where it is a folder; empty when it is none. */
static span name_of(const site *s, const http_event *ev, uint8_t buffer[NAME_ROOM],
                    bool *is_folder) {
    path decoded;
    span target = ev->summary.path;
    if (target.n > LIMIT_PATH ||
        path_decode(target, buffer, NAME_ROOM - sizeof SITE_INDEX, &decoded))
        return SPAN("");
    if (decoded.name.n > LIMIT_NAME && name_too_long(decoded.name)) return SPAN("");
    if (!s->plan->dotfiles && is_hidden(decoded.name)) return SPAN("");
    *is_folder = decoded.folder;
    if (!decoded.folder) return decoded.name;
    memcpy(buffer + decoded.name.n, SITE_INDEX, SITE_INDEX_LENGTH);
    return span_of(buffer, decoded.name.n + SITE_INDEX_LENGTH);
}

/* Bits of the fields of a request that count here. */
static uint64_t asks_of(const site *s, const http_event *ev) {
    uint64_t seen = 0;
    for (size_t i = 0; i < ev->field_count; i++) seen |= UINT64_C(1) << ev->fields[i].token;
    return seen & s->plan->honours;
}

static void answer_get(site *s, net_link *k, const http_event *ev, bool pushed) {
    uint8_t buffer[NAME_ROOM];
    bool answered = false, is_folder = false;
    span name = name_of(s, ev, buffer, &is_folder);
    exchange *r = name.n || s->log ? exchange_new(s, k, ev) : NULL;
    if (!r) {
        answer_refuse(s, k, ev, name.n ? 503 : 404);
        return;
    }
    r->head = span_eq(ev->summary.method, SPAN("HEAD"));
    r->asks = asks_of(s, ev);
    r->answered_now = &answered;
    r->name = name;
    r->folder = is_folder;
    if (!name.n) {
        answer_error(r, 404);
        return;
    }
    if (s->plan->push_count && !pushed && !r->head)
        push_all(s, k, ev, is_folder ? span_head(name, name.n - SITE_INDEX_LENGTH) : name);
    if (s->plan->any_method && !ev->end && !s->plan->early) {
        r->until_end = true;
        exchange_keep(r);
        site_continue(k, ev);
        return;
    }
    file_open(s->files, r->name, opened, r);
    if (!answered) exchange_keep(r);
}

void site_answer_pushed(site *s, net_link *k, const http_event *ev) { answer_get(s, k, ev, true); }

static void answer_request(site *s, net_link *k, const http_event *ev) {
    const plan *p = s->plan;
    span method = ev->summary.method;
    if (!span_eq(method, SPAN("GET")) && !span_eq(method, SPAN("HEAD"))) {
        if (p->echo && (span_eq(method, SPAN("POST")) || span_eq(method, SPAN("PUT")))) {
            echo_begin(s, k, ev);
            return;
        }
        if (!p->any_method || !ev->summary.path.n) {
            exchange *r = s->log ? exchange_new(s, k, ev) : NULL;
            bool now;
            if (r) r->answered_now = &now;
            if (r)
                answer_error(r, 405);
            else
                answer_refuse(s, k, ev, 405);
            return;
        }
    }
    answer_get(s, k, ev, false);
}

/* ---- what follows a request ---- */

void site_continue(net_link *k, const http_event *ev) {
    const http_field *f = fields_find(ev->fields, ev->field_count, HTTP_TOKEN_EXPECT);
    http_field status = HTTP_FIELD_OF(STATUS, SPAN("100"));
    if (f && span_ieq(f->value, SPAN("100-continue")))
        session_inform(link_session(k), ev->ref, &status, 1);
}

static void take_content(net_link *k, const http_event *ev) {
    exchange *r = ev->user;
    if (r && r->echo) {
        echo_take(r, ev);
        return;
    }
    if (ev->kind == HTTP_EVENT_DATA) session_credit(link_session(k), ev->ref, ev->credit);
    if (!r || !r->until_end || !ev->end) return;
    r->until_end = false;
    if (r->name.n)
        file_open(r->site->files, r->name, opened, r);
    else
        answer_error(r, 503);
}

/* The session answers it by itself: it is for the log alone. */
static void note_refused(site *s, net_link *k, const http_event *ev) {
    exchange *r = ev->user;
    unsigned status = ev->summary.status;
    if (r)
        r->status = status;
    else if (s->log)
        access_log_end(s->log, s->loop, access_log_begin(k, ev), status, 0);
}

void site_take(site *s, net_link *k, const http_event *ev) {
    switch (ev->kind) {
    case HTTP_EVENT_REQUEST: answer_request(s, k, ev); break;
    case HTTP_EVENT_REFUSED: note_refused(s, k, ev); break;
    case HTTP_EVENT_DATA:
    case HTTP_EVENT_TRAILERS: take_content(k, ev); break;
    case HTTP_EVENT_CLOSED: exchange_closed(ev->user); break;
    default: break;
    }
}
