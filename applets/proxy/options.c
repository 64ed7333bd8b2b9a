/* The proxy's option table: its rows are in options_*.def, a family in each. */
#include "applets/proxy/options.h"
#include "applets/applet.h"
#include "applets/proxy/option_text.h"
#include "applets/proxy/syslog_text.h"
#include "core/limits.h"

#define OF(field) OPT_AT(proxy_settings, field)

/* A row that has a place: its long name, its field, and what else there is to say. */
#define ROW(t, long_name, field, ...) {.name = long_name, .type = t, OF(field), __VA_ARGS__},
#define FLAG(...)                     ROW(OPT_FLAG, __VA_ARGS__)
#define INT(...)                      ROW(OPT_INT, __VA_ARGS__)
#define SIZE(...)                     ROW(OPT_SIZE, __VA_ARGS__)
#define TIME(...)                     ROW(OPT_DURATION, __VA_ARGS__)
#define TEXT(...)                     ROW(OPT_STRING, __VA_ARGS__)
#define PATH(...)                     TEXT(__VA_ARGS__, .arg = "FILE", .word = OPT_WORD_FILE)
#define LIST(...)                     ROW(OPT_LIST, __VA_ARGS__)
#define ENUM(...)                     ROW(OPT_ENUM, __VA_ARGS__)

/* One of before that still works, and what to say instead. */
#define OLDER(t, long_name, field, now, ...)                                               \
    ROW(t, long_name, field, .status = OPT_DEPRECATED, .instead = now, .group = "Retired", \
        __VA_ARGS__)

/* One that is taken and does nothing, or that is refused: its type and name, and why. */
#define GONE(s, t, long_name, why, ...) \
    {.name = long_name, .type = t, .status = s, .instead = why, .group = "Retired", __VA_ARGS__},
#define IGNORED(...) GONE(OPT_IGNORED, __VA_ARGS__)
#define REFUSED(...) GONE(OPT_RETIRED, __VA_ARGS__)

static const char *const families[] = {"auto", "IPv4", "IPv6", NULL};
static const char *const levels[] = {"INFO", "NOTICE", "WARN", "ERROR", "FATAL", NULL};
static const char *const versions[] = {"TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3", NULL};

static const opt_spec specs[] = {
#include "applets/proxy/options_connection.def"
#include "applets/proxy/options_time.def"
#include "applets/proxy/options_tls.def"
#include "applets/proxy/options_h2.def"
#include "applets/proxy/options_http.def"
#include "applets/proxy/options_process.def"
#include "applets/proxy/options_gone.def"
};

static const char *const usage[] = {"[OPTION]... [KEY CERT]", NULL};

static const opt_pair notes[] = {
    {"Configuration files",
     "A line is NAME=VALUE, where NAME is that of a long option without the dashes; nothing stands around the "
     "= that does not belong to them. A line that begins with # is a comment. Options without an argument "
     "take the value yes, and any other turns them off. private-key-file and certificate-file are KEY and "
     "CERT; include=FILE reads another file at that place. What the command line says overrides the files, "
     "but repeatable options add up."},
    {"Backends and patterns",
     "--backend is HOST,PORT or unix:PATH, then ';' and patterns with ':' between, then parameters, each "
     "behind a ';'. A pattern is a host, a path or both: /static/ is all below it, /static the path alone, "
     "/img* all that begins with it; a host may begin with *. The best fit takes a request: the exact host, "
     "then the longer pattern. One backend must take what fits nowhere (the pattern / or none).\n\n"
     "Parameters: proto=h2|http/1.1, tls, sni=HOST, fall=N, rise=N, affinity=none|ip|cookie, "
     "affinity-cookie-name=NAME, affinity-cookie-path=PATH, affinity-cookie-secure=auto|yes|no, "
     "affinity-cookie-stickiness=loose|strict, dns, redirect-if-not-tls, upgrade-scheme, "
     "read-timeout=DURATION, write-timeout=DURATION, group=NAME, group-weight=N, weight=N, dnf."},
    {"Frontends",
     "--frontend is HOST,PORT or unix:PATH, then parameters, each behind a ';': no-tls, sni-fwd (route by the "
     "name that the client asked for in its handshake), api (backends are read and set there), healthmon "
     "(each request is answered 200), proxyproto (connections begin with a PROXY header, version 1 or 2). "
     "HOST * is every address."},
    {NULL, NULL},
};

static const opt_pair examples[] = {
    {"$0 -f '*,8443' -b 127.0.0.1,8080 server.key server.crt",
     "Speaks HTTP/2 and HTTP/1.1 over TLS for a server that speaks HTTP/1.1 in the clear."},
    {"$0 -f '*,3000;no-tls' -b 'one,80;;proto=h2' -b 'two,80;;proto=h2'",
     "Spreads requests over two HTTP/2 servers, all in the clear."},
    {"$0 -s -f '127.0.0.1,3128;no-tls'", "A forward proxy that goes to the origins itself."},
    {"$0 --conf proxy.conf --check", "Checks a file and shows all that it comes to."},
    {NULL, NULL},
};

static const opt_pair exits[] = {
    {"0", "it was told to stop (QUIT, TERM, INT), or --check found nothing wrong"},
    {"1", "it could not start"},
    {NULL, NULL}};

const opt_table proxy_options = {
    OPT_SPECS(specs),
    .settings_size = sizeof(proxy_settings),
    .usage = usage,
    .about =
        "Takes requests over HTTP/2 and HTTP/1.1, with TLS or in the clear, and passes them on to backends over "
        "either: a reverse proxy, or a forward proxy with --http2-proxy.",
    .operands =
        "KEY, CERT: files with the private key and the certificate chain (PEM), for frontends with TLS.",
    .operand_max = 2,
    .operand_word = OPT_WORD_FILE,
    .notes = notes,
    .examples = examples,
    .exits = exits,
    .short_version = true,
    .old_refusal = 255,
};
