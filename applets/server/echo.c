#include "applets/server/echo.h"
#include "applets/server/answer.h"
#include "applets/server/site.h"

#include <string.h>

/* What comes in small pieces is gathered: a byte shall not cost the memory of fifty. */
#define PIECE_LEAST 2048u

typedef struct piece {
    struct piece *next;
    uint64_t start;
    size_t n, room, credit;
    uint8_t bytes[];
} piece;

/* It lives until its body is released, and its request has gone. */
struct echo {
    loop *loop;
    net_link *link; /* NULL: the stream is gone */
    http_ref ref;
    piece *first, *last;
    uint64_t taken, returned; /* bytes */
    size_t owed;              /* credit that is to be given */
    bool ended, waiting, has_body;
    loop_task give;
};

static void free_echo(echo *e) {
    if (e->link || e->has_body) return;
    loop_task_cancel(e->loop, &e->give);
    for (piece *p = e->first, *next; p; p = next) {
        next = p->next;
        mem_give(loop_mem(e->loop), p, sizeof *p + p->room);
    }
    mem_give(loop_mem(e->loop), e, sizeof *e);
}

/* ---- the body ---- */

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    echo *e = user;
    *lent = span_of(NULL, 0);
    if (offset == e->taken) {
        e->waiting = !e->ended;
        return e->ended ? HTTP_PULL_END : HTTP_PULL_LATER;
    }
    if (!want) return HTTP_PULL_MORE;
    const piece *p = e->first;
    while (offset >= p->start + p->n) p = p->next;
    size_t at = (size_t)(offset - p->start), left = p->n - at;
    *lent = span_of(p->bytes + at, left < want ? left : want);
    return e->ended && offset + lent->n == e->taken ? HTTP_PULL_END : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    echo *e = user;
    e->returned += n;
    while (e->first && e->returned >= e->first->start + e->first->n) {
        piece *p = e->first;
        e->owed += p->credit;
        e->first = p->next;
        if (!e->first) e->last = NULL;
        mem_give(loop_mem(e->loop), p, sizeof *p + p->room);
    }
    if (e->owed && e->link) loop_soon(e->loop, &e->give); /* not now: a body may not call back */
}

static void release(void *user) {
    echo *e = user;
    e->has_body = false;
    free_echo(e);
}

static const http_body_ops ops = {pull, done, release};

static void give(loop_task *t) {
    echo *e = (echo *)(void *)((char *)t - offsetof(echo, give));
    size_t owed = e->owed;
    e->owed = 0;
    if (!e->link) return;
    session_credit(link_session(e->link), e->ref, owed);
    link_touch(e->link);
}

/* ---- the face ---- */

static void answer_with(exchange *r, const http_event *ev) {
    const plan *p = r->site->plan;
    answer a;
    answer_begin(&a, r->site, 200);
    answer_add_date(&a, r->site);
    answer_add(&a, (http_field){SPAN("nghttpd-response"), SPAN("echo"), HTTP_TOKEN_OTHER, false});
    if (ev->summary.content_length != FIELDS_NO_LENGTH && !p->no_length)
        answer_add_length(&a, ev->summary.content_length);
    else if (ev->end && !p->no_length)
        answer_add_length(&a, 0);
    answer_send(&a, r, (http_body){&ops, r->echo});
}

void echo_begin(site *s, net_link *k, const http_event *ev) {
    bool answered = false;
    echo *e = mem_take(loop_mem(s->loop), sizeof *e);
    exchange *r = e ? exchange_new(s, k, ev) : NULL;
    if (!r) {
        mem_give(loop_mem(s->loop), e, sizeof *e);
        answer_refuse(s, k, ev, 503);
        return;
    }
    *e = (echo){.loop = s->loop,
                .link = k,
                .ref = ev->ref,
                .ended = ev->end,
                .has_body = true,
                .give = {.run = give}};
    r->answered_now = &answered;
    r->echo = e;
    if (!ev->end) site_continue(k, ev);
    answer_with(r, ev);
}

static void wake(echo *e) {
    if (!e->waiting) return;
    e->waiting = false;
    session_wake(link_session(e->link), e->ref);
    link_touch(e->link);
}

/* A piece with room for n bytes more at its end; NULL when memory is refused. */
static piece *piece_for(echo *e, size_t n) {
    piece *p = e->last;
    if (p && p->room - p->n >= n) return p;
    size_t room = n < PIECE_LEAST ? PIECE_LEAST : n;
    p = mem_take(loop_mem(e->loop), sizeof *p + room);
    if (!p) return NULL;
    *p = (piece){.start = e->taken, .room = room};
    *(e->last ? &e->last->next : &e->first) = p;
    return e->last = p;
}

void echo_take(exchange *r, const http_event *ev) {
    echo *e = r->echo;
    e->ended = ev->end;
    size_t n = ev->kind == HTTP_EVENT_DATA ? ev->data.n : 0;
    piece *p = n ? piece_for(e, n) : NULL;
    if (n && !p) {
        session_reset(link_session(e->link), e->ref, H2_ENHANCE_YOUR_CALM);
        link_touch(e->link);
        return;
    }
    if (p) {
        memcpy(p->bytes + p->n, ev->data.p, n);
        p->n += n;
        p->credit += ev->credit;
        e->taken += n;
    } else if (ev->kind == HTTP_EVENT_DATA) {
        session_credit(link_session(e->link), e->ref, ev->credit); /* padding */
    }
    wake(e);
}

void echo_end(echo *e) {
    if (!e) return;
    e->link = NULL;
    free_echo(e);
}
