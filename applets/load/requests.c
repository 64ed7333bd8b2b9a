#include "applets/load/requests.h"
#include "applets/load/table_share.h"
#include "core/limits.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define WEIGHT_MOST 1000000

/* A string member, or p NULL. The JSON goes when its line is read, so the plan keeps a copy. */
static span text_of(workload *p, const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value)) return (span){NULL, 0};
    size_t n = json_string_length(value);
    uint8_t *copy = workload_take(p, n + 1);
    if (copy) memcpy(copy, json_string_value(value), n + 1);
    return copy ? span_of(copy, n) : (span){NULL, 0};
}

static const char *check_members(const json_t *object) {
    static const char *const strings[] = {"method", "path", "url", "body", "body_file"};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        bool known = strcmp(name, "headers") == 0 || strcmp(name, "weight") == 0;
        for (size_t i = 0; i < sizeof strings / sizeof *strings && !known; i++) {
            if (strcmp(name, strings[i]) != 0) continue;
            if (!json_is_string(value)) return "method, path, url, body and body_file are strings";
            known = true;
        }
        if (!known)
            return "a member is none of method, path, url, headers, body, body_file, weight";
    }
    if (json_object_get(object, "path") && json_object_get(object, "url"))
        return "path and url exclude each other";
    if (json_object_get(object, "body") && json_object_get(object, "body_file"))
        return "body and body_file exclude each other";
    return NULL;
}

/* :path, and where all requests go when nothing has said so yet. */
static const char *target_of(workload *p, const json_t *object, span *target) {
    span url = text_of(p, object, "url");
    *target = text_of(p, object, "path");
    if (target->p) {
        if (!p->base.text.n)
            return "no server: give a URI besides, or begin with a line that has a url";
        if (!target->n || (target->p[0] != '/' && !span_eq(*target, SPAN("*"))))
            return "path does not begin with /";
        for (size_t i = 0; i < target->n; i++)
            if (target->p[i] <= ' ' || target->p[i] > '~')
                return "path holds a blank or a byte that is not ASCII";
        return NULL;
    }
    if (!url.p) return "path or url is missing";
    uri u;
    /* Not resolved, which would encode the braces of ${...}. */
    const uint8_t *mark = url.n > 8 ? memchr(url.p + 8, '/', url.n - 8) : NULL;
    size_t head = mark ? (size_t)(mark - url.p) : url.n;
    const char *why = uri_parse(span_head(url, head), &u);
    if (why) return why;
    if (!p->base.text.n) p->base = u;
    *target = head < url.n ? span_skip(url, head) : SPAN("/");
    return NULL;
}

static const char *add_header(workload *p, workload_request *r, const char *name,
                              const json_t *value) {
    size_t n = strlen(name), value_n = json_string_length(value);
    if (!json_is_string(value)) return "headers are strings";
    uint8_t *copy = workload_take(p, n + value_n + 1);
    if (!copy) return "out of memory";
    for (size_t i = 0; i < n; i++) copy[i] = bytes_lower((uint8_t)name[i]);
    memcpy(copy + n, json_string_value(value), value_n);
    http_field f = {span_of(copy, n), span_of(copy + n, value_n), 0, false};
    f.token = (uint16_t)fields_token(f.name);
    if (!fields_name_valid_h2(n && name[0] == ':' ? span_skip(f.name, 1) : f.name))
        return "the name of a header is not valid";
    if (!fields_value_valid(f.value)) return "the value of a header holds control characters";
    if (f.token == HTTP_TOKEN_HOST) f = HTTP_FIELD_OF(AUTHORITY, f.value);
    for (uint32_t i = 0; i < r->count; i++) {
        if (!f.token || r->fields[i].token != f.token) continue;
        r->fields[i].value = f.value;
        return NULL;
    }
    if (n && name[0] == ':') return "this pseudo-header field is not for a request";
    r->fields[r->count++] = f;
    return NULL;
}

