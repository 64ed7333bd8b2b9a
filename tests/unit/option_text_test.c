/* applets/proxy/option_text.c, conf_text.c, syslog_text.c: the small grammars of the proxy. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <syslog.h>

#include "applets/proxy/conf_text.h"
#include "applets/proxy/option_text.h"
#include "applets/proxy/syslog_text.h"

static char why[256];

#define IS(field, text) \
    cr_assert(span_eq((field), span_str(text)), "%.*s", (int)(field).n, (const char *)(field).p)

Test(option_text, fields) {
    http_field f;
    cr_assert(option_text_field(SPAN("Foo:  bar baz "), &f, why, sizeof why));
    IS(f.name, "Foo");
    IS(f.value, "bar baz");
    cr_assert_eq(f.token, HTTP_TOKEN_OTHER);
    cr_assert(option_text_field(SPAN("Server:x"), &f, why, sizeof why));
    cr_assert_eq(f.token, HTTP_TOKEN_SERVER);
    cr_assert(option_text_field(SPAN("Empty:"), &f, why, sizeof why));
    static const char *const bad[] = {"foo",
                                      ":path: x",
                                      "a b: c",
                                      "x: a\rb",
                                      ": x",
                                      "Connection: close",
                                      "Host: foo",
                                      "Trailer: x",
                                      "Transfer-Encoding: chunked",
                                      "Content-Length: 3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(option_text_is_field(bad[i], why, sizeof why), "%s", bad[i]);
    }
}

Test(option_text, ports) {
    static const char *const bad[] = {"",    "0",      "x",      "65536", "80-",
                                      "-80", "443-80", "80,,81", "1-2-3", "any-80"};
    option_ports p;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(option_text_is_ports(bad[i], why, sizeof why), "%s", bad[i]);
    cr_assert(option_text_ports(SPAN("80, 443,1024-65535"), &p, why, sizeof why));
    static const uint16_t in[] = {80, 443, 1024, 8080, 65535},
                          out[] = {1, 25, 79, 81, 442, 444, 1023};
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
        cr_assert(option_text_has_port(&p, in[i]));
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        cr_assert_not(option_text_has_port(&p, out[i]));
    cr_assert(option_text_ports(SPAN("ANY"), &p, why, sizeof why));
    cr_assert(option_text_has_port(&p, 1) && option_text_has_port(&p, 65535));
    char many[4 * LIMIT_PORT_RANGES + 4];
    for (size_t i = 0; i <= LIMIT_PORT_RANGES; i++) memcpy(many + 3 * i, "25,", 3);
    many[3 * LIMIT_PORT_RANGES - 1] = 0;
    cr_assert(option_text_is_ports(many, why, sizeof why));
    many[3 * LIMIT_PORT_RANGES - 1] = ',';
    many[3 * LIMIT_PORT_RANGES + 2] = 0;
    cr_assert_not(option_text_is_ports(many, why, sizeof why));
}

Test(option_text, altsvc) {
    option_altsvc a;
    cr_assert(option_text_altsvc(SPAN("h2,443"), &a, why, sizeof why));
    IS(a.protocol, "h2");
    cr_assert(
        option_text_altsvc(SPAN("h2,443,alt.example,,ma=3600; persist=1"), &a, why, sizeof why));
    IS(a.host, "alt.example");
    IS(a.params, "ma=3600; persist=1");
    static const char *const bad[] = {"h2", "h2,0", "h2,x", ",443", "h2,443,\"", "h2,443,,,a\nb"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(option_text_is_altsvc(bad[i], why, sizeof why), "%s", bad[i]);
}

Test(option_text, pages) {
    unsigned status;
    span file_name;
    cr_assert(option_text_page(SPAN("404=/a=b.html"), &status, &file_name, why, sizeof why));
    cr_assert_eq(status, 404);
    IS(file_name, "/a=b.html");
    cr_assert(option_text_page(SPAN("*=x"), &status, &file_name, why, sizeof why));
    cr_assert_eq(status, 0);
    static const char *const bad[] = {"404", "300=x", "600=x", "=x", "404=", "4o4=x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(option_text_is_page(bad[i], why, sizeof why), "%s", bad[i]);
}

Test(option_text, forwarded) {
    option_forwarded f;
    rewrite_node node;
    cr_assert(option_text_forwarded(SPAN("by, for"), &f, why, sizeof why));
    cr_assert(f.by && f.for_ && !f.host && !f.proto);
    cr_assert_not(option_text_forwarded(SPAN("by,foo"), &f, why, sizeof why));
    cr_assert(option_text_node(SPAN("ip"), false, &node, why, sizeof why));
    cr_assert_eq(node, REWRITE_NODE_IP);
    cr_assert(option_text_node(SPAN("_me.1"), true, &node, why, sizeof why));
    cr_assert_eq(node, REWRITE_NODE_TOKEN);
    cr_assert_not(option_text_node(SPAN("_me.1"), false, &node, why, sizeof why));
    cr_assert_not(option_text_is_by("me", why, sizeof why));
    cr_assert_not(option_text_is_by("_", why, sizeof why));
    cr_assert_not(option_text_is_by("_a b", why, sizeof why));
}

Test(option_text, certificates) {
    option_cert c;
    cr_assert(option_text_cert(SPAN("/k.pem:/c.pem;sct-dir=/s"), &c, why, sizeof why));
    IS(c.key, "/k.pem");
    IS(c.cert, "/c.pem");
    cr_assert(c.has_sct);
    cr_assert_not(option_text_is_cert("k.pem", why, sizeof why));
    cr_assert_not(option_text_is_cert(":c", why, sizeof why));
    cr_assert_not(option_text_is_cert("k:", why, sizeof why));
    cr_assert_not(option_text_is_cert("k:c;foo=1", why, sizeof why));
}

Test(option_text, proxies) {
    option_proxy p;
    cr_assert(option_text_proxy(SPAN("http://u:p%40@[::1]:3128/"), &p, why, sizeof why));
    IS(p.host, "::1");
    IS(p.credentials, "u:p%40");
    cr_assert_eq(p.port, 3128);
    cr_assert(option_text_proxy(SPAN("http://proxy"), &p, why, sizeof why));
    cr_assert_eq(p.port, 80);
    static const char *const bad[] = {"proxy:3128", "https://a:1",  "http://",
                                      "http://a:0", "http://a:1/x", "http://unix:/x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(option_text_is_proxy(bad[i], why, sizeof why), "%s", bad[i]);
}

Test(option_text, lists) {
    int least, most;
    cr_assert(option_text_versions(SPAN("TLSv1.1,tlsv1.3"), &least, &most, why, sizeof why));
    cr_assert_eq(least, 1);
    cr_assert_eq(most, 3);
    cr_assert_not(option_text_is_versions("SSLv3", why, sizeof why));
    cr_assert_not(option_text_is_versions("", why, sizeof why));
    cr_assert(option_text_is_alpn("h3,h2", why, sizeof why));
    cr_assert_not(option_text_is_alpn("h3", why, sizeof why));
    cr_assert_not(option_text_is_value("a\nb", why, sizeof why));
    cr_assert_eq(syslog_text_facility("LOCAL3"), LOG_LOCAL3);
    cr_assert_not(syslog_text_is_facility("moon", why, sizeof why));
}

/* ---- configuration files ---- */

