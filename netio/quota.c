#include "netio/quota.h"

#include "core/limits.h"
#include "netio/link_impl.h"

/* ---- the line ---- */

/* Serves when the bucket is worth it. */
static void watch(quota_way *w) {
    uint64_t due = bucket_due(&w->bucket), now = loop_now_ms(w->loop);
    if (!w->first)
        timer_cancel(&w->due);
    else
        timer_arm(w->loop, &w->due, due > now && due != UINT64_MAX ? due - now : 0);
}

static void stand(quota_seat *s) {
    quota_way *w = s->way;
    bool alone = !w->first;
    s->next = NULL;
    s->prev = w->last;
    *w->last = s;
    w->last = &s->next;
    w->waiting++;
    if (alone) watch(w);
}

static void step_out(quota_seat *s) {
    quota_way *w = s->way;
    *s->prev = s->next;
    if (s->next)
        s->next->prev = s->prev;
    else
        w->last = s->prev;
    s->next = NULL;
    s->prev = NULL;
    w->waiting--;
}

/* All get the same: who would get less is the first of the next time. */
void quota_serve(quota_way *w, uint64_t now_ms) {
    size_t room = bucket_room(&w->bucket, now_ms);
    size_t each = w->waiting ? room / w->waiting : 0;
    if (each < LIMIT_QUOTA_SHARE) each = room < LIMIT_QUOTA_SHARE ? room : LIMIT_QUOTA_SHARE;
    while (w->first && room && room >= each) {
        quota_seat *s = w->first;
        step_out(s);
        if (w->bucket.rate) {
            s->share = each;
            bucket_take(&w->bucket, each);
            room -= each;
        }
        link_touch(s->link);
    }
    watch(w);
}

static void on_due(timer *t) {
    quota_way *w = t->user;
    quota_serve(w, loop_now_ms(w->loop));
}

/* ---- seats ---- */

void quota_sit(quota_seat *s, quota_way *w, net_link *k) {
    s->way = w;
    s->link = k;
}

size_t quota_room(quota_seat *s, uint64_t now_ms) {
    quota_way *w = s->way;
    if (!w || !w->bucket.rate) return SIZE_MAX;
    if (s->share || s->prev) return s->share;
    size_t room = w->first ? 0 : bucket_room(&w->bucket, now_ms);
    if (!room) stand(s);
    return room;
}

void quota_take(quota_seat *s, size_t n) {
    size_t own = n < s->share ? n : s->share;
    if (!s->way) return;
    s->share -= own;
    bucket_take(&s->way->bucket, n - own);
}

void quota_settle(quota_seat *s) {
    if (!s->share) return;
    bucket_give(&s->way->bucket, s->share);
    s->share = 0;
    watch(s->way);
}

void quota_leave(quota_seat *s) {
    if (s->prev) step_out(s);
    quota_settle(s);
    s->way = NULL;
}

/* ---- the face ---- */

static void begin(quota_way *w, loop *l) {
    w->loop = l;
    w->last = &w->first;
    w->due = (timer){.fire = on_due, .user = w};
    bucket_init(&w->bucket, 0, 0, loop_now_ms(l));
}

quota *quota_new(loop *l) {
    quota *q = mem_take_zero(&l->mem, sizeof *q);
    if (!q) return NULL;
    begin(&q->read, l);
    begin(&q->write, l);
    return q;
}

/* With the figures of before, what was used up stays so. */
static void set(quota_way *w, uint32_t rate, uint32_t burst) {
    bucket b;
    bucket_init(&b, rate, burst, loop_now_ms(w->loop));
    if (b.rate == w->bucket.rate && b.burst == w->bucket.burst) return;
    w->bucket = b;
    watch(w);
}

void quota_set(quota *q, const link_rates *r) {
    set(&q->read, r->read_rate, r->read_burst);
    set(&q->write, r->write_rate, r->write_burst);
}

bool quota_limits(const quota *q) { return q->read.bucket.rate || q->write.bucket.rate; }

void quota_free(quota *q) {
    if (!q) return;
    timer_cancel(&q->read.due);
    timer_cancel(&q->write.due);
    mem_give(&q->read.loop->mem, q, sizeof *q);
}
