#include "applets/proxy/log_format.h"
#include "applets/common/log_text.h"
#include "core/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef enum kind {
    LITERAL,
    FIELD, /* $http_NAME */
    REMOTE_ADDR,
    TIME_LOCAL,
    TIME_ISO8601,
    REQUEST,
    STATUS,
    BODY_BYTES,
    AUTHORITY,
    REMOTE_PORT,
    SERVER_PORT,
    REQUEST_TIME,
    PID,
    ALPN,
    TLS_CIPHER,
    TLS_PROTOCOL,
    TLS_REUSED,
    TLS_SNI,
    TLS_ECH,
    TLS_SESSION_ID,
    CLIENT_SHA256,
    CLIENT_SHA1,
    CLIENT_SUBJECT,
    CLIENT_ISSUER,
    CLIENT_SERIAL,
    BACKEND_HOST,
    BACKEND_PORT,
    METHOD,
    PATH,
    PATH_WITHOUT_QUERY,
    PROTOCOL
} kind;

static const struct {
    span name;
    kind kind;
} variables[] = {
    {SPAN_LIT("remote_addr"), REMOTE_ADDR},
    {SPAN_LIT("time_local"), TIME_LOCAL},
    {SPAN_LIT("time_iso8601"), TIME_ISO8601},
    {SPAN_LIT("request"), REQUEST},
    {SPAN_LIT("status"), STATUS},
    {SPAN_LIT("body_bytes_sent"), BODY_BYTES},
    {SPAN_LIT("http_host"), AUTHORITY}, /* over HTTP/2 it has no other name either */
    {SPAN_LIT("authority"), AUTHORITY},
    {SPAN_LIT("remote_port"), REMOTE_PORT},
    {SPAN_LIT("server_port"), SERVER_PORT},
    {SPAN_LIT("request_time"), REQUEST_TIME},
    {SPAN_LIT("pid"), PID},
    {SPAN_LIT("alpn"), ALPN},
    {SPAN_LIT("tls_cipher"), TLS_CIPHER},
    {SPAN_LIT("tls_protocol"), TLS_PROTOCOL},
    {SPAN_LIT("tls_session_id"), TLS_SESSION_ID},
    {SPAN_LIT("tls_session_reused"), TLS_REUSED},
    {SPAN_LIT("tls_sni"), TLS_SNI},
    {SPAN_LIT("tls_ech_accepted"), TLS_ECH},
    {SPAN_LIT("tls_client_fingerprint_sha256"), CLIENT_SHA256},
    {SPAN_LIT("tls_client_fingerprint_sha1"), CLIENT_SHA1},
    {SPAN_LIT("tls_client_subject_name"), CLIENT_SUBJECT},
    {SPAN_LIT("tls_client_issuer_name"), CLIENT_ISSUER},
    {SPAN_LIT("tls_client_serial"), CLIENT_SERIAL},
    {SPAN_LIT("backend_host"), BACKEND_HOST},
    {SPAN_LIT("backend_port"), BACKEND_PORT},
    {SPAN_LIT("method"), METHOD},
    {SPAN_LIT("path"), PATH},
    {SPAN_LIT("path_without_query"), PATH_WITHOUT_QUERY},
    {SPAN_LIT("protocol_version"), PROTOCOL},
};

typedef struct part {
    kind kind;
    http_token token; /* of a FIELD that has one */
    span text;        /* of a LITERAL; the name of a FIELD; in log_format.text */
} part;

struct log_format {
    part *parts;
    size_t count;
    char *text;
};

/* ---- reading ---- */

static bool names(uint8_t c) {
    return (uint8_t)(bytes_lower(c) - 'a') < 26 || (uint8_t)(c - '0') < 10 || c == '_';
}

/* What stands after "$", with its braces: the bytes it takes, or 0. */
static size_t take_name(span s, span *name) {
    size_t from = s.n && s.p[0] == '{', n = from;
    while (n < s.n && names(s.p[n])) n++;
    *name = span_of(s.p + from, n - from);
    if (name->n == 0 || (from && (n == s.n || s.p[n] != '}'))) return 0;
    return n + from;
}

