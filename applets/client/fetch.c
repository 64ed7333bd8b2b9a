#include "applets/client/fetch.h"
#include "applets/client/channel.h"
#include "applets/client/fields_out.h"
#include "applets/client/har.h"
#include "applets/client/json_log.h"
#include "applets/client/progress.h"
#include "applets/client/push.h"
#include "applets/client/request.h"
#include "applets/client/response.h"
#include "applets/client/secure.h"
#include "core/limits.h"

#include <stdlib.h>

static bool is_h2(const fetch *f) {
    return strcmp(session_protocol(link_session(f->link)), "h2") == 0;
}

/* ---- requests ---- */

/* Ends its channel, if it has one; returns how that ended. */
static const char *end_channel(request *r, const char *why) {
    if (r->channel) why = channel_end(r->channel, why);
    r->channel = NULL;
    return why;
}

/* The request is done (why NULL), or has failed. */
static void settle(fetch *f, request *r, const char *why) {
    client_run *run = f->run;
    if (r->state == REQUEST_DONE || r->state == REQUEST_FAILED) return;
    if (r->state == REQUEST_RUNS) {
        f->running--;
        f->pushing -= r->kind == REQUEST_PUSHED;
    }
    timer_cancel(&r->limit);
    timer_cancel(&r->patience);
    r->end_us = loop_now_us();
    why = end_channel(r, response_end(r, why));
    r->state = why ? REQUEST_FAILED : REQUEST_DONE;
    if (r->kind == REQUEST_ASKED || r->kind == REQUEST_ASSET) {
        f->settled++;
        f->ever_settled = true;
    }
    f->settled_bytes += r->received;
    har_done(run->har, r, why);
    json_log_request(run->json, r, why);
    if (!why) return;
    progress_wipe(run->progress);
    request_say(run, r->uri.text, ": ", span_str(why));
}

static void give_up(fetch *f, request *r, const char *why) {
    http_ref ref = r->ref;
    settle(f, r, why);
    if (!f->link) return;
    session_reset(link_session(f->link), ref, H2_CANCEL);
    link_touch(f->link);
}

static void time_is_up(timer *t) {
    request *r = t->user;
    give_up(r->fetch, r, "timed out");
}

/* Expect: 100-continue is answered, or has not been for long enough. */
static void send_content(request *r) {
    timer_cancel(&r->patience);
    if (!r->hold || !r->fetch->link) return;
    upload_go(r->hold);
    session_wake(link_session(r->fetch->link), r->ref);
    link_touch(r->fetch->link);
}

static void expect_ends(timer *t) { send_content(t->user); }

/* False when memory is refused. */
static bool make_body(request *r, const client_run *run, http_body *body) {
    *body = HTTP_NO_BODY;
    if (r->kind == REQUEST_TUNNEL || r->kind == REQUEST_WEBSOCKET) {
        r->channel = channel_new(r);
        if (r->channel) *body = channel_body(r->channel);
        return r->channel != NULL;
    }
    if (!fields_out_has_body(r, run)) return true;
    *body = upload_body(run->upload, run->set->expect_continue ? &r->hold : NULL);
    return body->ops != NULL;
}

static bool submit(fetch *f, request *r) {
    client_run *run = f->run;
    session *s = link_session(f->link);
    fields_out fields;
    http_body body;
    r->start_us = loop_now_us();
    r->http1 = !is_h2(f);
    if (!make_body(r, run, &body)) {
        settle(f, r, "out of memory");
        return true;
    }
    fields_out_make(&fields, r, run);
    verdict v = session_open(s, fields.v, fields.n, body, r, &r->ref);
    if (v.scope != VERDICT_NONE) {
        if (body.ops) body.ops->release(body.user);
        end_channel(r, NULL);
        if (v.code == VERDICT_BUSY) return false;
        settle(f, r, v.why);
        return true;
    }
    r->connected_us = f->connected_us;
    r->connection = f->connection;
    har_request(run->har, r, fields.v, fields.n, f->sent++ == 0 ? f->connected_us - f->dial_us : 0);
    r->state = REQUEST_RUNS;
    r->tries++;
    f->running++;
    if (run->trailer_count && body.ops)
        v = session_trailers(s, r->ref, run->trailers, run->trailer_count);
    if (v.scope != VERDICT_NONE) {
        give_up(f, r, v.why);
        return true;
    }
    if (r->hold) timer_arm(run->loop, &r->patience, LIMIT_EXPECT_MS);
    /* Once, however often it is sent. */
    if (run->set->timeout_ms && r->tries == 1)
        timer_arm(run->loop, &r->limit, run->set->timeout_ms);
    return true;
}

