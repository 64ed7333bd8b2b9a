/* The proxy: from its command line to the workers that serve, through reloads, and to its end. */
#include "applets/proxy/proxy.h"
#include "applets/applet.h"
#include "applets/common/background.h"
#include "applets/proxy/check.h"
#include "applets/proxy/config.h"
#include "applets/proxy/error_log.h"
#include "applets/proxy/daemon.h"
#include "applets/proxy/logs.h"
#include "applets/proxy/syslog_text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* ---- the error log ---- */

/* At the start, and again for a reload. */
static bool open_error_log(const proxy *x, const proxy_settings *set, error_log_level how_bad) {
    const char *why;
    error_log_settings s = {.old_name = x->old_name,
                            .least = (error_log_level)set->log_level,
                            .file = set->error_file,
                            .syslog = set->error_syslog,
                            .facility = syslog_text_facility(set->syslog_facility)};
    if (set->access_syslog || set->error_syslog)
        openlog(x->old_name ? "nghttpx" : "h2box-proxy", LOG_NDELAY | LOG_PID, s.facility);
    if (error_log_open(&s, &why)) return true;
    error_log_say(how_bad, "errorlog-file %s: %s", set->error_file, why);
    return false;
}

/* ---- addresses ---- */

static bool listens_on(const plan *p, const listen_address *a) {
    for (size_t i = 0; p && i < p->frontend_count; i++)
        for (size_t j = 0; j < p->frontends[i].address_count; j++)
            if (entrance_same(&p->frontends[i].addresses[j], a)) return true;
    return false;
}

/* One of the plan that comes before this one and is the same. */
static bool is_named_twice(const plan *p, const plan_frontend *f, const listen_address *a) {
    for (const plan_frontend *g = p->frontends; g <= f; g++)
        for (size_t j = 0; j < g->address_count && &g->addresses[j] != a; j++)
            if (entrance_same(&g->addresses[j], a)) return true;
    return false;
}

/* SO_REUSEPORT would let a second proxy share a port in silence: each address that is not among
 * those of `now` (NULL: none) is had once for itself alone. */
static const char *probe(proxy *x, const plan *p, const plan *now, plan_frontend *f) {
    size_t kept = 0;
    const char *why = NULL;
    for (size_t j = 0; j < f->address_count; j++) {
        listen_address a = f->addresses[j];
        if (is_named_twice(p, f, &f->addresses[j])) return "two frontends have this address";
        if (a.port && !listens_on(now, &a) && !listen_probe(x->loop, &a, &why)) {
            if (strcmp(why, LISTEN_IN_USE) == 0) return why;
            continue; /* this machine has not that family */
        }
        a.reuse_port = a.port != 0;
        f->addresses[kept++] = a;
    }
    f->address_count = kept;
    if (kept) return NULL;
    return why ? why : "no address";
}

static bool open_doors(proxy *x, doors *next, plan *p, const plan *now) {
    error_log_level how_bad = now ? ERROR_LOG_ERROR : ERROR_LOG_FATAL;
    unsigned about;
    const char *why = NULL;
    for (size_t i = 0; i < p->frontend_count; i++) {
        plan_frontend *f = &p->frontends[i];
        if (!(why = probe(x, p, now, f))) continue;
        error_log_say(how_bad, "listen %s: %s", f->text, why);
        return false;
    }
    if (doors_open(next, &x->doors, p, x->loop, &about, &why)) return true;
    error_log_say(how_bad, "listen %s: %s", p->frontends[about].text, why);
    return false;
}

/* ---- the configuration, now and next ---- */

static plan *make_plan(proxy *x, const proxy_config *c, unsigned revision) {
    char why[PLAN_WHY_ROOM];
    plan *p = plan_new(proxy_config_settings(c), x->old_name, revision, why, sizeof why);
    if (!p) error_log_say(ERROR_LOG_ERROR, "%s", why);
    return p;
}

bool proxy_take_backends(proxy *x, span text, char *why, size_t room) {
    plan *next = plan_with_backends(x->plan, text, why, room);
    const char *short_of = "the proxy ends";
    if (!next) return false;
    if (x->ending || !crew_serve(x, next, &x->doors, x->crew.count, &short_of)) {
        plan_drop(next);
        snprintf(why, room, "%s", short_of);
        return false;
    }
    plan_drop(x->plan);
    x->plan = next;
    error_log_say(ERROR_LOG_NOTICE, "the API has replaced the backends: %zu patterns",
                  next->pattern_count);
    return true;
}

