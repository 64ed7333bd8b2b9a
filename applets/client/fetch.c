#include "applets/client/fetch.h"
#include "applets/client/fields_out.h"
#include "core/limits.h"

#include <errno.h>
#include <stdlib.h>

/* Times a request is sent when servers say that they did not process it. */
#define TRIES 10u

/* ---- requests ---- */

static void release_request(request *r) {
    decode_free(r->decode);
    r->decode = NULL;
    if (r->save && fclose(r->save) != 0) r->state = REQUEST_FAILED;
    r->save = NULL;
    timer_cancel(&r->limit);
}

void fetch_free_requests(request *r) {
    while (r) {
        request *next = r->next;
        release_request(r);
        free(r->text);
        free(r);
        r = next;
    }
}

/* "URI: why" on stderr; what a server may have had a hand in shows no control bytes. */
static void say(const fetch *f, span about, const char *between, span why) {
    text line = {0};
    text_add_visible(&line, about);
    text_print(&line, "%s", between);
    text_add_visible(&line, why);
    opt_say(f->run->call, "%.*s", (int)line.n, line.p ? line.p : "");
    text_end(&line);
}

static void settle(fetch *f, request *r, const char *why) {
    if (r->state == REQUEST_DONE || r->state == REQUEST_FAILED) return;
    if (r->state == REQUEST_RUNS) f->running--;
    if (!why && r->decode && r->received && !decode_ended(r->decode))
        why = "the content coding ends too early";
    r->state = why ? REQUEST_FAILED : REQUEST_DONE;
    f->settled++;
    r->end_us = loop_now_us();
    release_request(r);
    if (!why && r->state == REQUEST_FAILED)
        why = "the file could not be written"; /* said its close */
    if (why) say(f, r->uri.text, ": ", span_str(why));
}

static void time_is_up(timer *t) {
    request *r = t->user;
    fetch *f = r->fetch;
    http_ref ref = r->ref;
    settle(f, r, "timed out");
    if (!f->link) return;
    session_reset(link_session(f->link), ref, H2_CANCEL);
    link_touch(f->link);
}

/* -O: the last segment of the path, or index.html. A name that begins with "." would be hidden, one
 * with
 * "-" taken for an option: neither is a name that people expect from a URI. */
static FILE *open_save(const request *r) {
    char name[256];
    span path = r->uri.target;
    const uint8_t *query = memchr(path.p, '?', path.n);
    if (query) path.n = (size_t)(query - path.p);
    size_t from = path.n;
    while (from && path.p[from - 1] != '/') from--;
    span last = span_skip(path, from);
    if (last.n && (last.p[0] == '.' || last.p[0] == '-')) return NULL;
    if (last.n == 0 || last.n >= sizeof name) last = SPAN("index.html");
    memcpy(name, last.p, last.n);
    name[last.n] = '\0';
    return fopen(name, "wbx"); /* x: what is there already is kept */
}

static bool submit(fetch *f, request *r) {
    fetch_run *run = f->run;
    fields_out fields;
    http_body body = HTTP_NO_BODY;
    fields_out_make(&fields, r, run->set, run->upload ? upload_size(run->upload) : UINT64_MAX,
                    run->extra, run->extra_count);
    if (run->upload) {
        body = upload_body(run->upload);
        if (!body.ops) {
            settle(f, r, "out of memory");
            return true;
        }
    }
    session *s = link_session(f->link);
    r->start_us = loop_now_us();
    verdict v = session_open(s, fields.v, fields.n, body, r, &r->ref);
    if (v.scope != VERDICT_NONE) {
        if (body.ops) body.ops->release(body.user);
        if (v.code == VERDICT_BUSY) return false;
        settle(f, r, v.why);
        return true;
    }
    if (run->trailer_count && body.ops)
        v = session_trailers(s, r->ref, run->trailers, run->trailer_count);
    if (v.scope != VERDICT_NONE) {
        settle(f, r, v.why);
        session_reset(s, r->ref, H2_CANCEL);
        return true;
    }
    r->state = REQUEST_RUNS;
    r->tries++;
    f->running++;
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
    f->why = "timed out: the server lets no request begin";
    if (f->link) session_close(link_session(f->link), H2_NO_ERROR, NULL);
    if (f->link) link_touch(f->link);
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
    else if (f->running == 0)
        timer_arm(f->run->loop, &f->patience, limit);
    link_touch(f->link);
}

