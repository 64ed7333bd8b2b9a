#include "applets/client/har.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct har_entry {
    json_t *entry, *request, *response;
    uint64_t connect_us;
    uint64_t start_us; /* of the entry: with the dialling */
    har_entry *next;
};

struct har {
    const client_run *run;
    har_entry *entries;
    size_t count;
};

har *har_new(const client_run *run) {
    har *h = calloc(1, sizeof *h);
    if (h) h->run = run;
    return h;
}

/* ---- parts ---- */

/* JSON is UTF-8; what is not is taken for ISO 8859-1, so that no byte is lost. */
static json_t *string_of(span s) {
    json_t *made = json_stringn((const char *)s.p, s.n);
    char *wide = made ? NULL : malloc(s.n * 2 + 1);
    if (!wide) return made;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= 0x80) wide[n++] = (char)(0xc0 | s.p[i] >> 6);
        wide[n++] = (char)(s.p[i] >= 0x80 ? 0x80 | (s.p[i] & 0x3f) : s.p[i]);
    }
    made = json_stringn(wide, n);
    free(wide);
    return made;
}

static json_t *fields_of(const http_field *f, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:o, s:o}", "name", string_of(f[i].name), "value",
                                              string_of(f[i].value)));
    return list;
}

static json_t *query_of(span target) {
    json_t *list = json_array();
    const uint8_t *mark = memchr(target.p, '?', target.n);
    span left = mark ? span_skip(target, (size_t)(mark - target.p) + 1) : span_of(NULL, 0);
    while (left.n) {
        const uint8_t *end = memchr(left.p, '&', left.n);
        span pair = span_take(&left, end ? (size_t)(end - left.p) : left.n);
        if (left.n) left = span_skip(left, 1);
        const uint8_t *equals = memchr(pair.p, '=', pair.n);
        size_t name = equals ? (size_t)(equals - pair.p) : pair.n;
        span value = equals ? span_skip(pair, name + 1) : span_of(pair.p, 0);
        json_array_append_new(list,
                              json_pack("{s:o, s:o}", "name", string_of(span_of(pair.p, name)),
                                        "value", string_of(value)));
    }
    return list;
}

static json_t *time_of(const har *h, uint64_t us) {
    uint64_t unix_us = h->run->unix_start_us + (us - h->run->start_us);
    time_t seconds = (time_t)(unix_us / 1000000);
    struct tm parts;
    char day[32], text[48];
    gmtime_r(&seconds, &parts);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, sizeof text, "%s.%03uZ", day, (unsigned)(unix_us / 1000 % 1000));
    return json_string(text);
}

static const char *version_of(const request *r) { return r->http1 ? "HTTP/1.1" : "HTTP/2.0"; }

static span value_of(const http_field *f, size_t n, http_token token) {
    const http_field *found = fields_find(f, n, token);
    return found ? found->value : SPAN("");
}

/* ---- an entry's way ---- */

void har_request(har *h, request *r, const http_field *f, size_t n, uint64_t connect_us) {
    if (!h) return;
    if (!connect_us && r->har) connect_us = r->har->connect_us;
    har_forget(r->har);
    har_entry *e = r->har = calloc(1, sizeof *e);
    if (!e) return;
    e->connect_us = connect_us;
    e->start_us = r->start_us - connect_us;
    e->request =
        json_pack("{s:o, s:o, s:s, s:[], s:o, s:o, s:i, s:i}", "method",
                  string_of(value_of(f, n, HTTP_TOKEN_METHOD)), "url", string_of(r->uri.text),
                  "httpVersion", version_of(r), "cookies", "headers", fields_of(f, n),
                  "queryString", query_of(r->uri.target), "headersSize", -1, "bodySize", -1);
}

void har_response(har_entry *e, const request *r, const http_field *f, size_t n) {
    if (!e) return;
    json_decref(e->response);
    e->response = json_pack("{s:i, s:s, s:s, s:[], s:o, s:{s:o}, s:o, s:i}", "status", r->status,
                            "statusText", "", "httpVersion", version_of(r), "cookies", "headers",
                            fields_of(f, n), "content", "mimeType",
                            string_of(value_of(f, n, HTTP_TOKEN_CONTENT_TYPE)), "redirectURL",
                            string_of(value_of(f, n, HTTP_TOKEN_LOCATION)), "headersSize", -1);
}

