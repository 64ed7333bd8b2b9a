/* The server: static files over HTTP/2, one loop and one listener per worker. */
#include "applets/applet.h"
#include "applets/common/frame_log.h"
#include "applets/common/h2_options.h"
#include "applets/common/tls_options.h"
#include "applets/server/site.h"
#include "core/limits.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct server_settings {
    const char *htdocs, *address;
    int64_t workers, max_streams;
    uint64_t table_size;
    h2_options h2;
    tls_options tls;
    bool no_tls, verbose;
} server_settings;

#define OF(field) OPT_AT(server_settings, field)

static const opt_spec specs[] = {
    {.name = "htdocs",
     .letter = 'd',
     .type = OPT_STRING,
     OF(htdocs),
     .arg = "DIR",
     .def = ".",
     .word = OPT_WORD_DIR,
     .group = "Site",
     .help = "Serve the files below this directory."},
    {.name = "address",
     .letter = 'a',
     .type = OPT_STRING,
     OF(address),
     .arg = "ADDR",
     .def_note = "all addresses",
     .group = "Network",
     .help = "Listen on this address or name, or on unix:PATH (then with one worker, and "
             "PORT counts for nothing)."},
    {.name = "no-tls",
     .type = OPT_FLAG,
     OF(no_tls),
     .group = "Network",
     .help = "Speak HTTP in the clear."},
    {.name = "workers",
     .letter = 'n',
     .type = OPT_INT,
     OF(workers),
     .max = 1024,
     .def = "0",
     .old_def = "1",
     .def_note = "one per core",
     .group = "Network",
     .help = "Threads that serve; 0 is one per core."},
    {.name = "max-concurrent-streams",
     .letter = 'm',
     .type = OPT_INT,
     OF(max_streams),
     .min = 1,
     .max = 1000000,
     .def = "100",
     .group = "HTTP/2",
     .help = "Streams a client may have open at once."},
    {.name = "header-table-size",
     .letter = 'c',
     .type = OPT_SIZE,
     OF(table_size),
     .max = LIMIT_TABLE_MAX,
     .def = "4K",
     .group = "HTTP/2",
     .help = "Dynamic table that clients may use (HPACK)."},
    {.name = "verbose",
     .letter = 'v',
     .type = OPT_FLAG,
     OF(verbose),
     .group = "Output",
     .help = "Log every frame and header field to stdout."},
    H2_OPTIONS_ROWS(server_settings, "HTTP/2"),
    TLS_OPTIONS_ROWS(server_settings, "TLS"),
    {.name = "no-rfc7540-pri",
     .type = OPT_FLAG,
     .status = OPT_IGNORED,
     .group = "Retired",
     .instead = "responses are ordered by RFC 9218",
     .help = "Announce that RFC 7540 priorities are not used."},
};

static const char *const usage[] = {"[OPTION]... PORT [KEY CERT]", NULL};

static const opt_pair examples[] = {
    {"$0 --no-tls -d site 8080", "Serves the directory site on every address."},
    {"$0 --no-tls -v -n1 -a localhost 0", "Picks a free port, says which, and logs frames."},
    {NULL, NULL},
};

static const opt_pair exits[] = {
    {"0", "it was told to stop (TERM, INT, QUIT), and open requests were answered"},
    {"1",
     "it could not start (the directory, the address or a thread was refused), or stopped while "
     "requests were open: at the second signal, or after 30 seconds"},
    {NULL, NULL},
};

const opt_table server_options = {
    OPT_SPECS(specs),
    .settings_size = sizeof(server_settings),
    .usage = usage,
    .about =
        "Serves static files over HTTP/2. A path that ends in / gives its index.html; a directory without it is "
        "redirected. TERM, INT and QUIT stop it when open requests are answered; the second one at once.",
    .operands =
        "PORT: the TCP port, 0 to 65535; 0 picks a free one. KEY, CERT: files with the private key and the "
        "certificate chain (PEM); without them a self-signed certificate is made for this run.",
    .operand_min = 1,
    .operand_max = 3,
    .examples = examples,
    .exits = exits,
};

/* ---- workers and their connections ---- */

#define ADDRESSES 8

typedef struct server server;

typedef struct serving {
    server *server;
    loop *loop;
    site site;
    listener *listeners[ADDRESSES];
    struct conn *conns;
    timer drain_limit;
    bool draining, ended;
} serving;

typedef struct conn {
    serving *worker;
    net_link *link;
    struct conn *next, **prev;
    frame_log *log; /* NULL: nothing of it is shown */
} conn;

struct server {
    const server_settings *set;
    const opt_call *call;
    session_config config;
    tls_config *tls; /* NULL: in the clear */
    char name[64];   /* the server field */
    listen_address addresses[ADDRESSES];
    size_t address_count;
    serving *serving; /* one per worker */
    unsigned worker_count;
    worker *workers;
    loop *loop; /* of the main thread: signals */
    unsigned ended;
    uint64_t start_us;
    atomic_uint connections; /* for ids in the log */
    atomic_bool cut;         /* open requests were not answered */
    atomic_bool spoke;       /* why a worker could not start is said */
};

