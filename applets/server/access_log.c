#include "applets/server/access_log.h"
#include "applets/common/log_text.h"
#include "applets/common/text.h"
#include "core/limits.h"

struct access_log_entry {
    size_t size; /* of all of it */
    span before, after;
    char bytes[];
};

log_writer *access_log_writer(loop *l, log_file *f) {
    return log_writer_new(l, f, "- - - [-] \"-\" 0 0 \"-\" \"", " lines were dropped\"");
}

static char *put(char *out, span s) {
    if (s.n) memcpy(out, s.p, s.n);
    return out + s.n;
}

static char *put_escaped(char *out, span s) { return out + log_text_escape(out, 4 * s.n, s); }

static span value_of(const http_event *ev, http_token token) {
    const http_field *f = fields_find(ev->fields, ev->field_count, token);
    return f && f->value.n ? span_head(f->value, LIMIT_LOG_FIELD) : SPAN("-");
}

static span protocol_of(net_link *k) {
    const char *protocol = session_protocol(link_session(k));
    return *protocol == 'h' && protocol[1] == '2' ? SPAN("HTTP/2.0") : SPAN("HTTP/1.1");
}

access_log_entry *access_log_begin(net_link *k, const http_event *ev) {
    loop *l = link_loop(k);
    span peer = span_str(link_peer(k)), method = span_head(ev->summary.method, 32);
    span path = span_head(ev->summary.path, LIMIT_LOG_TARGET);
    span referer = value_of(ev, HTTP_TOKEN_REFERER), agent = value_of(ev, HTTP_TOKEN_USER_AGENT);
    size_t size =
        sizeof(access_log_entry) + 128 + 4 * (peer.n + method.n + path.n + referer.n + agent.n);
    access_log_entry *e = mem_take(loop_mem(l), size);
    if (!e) return NULL;
    char *at = e->bytes;
    /* Of a UNIX socket it is a path of the peer's choice. */
    at = put_escaped(at, peer.n ? peer : SPAN("-"));
    at = put(at, SPAN(" - - ["));
    /* Universal time: no local clock can be set back. */
    at = put(at, log_text_clf(loop_unix_seconds(l), false));
    at = put(at, SPAN("] \""));
    at = put_escaped(at, method.n ? method : SPAN("-"));
    *at++ = ' ';
    at = put_escaped(at, path.n ? path : SPAN("-"));
    *at++ = ' ';
    at = put(at, protocol_of(k));
    *at++ = '"';
    e->before = span_of(e->bytes, (size_t)(at - e->bytes));
    char *after = at;
    at = put(at, SPAN(" \""));
    at = put_escaped(at, referer);
    at = put(at, SPAN("\" \""));
    at = put_escaped(at, agent);
    at = put(at, SPAN("\"\n"));
    e->after = span_of(after, (size_t)(at - after));
    e->size = size;
    return e;
}

void access_log_end(log_writer *w, loop *l, access_log_entry *e, unsigned status, uint64_t bytes) {
    if (!e) return;
    text *t = log_writer_begin(w);
    if (t) {
        text_add(t, e->before);
        text_print(t, " %03u %llu", status, (unsigned long long)bytes);
        text_add(t, e->after);
    }
    log_writer_end(w);
    mem_give(loop_mem(l), e, e->size);
}
