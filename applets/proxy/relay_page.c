#include "applets/proxy/relay_impl.h"

static http_pull pull_page(void *user, uint64_t offset, size_t want, span *lent) {
    relay *r = user;
    span rest = span_skip(r->page, offset < r->page.n ? (size_t)offset : r->page.n);
    *lent = span_head(rest, want);
    return lent->n < rest.n ? HTTP_PULL_MORE : HTTP_PULL_END;
}

static void done_page(void *user, size_t n) { ((relay *)user)->sent += n; }
static void release_page(void *user) { relay_let_go(user, RELAY_DOWN_BODY); }

void relay_page_answer(relay *r, unsigned status, const http_field *f, size_t n) {
    static const http_body_ops ops = {pull_page, done_page, release_page};
    front *near = r->near.front;
    const plan *p = r->generation->plan;
    uint8_t digits[3], length[24];
    http_field out[8];
    size_t count = 0;
    if (!near || r->answered) return;
    if (r->holds & RELAY_SEAT) { /* it needs no backend any more */
        pool_leave(&r->seat);
        r->holds &= ~(unsigned)RELAY_SEAT;
    }
    bool head = span_eq(r->request.summary.method, SPAN("HEAD"));
    r->answered = true;
    r->status = (uint16_t)status;
    r->page = status < 300 ? SPAN("") : page_of(p->pages, status);
    timer_cancel(&r->limit);
    bytes_put_decimal(digits, status);
    out[count++] = HTTP_FIELD_OF(STATUS, span_of(digits, 3));
    out[count++] = HTTP_FIELD_OF(SERVER, p->rewrite.server_name);
    out[count++] = HTTP_FIELD_OF(DATE, proxying_date(r->worker));
    if (r->page.n) out[count++] = HTTP_FIELD_OF(CONTENT_TYPE, SPAN(PAGE_TYPE));
    out[count++] =
        HTTP_FIELD_OF(CONTENT_LENGTH, span_of(length, bytes_put_decimal(length, r->page.n)));
    for (size_t i = 0; i < n && count < 8; i++) out[count++] = f[i];
    http_body body = head ? HTTP_NO_BODY : (http_body){&ops, r};
    if (!head) r->holds |= RELAY_DOWN_BODY;
    verdict v = session_reply(front_session(near), r->near.ref, out, count, body);
    if (v.scope != VERDICT_NONE) {
        if (!head) r->holds &= ~(unsigned)RELAY_DOWN_BODY;
        session_reset(front_session(near), r->near.ref, H2_INTERNAL_ERROR);
    }
    link_touch(near->link);
    pipe_shut(&r->up); /* what still comes is not read */
}

void relay_page_refuse(relay *r, unsigned status, const char *why) {
    front *near = r->near.front;
    if (!near) return;
    relay_log_complain(r, status, why);
    if (!r->answered) {
        relay_page_answer(r, status, NULL, 0);
    } else if (!r->complete && r->tunnel && !r->up.held) { /* RFC 9113 section 8.5 */
        session_reset(front_session(near), r->near.ref, H2_CONNECT_ERROR);
        link_touch(near->link);
    } else if (!r->complete) {
        pipe_fail(&r->down);
        session_wake(front_session(near), r->near.ref);
        link_touch(near->link);
    }
}
