#include "applets/proxy/api.h"
#include "applets/proxy/proxy.h"
#include "applets/proxy/relay_impl.h"
#include "core/limits.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define WHY_ROOM 512u

/* On its worker's thread, but for what replace() is given while the worker waits. */
typedef struct api_request {
    front_stream stream; /* first */
    loop *loop;          /* of its worker */
    proxy *proxy;
    generation *generation; /* these until the stream is gone */
    relay_request request;  /* kept for the access log */
    uint64_t began_us;
    uint16_t status; /* of the answer; 0: none yet */
    uint8_t *body;
    size_t n, room, most;
    bool answered;
    bool lent;     /* the session has the answer */
    bool waiting;  /* the main thread has the request */
    bool replaced; /* what came of it */
    char why[WHY_ROOM];
    char *text; /* the answer; NULL: it has no content */
    size_t text_n, sent;
} api_request;

/* ---- answers ---- */

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    api_request *r = user;
    span rest = span_of(r->text + offset, r->text_n - (size_t)offset);
    *lent = span_head(rest, want);
    return lent->n < rest.n ? HTTP_PULL_MORE : HTTP_PULL_END;
}

static void done(void *user, size_t n) { ((api_request *)user)->sent += n; }

/* Its content is not wanted any more. */
static void drop_content(api_request *r) {
    atomic_fetch_sub(&r->proxy->api_content, r->n);
    free(r->body);
    r->body = NULL;
    r->n = r->room = 0;
}

/* Frees it unless the stream, the main thread or the session still has it. */
static void end_if_last(api_request *r) {
    if (r->stream.front || r->waiting || r->lent) return;
    drop_content(r);
    free(r->text);
    free(r);
}

static void release(void *user) {
    api_request *r = user;
    r->lent = false;
    end_if_last(r);
}

/* revision: 0: none to tell; message: NULL: none. */
static bool write_json(api_request *r, unsigned status, unsigned revision, const char *message) {
    json_t *all = json_pack("{s:s, s:i}", "status", status / 100 == 2 ? "Success" : "Failure",
                            "code", (int)status);
    if (revision)
        json_object_set_new(all, "data", json_pack("{s:i}", "configRevision", (int)revision));
    if (message) json_object_set_new(all, "message", json_string(message));
    r->text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return r->text != NULL;
}

/* With r->text as content; allow: NULL: no such field. */
static void reply(api_request *r, unsigned status, const char *allow) {
    static const http_body_ops ops = {pull, done, release};
    uint8_t digits[3], length[24];
    http_field out[7];
    size_t n = 0;
    front *f = r->stream.front;
    r->status = (uint16_t)status;
    r->text_n = r->text ? strlen(r->text) : 0;
    bytes_put_decimal(digits, status);
    out[n++] = HTTP_FIELD_OF(STATUS, span_of(digits, 3));
    out[n++] = HTTP_FIELD_OF(SERVER, r->generation->plan->rewrite.server_name);
    out[n++] = HTTP_FIELD_OF(DATE, proxying_date(f->worker)); /* RFC 9110 section 6.6.1 */
    if (r->text) out[n++] = HTTP_FIELD_OF(CONTENT_TYPE, SPAN("application/json"));
    out[n++] = HTTP_FIELD_OF(CONTENT_LENGTH, span_of(length, bytes_put_decimal(length, r->text_n)));
    if (allow) out[n++] = HTTP_FIELD_OF(ALLOW, span_str(allow));
    r->lent = r->text != NULL;
    http_body body = r->text ? (http_body){&ops, r} : HTTP_NO_BODY;
    verdict v = session_reply(front_session(f), r->stream.ref, out, n, body);
    if (v.scope == VERDICT_NONE) return;
    r->lent = false;
    session_reset(front_session(f), r->stream.ref, H2_INTERNAL_ERROR);
}

static void answer(api_request *r, unsigned status, unsigned revision, const char *message,
                   const char *allow) {
    front *f = r->stream.front;
    if (!f || r->answered) return;
    if (!r->waiting) drop_content(r);
    r->answered = true;
    link_touch(f->link);
    if (write_json(r, status, revision, message))
        reply(r, status, allow);
    else
        session_reset(front_session(f), r->stream.ref, H2_INTERNAL_ERROR);
}

/* ---- the main thread ---- */

static void tell(void *user) {
    api_request *r = user;
    r->waiting = false;
    answer(r, r->replaced ? 200 : 400, 0, r->replaced ? NULL : r->why, NULL);
    end_if_last(r);
}

static void replace(void *user) {
    api_request *r = user;
    r->replaced = proxy_take_backends(r->proxy, span_of(r->body, r->n), r->why, sizeof r->why);
    if (proxying_post(r->loop, tell, r)) return;
    r->waiting = false; /* its worker has ended, and its stream before */
    end_if_last(r);
}

