#include "applets/proxy/config.h"

#include "applets/applet.h"
#include "applets/proxy/conf_file.h"
#include "applets/proxy/settle.h"

#include <stdatomic.h>
#include <stdlib.h>

struct proxy_config {
    atomic_uint holds;
    bool called; /* call is to be ended */
    opt_call call;
    conf_files files;
    settle_texts made;
    proxy_settings set;
};

/* What is below the command line. */
static int read_files(opt_call *call, void *user) {
    proxy_config *c = user;
    const proxy_settings *set = &c->set;
    bool named = opt_given(call, "conf"), old = call->old_name;
    int code = OPT_GO;
    if (set->conf) code = conf_file_read(&c->files, call, set->conf, old, named);
    for (uint32_t i = 0; code == OPT_GO && i < set->includes.count; i++)
        code = conf_file_read(&c->files, call, set->includes.v[i], false, true);
    return code;
}

proxy_config *proxy_config_read(int argc, char **argv, bool old_name, FILE *out, FILE *err,
                                int *code) {
    proxy_config *c = calloc(1, sizeof *c);
    *code = APPLET_FAILED;
    if (!c) {
        fprintf(err, "%s: out of memory\n", argc > 0 ? argv[0] : "h2box proxy");
        return NULL;
    }
    atomic_init(&c->holds, 1);
    *code = opt_read_over(&proxy_options, argc, argv, old_name, &c->set, &c->call, out, err,
                          read_files, c);
    if (*code == OPT_GO) {
        c->called = true;
        c->set.config = c;
        *code = settle(&c->call, &c->set, &c->made);
    }
    if (*code == OPT_GO) return c;
    proxy_config_drop(c);
    return NULL;
}

const proxy_settings *proxy_config_settings(const proxy_config *c) { return &c->set; }

const opt_call *proxy_config_call(const proxy_config *c) { return &c->call; }

proxy_config *proxy_config_hold(proxy_config *c) {
    atomic_fetch_add_explicit(&c->holds, 1, memory_order_relaxed);
    return c;
}

void proxy_config_drop(proxy_config *c) {
    if (!c || atomic_fetch_sub_explicit(&c->holds, 1, memory_order_acq_rel) != 1) return;
    if (c->called) opt_end(&c->call);
    conf_file_free(&c->files);
    settle_free(&c->made);
    free(c);
}
