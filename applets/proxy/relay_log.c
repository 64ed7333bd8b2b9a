#include "applets/common/log_writer.h"
#include "applets/common/text.h"
#include "applets/proxy/error_log.h"
#include "applets/proxy/relay_impl.h"
#include "core/limits.h"

#include <string.h>
#include <time.h>

/* ---- the access log ---- */

static span target_of(const fields_summary *s) { return s->connect ? s->authority : s->path; }

/* The same for a forward proxy: a whole URI, as far as a line has room. */
static span whole_target_of(const fields_summary *s, char out[], size_t room) {
    if (s->connect || !s->scheme.n) return target_of(s); /* refused, it stands as it came */
    const span star = SPAN("*"), path = span_eq(s->path, star) ? SPAN("") : s->path;
    const span parts[] = {s->scheme, SPAN("://"), s->authority, path};
    size_t n = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        span p = span_head(parts[i], room - n);
        if (p.n) memcpy(out + n, p.p, p.n);
        n += p.n;
    }
    return span_of(out, n);
}

/* What the client asked, even where a WebSocket is told as CONNECT. */
static span method_of(const fields_summary *s, bool h2) {
    return s->protocol.p && !h2 ? SPAN("GET") : s->method;
}

static void write_line(front *f, const relay_line *x, text *line) {
    char out[LIMIT_LOG_LINE], uri[LIMIT_LOG_LINE];
    const fields_summary *s = &x->request->summary;
    bool h2 = front_is_h2(f);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    rewrite_facts client;
    front_facts(f, &client);
    log_facts facts = {.remote_addr = client.client_address,
                       .remote_port = link_peer_port(f->link),
                       .server_port = link_local_port(f->link),
                       .protocol = h2                ? "HTTP/2"
                                   : x->request->old ? "HTTP/1.0"
                                                     : "HTTP/1.1",
                       .alpn = !h2                 ? "http/1.1"
                               : link_tls(f->link) ? "h2"
                                                   : "h2c",
                       .method = method_of(s, h2),
                       .target = x->whole ? whole_target_of(s, uri, sizeof uri) : target_of(s),
                       .authority = s->authority,
                       .fields = x->request->fields,
                       .field_count = x->request->count,
                       .status = x->status,
                       .body_bytes = x->bytes,
                       .took_us = loop_now_us() - x->began_us,
                       .unix_seconds = now.tv_sec,
                       .unix_ms = (uint32_t)(now.tv_nsec / 1000000),
                       .tls = link_tls(f->link),
                       .backend_host = x->backend_host,
                       .backend_port = x->backend_port};
    text_add(line, span_of(out, log_format_write(x->format, &facts, out, sizeof out)));
}

void relay_log_line(front *f, const relay_line *x) {
    log_writer *log = f->worker->logs[PLAN_LOG_ACCESS];
    text *line = x->format && log ? log_writer_begin(log) : NULL;
    if (!line) return;
    write_line(f, x, line);
    log_writer_end(log);
}

void relay_log(relay *r) {
    front *f = r->near.front;
    if (!f || r->logged) return;
    bool direct = r->generation->plan->mode == PLAN_DIRECT; /* its backends come and go */
    relay_line x = {.format = r->generation->plan->access_format,
                    .request = &r->request,
                    .status = r->status,
                    .bytes = r->from_backend ? r->down.written : r->sent,
                    .began_us = r->began_us};
    r->logged = true;
    x.whole = r->generation->plan->mode != PLAN_REVERSE;
    if (direct && r->back) x.backend_host = r->request.summary.authority;
    if (!direct && r->backend) {
        x.backend_host = span_str(r->backend->host);
        x.backend_port = r->backend->port;
    }
    relay_log_line(f, &x);
}

/* ---- fields of messages ---- */

/* As nghttpx has them: a field a line, as it is, and an empty line behind the last. */
void relay_log_fields(front *f, plan_log which, const http_field *v, size_t n) {
    log_writer *log = f->worker->logs[which];
    text *out = log && front_is_h2(f) ? log_writer_begin(log) : NULL;
    if (!out) return;
    for (size_t i = 0; i < n; i++) {
        text_add(out, v[i].name);
        text_add(out, SPAN(": "));
        text_add(out, v[i].value);
        text_add(out, SPAN("\n"));
    }
    text_add(out, SPAN("\n"));
    log_writer_end(log);
}

/* ---- the error log ---- */

#define SHOWN 200u /* bytes of a target */

/* What clients do wrong is for those who look for it; what the configuration forbids them may have
 * to be allowed. */
void relay_log_complain(const relay *r, unsigned status, const char *why) {
    const fields_summary *s = &r->request.summary;
    char uri[SHOWN];
    plan_mode mode = r->generation->plan->mode;
    span whole = mode == PLAN_REVERSE ? target_of(s) : whole_target_of(s, uri, sizeof uri);
    span target = span_head(whole, SHOWN);
    bool direct = mode == PLAN_DIRECT;
    const plan_backend *b = direct ? NULL : r->backend;
    bool client = status < 500 || status == 501 || status == 505;
    error_log_level level = status == 403 ? ERROR_LOG_NOTICE
                            : client      ? ERROR_LOG_INFO
                                          : ERROR_LOG_WARN;
    error_log_say(level, "%u: %s%s%s (%.*s %.*s)", status, why, b ? ", backend " : "",
                  b ? b->host : "", (int)s->method.n, (const char *)s->method.p, (int)target.n,
                  (const char *)target.p);
}

void relay_log_say(void *user, const char *level, const char *message) {
    error_log_level l = ERROR_LOG_NOTICE;
    (void)user;
    error_log_level_parse(level, &l);
    error_log_say(l, "%s", message);
}
