#include "applets/load/setup.h"
#include "applets/applet.h"
#include "applets/client/fields_out.h"
#include "applets/load/caution.h"
#include "applets/load/outcome.h"
#include "applets/load/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define ALPN_MOST 8u

/* What is made for a run and given back after it. */
typedef struct setup {
    const load_settings *set;
    opt_call *call;
    load_run run;
    facts facts;
    http_field *extra;
    const char *request_file;
    uint64_t requests;     /* -n; 0: not given */
    bool local;            /* -B unix:PATH */
    const char *base_file; /* --compare with a run: the other result; operands begin behind it */
    char alpn_text[128];
    const char *alpn[ALPN_MOST + 1];
} setup;

/* ---- numbers ---- */

static bool read_rate(const char *text, double *rate) {
    char *end;
    *rate = 0;
    if (!text) return true;
    errno = 0;
    *rate = strtod(text, &end);
    return end != text && !*end && !errno && *rate > 0 && *rate <= 1e9;
}

/* -n and --requests are one option: a number, and a file. */
static int read_requests(setup *s) {
    for (uint32_t i = 0; i < s->set->requests.count; i++) {
        const char *text = s->set->requests.v[i];
        int64_t n;
        if (opt_value_int(text, &n)) {
            if (n < 1) return opt_refuse(s->call, "-n: at least 1");
            s->requests = (uint64_t)n;
        } else {
            s->request_file = text;
        }
    }
    return OPT_GO;
}

static int read_streams(setup *s) {
    int64_t n = 0;
    const char *text = s->set->streams;
    if (strcmp(text, "auto") == 0) {
        s->run.streams = 0; /* once the plan is known */
    } else if (opt_value_int(text, &n) && n >= 1 && n <= INT32_MAX) {
        s->run.streams = (uint32_t)n;
    } else {
        return opt_refuse(s->call, "-m: '%s' is neither a number from 1 on nor auto", text);
    }
    return OPT_GO;
}

/* ---- what goes together ---- */

static int check(setup *s) {
    const load_settings *set = s->set;
    opt_call *call = s->call;
    double rps, total;
    int code = read_requests(s);
    if (code == OPT_GO) code = read_streams(s);
    if (code != OPT_GO) return code;
    if (!read_rate(set->rps, &rps))
        return opt_refuse(call, "--rps: '%s' is no rate above 0", set->rps);
    if (!read_rate(set->rate_total, &total))
        return opt_refuse(call, "--rate-total: '%s' is no rate above 0", set->rate_total);
    if (rps > 0 && total > 0) return opt_refuse(call, "--rps and --rate-total exclude each other");
    if (set->script && (rps > 0 || total > 0))
        return opt_refuse(call, "--timing-script-file says when requests are due: no rate besides");
    if (set->warm_up_ms && !set->duration_ms)
        return opt_refuse(call, "--warm-up-time needs --duration");
    if (opt_given(call, "rate-period") && !set->rate)
        return opt_refuse(call, "--rate-period needs --rate");
    if ((set->input != NULL) + (set->script != NULL) + (s->request_file != NULL) > 1)
        return opt_refuse(call,
                          "URIs come from one file: of URIs, of requests, or a timing script");
    const char *const files[] = {set->input, set->script, s->request_file, set->data};
    unsigned from_stdin = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        from_stdin += files[i] && strcmp(files[i], "-") == 0;
    if (from_stdin > 1) return opt_refuse(call, "standard input can be read once only");
    int uris = call->operand_count - (s->base_file != NULL);
    if (uris && (set->input || set->script))
        return opt_refuse(call, "URIs come from the file or from the command line, not from both");
    if (!uris && !set->input && !set->script && !s->request_file)
        return opt_refuse(call, "no URI or input file given");
    if (set->verbose && set->format != LOAD_TEXT)
        return opt_refuse(call, "--verbose prints to stdout, which --format has for itself");
    if (!set->cert != !set->key) return opt_refuse(call, "--cert and --key need each other");
    uint64_t n = s->requests ? s->requests : 1;
    if (!set->duration_ms && !set->script && n < (uint64_t)set->clients)
        return opt_refuse(
            call, "-n, -c: the number of requests must be greater than or equal to the clients.");
    if (set->threads > set->clients)
        return opt_refuse(
            call, "-c, -t: the number of clients must be greater than or equal to the threads.");
    s->run.lane_rate = rps > 0 ? rps : total / (double)set->clients;
    return OPT_GO;
}

static int parse_fields(setup *s) {
    uint32_t bad = 0;
    const char *why = fields_out_parse(&s->set->headers, &s->extra, &bad);
    if (!why) return OPT_GO;
    return opt_refuse(s->call, "--header: '%s': %s",
                      s->set->headers.count ? s->set->headers.v[bad] : "", why);
}

/* ---- the plan and where it goes ---- */

