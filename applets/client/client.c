/* The client: fetches URIs over HTTP/2 and shows what passes. */
#include "applets/applet.h"
#include "applets/client/fetch.h"
#include "applets/client/fields_out.h"
#include "applets/client/statistics.h"
#include "core/limits.h"

#include <errno.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#define OF(field) OPT_AT(client_settings, field)

static const opt_spec specs[] = {
    {.name = "verbose",
     .letter = 'v',
     .type = OPT_COUNT,
     OF(verbose),
     .group = "Output",
     .help = "Log every frame and header field; twice: each piece of DATA too."},
    {.name = "null-out",
     .letter = 'n',
     .type = OPT_FLAG,
     OF(null_out),
     .group = "Output",
     .help = "Throw response bodies away."},
    {.name = "remote-name",
     .letter = 'O',
     .type = OPT_FLAG,
     OF(remote_name),
     .group = "Output",
     .help =
         "Save each body of a successful response in the current directory under the last name of its path "
         "(index.html when there is none). Files that exist are kept."},
    {.name = "stat",
     .letter = 's',
     .type = OPT_FLAG,
     OF(statistics),
     .group = "Output",
     .help = "Print a table of times when a connection is done."},
    {.name = "header",
     .letter = 'H',
     .type = OPT_LIST,
     OF(headers),
     .max = 200,
     .arg = "NAME: VALUE",
     .group = "Request",
     .help = "Send this header field too, or instead of the one of that name. Pseudo-header fields "
             "work: ':method: PUT'."},
    {.name = "data",
     .letter = 'd',
     .type = OPT_STRING,
     OF(upload),
     .arg = "FILE",
     .word = OPT_WORD_FILE,
     .group = "Request",
     .help = "POST this file; - is standard input."},
    {.name = "trailer",
     .type = OPT_LIST,
     OF(trailers),
     .max = 100,
     .arg = "NAME: VALUE",
     .group = "Request",
     .help = "Send this field after the body; needs --data."},
    {.name = "no-content-length",
     .type = OPT_FLAG,
     OF(no_content_length),
     .group = "Request",
     .help = "Send --data without content-length."},
    {.name = "multiply",
     .letter = 'm',
     .type = OPT_INT,
     OF(multiply),
     .min = 1,
     .max = 1000000,
     .def = "1",
     .group = "Request",
     .help = "Request each URI N times, at once."},
    {.name = "continuation",
     .type = OPT_FLAG,
     OF(continuation),
     .group = "Request",
     .help = "Add a header field so long that CONTINUATION must be sent."},
    {.name = "timeout",
     .letter = 't',
     .type = OPT_DURATION,
     OF(timeout_ms),
     .max = INT32_MAX,
     .def_note = "none",
     .group = "Connection",
     .help = "Give up on a connection, or on a request, after this time."},
    {.name = "peer-max-concurrent-streams",
     .letter = 'M',
     .type = OPT_INT,
     OF(peer_streams),
     .min = 1,
     .max = INT32_MAX,
     .def = "100",
     .group = "Connection",
     .help = "Streams to open at once before the server has said how many it takes."},
    {.name = "max-concurrent-streams",
     .type = OPT_INT,
     OF(max_streams),
     .max = INT32_MAX,
     .def = "100",
     .group = "Connection",
     .help = "Pushed streams to take at once."},
    {.name = "no-push",
     .type = OPT_FLAG,
     OF(no_push),
     .group = "Connection",
     .help = "Take no pushed streams."},
    {.name = "header-table-size",
     .letter = 'c',
     .type = OPT_SIZES,
     OF(table_sizes),
     .max = LIMIT_TABLE_MAX,
     .def_note = "4K",
     .group = "Connection",
     .help =
         "Dynamic table that the server may use (HPACK). When repeated, the least of all and then the last "
         "is announced."},
    H2_OPTIONS_ROWS(client_settings, "Connection"),
    TLS_OPTIONS_ROWS(client_settings, "TLS"),
    {.name = "cert",
     .type = OPT_STRING,
     OF(cert),
     .arg = "FILE",
     .word = OPT_WORD_FILE,
     .group = "TLS",
     .help = "Show this certificate (PEM) when the server asks for one; needs --key."},
    {.name = "key",
     .type = OPT_STRING,
     OF(key),
     .arg = "FILE",
     .word = OPT_WORD_FILE,
     .group = "TLS",
     .help = "The private key of --cert (PEM)."},
    {.name = "insecure",
     .letter = 'k',
     .type = OPT_FLAG,
     OF(insecure),
     .group = "TLS",
     .help = "Go on without a word when the server's certificate is not trusted."},
    {.name = "no-verify-peer",
     .letter = 'y',
     .type = OPT_FLAG,
     OF(no_verify_peer),
     .group = "TLS",
     .help = "The same."},
    {.name = "no-dep",
     .type = OPT_FLAG,
     .status = OPT_IGNORED,
     .group = "Retired",
     .instead = "RFC 7540 dependencies are not sent",
     .help = "Send no dependency priorities."},
    {.name = "dep-idle",
     .type = OPT_FLAG,
     .status = OPT_IGNORED,
     .group = "Retired",
     .instead = "RFC 7540 dependencies are not sent",
     .help = "Use idle streams as priority anchors."},
    {.name = "weight",
     .letter = 'p',
     .type = OPT_INT,
     .min = 1,
     .max = 256,
     .status = OPT_IGNORED,
     .group = "Retired",
     .instead = "send a priority field: -H 'priority: u=0'",
     .help = "RFC 7540 weight."},
    {.name = "no-rfc7540-pri",
     .type = OPT_FLAG,
     .status = OPT_IGNORED,
     .group = "Retired",
     .instead = "RFC 7540 priorities are always off",
     .help = "Announce that RFC 7540 priorities are not used."},
};

