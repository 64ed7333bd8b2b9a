#include "applets/server/plan.h"
#include "applets/applet.h"
#include "core/limits.h"
#include "core/uri.h"

#include <stdlib.h>

#define BIT(token) (UINT64_C(1) << HTTP_TOKEN_##token)
_Static_assert(HTTP_TOKEN_COUNT <= 64, "a token is a bit");

/* Fields that the server makes itself, and those that HTTP/2 forbids. */
static bool is_ours(span name) {
    static const http_token ours[] = {
        HTTP_TOKEN_DATE,          HTTP_TOKEN_CONTENT_LENGTH, HTTP_TOKEN_CONTENT_TYPE,
        HTTP_TOKEN_CONTENT_RANGE, HTTP_TOKEN_ETAG,           HTTP_TOKEN_CONTENT_ENCODING,
        HTTP_TOKEN_LAST_MODIFIED, HTTP_TOKEN_LOCATION,       HTTP_TOKEN_ACCEPT_RANGES,
        HTTP_TOKEN_TRAILER,       HTTP_TOKEN_ALLOW};
    http_token token = fields_token(name);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (token == ours[i]) return true;
    }
    return fields_flags(token) & HTTP_FIELD_CONNECTION;
}

static span trimmed(span s) {
    while (s.n && (*s.p == ' ' || *s.p == '\t')) s = span_skip(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
    return s;
}

/* "Name: value" of the command line, its name made lower case in place of argv. */
static bool read_field(const char *text, http_field *out) {
    const char *colon = strchr(text, ':');
    if (!colon) return false;
    char *name = (char *)(uintptr_t)text; /* argv is ours to change */
    for (char *c = name; c < colon; c++) *c = (char)bytes_lower((uint8_t)*c);
    span n = trimmed(span_of(name, (size_t)(colon - name))), v = trimmed(span_str(colon + 1));
    *out = (http_field){n, v, (uint16_t)fields_token(n), false};
    return fields_name_valid_h2(n) && fields_value_valid(v);
}

static bool take_headers(plan *p, const opt_list *list, opt_call *call) {
    p->extra = calloc(list->count + 1, sizeof *p->extra);
    for (uint32_t i = 0; p->extra && i < list->count; i++) {
        http_field f;
        if (!read_field(list->v[i], &f) || is_ours(f.name)) {
            opt_refuse(call, "--header '%s': not a field that can be set", list->v[i]);
            return false;
        }
        if (f.token == HTTP_TOKEN_SERVER)
            p->server = f.value;
        else if (f.token == HTTP_TOKEN_CACHE_CONTROL)
            p->cache_control = f.value;
        else
            p->extra[p->extra_count++] = f;
    }
    return p->extra != NULL;
}

static char *keep(plan *p, size_t n) {
    char *text = malloc(n);
    if (text) p->texts[p->text_count++] = text;
    return text;
}

static bool take_trailers(plan *p, const opt_list *list, opt_call *call) {
    size_t room = 1, n = 0;
    p->trailers = calloc(list->count + 1, sizeof *p->trailers);
    for (uint32_t i = 0; p->trailers && i < list->count; i++) {
        http_field *f = &p->trailers[p->trailer_count++];
        if (!read_field(list->v[i], f) || is_ours(f->name)) {
            opt_refuse(call, "--trailer '%s': not a field that can be a trailer", list->v[i]);
            return false;
        }
        room += f->name.n + 2;
    }
    char *names = keep(p, room);
    if (!names || !p->trailers) return false;
    for (size_t i = 0; i < p->trailer_count; i++)
        n += (size_t)snprintf(names + n, room - n, "%s%.*s", i ? ", " : "",
                              (int)p->trailers[i].name.n, (const char *)p->trailers[i].name.p);
    p->trailer_names = span_of(names, n);
    return true;
}

/* A path as it stands on the command line, with or without its "/". */
static span path_of(plan *p, span text, char **next) {
    (void)p;
    char *at = *next;
    span path = span_of(at, text.n);
    if (!text.n || *text.p != '/') {
        *at++ = '/';
        path.n++;
    }
    memcpy(at, text.p, text.n);
    *next = at + text.n;
    return path;
}

static size_t count_of(const char *text, char c) {
    size_t n = 0;
    for (; *text; text++) n += *text == c;
    return n;
}

static bool take_push(plan *p, const char *text, char **next) {
    const char *equal = strchr(text, '=');
    if (!equal || !equal[1]) return false;
    plan_push *push = &p->pushes[p->push_count];
    push->targets = calloc(count_of(equal, ',') + 1, sizeof *push->targets);
    if (!push->targets) return false;
    p->push_count++;
    push->path = path_of(p, span_of(text, (size_t)(equal - text)), next);
    for (const char *at = equal + 1, *end; *at; at = *end ? end + 1 : end) {
        end = strchr(at, ',');
        if (!end) end = at + strlen(at);
        if (end == at) return false;
        push->targets[push->count++] = path_of(p, span_of(at, (size_t)(end - at)), next);
    }
    return push->count > 0;
}

/* nghttpd says that a --push is wrong, and goes on without it. */
static bool take_pushes(plan *p, const opt_list *list, opt_call *call) {
    size_t room = 1;
    for (uint32_t i = 0; i < list->count; i++)
        room += strlen(list->v[i]) + count_of(list->v[i], ',') + 2;
    char *next = keep(p, room);
    p->pushes = calloc(list->count + 1, sizeof *p->pushes);
    if (!next || !p->pushes) return false;
    for (uint32_t i = 0; i < list->count; i++) {
        if (take_push(p, list->v[i], &next)) continue;
        if (call->old_name) {
            opt_say(call, "--push '%s': not PATH=PATH,... (left out)", list->v[i]);
            continue;
        }
        opt_refuse(call, "--push '%s': not PATH=PATH,...", list->v[i]);
        return false;
    }
    return true;
}

/* "PROTOCOL,PORT[,HOST]", as nghttpx has it: protocol="host:port". */
static bool take_altsvc(plan *p, const opt_list *list, opt_call *call) {
    size_t room = 1, n = 0;
    for (uint32_t i = 0; i < list->count; i++) room += strlen(list->v[i]) + 8;
    char *value = keep(p, room);
    if (!value) return false;
    for (uint32_t i = 0; i < list->count; i++) {
        char protocol[32], port[8], host[256] = "";
        int64_t number;
        int got = sscanf(list->v[i], "%31[^,],%7[^,],%255[^,]", protocol, port, host);
        if (got < 2 || !opt_value_int(port, &number) || number < 1 || number > 65535 ||
            !fields_name_valid(span_str(protocol)) || strpbrk(host, "\"\\ ")) {
            opt_refuse(call, "--altsvc '%s': not PROTOCOL,PORT[,HOST]", list->v[i]);
            return false;
        }
        n += (size_t)snprintf(value + n, room - n, "%s%s=\"%s:%s\"", n ? ", " : "", protocol, host,
                              port);
    }
    p->altsvc = span_of(value, n);
    return true;
}

static bool take_origins(plan *p, const opt_list *list, opt_call *call) {
    uri u;
    for (uint32_t i = 0; i < list->count; i++) {
        span text = span_str(list->v[i]);
        const char *why = text.n > SERVER_ORIGIN_BYTES ? "too long" : uri_parse(text, &u);
        if (!why && !u.https) why = "not https";
        if (!why && u.target.n > 1) why = "an origin has no path";
        if (why) {
            opt_refuse(call, "--origin '%s': %s", list->v[i], why);
            return false;
        }
        const size_t room = text.n + sizeof "https://";
        char *kept = keep(p, room);
        if (!kept) return false;
        int n =
            snprintf(kept, room, "https://%.*s", (int)u.authority.n, (const char *)u.authority.p);
        for (char *c = kept; *c; c++) *c = (char)bytes_lower((uint8_t)*c);
        p->origins[p->origin_count++] = span_of(kept, (size_t)n);
    }
    return true;
}

static bool take_types(plan *p, const server_settings *set, opt_call *call) {
    const char *why;
    if (!set->mime_types) return true;
    p->types = types_read(set->mime_types, &why);
    /* The built-in table serves as well when nobody asked for this very file. */
    if (p->types || !opt_given(call, "mime-types-file")) return true;
    opt_say(call, "--mime-types-file %s: %s", set->mime_types, why);
    return call->old_name;
}

static bool take_log(plan *p, const server_settings *set, const opt_call *call) {
    const char *why;
    if (!set->access_log) return true;
    p->log = log_file_open(set->access_log, LOG_SINK_OPEN, &why);
    if (!p->log) opt_say(call, "--access-log %s: %s", set->access_log, why);
    return p->log != NULL;
}

static uint64_t honours(const plan *p) {
    if (p->plain) return BIT(IF_MODIFIED_SINCE) | (p->error_gzip ? BIT(ACCEPT_ENCODING) : 0);
    return BIT(IF_MODIFIED_SINCE) | BIT(IF_UNMODIFIED_SINCE) | BIT(IF_MATCH) | BIT(IF_NONE_MATCH) |
           BIT(IF_RANGE) | BIT(RANGE) | BIT(ACCEPT_ENCODING);
}

bool plan_make(plan *p, const server_settings *set, opt_call *call, int *code) {
    bool old = call->old_name;
    *p = (plan){.plain = old,
                .any_method = old,
                .early = set->early,
                .gzip = !old && !set->no_gzip,
                .error_gzip = set->error_gzip,
                .no_length = set->no_length,
                .dotfiles = old || set->dotfiles,
                .follow_links = old || set->follow_links,
                .index = set->index,
                .echo = set->echo};
    p->honours = honours(p);
    snprintf(p->name, sizeof p->name, "%sh2box/%s", old ? "nghttpd " : "", H2BOX_VERSION);
    p->server = span_str(p->name);
    p->cache_control = span_str(set->cache_control);
    p->allow = p->echo ? SPAN("GET, HEAD, POST, PUT") : SPAN("GET, HEAD");
    *code = opt_usage_code(old);
    if (!fields_value_valid(p->cache_control)) {
        opt_refuse(call, "--cache-control '%s': not a value of a field", set->cache_control);
        return false;
    }
    if (!take_headers(p, &set->headers, call) || !take_trailers(p, &set->trailers, call) ||
        !take_pushes(p, &set->pushes, call) || !take_altsvc(p, &set->altsvc, call) ||
        !take_origins(p, &set->origins, call))
        return false;
    *code = APPLET_FAILED;
    if (take_types(p, set, call) && take_log(p, set, call)) return true;
    opt_end(call);
    return false;
}

bool plan_make_pages(plan *p, unsigned port) {
    return error_page_make(p->pages, p->server, port, p->error_gzip);
}

void plan_end(plan *p) {
    for (size_t i = 0; i < p->push_count; i++) free(p->pushes[i].targets);
    for (size_t i = 0; i < p->text_count; i++) free(p->texts[i]);
    free(p->pushes);
    free(p->extra);
    free(p->trailers);
    types_free(p->types);
    error_page_end(p->pages);
    log_file_drop(p->log);
}
