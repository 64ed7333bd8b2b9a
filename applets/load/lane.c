#include "applets/load/lane.h"
#include "applets/load/facts.h"
#include "applets/load/render.h"
#include "applets/load/shot.h"
#include "applets/load/verbose.h"
#include "core/limits.h"

#include <stdio.h>
#include <stdlib.h>

/* Times a request is sent when servers say that they did not process it, and connections in a row
 * that may come to nothing. */
#define TRIES 10u

/* Before a failed connection is tried again: doubled each time, up to the second. */
#define RETRY_MS      100u
#define RETRY_MOST_MS 3200u

/* ---- sending ---- */

static uint64_t due_of(const lane *l) {
    const load_run *run = l->crew->run;
    const uint64_t *offsets = run->plan.offsets_us;
    if (offsets) { /* with --duration the script begins again when it is over, as h2load has it */
        uint64_t round = l->begun / run->plan.count;
        return l->paced_us + round * offsets[run->plan.count - 1] +
               offsets[l->begun % run->plan.count];
    }
    return l->paced_us + (uint64_t)((double)l->begun * (1e6 / run->lane_rate));
}

static bool paced(const lane *l) {
    return l->crew->run->lane_rate > 0 || l->crew->run->plan.offsets_us;
}

/* Which request of the plan is next. */
static uint32_t choose(lane *l) {
    const workload *p = &l->crew->run->plan;
    if (!p->weighted) {
        uint32_t i = l->next++;
        if (l->next == p->count) l->next = 0;
        return i;
    }
    uint64_t at = template_roll_below(&l->dice, p->at[p->count - 1].weights);
    uint32_t low = 0, high = p->count - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (p->at[middle].weights > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

typedef enum sent { SENT, SENT_NOT_NOW, SENT_NEVER } sent;

static sent send_shot(lane *l, shot *s) {
    crew *c = l->crew;
    render r;
    if (!render_request(c, &c->run->plan.at[s->request], &l->dice, &r)) {
        shot_fail(l, s, "out of memory", false);
        return SENT_NEVER;
    }
    verdict v = session_open(link_session(l->link), r.fields, r.count, r.body, s, &s->ref);
    if (v.scope != VERDICT_NONE) {
        if (r.body.ops) r.body.ops->release(r.body.user);
        if (v.code == VERDICT_BUSY) return SENT_NOT_NOW;
        shot_fail(l, s, v.why, false);
        return SENT_NEVER;
    }
    s->sent_us = l->active_us = c->now_us;
    s->tries++;
    l->on_link++;
    shot_append(l, s);
    return SENT;
}

/* Sends those again that a server did not process; false when there is no room. */
static bool send_again(lane *l, uint32_t most) {
    while (l->again && l->running < most) {
        shot *s = l->again;
        l->again = s->next;
        switch (send_shot(l, s)) {
        case SENT: break;
        case SENT_NEVER: crew_give_shot(l->crew, s); break;
        case SENT_NOT_NOW:
            s->next = l->again;
            l->again = s;
            return false;
        }
    }
    return !l->again;
}

/* Begins the next request; false when there is no room. */
static bool send_next(lane *l, uint64_t due_us) {
    crew *c = l->crew;
    if (session_room(link_session(l->link)) == 0) return false;
    shot *s = crew_take_shot(c);
    if (!s) {
        shot_lose(l, 1, "out of memory");
        l->left--;
        return true;
    }
    *s = (shot){.due_us = due_us, .request = choose(l), .measured = c->measuring};
    sent outcome = send_shot(l, s);
    if (outcome == SENT_NOT_NOW) { /* an extended CONNECT waits for SETTINGS */
        s->next = NULL;
        l->again = s;
    } else if (outcome == SENT_NEVER) {
        crew_give_shot(c, s);
    }
    l->begun++;
    if (l->left != UINT64_MAX) l->left--;
    if (c->measuring) {
        c->tally->started++;
        if (!c->first_sent_us) c->first_sent_us = c->now_us;
        c->last_sent_us = c->now_us;
    }
    return outcome != SENT_NOT_NOW;
}

static bool link_is_used_up(const lane *l) {
    int64_t every = l->crew->run->set->reconnect_every;
    return every && l->on_link >= (uint64_t)every;
}

void lane_fill(lane *l) {
    crew *c = l->crew;
    if (!l->link || l->closing || c->stopping) return;
    uint32_t most = c->run->streams, before = l->on_link;
    bool goes_on = !l->goaway && send_again(l, most);
    while (goes_on && l->left && l->running < most && !link_is_used_up(l)) {
        uint64_t due = c->now_us;
        if (paced(l) && (due = due_of(l)) > c->now_us) {
            crew_wake_at(c, l, due);
            break;
        }
        goes_on = send_next(l, due);
    }
    bool nothing_left = !l->left && !l->again;
    if (!l->running && (nothing_left || l->goaway || link_is_used_up(l))) {
        l->closing = true;
        session_close(link_session(l->link), H2_NO_ERROR, NULL);
    }
    if (l->closing || l->on_link != before) link_touch(l->link);
}

/* ---- the end of a lane ---- */

static void drop_again(lane *l, const char *why) {
    while (l->again) {
        shot *s = l->again;
        l->again = s->next;
        shot_fail(l, s, why, l->timed_out);
        crew_give_shot(l->crew, s);
    }
}

static void end(lane *l, const char *why) {
    crew *c = l->crew;
    if (!why) why = "the server closed the connection";
    drop_again(l, why);
    if (l->left && l->left != UINT64_MAX && !c->stopping) {
        shot_lose(l, l->left, why);
        if (l->timed_out) c->tally->timed_out += l->left;
        l->left = 0;
    }
    timer_cancel(&l->watch);
    if (l->answered && c->now_us > l->born_us)
        tally_add_rate(c->tally, (double)l->finished * 1e6 / (double)(c->now_us - l->born_us));
    crew_lane_ended(c, l);
}

/* ---- connections ---- */

static void dial_now(lane *l);

static void try_later(lane *l) {
    uint64_t ms = (uint64_t)RETRY_MS << (l->failures < 6 ? l->failures : 6);
    timer_arm(l->crew->loop, &l->watch, ms < RETRY_MOST_MS ? ms : RETRY_MOST_MS);
}

/* A connection could not be made, or failed. */
static void failed(lane *l, const char *why) {
    const load_run *run = l->crew->run;
    bool endless = run->duration_us != 0;
    if (run->set->reconnect == LOAD_ALWAYS && !l->crew->stopping && (l->left || l->again) &&
        (endless || l->failures < TRIES)) {
        if (l->failures < TRIES) l->failures++;
        try_later(l);
        return;
    }
    end(l, why);
}

/* ---- limits of time ---- */

static uint64_t deadline(const lane *l) {
    const load_settings *set = l->crew->run->set;
    uint64_t at = UINT64_MAX, one;
    if (set->active_ms && (one = l->dialled_us + set->active_ms * 1000) < at) at = one;
    if (set->inactive_ms && (one = l->active_us + set->inactive_ms * 1000) < at) at = one;
    return at;
}

/* The next moment to look at; those of requests that have timed out already are not. */
static void watch(lane *l) {
    uint64_t at = deadline(l), timeout = l->crew->run->set->timeout_ms * 1000;
    uint64_t now = loop_now_us();
    if (timeout) {
        /* Requests that begin later are due later: looked at again by then. */
        uint64_t first = (l->oldest ? l->oldest->sent_us : now) + timeout;
        if (l->oldest && l->oldest->settled) first = now + timeout / 4;
        if (first < at) at = first;
    }
    if (at != UINT64_MAX) timer_arm(l->crew->loop, &l->watch, at > now ? (at - now) / 1000 + 1 : 1);
}

static void time_out_requests(lane *l) {
    crew *c = l->crew;
    uint64_t timeout = c->run->set->timeout_ms * 1000;
    if (!timeout) return;
    for (shot *s = l->oldest, *next; s && c->now_us - s->sent_us >= timeout; s = next) {
        next = s->next;
        if (s->settled) continue;
        shot_fail(l, s, "no answer in time", true);
        session_reset(link_session(l->link), s->ref, H2_CANCEL);
        link_touch(l->link);
    }
}

static void watch_fires(timer *t) {
    lane *l = t->user;
    crew *c = l->crew;
    crew_look_at_clock(c);
    if (!l->link) {
        dial_now(l);
        return;
    }
    if (c->now_us >= deadline(l)) {
        l->timed_out = true;
        l->closing = true;
        for (shot *s = l->oldest; s; s = s->next)
            shot_fail(l, s, "the connection's time is up", true);
        link_close(l->link, NULL);
        return;
    }
    time_out_requests(l);
    watch(l);
}

/* ---- events ---- */

static const char *closed_why(const http_event *ev, char *text, size_t room) {
    const char *name = h2_frame_code_name(ev->code);
    if (ev->never_processed) return "not processed by the server";
    bool reset = ev->by_peer && ev->code != H2_NO_ERROR;
    if (!reset) return ev->verdict.why ? ev->verdict.why : "the connection ended before the answer";
    snprintf(text, room, "reset by the server: %s", name ? name : "unknown code");
    return text;
}

static void on_stream_closed(lane *l, shot *s, const http_event *ev) {
    crew *c = l->crew;
    char text[64];
    shot_take_out(l, s);
    if (!s->settled && ev->never_processed && !s->status && s->tries < TRIES && !c->stopping &&
        c->run->set->reconnect != LOAD_NEVER) {
        s->next = l->again;
        l->again = s;
        c->tally->resent++;
    } else {
        if (!s->settled) shot_fail(l, s, closed_why(ev, text, sizeof text), false);
        crew_give_shot(c, s);
    }
    lane_fill(l);
}

static void on_goaway(lane *l, const http_event *ev) {
    l->goaway = true;
    if (ev->code == H2_NO_ERROR) return;
    const char *name = h2_frame_code_name(ev->code);
    char text[TALLY_REASON_ROOM];
    snprintf(text, sizeof text, "the server ends the connection: %s", name ? name : "unknown code");
    tally_blame(l->crew->tally, text, 1);
    l->why = "the server ended the connection";
}

static void on_event(void *user, net_link *k, const http_event *ev) {
    lane *l = user;
    crew *c = l->crew;
    shot *s = ev->user;
    switch (ev->kind) {
    case HTTP_EVENT_RESPONSE: s->status = ev->summary.status; __attribute__((fallthrough));
    case HTTP_EVENT_INTERIM:
    case HTTP_EVENT_TRAILERS:
        if (c->measuring) {
            c->tally->head_bytes += ev->head_bytes;
            c->tally->head_plain += ev->head_plain;
        }
        if (c->run->set->verbose && !l->http1) verbose_fields(ev);
        if (ev->end) shot_answer(l, s);
        break;
    case HTTP_EVENT_DATA:
        if (c->measuring) c->tally->data_bytes += ev->data.n;
        if (ev->end) shot_answer(l, s);
        if (ev->credit) session_credit(link_session(k), ev->ref, ev->credit);
        break;
    case HTTP_EVENT_CLOSED: on_stream_closed(l, s, ev); break;
    case HTTP_EVENT_ROOM: lane_fill(l); break;
    case HTTP_EVENT_GOAWAY:
        on_goaway(l, ev);
        if (!l->running) lane_fill(l);
        break;
    case HTTP_EVENT_OVER:
        if (ev->verdict.scope != VERDICT_NONE) l->why = ev->verdict.why;
        break;
    default: break;
    }
}

static void on_bytes(void *user, span received) {
    lane *l = user;
    crew *c = l->crew;
    crew_look_at_clock(c);
    l->active_us = c->now_us;
    if (c->measuring) {
        c->tally->bytes += received.n;
        c->slice.bytes += received.n;
    }
    if (l->http1 && c->run->set->verbose) verbose_bytes(received);
    if (l->first_byte_seen) return;
    l->first_byte_seen = true;
    histogram_add(&c->tally->first_byte, c->now_us - l->dialled_us);
}

/* The connection has ended, and every request on it was told. */
static void on_closed(void *user, net_link *k, const char *why) {
    lane *l = user;
    crew *c = l->crew;
    const load_run *run = c->run;
    (void)k;
    crew_look_at_clock(c);
    l->link = NULL;
    crew_forget(c, l);
    timer_cancel(&l->watch);
    if (l->why) why = l->why;
    bool used_up = link_is_used_up(l), orderly = !why && (l->goaway || l->on_link || used_up);
    if (c->stopping || (!l->left && !l->again)) {
        end(l, why);
    } else if (l->timed_out && run->set->reconnect != LOAD_ALWAYS) {
        end(l, "the connection's time is up");
    } else if (orderly && run->set->reconnect != LOAD_NEVER &&
               (l->answered || ++l->failures < TRIES)) {
        c->tally->planned += used_up;
        c->tally->after_goaway += !used_up && l->goaway;
        c->tally->after_close += !used_up && !l->goaway;
        dial_now(l);
    } else if (used_up && !why) {
        c->tally->planned++;
        dial_now(l);
    } else {
        c->tally->after_error += run->set->reconnect == LOAD_ALWAYS;
        failed(l, why);
    }
}

static void on_opened(void *user, net_link *k) {
    static const uint64_t day_us = UINT64_C(86400000000);
    lane *l = user;
    crew *c = l->crew;
    const load_run *run = c->run;
    crew_look_at_clock(c);
    l->dial = NULL;
    l->link = k;
    l->active_us = c->now_us;
    l->http1 = strcmp(session_protocol(link_session(k)), "http/1.1") == 0;
    load_facts_note(run->facts, k);
    histogram_add(&c->tally->connect, c->now_us - l->dialled_us);
    c->tally->connections++;
    if (!l->paced_us && paced(l)) {
        /* Clients take turns within an interval, so that a rate of all is even. */
        double interval = run->lane_rate > 0 ? 1e6 / run->lane_rate : 0;
        double share = (double)l->index / run->clients;
        l->paced_us = c->now_us + (interval < (double)day_us ? (uint64_t)(interval * share) : 0);
    }
    if (c->stopping) {
        link_close(k, NULL);
        return;
    }
    watch(l);
    lane_fill(l);
}

static void on_dial_failed(void *user, const char *why) {
    lane *l = user;
    crew *c = l->crew;
    char text[TALLY_REASON_ROOM];
    crew_look_at_clock(c);
    l->dial = NULL;
    if (!c->stopping) c->tally->connect_failed++;
    snprintf(text, sizeof text, "connect: %s", why);
    if (c->run->set->verbose && !c->stopping) opt_say(c->run->call, "%s", text);
    if (!c->stopping && (l->left == UINT64_MAX || c->run->set->reconnect == LOAD_ALWAYS))
        tally_blame(c->tally, text, 1);
    failed(l, text);
}

static void dial_now(lane *l) {
    static const dial_calls calls = {on_opened, on_dial_failed};
    static const link_calls link = {on_event, on_closed, on_bytes};
    crew *c = l->crew;
    const load_run *run = c->run;
    const load_settings *set = run->set;
    link_birth birth = {.calls = &link,
                        .user = l,
                        .config = &run->config,
                        .tls = run->tls,
                        .tls_name = run->tls_name,
                        .write_ms = LIMIT_WRITE_MS};
    l->dialled_us = c->now_us;
    l->on_link = 0;
    l->why = NULL;
    l->goaway = l->closing = l->first_byte_seen = l->answered = l->timed_out = false;
    uint32_t limit = set->timeout_ms && set->timeout_ms < LIMIT_DIAL_MS ? (uint32_t)set->timeout_ms
                                                                        : LIMIT_DIAL_MS;
    l->dial = dial_open(c->loop, run->host, run->port, &birth, limit, &calls, l);
    if (!l->dial) end(l, "out of memory");
}

void lane_begin(lane *l) {
    crew *c = l->crew;
    const load_run *run = c->run;
    uint64_t share = run->requests / run->clients + (l->index < run->requests % run->clients);
    *l = (lane){.crew = c,
                .index = l->index,
                .left = run->lane_requests ? run->lane_requests : share,
                .born_us = c->now_us,
                .dice = {(uint64_t)run->set->seed * UINT64_C(0x100000001b3) + l->index}};
    l->watch = (timer){.fire = watch_fires, .user = l};
    dial_now(l);
}

void lane_stop(lane *l) {
    if (l->ended) return;
    l->closing = true;
    crew_forget(l->crew, l);
    if (l->link) {
        link_close(l->link, NULL);
    } else {
        if (l->dial) dial_cancel(l->dial);
        l->dial = NULL;
        end(l, NULL);
    }
}