static bool make_plan(setup *s) {
    const load_settings *set = s->set;
    int skip = s->base_file != NULL;
    workload_source from = {.call = s->call,
                            .uris = (const char *const *)s->call->operands + skip,
                            .uri_count = (size_t)(s->call->operand_count - skip),
                            .uri_file = set->input,
                            .script_file = set->script,
                            .request_file = s->request_file,
                            .data_file = set->data,
                            .ordered = set->in_order,
                            .extra = s->extra,
                            .extra_count = set->headers.count};
    s->local = set->base && strncmp(set->base, "unix:", 5) == 0;
    from.base = s->local ? NULL : set->base;
    return workload_make(&s->run.plan, &from);
}

static bool set_host(setup *s, span host) {
    load_run *run = &s->run;
    if (host.n >= sizeof run->host) {
        opt_say(s->call, "the name of the host is too long");
        return false;
    }
    memcpy(run->host, host.p, host.n);
    run->host[host.n] = '\0';
    return true;
}

static bool find_host(setup *s) {
    const load_settings *set = s->set;
    const uri *base = &s->run.plan.base;
    s->run.port = base->port;
    if (s->local && !set->base[5]) {
        opt_say(s->call, "--base-uri %s: needs a path", set->base);
        return false;
    }
    if (s->local) return set_host(s, span_str(set->base));
    if (!set->connect_to) return set_host(s, base->host);
    uri_address a;
    const char *why = uri_address_parse(span_str(set->connect_to), base->port, &a);
    if (!why && a.local) return set_host(s, span_str(set->connect_to));
    if (!why && (!a.host.n || !a.port)) why = "needs a host, and a port other than 0";
    if (why) {
        opt_say(s->call, "--connect-to %s: %s", set->connect_to, why);
        return false;
    }
    s->run.port = a.port;
    return set_host(s, a.host);
}

/* ---- connections ---- */

static void configure(setup *s) {
    const load_settings *set = s->set;
    session_config *c = &s->run.config;
    session_defaults(c, false);
    h2_config *h2 = &c->h2;
    h2->settings[H2_SLOT_ENABLE_PUSH] = 0;
    h2->settings[H2_SLOT_NO_RFC7540_PRIORITIES] = 1;
    h2->settings[H2_SLOT_INITIAL_WINDOW_SIZE] = (uint32_t)((UINT64_C(1) << set->window_bits) - 1);
    h2->settings[H2_SLOT_MAX_FRAME_SIZE] = (uint32_t)set->frame_size;
    h2->settings[H2_SLOT_HEADER_TABLE_SIZE] = (uint32_t)set->table;
    h2->connection_window = (uint32_t)((UINT64_C(1) << set->connection_window_bits) - 1);
    if (h2->connection_window < 65535) h2->connection_window = 65535; /* RFC 9113 section 6.9.2 */
    h2->encoder_table_cap = (uint32_t)set->encoder_table;
    h2->held_max = UINT32_MAX; /* nothing is held: what comes is counted and forgotten */
    c->h1.pipeline = s->run.streams;
    bool h1 = set->h1 || set->cleartext == 1;
    if (!s->run.plan.base.https) c->start = h1 ? SESSION_H1 : SESSION_H2;
}

static bool split_alpn(setup *s) {
    const load_settings *set = s->set;
    const char *list = set->h1 ? "http/1.1" : set->npn ? set->npn : set->alpn;
    size_t n = strlen(list), count = 0;
    if (n >= sizeof s->alpn_text) return false;
    memcpy(s->alpn_text, list, n + 1);
    char *rest = s->alpn_text;
    for (char *word; (word = strsep(&rest, ","));) {
        if (!*word) continue;
        if (count == ALPN_MOST) return false;
        s->alpn[count++] = word;
    }
    return count > 0;
}

static bool set_tls(setup *s) {
    const load_settings *set = s->set;
    const uri *base = &s->run.plan.base;
    if (!base->https) return true;
    if (!split_alpn(s)) {
        opt_say(s->call, "--alpn-list: one to eight protocols, with ',' between");
        return false;
    }
    tls_identity id = {.cert_file = set->cert, .key_file = set->key};
    tls_settings t = {.identity_count = set->cert ? 1 : 0,
                      .check = set->verify || set->tls.ca_file ? TLS_CHECK_TRUST : TLS_CHECK_NONE,
                      .alpn = s->alpn};
    tls_options o = set->tls;
    if (set->tls13_ciphers) {
        size_t n = strlen(set->tls13_ciphers) + (o.ciphers ? strlen(o.ciphers) : 0) + 2;
        char *both = workload_take(&s->run.plan, n);
        if (!both) return false;
        snprintf(both, n, "%s%s%s", o.ciphers ? o.ciphers : "", o.ciphers ? ":" : "",
                 set->tls13_ciphers);
        o.ciphers = both;
    }
    static char name[256];
    snprintf(name, sizeof name, "%.*s", (int)base->host.n, (const char *)base->host.p);
    s->run.tls_name = set->sni ? set->sni : name;
    s->run.tls = tls_options_config(s->call, &o, t, &id, NULL);
    return s->run.tls;
}

