/* The server: static files over HTTP, one loop and one listener per worker. */
#include "applets/server/server.h"
#include "applets/applet.h"
#include "applets/common/background.h"
#include "core/limits.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- starting ---- */

static void configure(server *s) {
    const server_settings *set = s->set;
    session_defaults(&s->config, true);
    h2_config *h2 = &s->config.h2;
    h2->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = (uint32_t)set->max_streams;
    h2->settings[H2_SLOT_HEADER_TABLE_SIZE] = (uint32_t)set->table_size;
    h2_options_apply(&set->h2, h2);
}

static tls_check check_of(const server_settings *set) {
    if (!set->verify_client) return TLS_CHECK_NONE;
    return set->tls.ca_file ? TLS_CHECK_TRUST : TLS_CHECK_DEMAND;
}

/* NULL after a message. */
static tls_config *make_tls(const server *s) {
    static const char *const names[] = {"localhost", "127.0.0.1", "::1", NULL};
    char **files = s->call->operands + 1;
    size_t n = (size_t)(s->call->operand_count - 1) / 2;
    tls_identity *identities = calloc(n + 1, sizeof *identities);
    if (!identities) {
        opt_say(s->call, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        identities[i].key_file = files[2 * i];
        identities[i].cert_file = files[2 * i + 1];
    }
    tls_settings t = {.server = true, .identity_count = n, .check = check_of(s->set)};
    tls_config *made = tls_options_config(s->call, &s->set->tls, t, identities, names);
    free(identities);
    return made;
}

/* Binds each address once for itself alone: SO_REUSEPORT would let a second server share the port
 * in silence. Drops those that this machine does not have (no IPv6). For port 0 the system chooses,
 * and every worker then listens on that one. */
static bool probe_addresses(server *s) {
    const char *why = NULL, *dropped = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < s->address_count; i++) {
        listen_address a = s->addresses[i];
        if (kept) a.port = s->addresses[0].port;
        bool free = listen_probe(s->loop, &a, &why);
        if (!free && strcmp(why, LISTEN_IN_USE) == 0) {
            opt_say(s->call, "listen %s port %u: %s", a.text, a.port, why);
            return false;
        }
        if (!free) {
            dropped = why;
            continue;
        }
        a.reuse_port = true;
        s->addresses[kept++] = a;
    }
    if (!kept)
        opt_say(s->call, "listen %s port %u: %s", s->addresses[0].text, s->addresses[0].port,
                dropped);
    s->address_count = kept;
    return kept > 0;
}

static void announce(const server *s) {
    if (s->call->old_name && !s->set->verbose) return;
    for (size_t i = 0; i < s->address_count; i++) {
        const listen_address *a = &s->addresses[i];
        printf("%s: listen %s:%u\n", strchr(a->text, ':') ? "IPv6" : "IPv4", a->text, a->port);
    }
    if (s->tls && !s->call->operands[1])
        printf("TLS with a certificate made for this run, SHA-256 %s\n"
               "(%s PORT KEY CERT serves with one of yours)\n",
               tls_config_fingerprint(s->tls), s->call->tool);
    fflush(stdout);
}

/* ---- signals ---- */

static void tell_all(server *s, void (*fn)(void *user)) {
    for (unsigned i = 0; i < s->worker_count; i++)
        serving_post(s->serving[i].loop, fn, &s->serving[i]);
}

static void on_stop(void *user, int signo) {
    (void)signo;
    tell_all(user, serving_drain);
}

/* New connections get the certificate that is in the files now. */
static void on_reload(void *user, int signo) {
    server *s = user;
    (void)signo;
    tls_config *next = make_tls(s);
    if (!next) return; /* it was said why; the old one stays */
    for (unsigned i = 0; i < s->worker_count; i++)
        tls_config_drop(atomic_exchange(&s->serving[i].next_tls, tls_config_hold(next)));
    tls_config_drop(next);
    tell_all(s, serving_take_tls);
}

static void on_reopen(void *user, int signo) {
    server *s = user;
    const char *why;
    (void)signo;
    if (!log_file_reopen(s->plan.log, &why))
        opt_say(s->call, "--access-log %s: %s", s->set->access_log, why);
}

