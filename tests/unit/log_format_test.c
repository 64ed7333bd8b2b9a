/* applets/proxy/log_format.c: every variable, as nghttpx 1.52 writes it, and what a peer says in
 * it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "applets/proxy/log_format.h"
#include "core/limits.h"

static http_field field(const char *name, const char *value) {
    return (http_field){span_str(name), span_str(value), (uint16_t)fields_token(span_str(name)),
                        false};
}

static log_facts facts_of(const http_field *f, size_t n) {
    return (log_facts){
        .remote_addr = SPAN("192.0.2.1"),
        .remote_port = 49604,
        .server_port = 443,
        .protocol = "HTTP/2",
        .alpn = "h2c",
        .method = SPAN("GET"),
        .target = SPAN("/a?b=1"),
        .authority = SPAN("a.test:8080"),
        .fields = f,
        .field_count = n,
        .status = 200,
        .body_bytes = 6,
        .took_us = 1234567,
        .unix_seconds = 1795869157, /* 2026-11-28 12:32:37 UTC */
        .unix_ms = 35,
        .backend_host = SPAN("127.0.0.1"),
        .backend_port = 8080,
    };
}

/* Into a block of its own size, so that the sanitizer sees a write past its end. */
static const char *line(const char *format, const log_facts *x, size_t room) {
    static char copy[16384];
    char why[100];
    log_format *f = log_format_new(format, why, sizeof why);
    char *out = malloc(room ? room : 1);
    cr_assert(f && out);
    size_t n = log_format_write(f, x, out, room);
    cr_assert_leq(n, room);
    memcpy(copy, out, n);
    copy[n] = 0;
    free(out);
    log_format_free(f);
    return copy;
}

static void is(const char *format, const log_facts *x, const char *text) {
    char expected[8192];
    snprintf(expected, sizeof expected, "%s\n", text);
    cr_expect_str_eq(line(format, x, 8192), expected, "%s", format);
}