static void on_event(void *user, net_link *k, const http_event *ev) {
    conn *c = user;
    switch (ev->kind) {
    case HTTP_EVENT_REQUEST: site_answer(&c->worker->site, k, ev); break;
    case HTTP_EVENT_DATA: session_credit(link_session(k), ev->ref, ev->credit); break;
    case HTTP_EVENT_CLOSED: site_forget(ev); break;
    default: break;
    }
}

static void worker_ended(void *user);

/* A letter that must arrive: memory may be short just now. A loop that has ended takes none. */
static void post(loop *l, void (*fn)(void *user), void *user) {
    for (int tries = 0; tries < 1000 && !loop_post(l, fn, user); tries++) usleep(1000);
}

static void stop_if_idle(serving *w) {
    if (!w->draining || w->conns || w->ended) return;
    w->ended = true;
    timer_cancel(&w->drain_limit);
    loop_stop(w->loop);
    post(w->server->loop, worker_ended, w->server);
}

static void on_closed(void *user, net_link *k, const char *why) {
    conn *c = user;
    serving *w = c->worker;
    (void)k;
    if (w->server->set->verbose) {
        if (why)
            frame_log_say(c->log, "closed: %s", why);
        else
            frame_log_say(c->log, "closed");
    }
    if (c->prev) {
        *c->prev = c->next;
        if (c->next) c->next->prev = c->prev;
    }
    if (c->log) frame_log_end(c->log);
    mem_give(loop_mem(w->loop), c->log, sizeof *c->log);
    mem_give(loop_mem(w->loop), c, sizeof *c);
    stop_if_idle(w);
}

static void on_bytes(void *user, span received) {
    frame_log_hexdump(((conn *)user)->log, received);
}

static bool on_accept(void *user, link_birth *birth) {
    static const link_calls quiet = {on_event, on_closed, NULL},
                            dumping = {on_event, on_closed, on_bytes};
    serving *w = user;
    server *s = w->server;
    conn *c = mem_take_zero(loop_mem(w->loop), sizeof *c);
    if (!c) return false;
    c->worker = w;
    *birth = (link_birth){.calls = s->set->h2.hexdump ? &dumping : &quiet,
                          .user = c,
                          .config = &s->config,
                          .tls = s->tls,
                          .idle_ms = LIMIT_IDLE_MS,
                          .write_ms = LIMIT_WRITE_MS};
    if (!s->set->verbose && !s->set->h2.hexdump) return true;
    c->log = mem_take(loop_mem(w->loop), sizeof *c->log);
    if (!c->log) {
        mem_give(loop_mem(w->loop), c, sizeof *c);
        return false;
    }
    *c->log = (frame_log){.out = stdout,
                          .start_us = s->start_us,
                          .id = atomic_fetch_add(&s->connections, 1) + 1,
                          .colour = s->set->h2.colour};
    if (s->set->verbose) birth->trace = frame_log_trace(c->log);
    return true;
}

static void on_opened(void *user, net_link *k) {
    serving *w = user;
    conn *c = link_user(k);
    c->link = k;
    c->next = w->conns;
    c->prev = &w->conns;
    if (c->next) c->next->prev = &c->next;
    w->conns = c;
}

/* Workers fail for the same reason: the first one says it. */
static void say_once(server *s, const char *what, const char *why) {
    if (!atomic_exchange(&s->spoke, true)) opt_say(s->call, "%s: %s", what, why);
}

static bool start_worker(void *user, unsigned index, loop *l) {
    static const listen_calls calls = {on_accept, on_opened};
    server *s = user;
    serving *w = &s->serving[index];
    const char *why = NULL;
    unsigned listening = 0;
    w->server = s;
    w->loop = l;
    w->site = (site){
        .server = span_str(s->name), .port = s->addresses[0].port, .any_method = s->call->old_name};
    if (!site_open(&w->site, l, s->set->htdocs, &why)) {
        say_once(s, s->set->htdocs, why); /* --htdocs */
        return false;
    }
    for (size_t i = 0; i < s->address_count; i++) {
        w->listeners[i] = listen_open(l, &s->addresses[i], &calls, w, &why);
        listening += w->listeners[i] != NULL;
    }
    if (listening) return true;
    say_once(s, s->addresses[0].text, why);
    site_close(&w->site);
    return false;
}

static void stop_listening(serving *w) {
    for (size_t i = 0; i < ADDRESSES; i++) {
        if (w->listeners[i]) listen_close(w->listeners[i]);
        w->listeners[i] = NULL;
    }
}

static void end_worker(void *user, unsigned index, loop *l) {
    server *s = user;
    (void)l;
    stop_listening(&s->serving[index]);
    site_close(&s->serving[index].site);
}

/* ---- stopping ---- */

