#include "applets/common/log_writer.h"
#include "applets/common/text.h"
#include "applets/proxy/error_log.h"
#include "applets/proxy/relay_impl.h"
#include "core/limits.h"

#include <time.h>

/* ---- the access log ---- */

static span target_of(const fields_summary *s) { return s->connect ? s->authority : s->path; }

/* What the client asked, even where a WebSocket is told as CONNECT. */
static span method_of(const relay *r, bool h2) {
    const fields_summary *s = &r->request.summary;
    return s->protocol.p && !h2 ? SPAN("GET") : s->method;
}

static void write_line(relay *r, const log_format *format, text *line) {
    char out[LIMIT_LOG_LINE];
    front *f = r->near.front;
    const fields_summary *s = &r->request.summary;
    bool h2 = front_is_h2(f);
    bool direct = r->generation->plan->mode == PLAN_DIRECT; /* its backends come and go */
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    rewrite_facts client;
    front_facts(f, &client);
    log_facts facts = {.remote_addr = client.client_address,
                       .remote_port = link_peer_port(f->link),
                       .server_port = link_local_port(f->link),
                       .protocol = h2 ? "HTTP/2" : "HTTP/1.1",
                       .alpn = !h2                 ? "http/1.1"
                               : link_tls(f->link) ? "h2"
                                                   : "h2c",
                       .method = method_of(r, h2),
                       .target = target_of(s),
                       .authority = s->authority,
                       .fields = r->request.fields,
                       .field_count = r->request.count,
                       .status = r->status,
                       .body_bytes = r->from_backend ? r->down.written : r->sent,
                       .took_us = loop_now_us() - r->began_us,
                       .unix_seconds = now.tv_sec,
                       .unix_ms = (uint32_t)(now.tv_nsec / 1000000),
                       .tls = link_tls(f->link)};
    if (direct && r->back) facts.backend_host = s->authority;
    if (!direct && r->backend) {
        facts.backend_host = span_str(r->backend->host);
        facts.backend_port = r->backend->port;
    }
    text_add(line, span_of(out, log_format_write(format, &facts, out, sizeof out)));
}

void relay_log(relay *r) {
    log_writer *w = r->worker->log;
    const log_format *format = r->generation->plan->access_format;
    if (!w || !format || r->logged || !r->near.front) return;
    r->logged = true;
    text *line = log_writer_begin(w);
    if (!line) return;
    write_line(r, format, line);
    log_writer_end(w);
}

/* ---- the error log ---- */

#define SHOWN 200u /* bytes of a target */

/* What clients do wrong is for those who look for it. */
void relay_log_complain(const relay *r, unsigned status, const char *why) {
    const fields_summary *s = &r->request.summary;
    span target = span_head(target_of(s), SHOWN);
    bool direct = r->generation->plan->mode == PLAN_DIRECT;
    const plan_backend *b = direct ? NULL : r->backend;
    error_log_say(status >= 500 ? ERROR_LOG_WARN : ERROR_LOG_INFO, "%u: %s%s%s (%.*s %.*s)", status,
                  why, b ? ", backend " : "", b ? b->host : "", (int)s->method.n,
                  (const char *)s->method.p, (int)target.n, (const char *)target.p);
}

void relay_log_say(void *user, const char *level, const char *message) {
    error_log_level l = ERROR_LOG_NOTICE;
    (void)user;
    error_log_level_parse(level, &l);
    error_log_say(l, "%s", message);
}
