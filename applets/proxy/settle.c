#include "applets/proxy/settle.h"

#include "applets/applet.h"
#include "applets/proxy/backend_text.h"
#include "applets/proxy/frontend_text.h"
#include "applets/proxy/log_format.h"
#include "applets/proxy/option_text.h"
#include "core/limits.h"

#include <stdlib.h>

#define TEXT_MORE 512u /* bytes that a text can grow by when it is written anew */

/* ---- texts and lists ---- */

void settle_free(settle_texts *texts) {
    for (size_t i = 0; i < texts->count; i++) free(texts->v[i]);
    free(texts->v);
    *texts = (settle_texts){0};
}

/* n bytes that live with the settings. */
static char *take(settle_texts *texts, size_t n) {
    if (texts->count == texts->room) {
        size_t room = texts->room ? 2 * texts->room : 16;
        char **wider = realloc(texts->v, room * sizeof *wider);
        if (!wider) return NULL;
        texts->v = wider;
        texts->room = room;
    }
    char *text = malloc(n);
    if (text) texts->v[texts->count++] = text;
    return text;
}

/* A list that is empty gets its default. */
static bool fill(opt_list *list, const char *usual) {
    if (list->count) return true;
    const char **v = realloc(list->v, sizeof *v);
    if (!v) return false;
    v[0] = usual;
    *list = (opt_list){v, 1, 1};
    return true;
}

static int no_memory(const opt_call *call) {
    opt_say(call, "out of memory");
    return APPLET_FAILED;
}

/* ---- numbers ---- */

/* 2^N-1, where the older name was given and the newer was not. */
static void from_bits(const opt_call *call, const char *older, int64_t bits, const char *newer,
                      uint64_t *size) {
    if (opt_given(call, older) && !opt_given(call, newer)) *size = (UINT64_C(1) << bits) - 1;
}

static void settle_windows(const opt_call *call, proxy_settings *set) {
    from_bits(call, "frontend-http2-window-bits", set->front_window_bits,
              "frontend-http2-window-size", &set->front_window);
    from_bits(call, "frontend-http2-connection-window-bits", set->front_connection_window_bits,
              "frontend-http2-connection-window-size", &set->front_connection_window);
    from_bits(call, "backend-http2-window-bits", set->back_window_bits, "backend-http2-window-size",
              &set->back_window);
    from_bits(call, "backend-http2-connection-window-bits", set->back_connection_window_bits,
              "backend-http2-connection-window-size", &set->back_connection_window);
    if (!opt_given(call, "http2-max-concurrent-streams")) return;
    if (!opt_given(call, "frontend-http2-max-concurrent-streams"))
        set->front_streams = set->both_streams;
    if (!opt_given(call, "backend-http2-max-concurrent-streams"))
        set->back_streams = set->both_streams;
}

/* One value for both sides, of the time when there was but one option. */
static void from_both(const opt_call *call, const char *older, uint64_t ms, const char *front,
                      uint64_t *front_ms, const char *back, uint64_t *back_ms) {
    if (!opt_given(call, older)) return;
    if (!opt_given(call, front)) *front_ms = ms;
    if (!opt_given(call, back)) *back_ms = ms;
}

static void settle_times(const opt_call *call, proxy_settings *set) {
    from_both(call, "stream-read-timeout", set->stream_read_ms, "frontend-stream-read-timeout",
              &set->front_stream_read_ms, "backend-stream-read-timeout", &set->back_stream_read_ms);
    from_both(call, "stream-write-timeout", set->stream_write_ms, "frontend-stream-write-timeout",
              &set->front_stream_write_ms, "backend-stream-write-timeout",
              &set->back_stream_write_ms);
}

/* What is more than the core reads is as the most it reads; told when somebody asked for it. */
static void cap(const opt_call *call, const char *name, int64_t *v, int64_t most) {
    if (*v <= most) return;
    if (opt_given(call, name)) opt_say(call, "%s: it is %lld here", name, (long long)most);
    *v = most;
}

static void settle_caps(const opt_call *call, proxy_settings *set) {
    int64_t request = (int64_t)set->request_fields, response = (int64_t)set->response_fields;
    cap(call, "request-header-field-buffer", &request, LIMIT_HEADER_LIST);
    cap(call, "response-header-field-buffer", &response, LIMIT_HEADER_LIST);
    set->request_fields = (uint64_t)request;
    set->response_fields = (uint64_t)response;
    cap(call, "max-request-header-fields", &set->request_fields_max, LIMIT_HEADER_FIELDS);
    cap(call, "max-response-header-fields", &set->response_fields_max, LIMIT_HEADER_FIELDS);
}

/* ---- older switches ---- */

static void settle_switches(const opt_call *call, proxy_settings *set) {
    if (!opt_given(call, "backend-address-family") && set->backend_ipv4 != set->backend_ipv6)
        set->family = set->backend_ipv4 ? PROXY_IPV4 : PROXY_IPV6;
    if (set->access_stderr && !set->access_file) set->access_file = "/dev/stderr";
    if (set->all_syslog) set->access_syslog = set->error_syslog = true;
    if (set->single_thread) set->workers = 1;
    if (set->client_proxy) set->http2_proxy = true;
}

/* ---- frontends and backends ---- */

static bool is_mode(const proxy_settings *set) {
    return set->http2_bridge || set->client || set->client_proxy;
}

bool settle_is_direct(const proxy_settings *set, bool old_name) {
    return set->http2_proxy && !is_mode(set) && !set->backends.count && !old_name;
}