/* The plan of what the command line and its files say now; NULL, when it is said what is wrong. */
static plan *read_again(proxy *x) {
    int code;
    proxy_config *c = proxy_config_read(x->argc, x->argv, x->old_name, stdout, stderr, &code);
    plan *next = c ? make_plan(x, c, x->plan->revision + 1) : NULL;
    proxy_config_drop(c); /* a plan keeps it */
    return next;
}

/* As far as it can be had without a change, then the error log, then all of it or nothing. */
static bool serve_instead(proxy *x, plan *next) {
    doors open;
    const char *why;
    if (!logs_open(next, x->plan, ERROR_LOG_ERROR) || !open_doors(x, &open, next, x->plan))
        return false;
    if (open_error_log(x, next->settings, ERROR_LOG_ERROR)) {
        if (crew_serve(x, next, &open, next->workers, &why)) {
            doors_replace(&x->doors, &open);
            return true;
        }
        open_error_log(x, x->plan->settings, ERROR_LOG_ERROR);
        error_log_say(ERROR_LOG_ERROR, "%s", why);
    }
    doors_abandon(&open, &x->doors);
    return false;
}

static void on_reload(void *user, int signo) {
    proxy *x = user;
    (void)signo;
    if (x->ending) return; /* there is nobody to serve it */
    plan *next = read_again(x);
    if (!next || !serve_instead(x, next)) {
        plan_drop(next);
        error_log_say(ERROR_LOG_ERROR, "the configuration stays as it is (revision %u)",
                      x->plan->revision);
        return;
    }
    unsigned before = x->plan->workers;
    plan_drop(x->plan);
    x->plan = next;
    if (next->workers != before)
        error_log_say(ERROR_LOG_NOTICE, "workers: %u, before %u", next->workers, before);
    error_log_say(ERROR_LOG_NOTICE, "the configuration was read again (revision %u)",
                  next->revision);
}

/* ---- signals ---- */

static void end_by(proxy *x, void (*fn)(void *user)) {
    const doors none = {0};
    x->ending = true;
    doors_abandon(&x->doors, &none); /* workers close those that are theirs */
    crew_tell(x, fn);
}

/* The first time everything that is open may end; the second time it is cut. */
static void on_quit(void *user, int signo) {
    proxy *x = user;
    (void)signo;
    end_by(x, x->ending ? proxying_cut : proxying_drain);
}

static void on_stop(void *user, int signo) {
    (void)signo;
    end_by(user, proxying_stop);
}

static void on_reopen(void *user, int signo) {
    proxy *x = user;
    const char *why;
    (void)signo;
    /* The error log first: others may follow it, as /dev/stderr. */
    if (!error_log_reopen(&why))
        error_log_say(ERROR_LOG_ERROR, "errorlog-file %s stays as it is: %s",
                      x->plan->settings->error_file, why);
    logs_reopen(x->plan);
}

static bool watch_signals(proxy *x) {
    bool all = loop_on_signal(x->loop, SIGTERM, on_stop, x) &&
               loop_on_signal(x->loop, SIGINT, on_stop, x) &&
               loop_on_signal(x->loop, SIGQUIT, on_quit, x) &&
               loop_on_signal(x->loop, SIGHUP, on_reload, x) &&
               loop_on_signal(x->loop, SIGUSR1, on_reopen, x);
    if (!all) error_log_say(ERROR_LOG_FATAL, "signals cannot be watched");
    return all;
}

/* ---- serving ---- */

static void announce(const proxy *x) {
    for (size_t i = 0; i < x->plan->frontend_count; i++) {
        const plan_frontend *f = &x->plan->frontends[i];
        for (size_t j = 0; j < f->address_count; j++) {
            const listen_address *a = &f->addresses[j];
            const char *tls = f->tls ? ", TLS" : "";
            if (a->port)
                error_log_say(ERROR_LOG_NOTICE, "listen on %s port %u%s", a->text, a->port, tls);
            else
                error_log_say(ERROR_LOG_NOTICE, "listen on %s%s", a->text, tls);
        }
    }
}