static const char *add_headers(workload *p, workload_request *r, const json_t *headers) {
    const char *name, *why;
    json_t *value;
    if (!headers) return NULL;
    if (!json_is_object(headers)) return "headers is not an object";
    if (json_object_size(headers) > LIMIT_LOAD_HEADERS) return "more than 100 headers";
    json_object_foreach((json_t *)(uintptr_t)headers, name,
                        value) if ((why = add_header(p, r, name, value))) return why;
    return NULL;
}

/* Finds what varies. */
static const char *add_templates(workload *p, workload_request *r) {
    template **vary = workload_take(p, r->count * sizeof *vary);
    const char *why = vary ? NULL : "out of memory";
    bool any = false;
    for (uint32_t i = 0; i < r->count && vary; i++) vary[i] = NULL;
    for (uint32_t i = 0; i < r->count && !why; i++) {
        why = template_parse(r->fields[i].value, &vary[i]);
        any |= vary[i] != NULL;
    }
    if (!why && r->body.p) why = template_parse(r->body, &r->vary_body);
    if (any) r->vary = vary;
    if (!why && r->vary_body && fields_find(r->fields, r->count, HTTP_TOKEN_CONTENT_LENGTH)) {
        /* Its length is known when it is made; HTTP/2 needs none, HTTP/1.1 says it by chunks. */
        uint32_t at = 0;
        while (r->fields[at].token != HTTP_TOKEN_CONTENT_LENGTH) at++;
        r->count--;
        for (uint32_t i = at; i < r->count; i++) {
            r->fields[i] = r->fields[i + 1];
            if (vary) vary[i] = vary[i + 1];
        }
    }
    return why;
}

static const char *add_line(workload *p, const workload_source *from, const json_t *object) {
    span target, body = text_of(p, object, "body"), file = text_of(p, object, "body_file");
    const json_t *weight = json_object_get(object, "weight");
    const char *why = json_is_object(object) ? check_members(object) : "not a JSON object";
    if (!why) why = target_of(p, object, &target);
    if (why) return why;
    if (weight && (!json_is_integer(weight) || json_integer_value(weight) < 0 ||
                   json_integer_value(weight) > WEIGHT_MOST))
        return "weight is a whole number from 0 to 1000000";
    if (file.p) body = workload_read(p, from->call, (const char *)file.p);
    if (file.p && !body.p) return "its body cannot be read";
    if (!body.p) body = from->data;
    workload_request *r =
        workload_add(p, from, target, text_of(p, object, "method"), body, LIMIT_LOAD_HEADERS);
    if (!r) return "out of memory";
    if (weight) {
        p->weighted = !from->ordered;
        r->weights += (uint64_t)json_integer_value(weight) - 1;
    }
    why = add_headers(p, r, json_object_get(object, "headers"));
    if (!why && !fields_name_valid(r->fields[0].value)) why = "the method is not valid";
    return why ? why : add_templates(p, r);
}

static bool blank(span s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != ' ' && s.p[i] != '\t' && s.p[i] != '\r') return false;
    return true;
}

bool requests_read(workload *p, const workload_source *from) {
    span text = workload_read(p, from->call, from->request_file);
    if (!text.p) return false;
    for (size_t number = 1; text.n; number++) {
        const uint8_t *end = memchr(text.p, '\n', text.n);
        span line = span_take(&text, end ? (size_t)(end - text.p) : text.n);
        if (text.n) text = span_skip(text, 1);
        if (blank(line)) continue;
        json_error_t error;
        json_t *object = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, &error);
        const char *why = object ? add_line(p, from, object) : error.text;
        if (why) opt_say(from->call, "%s:%zu: %s", from->request_file, number, why);
        json_decref(object);
        if (why) return false;
    }
    if (!p->count) {
        opt_say(from->call, "%s: no request in it", from->request_file);
        return false;
    }
    if (p->weighted && !p->at[p->count - 1].weights) {
        opt_say(from->call, "%s: all weights are 0", from->request_file);
        return false;
    }
    table_share_decide(p);
    return true;
}