/* ---- bodies ---- */

static bool put_body(void *user, span piece) {
    request *r = user;
    fetch_run *run = r->fetch->run;
    if (r->save) return fwrite(piece.p, 1, piece.n, r->save) == piece.n;
    /* What nobody asked for is shown to who watches, and must not get into the output of others. */
    if (r->pushed && !run->set->verbose) return true;
    if (run->set->null_out || run->output_error) return true;
    if (fwrite(piece.p, 1, piece.n, stdout) == piece.n) return true;
    run->output_error = errno ? errno : EIO;
    return true;
}

static void take_data(fetch *f, request *r, const http_event *ev) {
    session *s = link_session(f->link);
    r->received += ev->data.n;
    bool ok = r->decode ? decode_bytes(r->decode, ev->data, put_body, r) : put_body(r, ev->data);
    if (!ok) {
        settle(f, r, r->decode ? "the content coding is broken" : "the file could not be written");
        session_reset(s, ev->ref, H2_CANCEL);
        return;
    }
    session_credit(s, ev->ref, ev->credit);
}

static void take_response(fetch *f, request *r, const http_event *ev) {
    const client_settings *set = f->run->set;
    r->status = ev->summary.status;
    const http_field *coding =
        fields_find(ev->fields, ev->field_count, HTTP_TOKEN_CONTENT_ENCODING);
    if (coding && !set->null_out && !decode_new(coding->value, &r->decode)) {
        settle(f, r, "out of memory");
        session_reset(link_session(f->link), ev->ref, H2_CANCEL);
        return;
    }
    if (!set->remote_name || r->pushed || r->status < 200 || r->status > 299) return;
    r->save = open_save(r);
    if (r->save) return;
    settle(f, r, "the file to save it in exists already, is hidden or cannot be made");
    session_reset(link_session(f->link), ev->ref, H2_CANCEL);
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

static void take_push(fetch *f, const http_event *ev) {
    if (!span_ieq(ev->summary.authority, f->requests->uri.authority)) { /* RFC 9113 section 8.4 */
        session_reset(link_session(f->link), ev->ref, H2_PROTOCOL_ERROR);
        return;
    }
    request *r = f->pushes++ < LIMIT_PUSHES ? calloc(1, sizeof *r) : NULL;
    size_t room = ev->summary.authority.n + ev->summary.path.n + 16;
    if (r) r->text = malloc(room);
    if (!r || !r->text) {
        free(r);
        session_reset(link_session(f->link), ev->ref, H2_REFUSED_STREAM);
        return;
    }
    int n = snprintf((char *)r->text, room, "http://%.*s%.*s", (int)ev->summary.authority.n,
                     (const char *)ev->summary.authority.p, (int)ev->summary.path.n,
                     (const char *)ev->summary.path.p);
    if (uri_parse(span_of(r->text, (size_t)n), &r->uri))
        r->uri.text = r->uri.target = span_of(r->text, (size_t)n);
    r->pushed = true;
    r->state = REQUEST_RUNS;
    r->fetch = f;
    r->ref = ev->ref;
    r->start_us = loop_now_us();
    f->running++;
    if (f->run->set->statistics) {
        *f->last = r;
        f->last = &r->next;
    }
    session_attach(link_session(f->link), ev->ref, r);
}

/* The server surely did nothing for it (RFC 9113 section 8.7): it may be sent again, here or on
 * another connection. */
static bool try_again(fetch *f, request *r) {
    if (r->state != REQUEST_RUNS || r->pushed || r->status || r->tries >= TRIES) return false;
    r->state = REQUEST_WAITS;
    f->running--;
    enqueue(f, r);
    return true;
}

static void on_event(void *user, net_link *k, const http_event *ev) {
    fetch *f = user;
    request *r = ev->user;
    (void)k;
    switch (ev->kind) {
    case HTTP_EVENT_RESPONSE:
        take_response(f, r, ev);
        r->ended = ev->end;
        break;
    case HTTP_EVENT_DATA:
        take_data(f, r, ev);
        r->ended = ev->end;
        break;
    case HTTP_EVENT_TRAILERS: r->ended = true; break;
    case HTTP_EVENT_PUSH: take_push(f, ev); break;
    case HTTP_EVENT_CLOSED:
        if (!ev->never_processed || !try_again(f, r))
            settle(f, r, r->ended ? NULL : closed_why(ev));
        if (r->pushed && !f->run->set->statistics) fetch_free_requests(r);
        submit_waiting(f);
        break;
    case HTTP_EVENT_ROOM: submit_waiting(f); break;
    case HTTP_EVENT_GOAWAY:
        f->goaway = ev->code == H2_NO_ERROR;
        if (!f->goaway) {
            const char *name = h2_frame_code_name(ev->code);
            text about = {0};
            text_print(&about, "the server ends the connection: %s", name ? name : "unknown code");
            say(f, span_of(about.p, about.n), ev->data.n ? ": " : "", span_head(ev->data, 200));
            text_end(&about);
        }
        if (f->running == 0) session_close(link_session(f->link), H2_NO_ERROR, NULL);
        break;
    case HTTP_EVENT_OVER:
        if (ev->verdict.scope != VERDICT_NONE) f->why = ev->verdict.why;
        break;
    default: break;
    }
}

static void on_closed(void *user, net_link *k, const char *why) {
    fetch *f = user;
    (void)k;
    f->link = NULL;
    timer_cancel(&f->patience);
    if (!f->why) f->why = why;
    loop_stop(f->run->loop);
}

static void on_bytes(void *user, span received) {
    frame_log_hexdump(&((fetch *)user)->log, received);
}

static void on_opened(void *user, net_link *k) {
    fetch *f = user;
    f->link = k;
    f->connected_us = loop_now_us();
    const tls_facts *tls = link_tls(k);
    if (tls && *tls->distrust) opt_say(f->run->call, "warning: %s", tls->distrust);
    submit_waiting(f);
}

static void on_failed(void *user, const char *why) {
    fetch *f = user;
    f->why = why;
    loop_stop(f->run->loop);
}

static void fail_the_rest(fetch *f, const char *host) {
    bool said = false;
    for (request *r = f->requests; r; r = r->next) {
        if (r->state == REQUEST_DONE || r->state == REQUEST_FAILED) continue;
        if (!f->connected_us && !said) {
            opt_say(f->run->call, "connect %s:%u: %s", host, r->uri.port,
                    f->why ? f->why : "failed");
            said = true;
        }
        if (!f->connected_us)
            r->state = REQUEST_FAILED;
        else
            settle(f, r,
                   f->why     ? f->why
                   : r->tries ? "not processed by the server"
                              : "the server closed the connection");
    }
}

void fetch_all(fetch *f, fetch_run *run, request *requests) {
    static const dial_calls dialled = {on_opened, on_failed};
    static const link_calls quiet = {on_event, on_closed, NULL},
                            dumping = {on_event, on_closed, on_bytes};
    const client_settings *set = run->set;
    char host[256];
    *f = (fetch){.run = run, .requests = requests};
    f->last = &f->requests;
    f->waiting_last = &f->waiting;
    f->patience = (timer){.fire = patience_ends, .user = f};
    for (request *r = requests; r; r = r->next) {
        r->fetch = f;
        r->limit = (timer){.fire = time_is_up, .user = r};
        f->last = &r->next;
        enqueue(f, r);
    }
    f->log = (frame_log){.out = stdout,
                         .start_us = run->start_us,
                         .colour = set->h2.colour,
                         .chunks = set->verbose > 1,
                         .first = set->verbose ? "Connected" : NULL};
    span name = requests->uri.host;
    if (name.n >= sizeof host) name.n = sizeof host - 1;
    memcpy(host, name.p, name.n);
    host[name.n] = '\0';

    link_birth birth = {.calls = set->h2.hexdump ? &dumping : &quiet,
                        .user = f,
                        .config = run->config,
                        .write_ms = LIMIT_WRITE_MS};
    if (requests->uri.https) {
        birth.tls = run->tls;
        birth.tls_name = host;
    }
    if (set->verbose) birth.trace = frame_log_trace(&f->log);
    uint32_t limit = set->timeout_ms && set->timeout_ms < LIMIT_DIAL_MS ? (uint32_t)set->timeout_ms
                                                                        : LIMIT_DIAL_MS;
    do { /* a server that ends a connection in good order after a number of requests is dialled
            again */
        f->settled = 0;
        f->goaway = false;
        if (dial_open(run->loop, host, requests->uri.port, &birth, limit, &dialled, f))
            loop_run(run->loop);
        else
            f->why = "out of memory";
    } while (f->goaway && f->settled && !f->why && f->waiting);
    fail_the_rest(f, host);
    frame_log_end(&f->log);
}