/* The name of a field, in place: "x_request_id" becomes "x-request-id". */
static part field_part(const log_format *f, span name) {
    char *p = f->text + (name.p - (const uint8_t *)f->text);
    for (size_t i = 0; i < name.n; i++) p[i] = p[i] == '_' ? '-' : (char)bytes_lower(name.p[i]);
    return (part){FIELD, fields_token(name), name};
}

static bool part_of(const log_format *f, span name, part *p) {
    span old = SPAN("ssl_"), here = SPAN("tls_"), http = SPAN("http_");
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        span known = variables[i].name;
        /* nghttpx once called what is TLS by the older name. */
        bool same =
            span_eq(known, name) || (span_starts(known, here) && span_starts(name, old) &&
                                     span_eq(span_skip(known, here.n), span_skip(name, old.n)));
        if (!same) continue;
        *p = (part){.kind = variables[i].kind};
        return true;
    }
    if (!span_starts(name, http) || name.n == http.n) return false;
    *p = field_part(f, span_skip(name, http.n));
    return true;
}

static void add(log_format *f, part p) {
    if (p.kind == LITERAL && p.text.n == 0) return;
    f->parts[f->count++] = p;
}

static void read_parts(log_format *f, char *why, size_t room) {
    span rest = span_str(f->text), literal = span_head(rest, 0);
    while (rest.n) {
        span name = {NULL, 0};
        part p;
        size_t n = rest.p[0] == '$' ? take_name(span_skip(rest, 1), &name) : 0;
        if (n && part_of(f, name, &p)) {
            add(f, (part){.kind = LITERAL, .text = literal});
            add(f, p);
            rest = span_skip(rest, n + 1);
            literal = span_head(rest, 0);
            continue;
        }
        if (rest.p[0] == '$' && !*why)
            snprintf(why, room, "$%.*s: unknown variable", (int)name.n, (const char *)name.p);
        rest = span_skip(rest, 1);
        literal.n++;
    }
    add(f, (part){.kind = LITERAL, .text = literal});
}

log_format *log_format_new(const char *text, char *why, size_t room) {
    size_t n = strlen(text), most = 1;
    for (size_t i = 0; i < n; i++) most += text[i] == '$' ? 2 : 0;
    log_format *f = calloc(1, sizeof *f);
    snprintf(why, room, "out of memory");
    if (!f || !(f->text = strdup(text)) || !(f->parts = calloc(most, sizeof *f->parts))) {
        log_format_free(f);
        return NULL;
    }
    *why = 0;
    read_parts(f, why, room);
    return f;
}

void log_format_free(log_format *f) {
    if (!f) return;
    free(f->parts);
    free(f->text);
    free(f);
}

/* ---- writing ---- */

typedef struct writing {
    char *p;
    size_t n, room;
} writing;

static void put(writing *w, span s) {
    size_t n = s.n < w->room - w->n ? s.n : w->room - w->n;
    if (n) memcpy(w->p + w->n, s.p, n);
    w->n += n;
}

static void put_escaped(writing *w, span s, size_t most) {
    if (s.n)
        w->n += log_text_escape(w->p + w->n, w->room - w->n, span_head(s, most));
    else
        put(w, SPAN("-"));
}

static void put_text(writing *w, const char *s) {
    put_escaped(w, span_str(s ? s : ""), LIMIT_LOG_FIELD);
}

static void put_number(writing *w, uint64_t v) {
    uint8_t digits[20];
    put(w, span_of(digits, bytes_put_decimal(digits, v)));
}

static void put_port(writing *w, uint16_t port) {
    if (port)
        put_number(w, port);
    else
        put(w, SPAN("-"));
}

/* Seconds with three digits after the point. */
static void put_seconds(writing *w, uint64_t us) {
    uint8_t digits[20];
    put_number(w, us / 1000000);
    bytes_put_decimal(digits, 1000 + us / 1000 % 1000);
    digits[0] = '.';
    put(w, span_of(digits, 4));
}

