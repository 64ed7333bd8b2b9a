/* The text of a proxy's configuration, as its files have it (first byte: under the old name or
 * not), and as the API takes backends. Whatever it says, it is read to its end or refused with a
 * message; what is accepted is written as a file that reads as the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "applets/applet.h"
#include "applets/proxy/conf_text.h"
#include "applets/proxy/config.h"
#include "applets/proxy/plan.h"
#include "applets/proxy/settle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static FILE *sink;

static void must(bool so) {
    if (!so) abort();
}

/* A text that is the layer below a command line without words. */
typedef struct source {
    char *text;
    size_t n;
} source;

static int layer(opt_call *call, void *user) {
    source *s = user;
    conf_text t;
    const char *name, *value;
    int code = OPT_GO;
    conf_text_begin(&t, s->text, s->n);
    while (code == OPT_GO) {
        conf_found what = conf_text_next(&t, &name, &value);
        if (what == CONF_NOTHING) return OPT_GO;
        if (what == CONF_MISTAKE) must(strstr(name, "expected") != NULL);
        if (what == CONF_MISTAKE) return 2;
        must(strchr(name, '=') == NULL && strlen(value) <= s->n);
        code = opt_assign(call, "fuzz:1", name, value);
    }
    return code;
}

/* What a text comes to, as a file; NULL when it is refused. To be freed. */
static char *effective(const char *text, size_t n, bool old_name, size_t *size) {
    static char tool[] = "tool";
    char *argv[] = {tool, NULL}, *out = NULL;
    source s = {malloc(n + 1), n};
    settle_texts made = {0};
    proxy_settings set;
    opt_call call;
    must(s.text != NULL);
    memcpy(s.text, text, n);
    if (opt_read_over(&proxy_options, 1, argv, old_name, &set, &call, sink, sink, layer, &s) ==
        OPT_GO) {
        if (settle(&call, &set, &made) == OPT_GO) {
            size_t room = 16 * n + 65536;
            FILE *f = (out = malloc(room)) ? fmemopen(out, room, "w") : NULL;
            must(f != NULL);
            opt_file_write(f, &proxy_options, &set, old_name);
            *size = (size_t)ftell(f);
            must(!ferror(f) && fclose(f) == 0);
        }
        opt_end(&call);
    }
    settle_free(&made);
    free(s.text);
    return out;
}

/* A plan to replace the backends of. */
static plan *make_base(void) {
    static char *argv[] = {(char *)"tool", (char *)"--frontend=127.0.0.1,1;no-tls",
                           (char *)"--insecure", NULL};
    char why[PLAN_WHY_ROOM];
    int code;
    proxy_config *c = proxy_config_read(3, argv, false, sink, sink, &code);
    must(c != NULL);
    plan *base = plan_new(proxy_config_settings(c), false, 1, why, sizeof why);
    proxy_config_drop(c);
    must(base != NULL);
    return base;
}

static void replace_backends(const char *text, size_t n) {
    static plan *base;
    char why[PLAN_WHY_ROOM] = "";
    if (!base) base = make_base();
    plan *p = plan_with_backends(base, span_of(text, n), why, sizeof why);
    if (!p) must(*why != 0);
    if (!p) return;
    must(p->pattern_count > 0 && route_catch_all(p->routes) < p->pattern_count);
    for (size_t i = 0; i < p->pattern_count; i++) {
        const plan_pattern *at = &p->patterns[i];
        must(at->backend_count > 0 && at->group_count > 0);
        for (size_t j = 0; j < at->backend_count; j++) {
            const plan_backend *b = &at->backends[j];
            must(b->group < at->group_count && b->weight > 0 && b->weight <= 256);
            must(b->authority.n > 0 && strlen(b->host) > 0);
        }
    }
    plan_drop(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    if (!sink) sink = fopen("/dev/null", "w");
    must(sink != NULL);
    if (n == 0) return 0;
    const char *text = (const char *)bytes + 1;
    bool old_name = bytes[0] == 'o';
    size_t first_n = 0, second_n = 0;
    replace_backends(text, n - 1);
    char *first = effective(text, n - 1, old_name, &first_n);
    if (first) {
        char *second = effective(first, first_n, old_name, &second_n);
        must(second && second_n == first_n && memcmp(first, second, first_n) == 0);
        free(second);
    }
    free(first);
    return 0;
}
