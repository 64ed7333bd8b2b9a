/* The client: fetches URIs and shows what passes. */
#include "applets/applet.h"
#include "applets/client/client.h"
#include "applets/client/fetch.h"
#include "applets/client/fields_out.h"
#include "applets/client/har.h"
#include "applets/client/json_log.h"
#include "applets/client/output.h"
#include "applets/client/progress.h"
#include "applets/client/request.h"
#include "applets/client/secure.h"
#include "applets/client/statistics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- settings into configuration ---- */

static void configure(session_config *c, const client_settings *set) {
    session_defaults(c, false);
    h2_config *h2 = &c->h2;
    c->start = set->http1 ? SESSION_H1 : set->upgrade ? SESSION_UPGRADE : SESSION_H2;
    h2->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = (uint32_t)set->max_streams;
    h2->settings[H2_SLOT_NO_RFC7540_PRIORITIES] = 1;
    h2->settings[H2_SLOT_ENABLE_PUSH] = !set->no_push;
    h2->settings[H2_SLOT_MAX_FRAME_SIZE] = (uint32_t)set->frame_size;
    h2->announce = 1u << H2_SLOT_MAX_CONCURRENT_STREAMS | 1u << H2_SLOT_INITIAL_WINDOW_SIZE;
    h2_options_apply(&set->h2, h2);
    h2->peer_streams = (uint32_t)set->peer_streams;
    for (uint32_t i = 0; i < set->table_sizes.count; i++) {
        uint32_t size = (uint32_t)set->table_sizes.v[i];
        h2->settings[H2_SLOT_HEADER_TABLE_SIZE] = size;
        if (size < h2->lowest_table) h2->lowest_table = size;
    }
}

/* ---- options that the table cannot check ---- */

static int check_list(opt_call *call, const opt_list *list, const char *option,
                      const char *(*check)(const char *item)) {
    for (uint32_t i = 0; i < list->count; i++) {
        const char *why = check(list->v[i]);
        if (why) return opt_refuse(call, "--%s: '%s': %s", option, list->v[i], why);
    }
    return OPT_GO;
}

static const char *check_priority(const char *item) {
    priority p;
    return fields_value_valid(span_str(item)) &&
                   priority_parse(span_str(item), PRIORITY_DEFAULT, &p)
               ? NULL
               : "needs the form 'u=0' or 'u=3, i' (RFC 9218)";
}

static int check_settings(opt_call *call, const client_settings *set) {
    if (set->trailers.count && !set->upload) return opt_refuse(call, "--trailer needs --data");
    if (set->expect_continue && !set->upload)
        return opt_refuse(call, "--expect-continue needs --data");
    if (set->compress && !set->upload) return opt_refuse(call, "--compress-data needs --data");
    if (set->upgrade && set->http1) return opt_refuse(call, "--upgrade leads away from --http1.1");
    if (set->tunnel && (call->operand_count != 1 || set->multiply != 1 || set->upload))
        return opt_refuse(call, "--connect goes with one URI, that of the proxy, and no --data");
    if (!set->cert != !set->key) return opt_refuse(call, "--cert and --key need each other");
    uri_address to;
    const char *why = set->tunnel ? uri_address_parse(span_str(set->tunnel), 0, &to) : NULL;
    if (!why && set->tunnel && (to.local || !to.host.n || !to.port)) why = "needs HOST:PORT";
    if (why) return opt_refuse(call, "--connect: '%s': %s", set->tunnel, why);
    int code = check_list(call, &set->priorities, "extpri", check_priority);
    if (code == OPT_GO) code = check_list(call, &set->resolves, "resolve", detour_check_resolve);
    if (code == OPT_GO) code = check_list(call, &set->routes, "connect-to", detour_check_connect);
    return code;
}

static int parse_fields(opt_call *call, const opt_list *list, const char *option,
                        http_field **fields) {
    uint32_t bad = 0;
    const char *why = fields_out_parse(list, fields, &bad);
    return why ? opt_refuse(call, "--%s: '%s': %s", option, list->count ? list->v[bad] : "", why)
               : OPT_GO;
}

/* ---- requests ---- */

static bool is_queued(const client_run *run, const request *r) {
    for (const request *o = run->todo; o; o = o->next)
        if (span_eq(o->uri.text, r->uri.text)) return true;
    return false;
}

/* All requests, in the order of the operands; false when some could not be made. */
static bool make_requests(client_run *run) {
    const client_settings *set = run->set;
    bool ok = true;
    for (int i = 0; i < run->call->operand_count; i++) {
        const char *typed = run->call->operands[i];
        for (int64_t m = 0; m < set->multiply; m++) {
            const char *why;
            request *r = request_typed(typed, &why);
            if (!r) {
                opt_say(run->call, "%s: %s", typed, why);
                ok = false;
                break;
            }
            r->number = (uint32_t)i;
            if (run->call->old_name && set->multiply == 1 && is_queued(run, r)) {
                request_free(r); /* as the tool of that name has it */
                break;
            }
            if (set->tunnel) r->kind = REQUEST_TUNNEL;
            if ((uint32_t)i < set->priorities.count) r->said_priority = set->priorities.v[i];
            request_queue(run, r);
        }
    }
    return ok;
}

