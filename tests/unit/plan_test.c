/* applets/proxy/config.c, settle.c, conf_file.c, plan*.c: from a command line and files to a plan.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "applets/proxy/config.h"
#include "applets/proxy/plan.h"
#include "core/limits.h"

static char said[2048], why[PLAN_WHY_ROOM];
static proxy_config *config;
static plan *p;

/* Reads a command line (NULL-terminated, without argv[0]); what to exit with, or OPT_GO. */
static int reads(bool old_name, char **words) {
    static char tool[] = "tool";
    char *argv[24] = {tool};
    int argc = 1, code = OPT_GO;
    for (; words[argc - 1]; argc++) argv[argc] = words[argc - 1];
    memset(said, 0, sizeof said);
    FILE *err = fmemopen(said, sizeof said - 1, "w");
    config = proxy_config_read(argc, argv, old_name, stdout, err, &code);
    fclose(err);
    return code;
}

static bool makes(bool old_name, char **words) {
    why[0] = 0;
    if (reads(old_name, words) != OPT_GO) return false;
    p = plan_new(proxy_config_settings(config), old_name, 1, why, sizeof why);
    proxy_config_drop(config);
    return p != NULL;
}

#define WORDS(...) ((char *[]){__VA_ARGS__, NULL})
#define MAKES(...) makes(false, WORDS(__VA_ARGS__))
#define CLEAR      "-f127.0.0.1,3000;no-tls"

static const plan_pattern *pattern(const char *name) {
    for (size_t i = 0; i < p->pattern_count; i++) {
        if (strcmp(p->patterns[i].text, name) == 0) return &p->patterns[i];
    }
    cr_assert_fail("no pattern %s", name);
    return NULL;
}

static bool is(span s, const char *text) { return span_eq(s, span_str(text)); }

Test(plan, defaults) {
    cr_assert(MAKES(CLEAR), "%s%s", said, why);
    cr_assert_eq(p->mode, PLAN_REVERSE);
    cr_assert_eq(p->revision, 1);
    cr_assert_eq(p->pattern_count, 1);
    const plan_backend *b = p->patterns[0].backends;
    cr_assert_str_eq(b->host, "127.0.0.1");
    cr_assert_eq(b->port, 80);
    cr_assert(is(b->authority, "127.0.0.1"));
    cr_assert_not(b->h2 || b->tls);
    cr_assert_null(b->sni);
    cr_assert_eq(b->weight, 1);
    cr_assert_eq(p->patterns[0].read_ms, 60000);
    cr_assert_eq(p->patterns[0].write_ms, 30000);
    cr_assert_eq(p->frontend_count, 1);
    cr_assert_str_eq(p->frontends[0].addresses[0].text, "127.0.0.1");
    cr_assert_null(p->front_tls);
    cr_assert_null(p->access_format);
    cr_assert_eq(p->workers, worker_cores());
    cr_assert(p->push);
    cr_assert(is(p->rewrite.via_name, "h2box") && is(p->rewrite.server_name, "h2box"));
    cr_assert(p->rewrite.add_x_forwarded_proto && p->rewrite.strip_x_forwarded_proto);
    cr_assert(p->back_h1.h1.title_case && p->back_h1.h1.pipeline == 1);
    plan_drop(plan_hold(p));
    plan_drop(p);
}

Test(plan, backends_of_a_pattern_are_together) {
    cr_assert(MAKES(CLEAR, "-b10.0.0.1,80;/a:example.org;group=x;group-weight=3",
                    "-b10.0.0.2,8080;/a;group=y;weight=9", "-b10.0.0.3,80;/a;group=x",
                    "-b::1,443;;tls;proto=h2;upgrade-scheme", "-bunix:/run/x;/u"),
              "%s%s", said, why);
    cr_assert_eq(p->pattern_count, 4);
    const plan_pattern *a = pattern("/a");
    cr_assert_eq(a->backend_count, 3);
    cr_assert_eq(a->group_count, 2);
    cr_assert_eq(a->groups[0].weight, 3);
    cr_assert_eq(a->groups[1].weight, 1);
    cr_assert_eq(a->backends[1].group, 1);
    cr_assert_eq(a->backends[1].weight, 9);
    cr_assert_eq(a->backends[2].group, 0);
    cr_assert(is(a->backends[1].authority, "10.0.0.2:8080"));
    const plan_backend *six = pattern("/")->backends;
    cr_assert(is(six->authority, "[::1]"));
    cr_assert_str_eq(six->sni, "::1");
    cr_assert(six->upgrade_scheme && p->back_tls_h2 && !p->back_tls_h1);
    cr_assert(is(pattern("/u")->backends->authority, "localhost"));
    cr_assert_eq(route_find(p->routes, SPAN("example.org"), SPAN("/b")),
                 (uint32_t)(pattern("example.org") - p->patterns));
    plan_drop(p);
}

