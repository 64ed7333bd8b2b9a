/* applets/proxy/backend_text.c, frontend_text.c, address_text.c: the texts of --backend and
 * --frontend. */
#include <criterion/criterion.h>

#include "applets/proxy/backend_text.h"
#include "applets/proxy/frontend_text.h"

static char why[256];
static backend_text b;
static frontend_text f;

static bool reads(const char *text) {
    why[0] = 0;
    return backend_text_read(&b, span_str(text), why, sizeof why);
}

static bool front(const char *text) {
    why[0] = 0;
    return frontend_text_read(&f, span_str(text), why, sizeof why);
}

#define IS(field, text) \
    cr_assert(span_eq((field), span_str(text)), "%.*s", (int)(field).n, (const char *)(field).p)

Test(backend_text, addresses) {
    cr_assert(reads("127.0.0.1,8080"));
    IS(b.host, "127.0.0.1");
    cr_assert_eq(b.port, 8080);
    IS(b.patterns, "/");
    cr_assert(reads("::1,80"));
    IS(b.host, "::1");
    cr_assert(reads("[2001:db8::7]:1,80") == false);
    cr_assert(reads("[2001:db8::7],80"));
    IS(b.host, "2001:db8::7");
    cr_assert(reads("unix:/run/a,b.sock;/x"));
    IS(b.host, "unix:/run/a,b.sock");
    IS(b.patterns, "/x");
    cr_assert_eq(b.port, 0);
}

Test(backend_text, bad_addresses) {
    static const char *const bad[] = {
        "",      "127.0.0.1", "127.0.0.1,", "127.0.0.1,0", ",80",    "a,65536", "a,-1",
        "a,80x", "*,80",      "unix:",      "a b,80",      "a/b,80", "a\n,80",  "127.0.0.1:80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(reads(bad[i]), "%s", bad[i]);
        cr_assert_neq(why[0], 0);
    }
}

Test(backend_text, patterns) {
    cr_assert(reads("a,80;example.org/x:/y:*.example.com;tls"));
    IS(b.patterns, "example.org/x:/y:*.example.com");
    cr_assert(b.tls);
    cr_assert(reads("a,80;;proto=h2"));
    IS(b.patterns, "/");
    cr_assert(b.h2);
}

Test(backend_text, parameters) {
    cr_assert(reads("a,80;/;proto=h2;tls;sni=b.example;fall=3;rise=2;dns;redirect-if-not-tls;"
                    "upgrade-scheme;read-timeout=5s;write-timeout=250ms;group=g;group-weight=7;"
                    "weight=256;dnf;mruby=x.rb"));
    cr_assert(b.h2 && b.tls && b.dns && b.redirect_if_not_tls && b.upgrade_scheme &&
              b.never_forward);
    IS(b.sni, "b.example");
    IS(b.group, "g");
    IS(b.mruby, "x.rb");
    cr_assert_eq(b.fall, 3);
    cr_assert_eq(b.rise, 2);
    cr_assert_eq(b.read_ms, 5000);
    cr_assert_eq(b.write_ms, 250);
    cr_assert_eq(b.group_weight, 7);
    cr_assert_eq(b.weight, 256);
}

Test(backend_text, defaults) {
    cr_assert(reads("a,80"));
    cr_assert_not(b.h2 || b.tls || b.dns || b.has_affinity);
    cr_assert_eq(b.weight, 1);
    cr_assert_eq(b.group_weight, 0);
    cr_assert_eq(b.read_ms, BACKEND_TEXT_NO_TIME);
}

Test(backend_text, affinity) {
    cr_assert(reads("a,80;/;affinity=cookie;affinity-cookie-name=who;affinity-cookie-path=/p;"
                    "affinity-cookie-secure=yes;affinity-cookie-stickiness=strict"));
    cr_assert_eq(b.affinity, PLAN_AFFINITY_COOKIE);
    IS(b.cookie_name, "who");
    IS(b.cookie_path, "/p");
    cr_assert_eq(b.cookie_secure, PLAN_SECURE_YES);
    cr_assert(b.cookie_strict);
    cr_assert_not(reads("a,80;/;affinity=cookie"));
    cr_assert(strstr(why, "affinity-cookie-name"));
}