static void put_request(writing *w, const log_facts *x) {
    put_escaped(w, x->method, LIMIT_LOG_FIELD);
    put(w, SPAN(" "));
    put_escaped(w, x->target, LIMIT_LOG_TARGET);
    put(w, SPAN(" "));
    put_text(w, x->protocol);
}

static void put_field(writing *w, const log_facts *x, const part *p) {
    const http_field *f = p->token == HTTP_TOKEN_OTHER
                              ? fields_find_name(x->fields, x->field_count, p->text)
                              : fields_find(x->fields, x->field_count, p->token);
    put_escaped(w, f ? f->value : SPAN(""), LIMIT_LOG_FIELD);
}

static span without_query(span target) {
    const uint8_t *mark = target.n ? memchr(target.p, '?', target.n) : NULL;
    return mark ? span_head(target, (size_t)(mark - target.p)) : target;
}

static void put_part(writing *w, const log_facts *x, const part *p) {
    const tls_facts *tls = x->tls;
    switch (p->kind) {
    case LITERAL: put(w, p->text); break;
    case FIELD: put_field(w, x, p); break;
    case REMOTE_ADDR: put_escaped(w, x->remote_addr, LIMIT_LOG_FIELD); break;
    case TIME_LOCAL: put(w, log_text_clf(x->unix_seconds, true)); break;
    case TIME_ISO8601: put(w, log_text_iso(x->unix_seconds, x->unix_ms)); break;
    case REQUEST: put_request(w, x); break;
    case STATUS: put_port(w, (uint16_t)x->status); break;
    case BODY_BYTES: put_number(w, x->body_bytes); break;
    case AUTHORITY: put_escaped(w, x->authority, LIMIT_LOG_FIELD); break;
    case REMOTE_PORT: put_port(w, x->remote_port); break;
    case SERVER_PORT: put_port(w, x->server_port); break;
    case REQUEST_TIME: put_seconds(w, x->took_us); break;
    case PID: put_number(w, (uint64_t)getpid()); break;
    case ALPN: put_text(w, x->alpn); break;
    case TLS_CIPHER: put_text(w, tls ? tls->cipher : NULL); break;
    case TLS_PROTOCOL: put_text(w, tls ? tls->version_name : NULL); break;
    case TLS_REUSED: put(w, !tls ? SPAN("-") : tls->resumed ? SPAN("r") : SPAN(".")); break;
    case TLS_SNI: put_text(w, tls ? tls->server_name : NULL); break;
    case TLS_ECH: put(w, tls ? SPAN(".") : SPAN("-")); break; /* it is not spoken here */
    case TLS_SESSION_ID: put_text(w, tls ? tls->session_id : NULL); break;
    case CLIENT_SHA256: put_text(w, tls ? tls->client_sha256 : NULL); break;
    case CLIENT_SHA1: put_text(w, tls ? tls->client_sha1 : NULL); break;
    case CLIENT_SUBJECT: put_text(w, tls ? tls->client_subject : NULL); break;
    case CLIENT_ISSUER: put_text(w, tls ? tls->client_issuer : NULL); break;
    case CLIENT_SERIAL: put_text(w, tls ? tls->client_serial : NULL); break;
    case BACKEND_HOST: put_escaped(w, x->backend_host, LIMIT_LOG_FIELD); break;
    case BACKEND_PORT: put_port(w, x->backend_port); break;
    case METHOD: put_escaped(w, x->method, LIMIT_LOG_FIELD); break;
    case PATH: put_escaped(w, x->target, LIMIT_LOG_TARGET); break;
    case PATH_WITHOUT_QUERY: put_escaped(w, without_query(x->target), LIMIT_LOG_TARGET); break;
    case PROTOCOL: put_text(w, x->protocol); break;
    }
}

size_t log_format_write(const log_format *f, const log_facts *facts, char *out, size_t room) {
    if (room == 0) return 0;
    writing w = {out, 0, room - 1};
    for (size_t i = 0; i < f->count; i++) put_part(&w, facts, &f->parts[i]);
    out[w.n] = '\n';
    return w.n + 1;
}