Test(plan, what_a_pattern_is_told) {
    cr_assert(MAKES(CLEAR, "-b10.0.0.1,80;/;affinity=cookie;affinity-cookie-name=n;read-timeout=5s",
                    "-b10.0.0.2,80;/;redirect-if-not-tls", "-b10.0.0.2,80;/x;dnf",
                    "-b10.0.0.3,80;/;affinity=none"),
              "%s%s", said, why);
    const plan_pattern *all = pattern("/");
    cr_assert_eq(all->affinity, PLAN_AFFINITY_COOKIE);
    cr_assert_str_eq(all->cookie_name, "n");
    cr_assert_null(all->cookie_path);
    cr_assert(all->redirect_if_not_tls && !all->never_forward);
    cr_assert_eq(all->read_ms, 5000);
    cr_assert(pattern("/x")->never_forward);
    plan_drop(p);
}

static void refused(const char *says, char **words) {
    cr_assert_not(makes(false, words), "%s", says);
    cr_assert(strstr(why, says) || strstr(said, says), "%s%s", said, why);
}

Test(plan, conflicts) {
    refused("read-timeout", WORDS(CLEAR, "-ba,1;/;read-timeout=1s", "-bb,1;/;read-timeout=2s"));
    refused("write-timeout", WORDS(CLEAR, "-ba,1;/;write-timeout=1s", "-bb,1;/;write-timeout=2s"));
    refused("affinity",
            WORDS(CLEAR, "-ba,1;/;affinity=ip", "-bb,1;/;affinity=cookie;affinity-cookie-name=n"));
    refused("affinity", WORDS(CLEAR, "-ba,1;/;affinity=cookie;affinity-cookie-name=m",
                              "-bb,1;/;affinity=cookie;affinity-cookie-name=n"));
    refused("group-weight",
            WORDS(CLEAR, "-ba,1;/;group=g;group-weight=1", "-bb,1;/;group=g;group-weight=2"));
    refused("fits no other pattern", WORDS(CLEAR, "-ba,1;/x"));
    refused("KEY CERT", WORDS("-f*,3000"));
    refused("together", WORDS(CLEAR, "key.pem"));
    refused("missing.pem", WORDS("-f127.0.0.1,1", "missing.pem", "missing.pem"));
    refused("TLSv1.2 or TLSv1.3", WORDS(CLEAR, "--tls-max-proto-version=TLSv1.1"));
    refused("above",
            WORDS(CLEAR, "--tls-min-proto-version=TLSv1.3", "--tls-max-proto-version=TLSv1.2"));
    refused("unknown cipher", WORDS(CLEAR, "-ba,1;;tls", "--client-ciphers=NONE"));
    refused("error-page", WORDS(CLEAR, "--error-page=404=/nonexistent"));
}

Test(plan, modes) {
    cr_assert(MAKES("-s", CLEAR));
    cr_assert_eq(p->mode, PLAN_DIRECT);
    cr_assert_null(p->routes);
    cr_assert(p->back_tls_h1 && p->back_tls_h2 && p->rewrite.forward && !p->push);
    plan_drop(p);
    cr_assert(makes(true, WORDS("--conf=/dev/null", "-s", CLEAR)));
    cr_assert_eq(p->mode, PLAN_FORWARD); /* the old name has a default backend */
    cr_assert(p->back_h1.h1.absolute);
    cr_assert(is(p->rewrite.via_name, "nghttpx") && is(p->rewrite.server_name, "nghttpx"));
    plan_drop(p);
    cr_assert(MAKES("--http2-bridge", CLEAR, "-b10.0.0.1,443"));
    cr_assert(p->patterns[0].backends[0].h2 && p->patterns[0].backends[0].tls);
    cr_assert_eq(p->mode, PLAN_REVERSE);
    plan_drop(p);
    cr_assert(MAKES("--client", "--backend-no-tls", "-f127.0.0.1,1"));
    cr_assert(p->patterns[0].backends[0].h2 && !p->patterns[0].backends[0].tls);
    cr_assert_not(p->frontends[0].tls);
    plan_drop(p);
    cr_assert(MAKES("--client-proxy", "-f127.0.0.1,1", "-bexample.org,443",
                    "--backend-http-proxy-uri=http://u%40:p@10.0.0.9:3128"));
    cr_assert_eq(p->mode, PLAN_FORWARD);
    cr_assert_str_eq(p->patterns[0].backends[0].sni, "example.org");
    cr_assert(is(p->patterns[0].backends[0].authority, "example.org"));
    cr_assert_str_eq(p->proxy_host, "10.0.0.9");
    cr_assert_str_eq(p->proxy_credentials, "u@:p");
    cr_assert_eq(p->proxy_port, 3128);
    plan_drop(p);
    cr_assert(MAKES("--frontend-no-tls", "--accept-proxy-protocol", "-f127.0.0.1,1"));
    cr_assert(!p->frontends[0].tls && p->frontends[0].proxy_protocol);
    plan_drop(p);
}