Test(log_format, variables) {
    const http_field f[] = {field("user-agent", "curl/7.88.1"), field("x-foo", "a\"b\\c\t\xc3\xa9"),
                            field("empty", "")};
    log_facts x = facts_of(f, 3);
    setenv("TZ", "IST-5:30", 1);
    tzset();
    static const char *const cases[][2] = {
        {"$remote_addr", "192.0.2.1"},
        {"$remote_port $server_port", "49604 443"},
        {"[$time_local]", "[28/Nov/2026:18:02:37 +0530]"},
        {"$time_iso8601", "2026-11-28T18:02:37.035+05:30"},
        {"$request", "GET /a?b=1 HTTP/2"},
        {"$status $body_bytes_sent", "200 6"},
        {"$http_host $authority", "a.test:8080 a.test:8080"},
        {"$http_user_agent", "curl/7.88.1"},
        {"${http_x_foo}bar", "a\\x22b\\x5cc\\x09\\xc3\\xa9bar"},
        {"$http_X_Foo", "a\\x22b\\x5cc\\x09\\xc3\\xa9"},
        {"$http_empty $http_absent", "- -"},
        {"$request_time", "1.234"},
        {"$alpn", "h2c"},
        {"$backend_host:$backend_port", "127.0.0.1:8080"},
        {"$method $path $path_without_query $protocol_version", "GET /a?b=1 /a HTTP/2"},
        {"$tls_cipher$tls_protocol$tls_session_id$tls_session_reused$tls_sni$tls_ech_accepted",
         "------"},
        {"$tls_client_fingerprint_sha256 $tls_client_fingerprint_sha1 $tls_client_subject_name",
         "- - -"},
        {"$tls_client_issuer_name $tls_client_serial $ssl_cipher", "- - -"},
        {"", ""},
        {"no variables", "no variables"},
        {LOG_FORMAT_COMBINED,
         "192.0.2.1 - - [28/Nov/2026:18:02:37 +0530] \"GET /a?b=1 HTTP/2\" 200 6 "
         "\"-\" \"curl/7.88.1\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) is(cases[i][0], &x, cases[i][1]);
    char pid[30];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    is("$pid", &x, pid);
}

Test(log_format, tls) {
    tls_facts tls = {.version_name = "TLSv1.3",
                     .cipher = "TLS_AES_128_GCM_SHA256",
                     .group = "",
                     .alpn = "h2",
                     .server_name = "a\x7f.test",
                     .distrust = "",
                     .resumed = true,
                     .client_subject = "CN=me,O=\"x\"",
                     .client_issuer = "CN=ca",
                     .client_serial = "7628dc",
                     .client_sha256 = "5f15",
                     .client_sha1 = "0994",
                     .session_id = ""};
    log_facts x = facts_of(NULL, 0);
    x.tls = &tls;
    is("$tls_cipher $tls_protocol $tls_sni $tls_session_reused $tls_ech_accepted", &x,
       "TLS_AES_128_GCM_SHA256 TLSv1.3 a\\x7f.test r .");
    is("$tls_client_subject_name|$tls_client_issuer_name|$tls_client_serial", &x,
       "CN=me,O=\\x22x\\x22|CN=ca|7628dc");
    is("$tls_client_fingerprint_sha256 $tls_client_fingerprint_sha1 $tls_session_id", &x,
       "5f15 0994 -");
    is("$ssl_cipher ${ssl_protocol}", &x, "TLS_AES_128_GCM_SHA256 TLSv1.3");
    tls.resumed = false;
    tls.server_name = "";
    is("$tls_session_reused $tls_sni", &x, ". -");
}

/* They stand as they are, as with nghttpx. */
Test(log_format, no_variables) {
    static const char *const cases[][2] = {
        {"$foo", "$foo: unknown variable"},       {"$", "$: unknown variable"},
        {"a$-b", "$: unknown variable"},          {"$$", "$: unknown variable"},
        {"${foo", "$foo: unknown variable"},      {"${status", "$status: unknown variable"},
        {"${}", "$: unknown variable"},           {"$http_", "$http_: unknown variable"},
        {"$Status", "$Status: unknown variable"}, {"{$}", "$: unknown variable"},
    };
    log_facts x = facts_of(NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[100] = "";
        log_format *f = log_format_new(cases[i][0], why, sizeof why);
        cr_assert_not_null(f);
        cr_expect_str_eq(why, cases[i][1]);
        log_format_free(f);
        is(cases[i][0], &x, cases[i][0]);
    }
    is("$$status", &x, "$200");
    char why[100] = "x";
    log_format *f = log_format_new("$status", why, sizeof why);
    cr_expect_str_eq(why, "");
    log_format_free(f);
    log_format_free(NULL);
}

Test(log_format, what_is_missing) {
    log_facts x = {.status = 0};
    is("$remote_addr $remote_port $server_port $status $body_bytes_sent $authority $alpn "
       "$backend_host $backend_port",
       &x, "- - - - 0 - - - -");
    is("$request $path_without_query $request_time", &x, "- - - - 0.000");
}

/* A line is never split, whatever a client says, and wherever the room ends. */
Test(log_format, hostile) {
    static char much[8000];
    for (size_t i = 0; i < sizeof much - 1; i++) much[i] = "\n\r\"\\\x1b[2J\xff"[i % 9];
    const http_field f[] = {field("user-agent", much), field("referer", much)};
    log_facts x = facts_of(f, 2);
    x.method = x.target = x.authority = x.remote_addr = span_str(much);
    x.protocol = x.alpn = much;
    const char *whole =
        line("$request|$path|$method|$authority|$remote_addr|$http_user_agent", &x, 16000);
    size_t n = strlen(whole);
    cr_expect_leq(n, 4 * (2 * LIMIT_LOG_TARGET + 6 * LIMIT_LOG_FIELD) + 20);
    for (size_t i = 0; i + 1 < n; i++)
        cr_assert(whole[i] >= 0x20 && whole[i] < 0x7f && whole[i] != '"');
    cr_expect_eq(whole[n - 1], '\n');
    for (size_t room = 0; room < 200; room++) {
        const char *cut = line(LOG_FORMAT_COMBINED, &x, room);
        size_t end = strlen(cut);
        cr_assert(room == 0 ? end == 0
                            : cut[end - 1] == '\n' && (end == 1 || !memchr(cut, '\n', end - 1)));
    }
}
