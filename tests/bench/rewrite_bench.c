/* What the proxy's own work on a request costs beside the protocols: nanoseconds for routes, for
 * rewriting both ways and for a log line; prints JSON. The best of many rounds counts. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "applets/common/heap.h"
#include "applets/proxy/log_format.h"
#include "applets/proxy/rewrite.h"
#include "applets/proxy/route.h"

enum { ROUNDS = 200, CALLS = 20000 };

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Of one call, in the best round. */
static double best_of(void (*call)(void)) {
    double best = 1e18;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double begin = now_ns();
        for (unsigned i = 0; i < CALLS; i++) call();
        double took = (now_ns() - begin) / CALLS;
        if (took < best) best = took;
    }
    return best;
}

static rewritten room;
static rewrite_rules rules = {.add_x_forwarded_proto = true,
                              .strip_x_forwarded_proto = true,
                              .via = true,
                              .via_name = SPAN_LIT("h2box"),
                              .strip_early_data = true,
                              .server = true,
                              .server_name = SPAN_LIT("h2box"),
                              .location = true,
                              .crumble_cookies = true};
static rewrite_facts facts = {.client_address = SPAN_LIT("192.0.2.1"),
                              .local_address = SPAN_LIT("192.0.2.2:443"),
                              .by = SPAN_LIT("_Be2U0SH9"),
                              .for_ = SPAN_LIT("_dCmWo7Ij"),
                              .secure = true,
                              .front_h2 = true,
                              .backend_authority = SPAN_LIT("10.0.0.1:8080")};
static http_field asked[12], answered[9];
static fields_summary asked_summary, answered_summary;
static route_table *routes;
static log_format *combined;
static log_facts line;

static void check(const char *why) {
    if (!why) return;
    fprintf(stderr, "rewrite_bench: %s\n", why);
    exit(1);
}

static void make(void) {
    const http_field request[12] = {
        HTTP_FIELD_OF(METHOD, SPAN("GET")),
        HTTP_FIELD_OF(SCHEME, SPAN("https")),
        HTTP_FIELD_OF(AUTHORITY, SPAN("www.example.org")),
        HTTP_FIELD_OF(PATH, SPAN("/static/images/logo.svg?v=17")),
        HTTP_FIELD_OF(USER_AGENT, SPAN("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0")),
        HTTP_FIELD_OF(ACCEPT, SPAN("text/html,application/xhtml+xml,*/*;q=0.8")),
        HTTP_FIELD_OF(ACCEPT_LANGUAGE, SPAN("en-US,en;q=0.5")),
        HTTP_FIELD_OF(ACCEPT_ENCODING, SPAN("gzip, deflate, br, zstd")),
        HTTP_FIELD_OF(REFERER, SPAN("https://www.example.org/")),
        HTTP_FIELD_OF(COOKIE, SPAN("session=0123456789abcdef")),
        {SPAN("sec-fetch-dest"), SPAN("image"), HTTP_TOKEN_OTHER, false},
        HTTP_FIELD_OF(PRIORITY, SPAN("u=2, i")),
    };
    const http_field response[9] = {
        HTTP_FIELD_OF(STATUS, SPAN("200")),
        HTTP_FIELD_OF(SERVER, SPAN("nginx")),
        HTTP_FIELD_OF(DATE, SPAN("Sat, 28 Nov 2026 12:00:00 GMT")),
        HTTP_FIELD_OF(CONTENT_TYPE, SPAN("image/svg+xml")),
        HTTP_FIELD_OF(CONTENT_LENGTH, SPAN("612")),
        HTTP_FIELD_OF(LAST_MODIFIED, SPAN("Sat, 28 Nov 2026 11:00:00 GMT")),
        HTTP_FIELD_OF(ETAG, SPAN("\"6567d2b0-264\"")),
        HTTP_FIELD_OF(ACCEPT_RANGES, SPAN("bytes")),
        HTTP_FIELD_OF(CACHE_CONTROL, SPAN("max-age=3600")),
    };
    memcpy(asked, request, sizeof asked);
    memcpy(answered, response, sizeof answered);
    check(fields_check(asked, 12, 0, FIELDS_REQUEST, false, &asked_summary));
    check(fields_check(answered, 9, 0, FIELDS_RESPONSE, false, &answered_summary));
    if (!rewrite_room(&room, heap_mem())) check("no memory");
}

static void make_routes(unsigned hosts) {
    const char *why;
    uint32_t target = 0;
    routes = route_table_new();
    if (!routes || !route_table_add(routes, SPAN("/"), &target, &why)) check("no routes");
    for (unsigned i = 0; i < hosts; i++) {
        char text[80];
        target = i + 1;
        snprintf(text, sizeof text, i % 3 ? "host%u.example.org/static/" : "*.zone%u.example.org",
                 i);
        if (!route_table_add(routes, span_str(text), &target, &why)) check(why);
    }
}

static void do_request(void) {
    if (!rewrite_request(&room, &rules, &facts, asked, 12, &asked_summary)) check("no room");
}

static void do_response(void) {
    if (!rewrite_response(&room, &rules, &facts, asked_summary.authority, asked_summary.scheme,
                          SPAN(""), answered, 9, &answered_summary))
        check("no room");
}

static volatile uint32_t seen;

static void do_route(void) {
    seen = route_find(routes, SPAN("host4711.example.org"), asked_summary.path);
}

static void do_default(void) {
    seen = route_find(routes, asked_summary.authority, asked_summary.path);
}

static void do_line(void) {
    char out[4096];
    line.unix_seconds += (seen++ & 1023) == 0;
    seen += (uint32_t)log_format_write(combined, &line, out, sizeof out);
}

int main(void) {
    char why[100];
    make();
    printf("{\"request\": %.1f", best_of(do_request));
    facts.back_h2 = true;
    printf(", \"request to HTTP/2\": %.1f", best_of(do_request));
    rules.add_x_forwarded_for = rules.forwarded_host = rules.forwarded_proto = true;
    rules.forwarded_by = rules.forwarded_for = REWRITE_NODE_OBFUSCATED;
    printf(", \"request with Forwarded\": %.1f", best_of(do_request));
    printf(", \"response\": %.1f", best_of(do_response));
    make_routes(0);
    printf(", \"route, one pattern\": %.1f", best_of(do_default));
    route_table_free(routes);
    make_routes(10000);
    printf(", \"route, 10000 patterns\": %.1f", best_of(do_route));
    route_table_free(routes);
    combined = log_format_new(LOG_FORMAT_COMBINED, why, sizeof why);
    line = (log_facts){.remote_addr = SPAN("192.0.2.1"),
                       .protocol = "HTTP/2",
                       .method = asked_summary.method,
                       .target = asked_summary.path,
                       .fields = asked,
                       .field_count = 12,
                       .status = 200,
                       .body_bytes = 612,
                       .unix_seconds = 1795869157};
    printf(", \"log line\": %.1f}\n", best_of(do_line));
    log_format_free(combined);
    rewrite_end(&room, heap_mem());
    return 0;
}