static double ms(uint64_t us) { return (double)us / 1000; }

void har_done(har *h, request *r, const char *why) {
    har_entry *e = r->har;
    if (!h || !e || !e->request) return;
    r->har = NULL;
    uint64_t first = r->first_us ? r->first_us : r->end_us;
    if (!e->response)
        e->response =
            json_pack("{s:i, s:s, s:s, s:[], s:[], s:{s:s}, s:s, s:i}", "status", 0, "statusText",
                      "", "httpVersion", version_of(r), "cookies", "headers", "content", "mimeType",
                      "", "redirectURL", "", "headersSize", -1);
    json_object_set_new(e->response, "bodySize", json_integer((json_int_t)r->received));
    json_object_set_new(json_object_get(e->response, "content"), "size",
                        json_integer((json_int_t)r->content));
    char connection[16];
    snprintf(connection, sizeof connection, "%u", r->connection);
    e->entry = json_pack(
        "{s:s, s:o, s:f, s:O, s:O, s:{}, s:{s:i, s:i, s:f, s:i, s:f, s:f, s:f}, s:s, s:i, s:s}",
        "pageref", "page_0", "startedDateTime", time_of(h, e->start_us), "time",
        ms(r->end_us - e->start_us), "request", e->request, "response", e->response, "cache",
        "timings", "blocked", -1, "dns", -1, "connect", e->connect_us ? ms(e->connect_us) : -1.0,
        "ssl", -1, "send", 0.0, "wait", ms(first - r->start_us), "receive", ms(r->end_us - first),
        "connection", connection, "_stream", (int)r->ref.id, "comment",
        r->kind == REQUEST_PUSHED ? "Pushed Object" : "");
    if (why) json_object_set_new(e->entry, "_error", string_of(span_str(why)));
    e->next = h->entries;
    h->entries = e;
    h->count++;
}

void har_forget(har_entry *e) {
    if (!e) return;
    json_decref(e->entry);
    json_decref(e->request);
    json_decref(e->response);
    free(e);
}

/* ---- the archive ---- */

static int by_start(const void *a, const void *b) {
    const har_entry *x = *(har_entry *const *)a, *y = *(har_entry *const *)b;
    return (x->start_us > y->start_us) - (x->start_us < y->start_us);
}

static json_t *sorted_entries(har *h) {
    json_t *list = json_array();
    har_entry **all = calloc(h->count + 1, sizeof(har_entry *));
    size_t n = h->count; /* the newest is first in the list */
    for (har_entry *e = h->entries; all && e; e = e->next) all[--n] = e;
    if (all) qsort(all, h->count, sizeof *all, by_start);
    for (size_t i = 0; all && i < h->count; i++) json_array_append(list, all[i]->entry);
    free(all);
    return list;
}

const char *har_write(har *h, const char *path) {
    const client_run *run = h->run;
    const char *title = run->call->operand_count ? run->call->operands[0] : "";
    json_t *log =
        json_pack("{s:{s:s, s:{s:s, s:s}, s:[{s:o, s:s, s:o, s:{}}], s:o}}", "log", "version",
                  "1.2", "creator", "name", "h2box", "version", H2BOX_VERSION, "pages",
                  "startedDateTime", time_of(h, run->start_us), "id", "page_0", "title",
                  string_of(span_str(title)), "pageTimings", "entries", sorted_entries(h));
    size_t flags = JSON_INDENT(2) | JSON_REAL_PRECISION(12);
    errno = 0;
    int result = !log                     ? -1
                 : strcmp(path, "-") == 0 ? json_dumpf(log, stdout, flags)
                                          : json_dump_file(log, path, flags);
    if (result == 0 && strcmp(path, "-") == 0) putchar('\n');
    const char *why = result == 0 ? NULL : errno ? strerror(errno) : "out of memory";
    json_decref(log);
    return why;
}

void har_free(har *h) {
    if (!h) return;
    while (h->entries) {
        har_entry *e = h->entries;
        h->entries = e->next;
        har_forget(e);
    }
    free(h);
}