static const char *const usage[] = {"[OPTION]... URI...", NULL};

static const opt_pair examples[] = {
    {"$0 -nv http://localhost:8080/", "Shows the frames of one request."},
    {"$0 -ns -m100 http://localhost:8080/", "Sends 100 requests at once and prints their times."},
    {"$0 -d file -H 'content-type: text/csv' http://localhost:8080/in", "Posts a file."},
    {NULL, NULL},
};

static const opt_pair exits[] = {
    {"0", "every response came whole, whatever its status"},
    {"1", "a connection, a request or the output failed; stderr says which and why"},
    {NULL, NULL},
};

const opt_table client_options = {
    OPT_SPECS(specs),
    .settings_size = sizeof(client_settings),
    .usage = usage,
    .about =
        "Fetches URIs over HTTP/2, with prior knowledge of it. URIs with the same scheme, host and port share a "
        "connection. Bodies go to stdout, and so does the log; gzip and deflate are undone.",
    .operands = "URIs: http[s]://HOST[:PORT][/PATH][?QUERY].",
    .operand_min = 1,
    .operand_max = OPT_ANY,
    .examples = examples,
    .exits = exits,
};

/* ---- settings into configuration ---- */

static void configure(session_config *c, const client_settings *set) {
    session_defaults(c, false);
    h2_config *h2 = &c->h2;
    h2->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = (uint32_t)set->max_streams;
    h2->settings[H2_SLOT_NO_RFC7540_PRIORITIES] = 1;
    h2->settings[H2_SLOT_ENABLE_PUSH] = !set->no_push;
    h2->announce = 1u << H2_SLOT_MAX_CONCURRENT_STREAMS | 1u << H2_SLOT_INITIAL_WINDOW_SIZE;
    h2_options_apply(&set->h2, h2);
    h2->peer_streams = (uint32_t)set->peer_streams;
    for (uint32_t i = 0; i < set->table_sizes.count; i++) {
        uint32_t size = (uint32_t)set->table_sizes.v[i];
        h2->settings[H2_SLOT_HEADER_TABLE_SIZE] = size;
        if (size < h2->lowest_table) h2->lowest_table = size;
    }
}

/* ---- URIs into requests ---- */

static request *new_request(const opt_call *call, const char *typed) {
    size_t room = strlen(typed) * 3 + 8; /* every byte may need percent-encoding */
    request *r = calloc(1, sizeof *r);
    if (r) r->text = malloc(room);
    const char *why =
        r && r->text ? uri_resolve(NULL, span_str(typed), r->text, room, &r->uri) : "out of memory";
    if (!why) return r;
    opt_say(call, "%s: %s", typed, why);
    fetch_free_requests(r);
    return NULL;
}

static bool same_server(const request *a, const request *b) {
    return span_eq(a->uri.scheme, b->uri.scheme) && span_ieq(a->uri.host, b->uri.host) &&
           a->uri.port == b->uri.port;
}

/* All requests, in the order of the operands; false when some could not be made. */
static bool make_requests(const opt_call *call, const client_settings *set, request **all) {
    request **last = all;
    bool ok = true;
    for (int i = 0; i < call->operand_count; i++) {
        for (int64_t m = 0; m < set->multiply; m++) {
            request *r = new_request(call, call->operands[i]);
            if (!r) {
                ok = false;
                break;
            }
            *last = r;
            last = &r->next;
        }
    }
    *last = NULL;
    return ok;
}