static void cut(serving *w, const char *why) {
    if (w->conns) atomic_store(&w->server->cut, true);
    for (conn *c = w->conns, *next; c; c = next) {
        next = c->next;
        link_close(c->link, why);
    }
}

static void drain_is_up(timer *t) { cut(t->user, "the server stops"); }

static void drain(void *user) {
    serving *w = user;
    if (w->draining) {
        cut(w, "the server stops");
        return;
    }
    w->draining = true;
    stop_listening(w);
    for (conn *c = w->conns; c; c = c->next) {
        session_drain(link_session(c->link), loop_now_ms(w->loop));
        link_touch(c->link);
    }
    w->drain_limit = (timer){.fire = drain_is_up, .user = w};
    timer_arm(w->loop, &w->drain_limit, LIMIT_DRAIN_MS);
    stop_if_idle(w);
}

static void worker_ended(void *user) {
    server *s = user;
    if (++s->ended == s->worker_count) loop_stop(s->loop);
}

static void on_signal(void *user, int signo) {
    server *s = user;
    (void)signo;
    for (unsigned i = 0; i < s->worker_count; i++) post(s->serving[i].loop, drain, &s->serving[i]);
}

/* ---- starting ---- */

static void configure(server *s) {
    const server_settings *set = s->set;
    session_defaults(&s->config, true);
    h2_config *h2 = &s->config.h2;
    h2->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = (uint32_t)set->max_streams;
    h2->settings[H2_SLOT_HEADER_TABLE_SIZE] = (uint32_t)set->table_size;
    h2_options_apply(&set->h2, h2);
    snprintf(s->name, sizeof s->name, "%sh2box/%s", s->call->old_name ? "nghttpd " : "",
             H2BOX_VERSION);
}

static bool make_tls(server *s) {
    static const char *const names[] = {"localhost", "127.0.0.1", "::1", NULL};
    char **files = s->call->operands + 1;
    tls_identity identity = {.key_file = files[0], .cert_file = files[0] ? files[1] : NULL};
    tls_settings t = {.server = true, .identities = &identity, .identity_count = files[0] ? 1 : 0};
    s->tls = tls_options_config(s->call, &s->set->tls, t, names);
    return s->tls != NULL;
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
    fflush(stdout);
}

/* As many descriptors as we may have: one per connection. */
static void raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve(server *s) {
    if (!probe_addresses(s)) return APPLET_FAILED;
    /* Signals first: one that comes while threads start is kept for the loop. */
    static const int stops[] = {SIGTERM, SIGINT, SIGQUIT};
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        if (loop_on_signal(s->loop, stops[i], on_signal, s)) continue;
        opt_say(s->call, "signals cannot be watched");
        return APPLET_FAILED;
    }
    s->serving = calloc(s->worker_count, sizeof *s->serving);
    if (s->serving) s->workers = worker_start(s->worker_count, start_worker, end_worker, s);
    if (!s->workers) {
        say_once(s, "workers", "no memory or threads for so many");
        free(s->serving);
        return APPLET_FAILED;
    }
    announce(s);
    loop_run(s->loop);
    worker_join(s->workers);
    free(s->serving);
    if (!atomic_load(&s->cut)) return APPLET_DONE;
    opt_say(s->call, "stopped while requests were open");
    return APPLET_FAILED;
}

int server_main(int argc, char **argv, bool old_name) {
    server_settings set;
    opt_call call;
    int64_t port;
    const char *why = NULL;
    int code = opt_read(&server_options, argc, argv, old_name, &set, &call);
    if (code != OPT_GO) return code;
    if (!opt_value_int(call.operands[0], &port) || port < 0 || port > 65535)
        return opt_refuse(&call, "PORT: '%s' is not accepted: an integer from 0 to 65535",
                          call.operands[0]);
    if (call.operand_count == 2) return opt_refuse(&call, "KEY without CERT");
    set.h2.colour = h2_options_colour(&set.h2);
    server s = {.set = &set, .call = &call, .start_us = loop_now_us()};
    s.worker_count = set.workers ? (unsigned)set.workers : worker_cores();
    /* A UNIX socket has no SO_REUSEPORT: one worker listens on it. */
    if (set.address && strncmp(set.address, "unix:", 5) == 0) s.worker_count = 1;
    s.address_count = listen_resolve(set.address, (uint16_t)port, s.addresses, ADDRESSES, &why);
    configure(&s);
    raise_descriptors();
    code = APPLET_FAILED;
    if (!set.no_tls && !make_tls(&s)) {
        opt_end(&call);
        return code;
    }
    s.loop = loop_new();
    if (!s.address_count)
        opt_say(&call, "listen %s: %s", set.address ? set.address : "", why);
    else if (!s.loop)
        opt_say(&call, "no event loop: %s", strerror(errno));
    else
        code = serve(&s);
    loop_free(s.loop);
    tls_config_drop(s.tls);
    opt_end(&call);
    return code;
}