void settle_backend(const proxy_settings *set, backend_text *b) {
    if (is_mode(set)) {
        b->h2 = true;
        b->tls |= !set->backend_no_tls;
    }
    if (set->backend_tls || (set->backend_http1_tls && !b->h2)) b->tls = true;
    if (set->backend_sni && b->tls && !b->sni.n) b->sni = span_str(set->backend_sni);
}

static int settle_backends(const opt_call *call, proxy_settings *set, settle_texts *texts) {
    char why[256];
    if (settle_is_direct(set, call->old_name)) return OPT_GO;
    if (!fill(&set->backends, SETTLE_BACKEND)) return no_memory(call);
    for (uint32_t i = 0; i < set->backends.count; i++) {
        backend_text b;
        const char *given = set->backends.v[i];
        size_t room = strlen(given) + TEXT_MORE;
        if (set->backend_sni) room += strlen(set->backend_sni);
        if (!backend_text_read(&b, span_str(given), why, sizeof why)) {
            opt_say(call, "backend: %s", why);
            return opt_refusal(call);
        }
        if (b.mruby.n)
            opt_say(call, "backend: mruby=%.*s has no effect: there is no mruby", (int)b.mruby.n,
                    (const char *)b.mruby.p);
        b.mruby.n = 0;
        settle_backend(set, &b);
        char *text = take(texts, room);
        size_t n = text ? backend_text_write(&b, text, room) : 0;
        if (!n) return no_memory(call);
        text[n] = 0;
        set->backends.v[i] = text;
    }
    return OPT_GO;
}

static int settle_frontends(const opt_call *call, proxy_settings *set, settle_texts *texts) {
    bool clear = set->frontend_no_tls || set->client || set->client_proxy, tls = false;
    char why[256];
    if (!fill(&set->frontends, SETTLE_FRONTEND)) return no_memory(call);
    for (uint32_t i = 0; i < set->frontends.count; i++) {
        frontend_text f;
        const char *given = set->frontends.v[i];
        size_t room = strlen(given) + TEXT_MORE;
        if (!frontend_text_read(&f, span_str(given), why, sizeof why)) {
            opt_say(call, "frontend: %s", why);
            return opt_refusal(call);
        }
        f.no_tls |= clear;
        f.proxy_protocol |= set->accept_proxy_protocol;
        tls |= !f.no_tls;
        char *text = take(texts, room);
        size_t n = text ? frontend_text_write(&f, text, room) : 0;
        if (!n) return no_memory(call);
        text[n] = 0;
        set->frontends.v[i] = text;
    }
    if (!tls || (set->key_file && set->cert_file)) return OPT_GO;
    opt_say(call,
            "a frontend with TLS needs a key and a certificate: KEY CERT on the command line, "
            "private-key-file and certificate-file in a file, or ;no-tls behind the frontend");
    return opt_refusal(call);
}

/* ---- TLS ---- */

#define TLS12 2 /* index of TLSv1.2 */

static int settle_tls(const opt_call *call, proxy_settings *set) {
    char why[256];
    option_cert cert;
    if (call->operand_count == 1) {
        opt_say(call, "KEY and CERT are expected together");
        return opt_refusal(call);
    }
    if (call->operand_count == 2) {
        set->key_file = call->operands[0];
        set->cert_file = call->operands[1];
    }
    if (set->tls_versions && !opt_given(call, "tls-min-proto-version") &&
        !opt_given(call, "tls-max-proto-version"))
        option_text_versions(span_str(set->tls_versions), &set->tls_min, &set->tls_max, why,
                             sizeof why);
    if (set->tls_max < TLS12 || set->tls_min > set->tls_max) {
        opt_say(call, set->tls_max < TLS12
                          ? "tls-max-proto-version: TLSv1.2 or TLSv1.3 is expected: older versions "
                            "are not spoken"
                          : "tls-min-proto-version is above tls-max-proto-version");
        return opt_refusal(call);
    }
    if (set->tls_min < TLS12) {
        opt_say(call, "tls-min-proto-version: it is TLSv1.2 here: older versions are not spoken");
        set->tls_min = TLS12;
    }
    if (!set->client_key_file != !set->client_cert_file) {
        opt_say(call, "client-private-key-file and client-cert-file are expected together");
        return opt_refusal(call);
    }
    for (uint32_t i = 0; i < set->subcerts.count; i++) {
        option_text_cert(span_str(set->subcerts.v[i]), &cert, why, sizeof why);
        if (cert.has_sct)
            opt_say(call, "subcert: sct-dir has no effect: timestamps of certificates are sent "
                          "only from within certificates");
    }
    return OPT_GO;
}

/* A variable that nobody knows stands in lines as it was written. */
static void settle_log(const opt_call *call, const proxy_settings *set) {
    char why[256] = "";
    if (!set->access_format) return;
    log_format_free(log_format_new(set->access_format, why, sizeof why));
    if (*why) opt_say(call, "accesslog-format: %s", why);
}

int settle(opt_call *call, proxy_settings *set, settle_texts *texts) {
    settle_windows(call, set);
    settle_times(call, set);
    settle_caps(call, set);
    settle_switches(call, set);
    settle_log(call, set);
    int code = settle_tls(call, set);
    if (code == OPT_GO) code = settle_backends(call, set, texts);
    if (code == OPT_GO) code = settle_frontends(call, set, texts);
    return code;
}