/* ---- content ---- */

/* All requests together may have as much as one: else who opens many streams has us hold it so
 * many times. */
static bool has_room(api_request *r, size_t n) {
    if (atomic_fetch_add(&r->proxy->api_content, n) + n <= r->most) return true;
    atomic_fetch_sub(&r->proxy->api_content, n);
    return false;
}

static bool keep(api_request *r, span bytes) {
    if (r->n + bytes.n > r->room) {
        size_t room = r->room ? 2 * r->room : 4096;
        while (room < r->n + bytes.n) room *= 2;
        uint8_t *grown = realloc(r->body, room);
        if (!grown) return false;
        r->body = grown;
        r->room = room;
    }
    if (!has_room(r, bytes.n)) return false;
    if (bytes.n) memcpy(r->body + r->n, bytes.p, bytes.n);
    r->n += bytes.n;
    return true;
}

static void whole(api_request *r) {
    r->waiting = true;
    if (loop_post(r->proxy->loop, replace, r)) return;
    r->waiting = false;
    answer(r, 503, 0, "out of memory", NULL);
}

static void on_content(front_stream *s, const http_event *ev) {
    api_request *r = (api_request *)s;
    session_credit(front_session(s->front), s->ref, ev->credit);
    if (r->answered || r->waiting) return;
    if (ev->kind == HTTP_EVENT_DATA && r->n + ev->data.n > r->most) {
        answer(r, 413, 0, "the content is longer than api-max-request-body", NULL);
        return;
    }
    if (ev->kind == HTTP_EVENT_DATA && !keep(r, ev->data)) {
        answer(r, 503, 0, "no room for the content, beside that of other requests", NULL);
        return;
    }
    if (ev->end || ev->kind == HTTP_EVENT_TRAILERS) whole(r);
}

static void on_refused(front_stream *s, const http_event *ev) {
    answer((api_request *)s, ev->summary.status, 0, ev->verdict.why, NULL);
}

static void on_closed(front_stream *s, const http_event *ev) {
    api_request *r = (api_request *)s;
    relay_line x = {.format = r->generation->plan->access_format,
                    .request = &r->request,
                    .status = r->status,
                    .bytes = r->sent,
                    .began_us = r->began_us};
    (void)ev;
    relay_log_line(s->front, &x);
    relay_request_leave(&r->request, s->front);
    relay_request_free(&r->request, loop_mem(r->loop));
    generation_drop(r->generation);
    s->front = NULL;
    end_if_last(r);
}

/* ---- requests ---- */

static bool is(span a, const char *b) { return span_eq(a, span_str(b)); }

static void revision(api_request *r, span method) {
    if (is(method, "GET"))
        answer(r, 200, r->stream.front->worker->now->plan->revision, NULL, NULL);
    else
        answer(r, 405, 0, NULL, "GET");
}

static void backends(api_request *r, const http_event *ev) {
    const fields_summary *s = &ev->summary;
    if (!is(s->method, "POST") && !is(s->method, "PUT"))
        answer(r, 405, 0, NULL, "POST, PUT");
    else if (s->content_length != FIELDS_NO_LENGTH && s->content_length > r->most)
        answer(r, 413, 0, "the content is longer than api-max-request-body", NULL);
    else if (ev->end)
        whole(r);
}

static api_request *begin(front *f, const http_event *ev) {
    static const front_stream_calls calls = {on_content, on_refused, on_closed};
    const mem *m = loop_mem(f->worker->loop);
    api_request *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    if (!relay_request_keep(&r->request, f, ev->fields, ev->field_count, FIELDS_NO_LENGTH)) {
        free(r);
        return NULL;
    }
    if (!front_attach(f, ev->ref, &r->stream, &calls)) {
        relay_request_leave(&r->request, f);
        relay_request_free(&r->request, m);
        free(r);
        return NULL;
    }
    r->loop = f->worker->loop;
    r->proxy = f->worker->proxy;
    r->generation = generation_hold(f->worker->now);
    r->began_us = loop_now_us();
    r->most = r->generation->plan->request_body_max;
    return r;
}

void api_begin(front *f, const http_event *ev) {
    api_request *r = begin(f, ev);
    if (!r) {
        front_answer(f, ev->ref, 503);
        return;
    }
    if (f->frontend->healthmon) {
        r->answered = true;
        reply(r, 200, NULL);
        return;
    }
    span path = ev->summary.path;
    const uint8_t *mark = path.n ? memchr(path.p, '?', path.n) : NULL;
    if (mark) path.n = (size_t)(mark - path.p);
    if (is(path, "/api/v1beta1/configrevision"))
        revision(r, ev->summary.method);
    else if (is(path, "/api/v1beta1/backendconfig"))
        backends(r, ev);
    else
        answer(r, 404, 0, "no such thing", NULL);
}