/* Takes the requests to the same server as the first one out of *all. */
static request *take_group(request **all) {
    request *group = *all, **last = &group->next, **from = &group->next;
    *all = NULL;
    request *rest = *from, **rest_last = all;
    *last = NULL;
    while (rest) {
        request *r = rest;
        rest = r->next;
        r->next = NULL;
        if (same_server(group, r)) {
            *last = r;
            last = &r->next;
        } else {
            *rest_last = r;
            rest_last = &r->next;
        }
    }
    return group;
}

typedef struct outcome {
    unsigned total, done;
} outcome;

static void run_group(fetch_run *run, request *group, outcome *sum) {
    fetch f;
    fetch_all(&f, run, group);
    for (const request *r = group; r; r = r->next) {
        if (r->pushed) continue;
        sum->total++;
        sum->done += r->state == REQUEST_DONE;
    }
    if (run->set->statistics && f.connected_us) statistics_print(stdout, group, f.connected_us);
    fetch_free_requests(group);
}

static bool run_all(fetch_run *run, request *all, bool ok) {
    outcome sum = {0};
    while (all) run_group(run, take_group(&all), &sum);
    if (fflush(stdout) != 0 && !run->output_error) run->output_error = errno;
    if (run->output_error) {
        opt_say(run->call, "stdout: %s", strerror(run->output_error));
        __fpurge(stdout); /* it is said: what is left must not fail once more */
        clearerr(stdout);
        ok = false;
    }
    if (sum.done == sum.total) return ok;
    fprintf(stderr, "Some requests were not processed. total=%u, processed=%u\n", sum.total,
            sum.done);
    return false;
}

static int parse_fields(opt_call *call, const opt_list *list, const char *option,
                        http_field **fields) {
    uint32_t bad = 0;
    const char *why = fields_out_parse(list, fields, &bad);
    return why ? opt_refuse(call, "--%s: '%s': %s", option, list->count ? list->v[bad] : "", why)
               : OPT_GO;
}

/* Under the old name a certificate that is not trusted is only worth a warning, as it was. */
static tls_config *make_tls(const opt_call *call, const client_settings *set) {
    tls_identity identity = {.cert_file = set->cert, .key_file = set->key};
    tls_settings t = {.identities = &identity,
                      .identity_count = set->cert ? 1 : 0,
                      .check = set->insecure || set->no_verify_peer ? TLS_CHECK_NONE
                               : call->old_name                     ? TLS_CHECK_TELL
                                                                    : TLS_CHECK_TRUST};
    return tls_options_config(call, &set->tls, t, NULL);
}

static bool any_https(const request *r) {
    while (r && !r->uri.https) r = r->next;
    return r != NULL;
}

int client_main(int argc, char **argv, bool old_name) {
    client_settings set;
    opt_call call;
    session_config config;
    http_field *extra = NULL, *trailers = NULL;
    int code = opt_read(&client_options, argc, argv, old_name, &set, &call);
    if (code != OPT_GO) return code;
    if (set.trailers.count && !set.upload) return opt_refuse(&call, "--trailer needs --data");
    code = parse_fields(&call, &set.headers, "header", &extra);
    if (code == OPT_GO) code = parse_fields(&call, &set.trailers, "trailer", &trailers);
    if (code != OPT_GO) {
        free(extra);
        free(trailers);
        return code;
    }
    if (!set.cert != !set.key) {
        free(extra);
        free(trailers);
        return opt_refuse(&call, "--cert and --key need each other");
    }
    configure(&config, &set);
    set.h2.colour = h2_options_colour(&set.h2);
    fetch_run run = {.set = &set,
                     .call = &call,
                     .config = &config,
                     .loop = loop_new(),
                     .extra = extra,
                     .extra_count = set.headers.count,
                     .trailers = trailers,
                     .trailer_count = set.trailers.count,
                     .start_us = loop_now_us()};
    code = APPLET_FAILED;
    if (set.upload && !(run.upload = upload_open(set.upload))) {
        opt_say(&call, "%s: %s", set.upload,
                errno == EINVAL ? "not a regular file" : strerror(errno));
    } else if (!run.loop) {
        opt_say(&call, "no event loop: %s", strerror(errno));
    } else {
        request *all;
        bool ok = make_requests(&call, &set, &all);
        if (!any_https(all) || (run.tls = make_tls(&call, &set)))
            code = run_all(&run, all, ok) ? APPLET_DONE : APPLET_FAILED;
        else
            fetch_free_requests(all);
    }
    loop_free(run.loop);
    tls_config_drop(run.tls);
    upload_close(run.upload);
    free(extra);
    free(trailers);
    opt_end(&call);
    return code;
}