/* ---- all of it ---- */

static void set_amounts(setup *s) {
    const load_settings *set = s->set;
    load_run *run = &s->run;
    uint64_t n = s->requests ? s->requests : 1;
    run->clients = (uint32_t)set->clients;
    run->threads = (uint32_t)set->threads;
    run->requests = n;
    run->duration_us = set->duration_ms * 1000;
    run->warm_up_us = set->warm_up_ms * 1000;
    if (set->rate) run->open_interval_us = (double)set->rate_period_ms * 1000 / (double)set->rate;
    if (set->script) {
        uint64_t most =
            s->requests && s->requests < run->plan.count ? s->requests : run->plan.count;
        run->lane_requests = most;
        run->requests = most * run->clients;
    }
    if (run->duration_us) {
        uint64_t share = n / run->clients ? n / run->clients : 1;
        run->lane_requests = set->rate ? share : UINT64_MAX;
        run->requests = UINT64_MAX;
    }
    if (!run->streams) run->streams = run->plan.count;
}

static void raise_descriptors(const load_run *run) {
    struct rlimit r;
    rlim_t want = (rlim_t)run->clients + 64 + 8 * (rlim_t)run->threads;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= want) return;
    r.rlim_cur = want < r.rlim_max ? want : r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

static bool open_log(setup *s) {
    s->run.log = -1;
    if (!s->set->log_file) return true;
    s->run.log = open(s->set->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (s->run.log < 0) opt_say(s->call, "%s: %s", s->set->log_file, strerror(errno));
    return s->run.log >= 0;
}

static int run_it(setup *s) {
    result r, base = {0};
    int code = APPLET_FAILED;
    bool good = !s->base_file || outcome_read(s->call, s->base_file, &base);
    if (!result_begin(&r)) {
        opt_say(s->call, "out of memory");
    } else if (good && load_run_all(&s->run, &r)) {
        code = outcome_of_run(s->set, s->call, &r, s->base_file ? &base : NULL);
    }
    result_end(&r);
    result_end(&base);
    return code;
}

/* Whether --compare holds a run against a file: then URIs come behind its name, or of a file. */
static bool compares_run(const load_settings *set, const opt_call *call) {
    bool of_file = set->input || set->script;
    for (uint32_t i = 0; i < set->requests.count; i++) {
        int64_t n;
        of_file |= !opt_value_int(set->requests.v[i], &n);
    }
    return call->operand_count > 1 ? strstr(call->operands[1], "://") != NULL
                                   : call->operand_count && of_file;
}

/* --merge and --compare: files instead of servers. */
static int work_on_files(const load_settings *set, opt_call *call) {
    if (set->merge && set->compare)
        return opt_refuse(call, "--merge and --compare exclude each other");
    if (set->merge && call->operand_count < 1) return opt_refuse(call, "--merge needs files");
    if (set->compare && call->operand_count != 2)
        return opt_refuse(call, "--compare needs two files, or a file and URIs");
    int code = opt_usage_code(call->old_name);
    if (outcome_check(set, call, set->compare))
        code = set->merge ? outcome_merge(set, call) : outcome_compare(set, call);
    opt_end(call);
    return code;
}

int setup_and_run(const load_settings *set, opt_call *call) {
    bool against = set->compare && !set->merge && compares_run(set, call);
    if (set->merge || (set->compare && !against)) return work_on_files(set, call);
    static setup s;
    s = (setup){.set = set,
                .call = call,
                .run = {.set = set, .call = call, .log = -1},
                .base_file = against ? call->operands[0] : NULL};
    s.run.facts = &s.facts;
    s.facts.quiet = set->format != LOAD_TEXT;
    if (!outcome_check(set, call, against)) {
        opt_end(call);
        return opt_usage_code(call->old_name);
    }
    int code = check(&s);
    if (code == OPT_GO) code = parse_fields(&s);
    if (code != OPT_GO) {
        free(s.extra);
        return code; /* the call has ended */
    }
    code = APPLET_FAILED;
    if (make_plan(&s) && find_host(&s)) {
        set_amounts(&s);
        configure(&s);
        raise_descriptors(&s.run);
        if (!set->yes) caution_say(call, s.run.host);
        if (set_tls(&s) && open_log(&s)) code = run_it(&s);
    }
    tls_config_drop(s.run.tls);
    workload_free(&s.run.plan);
    if (s.run.log >= 0) close(s.run.log);
    free(s.extra);
    opt_end(call);
    return code;
}