/* The first workers. False when it is said what is wrong; those that there are end. */
static bool begin(proxy *x) {
    doors open;
    const char *why;
    if (!watch_signals(x) || !open_doors(x, &open, x->plan, NULL)) return false;
    bool ready = crew_serve(x, x->plan, &open, x->plan->workers, &why);
    doors_replace(&x->doors, &open);
    if (!ready) error_log_say(ERROR_LOG_FATAL, "%s", why);
    return ready;
}

/* Files of logs that root has opened: their new owner is to open them again (USR1, HUP). */
static void give_logs(const proxy *x, const daemon_user *u) {
    const proxy_settings *set = x->plan->settings;
    const char *why;
    if (!error_log_give(u->uid, u->gid, &why))
        error_log_say(ERROR_LOG_WARN, "errorlog-file %s is not given to %s: %s", set->error_file,
                      set->user, why);
    logs_give(x->plan, u->uid, u->gid);
}

/* Before the user is another one, who could not write to /run. The file stays root's, as who owns
 * it says which process a script of root's ends; with the old name it is given away, as by nghttpx.
 */
static void write_pid(const proxy *x, const daemon_user *u) {
    const char *path = x->plan->settings->pid_file, *why;
    if (path && !daemon_write_pid(path, x->old_name ? u : NULL, &why))
        error_log_say(ERROR_LOG_ERROR, "pid-file %s: %s", path, why);
}

static bool become_what_is_asked(const proxy *x) {
    const char *user = x->plan->settings->user, *why;
    daemon_user u;
    if (user && !daemon_find(user, &u, &why)) {
        error_log_say(ERROR_LOG_FATAL, "user %s: %s", user, why);
        return false;
    }
    bool changes = user && daemon_changes(&u);
    write_pid(x, changes ? &u : NULL);
    if (!changes) return true;
    give_logs(x, &u);
    if (daemon_become(&u, &why)) return true;
    error_log_say(ERROR_LOG_FATAL, "user %s: %s", user, why);
    return false;
}

/* The code to exit with. */
static int serve(proxy *x, background *b) {
    const proxy_settings *set = x->plan->settings;
    bool ready = begin(x) && become_what_is_asked(x);
    if (ready) {
        error_log_start();
        announce(x);
        background_ready(b, b->word >= 0 && error_log_detach());
    } else {
        on_stop(x, SIGTERM);
    }
    if (x->crew.first) loop_run(x->loop);
    crew_join(x);
    if (set->pid_file) daemon_remove_pid(set->pid_file);
    return ready ? APPLET_DONE : APPLET_FAILED;
}

static int run(proxy *x, const proxy_settings *set) {
    background b = {-1};
    const char *why = NULL;
    if (!daemon_descriptors((uint64_t)set->descriptors, &why))
        error_log_say(ERROR_LOG_WARN, "rlimit-nofile %lld: %s", (long long)set->descriptors, why);
    if (!logs_open(x->plan, NULL, ERROR_LOG_FATAL)) return APPLET_FAILED;
    int code = set->daemon ? background_begin(&b, !x->old_name) : -1;
    if (code >= 0) return code;
    x->loop = loop_new();
    if (!x->loop) {
        error_log_say(ERROR_LOG_FATAL, "no event loop: %s", strerror(errno));
        return APPLET_FAILED;
    }
    code = serve(x, &b);
    loop_free(x->loop);
    return code;
}

/* Under the old name a configuration that is refused is 255, as scripts know it. */
static int refused(bool old_name) { return old_name ? 255 : APPLET_USAGE; }

int proxy_main(int argc, char **argv, bool old_name) {
    proxy x = {.argc = argc, .argv = argv, .old_name = old_name};
    int code;
    proxy_config *c = proxy_config_read(argc, argv, old_name, stdout, stderr, &code);
    if (!c) return code;
    const proxy_settings *set = proxy_config_settings(c);
    if (set->check) {
        code = check_config(c);
        proxy_config_drop(c);
        return code;
    }
    code = refused(old_name);
    x.plan = make_plan(&x, c, 1);
    if (x.plan) code = open_error_log(&x, set, ERROR_LOG_FATAL) ? run(&x, set) : APPLET_FAILED;
    error_log_stop();
    plan_drop(x.plan);
    proxy_config_drop(c);
    return code;
}