/* Takes the requests to the same server as the first one out of those to do. */
static request *take_group(client_run *run) {
    request *rest = run->todo, *group = NULL, **last = &group;
    run->todo = NULL;
    run->todo_last = &run->todo;
    for (request *next, *r = rest; r; r = next) {
        next = r->next;
        r->next = NULL;
        if (group && !request_same_origin(&group->uri, &r->uri)) {
            request_queue(run, r);
            continue;
        }
        *last = r;
        last = &r->next;
    }
    return group;
}

typedef struct outcome {
    unsigned total, done;
} outcome;

static void run_group(client_run *run, outcome *sum) {
    fetch f;
    fetch_all(&f, run, take_group(run));
    for (const request *r = f.requests; r; r = r->next) {
        if (r->kind == REQUEST_PUSHED || r->kind == REQUEST_OPENER) continue;
        if (r->redirected && r->state == REQUEST_DONE) continue; /* counted where it led to */
        sum->total++;
        sum->done += r->state == REQUEST_DONE;
    }
    if (run->set->statistics) statistics_print(stdout, f.requests);
    *f.last = run->finished; /* a redirect that is to come may look back at them */
    run->finished = f.requests;
}

static void run_stops(timer *t) {
    client_run *run = t->user;
    run->stopped = "timed out: the run has had its --max-time";
    if (run->fetch) fetch_stop(run->fetch, run->stopped);
}

static unsigned count_rest(client_run *run) {
    unsigned n = 0;
    for (const request *r = run->todo; r; r = r->next) n++;
    if (n) opt_say(run->call, "%u more: %s", n, run->stopped);
    return n;
}

static bool write_har(client_run *run) {
    if (!run->har) return true;
    const char *path = run->set->har, *why = har_write(run->har, path);
    if (why) opt_say(run->call, "%s: %s", path, why);
    return !why;
}

/* Also for what a redirect may lead to. */
static bool needs_tls(const client_run *run) {
    const request *r = run->todo;
    while (r && !r->uri.https) r = r->next;
    return r || (run->todo && run->set->location);
}

static bool run_all(client_run *run) {
    outcome sum = {0};
    progress bar;
    bool ok = make_requests(run);
    if (needs_tls(run) && !secure_begin(run)) return false;
    progress_begin(&bar, run);
    run->limit = (timer){.fire = run_stops, .user = run};
    if (run->set->max_time_ms) timer_arm(run->loop, &run->limit, run->set->max_time_ms);
    while (run->todo && !run->stopped) run_group(run, &sum);
    timer_cancel(&run->limit);
    progress_end(run->progress);
    if (run->todo) sum.total += count_rest(run);
    ok &= write_har(run);
    ok &= output_end(run);
    if (sum.done == sum.total) return ok;
    fprintf(stderr, "Some requests were not processed. total=%u, processed=%u\n", sum.total,
            sum.done);
    return false;
}

/* ---- the run ---- */

static uint64_t unix_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int run_with(client_run *run) {
    const client_settings *set = run->set;
    json_log json = {.out = set->tunnel ? stderr : stdout,
                     .start_us = run->start_us,
                     .chunks = set->verbose > 0};
    int code = APPLET_FAILED;
    if (set->json) run->json = &json;
    if (set->har) run->har = har_new(run);
    run->todo_last = &run->todo;
    run->loop = loop_new();
    if (set->upload && !(run->upload = upload_open(set->upload, set->compress)))
        opt_say(run->call, "%s: %s", set->upload,
                errno == EINVAL ? "not a regular file" : strerror(errno));
    else if (!run->loop)
        opt_say(run->call, "no event loop: %s", strerror(errno));
    else
        code = run_all(run) ? APPLET_DONE : APPLET_FAILED;
    request_free(run->todo);
    request_free(run->finished);
    secure_end(run);
    loop_free(run->loop);
    upload_close(run->upload);
    har_free(run->har);
    json_log_end(run->json);
    return code;
}

int client_main(int argc, char **argv, bool old_name) {
    client_settings set;
    opt_call call;
    session_config config;
    http_field *extra = NULL, *trailers = NULL;
    int code = opt_read(&client_options, argc, argv, old_name, &set, &call);
    if (code == OPT_GO) code = check_settings(&call, &set);
    if (code == OPT_GO) code = parse_fields(&call, &set.headers, "header", &extra);
    if (code == OPT_GO) code = parse_fields(&call, &set.trailers, "trailer", &trailers);
    if (code == OPT_GO) {
        configure(&config, &set);
        set.h2.colour = h2_options_colour(&set.h2);
        client_run run = {.set = &set,
                          .call = &call,
                          .config = &config,
                          .extra = extra,
                          .extra_count = set.headers.count,
                          .trailers = trailers,
                          .trailer_count = set.trailers.count,
                          .start_us = loop_now_us(),
                          .unix_start_us = unix_us()};
        code = run_with(&run);
        opt_end(&call);
    }
    free(extra);
    free(trailers);
    return code;
}