static void enqueue(fetch *f, request *r) {
    r->wait_next = NULL;
    *f->waiting_last = r;
    f->waiting_last = &r->wait_next;
}

static void dequeue(fetch *f) {
    f->waiting = f->waiting->wait_next;
    if (!f->waiting) f->waiting_last = &f->waiting;
}

static void patience_ends(timer *t) {
    fetch *f = t->user;
    fetch_stop(f, f->pushing ? "timed out: a promised response does not come"
                             : "timed out: the server lets no request begin");
}

/* Opens what there is room for; ends the connection when nothing is left to wait for. */
static void submit_waiting(fetch *f) {
    if (!f->link) return;
    while (f->waiting) {
        request *r = f->waiting;
        if (r->state == REQUEST_WAITS &&
            (session_room(link_session(f->link)) == 0 || !submit(f, r)))
            break;
        dequeue(f);
    }
    uint64_t limit = f->run->set->timeout_ms ? f->run->set->timeout_ms : LIMIT_DIAL_MS;
    timer_cancel(&f->patience);
    if ((!f->waiting || f->goaway) && f->running == 0)
        session_close(link_session(f->link), H2_NO_ERROR, NULL);
    else if (f->running == f->pushing)
        timer_arm(f->run->loop, &f->patience, limit);
    link_touch(f->link);
}

static void join(fetch *f, request *r) {
    r->fetch = f;
    r->limit = (timer){.fire = time_is_up, .user = r};
    r->patience = (timer){.fire = expect_ends, .user = r};
    r->next = NULL;
    *f->last = r;
    f->last = &r->next;
}

void fetch_add(fetch *f, request *r) {
    join(f, r);
    enqueue(f, r);
    submit_waiting(f);
}

void fetch_adopt(fetch *f, request *r, http_ref ref) {
    join(f, r);
    r->state = REQUEST_RUNS;
    r->ref = ref;
    r->start_us = loop_now_us();
    r->connected_us = f->connected_us;
    r->connection = f->connection;
    f->running++;
    f->pushing++;
    session_attach(link_session(f->link), ref, r);
}

/* ---- events ---- */

static const char *closed_why(const http_event *ev) {
    static char said[128];
    const char *name = h2_frame_code_name(ev->code);
    if (ev->never_processed) return "not processed by the server";
    if (ev->by_peer)
        snprintf(said, sizeof said, "reset by the server: %s (0x%02x)",
                 name ? name : "unknown code", ev->code);
    else if (ev->verdict.why)
        snprintf(said, sizeof said, "%s", ev->verdict.why);
    else
        return "the response is not complete";
    return said;
}

/* HTTP/1.1: the server ended a connection that it had kept, before it knew of this request, or so
 * it seems. What can be asked twice is (RFC 9112 section 9.3.1, RFC 9110 section 9.2.2). */
static bool came_too_late(const fetch *f, const request *r) {
    span method = fields_out_method(r, f->run);
    return r->http1 && f->settled && !r->interims && !fields_out_has_body(r, f->run) &&
           (span_eq(method, SPAN("GET")) || span_eq(method, SPAN("HEAD"))) && !f->stopped;
}

/* It may be sent again, here or on another connection: also when the server surely did nothing for
 * it (RFC 9113 section 8.7). */
static bool try_again(fetch *f, request *r, const http_event *ev) {
    if (r->state != REQUEST_RUNS || r->kind == REQUEST_PUSHED || r->status) return false;
    if (!ev->never_processed && !came_too_late(f, r)) return false;
    if (f->fault || r->tries >= (f->ever_settled ? LIMIT_TRIES_PROGRESS : LIMIT_TRIES))
        return false;
    r->state = REQUEST_WAITS;
    f->running--;
    f->again = true;
    timer_cancel(&r->patience);
    end_channel(r, NULL); /* the next try has its own */
    enqueue(f, r);
    return true;
}