Test(plan, older_names_give_their_values) {
    cr_assert(
        MAKES(CLEAR, "--frontend-http2-window-bits=20", "--backend-http2-connection-window-bits=16",
              "--stream-read-timeout=7s", "--backend-stream-write-timeout=9s", "-c7",
              "--backend-http2-max-concurrent-streams=5", "--backend-http1-tls",
              "--backend-tls-sni-field=x.example", "--npn-list=http/1.1,h2-14", "--single-thread",
              "--accesslog", "--max-header-fields=1000", "--accesslog-format=$nothing"),
        "%s%s", said, why);
    cr_assert_eq(p->front.h2.settings[H2_SLOT_INITIAL_WINDOW_SIZE], 1048575);
    cr_assert_eq(p->back_h2.h2.connection_window, 65535);
    cr_assert(p->front.h2.content_ms == 7000 && p->front.h1.content_ms == 7000);
    cr_assert(p->front.h2.window_ms == 60000 && p->back_h2.h2.window_ms == 9000);
    cr_assert_eq(p->back_stream_read_ms, 7000);
    cr_assert_eq(p->front.h2.settings[H2_SLOT_MAX_CONCURRENT_STREAMS], 7);
    cr_assert_eq(p->back_h2.h2.settings[H2_SLOT_MAX_CONCURRENT_STREAMS], 5);
    cr_assert_str_eq(p->patterns[0].backends[0].sni, "x.example");
    cr_assert_eq(p->workers, 1);
    cr_assert_eq(p->request_fields_max, LIMIT_HEADER_FIELDS);
    cr_assert_not_null(p->access_format);
    cr_assert(strstr(said, "accesslog-format: $nothing: unknown variable"));
    cr_assert(strstr(said, "--npn-list is deprecated: use --alpn-list"));
    plan_drop(p);
}

Test(plan, fields) {
    cr_assert(MAKES(CLEAR, "--add-forwarded=by,for,proto", "--forwarded-by=_me",
                    "--forwarded-for=ip", "--add-request-header=Foo: Bar",
                    "--add-response-header=x-a:1", "--add-response-header=x-b:2",
                    "--altsvc=h2,443,,,ma=60", "--altsvc=h2,8443,alt", "--http2-altsvc=h3,1",
                    "--http2-no-cookie-crumbling", "--server-name=me", "--no-via"),
              "%s%s", said, why);
    const rewrite_rules *r = &p->rewrite;
    cr_assert_eq(r->forwarded_by, REWRITE_NODE_TOKEN);
    cr_assert_eq(r->forwarded_for, REWRITE_NODE_IP);
    cr_assert(r->forwarded_proto && !r->forwarded_host && !r->via && !r->crumble_cookies);
    cr_assert(is(r->forwarded_token, "_me") && is(r->server_name, "me"));
    cr_assert_eq(r->add_request_count, 1);
    cr_assert(is(r->add_request[0].name, "foo") && is(r->add_request[0].value, "Bar"));
    cr_assert_eq(r->add_response_count, 2);
    cr_assert(is(r->altsvc, "h2=\":443\"; ma=60, h2=\"alt:8443\""));
    cr_assert(is(r->http2_altsvc, "h3=\":1\""));
    plan_drop(p);
}