static char text[512];
static conf_text t;
static const char *name, *value;

static void begin(const char *all, size_t n) {
    memcpy(text, all, n);
    conf_text_begin(&t, text, n);
}

#define BEGIN(literal) begin(literal, sizeof(literal) - 1)

static bool next_is(const char *n, const char *v, unsigned line) {
    return conf_text_next(&t, &name, &value) == CONF_OPTION && strcmp(name, n) == 0 &&
           strcmp(value, v) == 0 && t.line == line;
}

Test(conf_text, lines) {
    BEGIN("# a comment\n\n  \t\n  # another\na=b\r\nb=c=d#e\nc=\nd= x ");
    cr_assert(next_is("a", "b", 5));
    cr_assert(next_is("b", "c=d#e", 6));
    cr_assert(next_is("c", "", 7));
    cr_assert(next_is("d", " x ", 8));
    cr_assert_eq(conf_text_next(&t, &name, &value), CONF_NOTHING);
    BEGIN("");
    cr_assert_eq(conf_text_next(&t, &name, &value), CONF_NOTHING);
}

static void refuses(const char *all, size_t n) {
    begin(all, n);
    cr_assert_eq(conf_text_next(&t, &name, &value), CONF_MISTAKE);
    cr_assert(strstr(name, "expected"));
}

Test(conf_text, mistakes) {
    refuses("abc\n", 4);
    refuses("=x", 2);
    refuses(" a=b", 4);
    refuses("a =b", 4);
    refuses("a=b\0c", 5);
    refuses("\0", 1);
}