static void take_response(fetch *f, request *r, const http_event *ev) {
    r->http1 = !is_h2(f);
    timer_cancel(&r->patience); /* content that is not wanted by now is not sent */
    const char *why = NULL;
    if (r->http1 && f->run->set->upgrade && !r->uri.https)
        fetch_stop(f, why = "the server did not upgrade to HTTP/2");
    else
        why = r->channel ? channel_answer(r->channel, ev) : response_begin(r, ev);
    if (why) give_up(f, r, why);
}

static void take_data(fetch *f, request *r, const http_event *ev) {
    const char *why = r->channel ? channel_take(r->channel, ev->data) : response_take(r, ev->data);
    if (why)
        give_up(f, r, why);
    else
        session_credit(link_session(f->link), ev->ref, ev->credit);
}

static void take_interim(fetch *f, request *r, const http_event *ev) {
    if (r->interims++ == LIMIT_INFORMS)
        give_up(f, r, "too many interim responses");
    else if (ev->summary.status == 100)
        send_content(r);
}

static void take_end(fetch *f, request *r, bool end) {
    if (!end) return;
    r->ended = true;
    if (r->channel) channel_ended(r->channel);
    /* An answer without 100 (Continue) before it: the content is not wanted. */
    if (r->hold) session_reset(link_session(f->link), r->ref, H2_NO_ERROR);
}

static void take_goaway(fetch *f, const http_event *ev) {
    f->goaway = ev->code == H2_NO_ERROR;
    if (!f->goaway) {
        const char *name = h2_frame_code_name(ev->code);
        char about[96];
        int n = snprintf(about, sizeof about, "the server ends the connection: %s",
                         name ? name : "unknown code");
        f->fault = true;
        progress_wipe(f->run->progress);
        request_say(f->run, span_of(about, (size_t)n), ev->data.n ? ": " : "",
                    span_head(ev->data, 200));
    }
    if (f->running == 0) session_close(link_session(f->link), H2_NO_ERROR, NULL);
}

static void on_event(void *user, net_link *k, const http_event *ev) {
    fetch *f = user;
    request *r = ev->user;
    (void)k;
    switch (ev->kind) {
    case HTTP_EVENT_INTERIM: take_interim(f, r, ev); break;
    case HTTP_EVENT_RESPONSE:
        take_response(f, r, ev);
        take_end(f, r, ev->end);
        break;
    case HTTP_EVENT_DATA:
        take_data(f, r, ev);
        take_end(f, r, ev->end);
        break;
    case HTTP_EVENT_TRAILERS: take_end(f, r, true); break;
    case HTTP_EVENT_PUSH: push_take(f, ev); break;
    case HTTP_EVENT_CLOSED:
        if (!try_again(f, r, ev))
            settle(f, r, r->ended ? NULL : f->stopped ? f->stopped : closed_why(ev));
        submit_waiting(f);
        break;
    case HTTP_EVENT_ROOM: submit_waiting(f); break;
    case HTTP_EVENT_GOAWAY: take_goaway(f, ev); break;
    case HTTP_EVENT_OVER:
        if (ev->verdict.scope == VERDICT_NONE || (f->again && !is_h2(f))) break;
        f->fault = true;
        f->why = ev->verdict.why;
        break;
    default: break;
    }
}

/* ---- the connection ---- */

static void on_closed(void *user, net_link *k, const char *why) {
    fetch *f = user;
    (void)k;
    f->link = NULL;
    timer_cancel(&f->patience);
    if (!f->why) f->why = why;
    json_log_closed(f->run->json, f->why);
    loop_stop(f->run->loop);
}

static void on_bytes(void *user, span received) {
    frame_log_hexdump(&((fetch *)user)->log, received);
}

static void on_opened(void *user, net_link *k) {
    fetch *f = user;
    f->dial = NULL;
    f->link = k;
    f->ever_connected = true;
    f->connected_us = loop_now_us();
    json_log_connected(f->run->json, k, &f->requests->uri);
    const char *why = secure_opened(f, k);
    if (why)
        fetch_stop(f, why);
    else
        submit_waiting(f);
}