Test(plan, other_backends) {
    cr_assert(MAKES("--http2-bridge", "--backend-no-tls", CLEAR, "-b10.0.0.1,80"));
    plan *first = p;
    plan *next = plan_with_backends(
        first, SPAN("# new\nworkers=9\nbackend=10.0.0.2,81\nbackend=[::1],82;/x\n"), why,
        sizeof why);
    cr_assert(next, "%s", why);
    plan_drop(first);
    cr_assert_eq(next->pattern_count, 2);
    cr_assert_str_eq(next->patterns[1].backends[0].host, "::1");
    cr_assert(next->patterns[0].backends[0].h2);
    cr_assert(is(next->rewrite.server_name, "h2box"));
    plan *third = plan_with_backends(next, SPAN("backend=a.example,80;/;dns;tls"), why, sizeof why);
    cr_assert(third, "%s", why);
    cr_assert_not_null(third->back_tls_h2);
    plan *fourth = plan_with_backends(third, SPAN(""), why, sizeof why);
    cr_assert(fourth, "%s", why);
    cr_assert_str_eq(fourth->patterns[0].backends[0].host, "127.0.0.1");
    static const struct {
        const char *text, *says;
    } bad[] = {{"backend=a.example,80", "a.example"},
               {"backend=10.0.0.1,80;/x", "fits no other"},
               {"backend=10.0.0.1", "HOST,PORT"},
               {"a", "line 1"},
               {"\nbackend=10.0.0.1,80;;bogus", "bogus"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_null(plan_with_backends(third, span_str(bad[i].text), why, sizeof why));
        cr_assert(strstr(why, bad[i].says), "%s", why);
    }
    plan_drop(next);
    plan_drop(fourth);
    plan_drop(third);
}

/* ---- files ---- */

static char place[64];

static const char *put(const char *name, const char *text) {
    static char paths[8][128];
    static int count;
    char *path = paths[count++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", place, name);
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static void begin(void) {
    snprintf(place, sizeof place, P_tmpdir "/h2box-plan-XXXXXX");
    cr_assert_not_null(mkdtemp(place));
}

static void finish(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", place);
    cr_assert_eq(system(command), 0);
}

TestSuite(conf_file, .init = begin, .fini = finish);

static int from_file(bool old_name, const char *path) {
    char option[160];
    snprintf(option, sizeof option, "--conf=%s", path);
    return reads(old_name, WORDS(option, "--workers=3"));
}

static void with(char *text, size_t room, const char *format, const char *a) {
    snprintf(text, room, format, a);
}

Test(conf_file, included_files_are_read_in_their_place) {
    char text[512];
    with(text, sizeof text, "workers=9\nfrontend=127.0.0.1,1;no-tls\npadding=1\ninclude=%s\n",
         put("in.conf", "padding=2\nbackend=10.0.0.1,80\nconf=/nonexistent\n"));
    strcat(text, "http2-proxy=no\nhost-rewrite=yes\n");
    cr_assert_eq(from_file(false, put("a.conf", text)), OPT_GO, "%s", said);
    const proxy_settings *set = proxy_config_settings(config);
    cr_assert_eq(set->workers, 3); /* the command line */
    cr_assert_eq(set->padding, 2);
    cr_assert(set->host_rewrite && !set->http2_proxy);
    cr_assert_str_eq(set->backends.v[0], "10.0.0.1,80;/;proto=http/1.1");
    proxy_config_drop(config);
}

static void refuses(bool old_name, const char *text, const char *says) {
    cr_assert_eq(from_file(old_name, put("bad.conf", text)), old_name ? 255 : 2, "%s", text);
    cr_assert(strstr(said, says), "%s", said);
}

Test(conf_file, mistakes_name_their_place) {
    refuses(false, "\npadding=x\n", "bad.conf:2: padding: 'x' is not accepted: an integer");
    refuses(true, "padding=1\nbackend=1\n", "bad.conf:2: backend: '1': HOST,PORT");
    refuses(false, "pading=1\n", "bad.conf:1: pading: there is no such option\n\nDid you mean");
    refuses(false, "workers\n", "bad.conf:1: NAME=VALUE");
    refuses(false, "include=/nonexistent/x\n", "bad.conf:1: include: /nonexistent/x: No such");
    refuses(false, "include=" P_tmpdir "\n", "Is a directory");
    refuses(false, "psk-secrets=/x\n", "bad.conf:1: psk-secrets is refused");
}

Test(conf_file, circles_end) {
    char text[256];
    with(text, sizeof text, "include=%s/c.conf\n", place);
    cr_assert_eq(from_file(false, put("c.conf", text)), 2);
    cr_assert(strstr(said, "in a circle"), "%s", said);
}

Test(conf_file, missing_files) {
    cr_assert_eq(reads(false, WORDS("--conf=/nonexistent/x", CLEAR)), 2);
    cr_assert(strstr(said, "/nonexistent/x: No such file"));
    cr_assert_eq(reads(true, WORDS("--conf=/nonexistent/x", CLEAR)), OPT_GO);
    cr_assert(strstr(said, "/nonexistent/x: No such file"));
    proxy_config_drop(config);
    cr_assert_eq(reads(false, WORDS("--include=/nonexistent/x", CLEAR)), 2);
}

Test(conf_file, a_second_reading_sees_what_the_file_says_now) {
    cr_assert_eq(from_file(false, put("r.conf", "frontend=*,1;no-tls\npadding=1\n")), OPT_GO);
    proxy_config *first = config;
    cr_assert_eq(from_file(false, put("r.conf", "frontend=*,1;no-tls\npadding=2\n")), OPT_GO);
    cr_assert_eq(proxy_config_settings(first)->padding, 1);
    cr_assert_eq(proxy_config_settings(config)->padding, 2);
    proxy_config_drop(first);
    proxy_config_drop(config);
}