static bool watch_signals(server *s) {
    static const int stops[] = {SIGTERM, SIGINT, SIGQUIT};
    bool all = true;
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++)
        all = all && loop_on_signal(s->loop, stops[i], on_stop, s);
    /* A terminal that is closed still ends the server that was started in it. */
    if (s->tls && s->call->operands[1] && !isatty(STDERR_FILENO))
        all = all && loop_on_signal(s->loop, SIGHUP, on_reload, s);
    if (s->plan.log) all = all && loop_on_signal(s->loop, SIGUSR1, on_reopen, s);
    if (!all) opt_say(s->call, "signals cannot be watched");
    return all;
}

/* As many descriptors as we may have: one per connection. */
static void raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve(server *s, background *b) {
    if (!probe_addresses(s)) return APPLET_FAILED;
    if (!plan_make_pages(&s->plan, s->addresses[0].port)) {
        opt_say(s->call, "out of memory");
        return APPLET_FAILED;
    }
    /* Signals first: one that comes while threads start is kept for the loop. */
    if (!watch_signals(s)) return APPLET_FAILED;
    s->serving = calloc(s->worker_count, sizeof *s->serving);
    if (s->serving) s->workers = worker_start(s->worker_count, serving_start, serving_end, s);
    if (!s->workers) {
        serving_say_once(s, "workers", "no memory or threads for so many");
        free(s->serving);
        return APPLET_FAILED;
    }
    announce(s);
    background_ready(b, false);
    loop_run(s->loop);
    worker_join(s->workers);
    free(s->serving);
    if (!atomic_load(&s->cut)) return APPLET_DONE;
    opt_say(s->call, "stopped while requests were open");
    return APPLET_FAILED;
}

static int run(server *s, uint16_t port) {
    const server_settings *set = s->set;
    background b = {-1};
    const char *why = NULL;
    s->address_count = listen_resolve(set->address, port, s->addresses, SERVER_ADDRESSES, &why);
    if (!s->address_count) {
        opt_say(s->call, "listen %s: %s", set->address ? set->address : "", why);
        return APPLET_FAILED;
    }
    if (!set->no_tls && !(s->tls = make_tls(s))) return APPLET_FAILED;
    configure(s);
    raise_descriptors();
    int code = set->daemon ? background_begin(&b, !s->call->old_name) : -1;
    if (code >= 0) return code;
    s->loop = loop_new();
    if (!s->loop) {
        opt_say(s->call, "no event loop: %s", strerror(errno));
        return APPLET_FAILED;
    }
    code = serve(s, &b);
    loop_free(s->loop);
    return code;
}

int server_main(int argc, char **argv, bool old_name) {
    server_settings set;
    opt_call call;
    int64_t port;
    int code = opt_read(&server_options, argc, argv, old_name, &set, &call);
    if (code != OPT_GO) return code;
    if (!opt_value_int(call.operands[0], &port) || port < 0 || port > 65535)
        return opt_refuse(&call, "PORT: '%s' is not accepted: an integer from 0 to 65535",
                          call.operands[0]);
    if (call.operand_count % 2 == 0) return opt_refuse(&call, "KEY without CERT");
    if (old_name && !set.no_tls && call.operand_count < 3)
        return opt_refuse(&call, "Too few arguments: KEY and CERT, or --no-tls");
    if (set.tls.ca_file && !set.verify_client)
        return opt_refuse(&call, "--cacert needs --verify-client");
    if (set.daemon && !opt_given(&call, "htdocs"))
        return opt_refuse(&call, "--daemon needs --htdocs: it leaves this directory");
    set.h2.colour = h2_options_colour(&set.h2);
    server s = {.set = &set, .call = &call, .start_us = loop_now_us()};
    s.worker_count = set.workers ? (unsigned)set.workers : worker_cores();
    /* A UNIX socket has no SO_REUSEPORT: one worker listens on it. */
    if (set.address && strncmp(set.address, "unix:", 5) == 0) s.worker_count = 1;
    if (!plan_make(&s.plan, &set, &call, &code)) {
        plan_end(&s.plan);
        return code;
    }
    code = run(&s, (uint16_t)port);
    plan_end(&s.plan);
    tls_config_drop(s.tls);
    opt_end(&call);
    return code;
}