static void on_failed(void *user, const char *why) {
    fetch *f = user;
    f->dial = NULL;
    f->why = why;
    f->fault = true;
    loop_stop(f->run->loop);
}

void fetch_stop(fetch *f, const char *why) {
    f->why = f->stopped = why;
    f->fault = true;
    if (f->dial) {
        dial_cancel(f->dial);
        f->dial = NULL;
        loop_stop(f->run->loop);
    } else if (f->link) {
        session_close(link_session(f->link), H2_NO_ERROR, NULL);
        link_touch(f->link);
    }
}

static void fail_the_rest(fetch *f) {
    client_run *run = f->run;
    const char *why = f->why ? f->why : "failed";
    if (!f->ever_connected) {
        progress_wipe(run->progress);
        opt_say(run->call, "connect %s:%u: %s", f->detour.host, f->detour.port, why);
    }
    for (request *r = f->requests; r; r = r->next) {
        if (r->state == REQUEST_DONE || r->state == REQUEST_FAILED) continue;
        if (f->ever_connected) {
            settle(f, r,
                   f->why     ? f->why
                   : r->tries ? "not processed by the server"
                              : "the server closed the connection");
        } else { /* said once, for all of them */
            r->state = REQUEST_FAILED;
            json_log_request(run->json, r, why);
        }
    }
}

static void dial_once(fetch *f) {
    static const dial_calls dialled = {on_opened, on_failed};
    static const link_calls quiet = {on_event, on_closed, NULL},
                            dumping = {on_event, on_closed, on_bytes};
    client_run *run = f->run;
    const client_settings *set = run->set;
    link_birth birth = {.calls = set->h2.hexdump ? &dumping : &quiet,
                        .user = f,
                        .config = run->config,
                        .write_ms = LIMIT_WRITE_MS};
    if (set->json)
        birth.trace = json_log_trace(run->json);
    else if (set->verbose)
        birth.trace = frame_log_trace(&f->log);
    uint32_t limit = set->timeout_ms && set->timeout_ms < LIMIT_DIAL_MS ? (uint32_t)set->timeout_ms
                                                                        : LIMIT_DIAL_MS;
    f->settled = f->sent = 0;
    f->goaway = f->again = false;
    f->why = NULL;
    f->connection = ++run->connections;
    if (run->json) run->json->connection = f->connection;
    f->log.first = set->verbose && !set->json ? "Connected" : NULL;
    secure_birth(f, &birth);
    f->dial_us = loop_now_us();
    f->dial = dial_open(run->loop, f->detour.host, f->detour.port, &birth, limit, &dialled, f);
    if (f->dial)
        loop_run(run->loop);
    else
        f->why = "out of memory";
}

/* Where content follows the Upgrade, a request without one has to carry it (RFC 7540 section 3.2).
 */
static void open_first(fetch *f) {
    const char *why;
    const request *r = f->requests;
    if (!f->run->set->upgrade || r->uri.https || !fields_out_has_body(r, f->run)) return;
    request *opener = request_new(NULL, r->uri.text, &why);
    if (!opener) return;
    opener->kind = REQUEST_OPENER;
    join(f, opener);
    opener->wait_next = f->waiting;
    f->waiting = opener;
}

void fetch_all(fetch *f, client_run *run, request *requests) {
    const client_settings *set = run->set;
    *f = (fetch){.run = run};
    f->last = &f->requests;
    f->waiting_last = &f->waiting;
    f->patience = (timer){.fire = patience_ends, .user = f};
    for (request *next, *r = requests; r; r = next) {
        next = r->next;
        join(f, r);
        enqueue(f, r);
    }
    f->log = (frame_log){.out = set->tunnel ? stderr : stdout,
                         .start_us = run->start_us,
                         .colour = set->h2.colour,
                         .chunks = set->verbose > 1};
    detour_find(&f->detour, &set->routes, &set->resolves, f->requests->uri.host,
                f->requests->uri.port);
    run->fetch = f;
    /* A server that ends a connection after a number of requests is dialled again, as long as each
     * brings something. */
    do {
        open_first(f);
        dial_once(f);
    } while (f->waiting && (f->settled || f->again) && !f->fault && !run->stopped);
    run->fetch = NULL;
    fail_the_rest(f);
    frame_log_end(&f->log);
}