Test(backend_text, bad_parameters) {
    static const struct {
        const char *text, *says;
    } bad[] = {{"a,80;/;bogus", "bogus: unknown parameter"},
               {"a,80;/;bogus=1", "bogus=1: unknown parameter"},
               {"a,80;/;tls=yes", "no value"},
               {"a,80;/;proto", "http/1.1"},
               {"a,80;/;proto=h3", "http/1.1, h2"},
               {"a,80;/;weight=0", "1 to 256"},
               {"a,80;/;weight=257", "1 to 256"},
               {"a,80;/;group-weight=x", "1 to 256"},
               {"a,80;/;fall=-1", "a number"},
               {"a,80;/;read-timeout=1d", "a duration"},
               {"a,80;/;read-timeout=", "a duration"},
               {"a,80;/;sni=", "a value"},
               {"a,80;/;affinity=sun", "none, ip or cookie"},
               {"a,80;/;affinity-cookie-name=a b", "blanks"},
               {"a,80;/;affinity-cookie-name=a=b", "cookie's name"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(reads(bad[i].text), "%s", bad[i].text);
        cr_assert(strstr(why, bad[i].says), "%s: %s", bad[i].text, why);
    }
}

Test(backend_text, what_is_written_reads_the_same) {
    static const char *const texts[] = {
        "a,80", "unix:/run/x;/a:/b;proto=h2;tls",
        "::1,8443;example.org;proto=h2;tls;sni=x;fall=1;rise=2;dns;redirect-if-not-tls",
        "a,1;/;affinity=cookie;affinity-cookie-name=n;affinity-cookie-stickiness=strict;dnf",
        "a,1;/;read-timeout=1500ms;write-timeout=2m;group=g;group-weight=9;weight=3"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char once[512], twice[512];
        cr_assert(reads(texts[i]));
        size_t n = backend_text_write(&b, once, sizeof once - 1);
        cr_assert(n);
        once[n] = 0;
        cr_assert(reads(once), "%s: %s", once, why);
        size_t m = backend_text_write(&b, twice, sizeof twice);
        cr_assert_eq(n, m);
        cr_assert_arr_eq(once, twice, n);
        cr_assert_eq(backend_text_write(&b, twice, n),
                     0); /* no room for the NUL that is not told */
    }
}

Test(frontend_text, all) {
    cr_assert(front("*,3000"));
    IS(f.host, "*");
    cr_assert_eq(f.port, 3000);
    cr_assert_not(f.no_tls || f.sni_fwd || f.api || f.healthmon || f.proxy_protocol);
    cr_assert(front("unix:/run/f;no-tls;sni-fwd;api;proxyproto;"));
    cr_assert(f.no_tls && f.sni_fwd && f.api && f.proxy_protocol && !f.healthmon);
    cr_assert(front("127.0.0.1,0;NO-TLS;healthmon"));
    cr_assert(f.no_tls && f.healthmon);
}

Test(frontend_text, mistakes) {
    static const struct {
        const char *text, *says;
    } bad[] = {{"3000", "HOST,PORT"},
               {"*", "HOST,PORT"},
               {"*,70000", "a port"},
               {"*,1;quic", "HTTP/3"},
               {"*,1;foo", "foo: unknown parameter"},
               {"*,1;no-tls=1", "no value"},
               {"*,1;api;healthmon", "exclude"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(front(bad[i].text), "%s", bad[i].text);
        cr_assert(strstr(why, bad[i].says), "%s: %s", bad[i].text, why);
    }
}

Test(frontend_text, what_is_written_reads_the_same) {
    static const char *const texts[] = {"*,3000", "unix:/run/f;no-tls;sni-fwd;api;proxyproto",
                                        "::1,0;healthmon"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[128];
        cr_assert(front(texts[i]));
        cr_assert(frontend_text_write(&f, text, sizeof text));
        cr_assert_str_eq(text, texts[i]);
    }
}
