#include "applets/load/shot.h"

/* The clock is read for each read of the socket, and at least once for so many answers. */
#define ANSWERS_PER_LOOK 64u

void shot_append(lane *l, shot *s) {
    s->next = NULL;
    s->prev = l->newest;
    *(l->newest ? &l->newest->next : &l->oldest) = s;
    l->newest = s;
    l->running++;
}

void shot_take_out(lane *l, shot *s) {
    *(s->prev ? &s->prev->next : &l->oldest) = s->next;
    *(s->next ? &s->next->prev : &l->newest) = s->prev;
    l->running--;
}

void shot_lose(lane *l, uint64_t n, const char *why) {
    tally *t = l->crew->tally;
    t->errored += n;
    t->failed += n;
    l->crew->slice.errors += n;
    tally_blame(t, why, n);
}

void shot_fail(lane *l, shot *s, const char *why, bool timed_out) {
    crew *c = l->crew;
    if (s->settled) return;
    s->settled = true;
    if (!s->measured) return;
    if (c->stopping) {
        c->tally->unanswered++;
        return;
    }
    c->tally->timed_out += timed_out;
    shot_lose(l, 1, why);
    crew_log(c, s->sent_us, -1, c->now_us - s->sent_us);
}

void shot_answer(lane *l, shot *s) {
    crew *c = l->crew;
    tally *t = c->tally;
    s->ended = true;
    if (s->settled) return;
    s->settled = true;
    l->answered = true;
    l->failures = 0;
    if (!s->measured || !c->measuring) return;
    if (++l->finished % ANSWERS_PER_LOOK == 0) crew_look_at_clock(c);
    uint64_t took = c->now_us - s->sent_us, since_due = c->now_us - s->due_us;
    unsigned hundred = s->status / 100;
    t->done++;
    t->status[hundred < 6 ? hundred : 0]++;
    if (hundred == 2 || hundred == 3)
        t->succeeded++;
    else
        t->failed++;
    uint32_t bucket = histogram_add(&t->request, since_due);
    if (t->paced) histogram_add(&t->sent, took);
    c->slice.done++;
    c->slice.at[bucket >> HISTOGRAM_COARSE_SHIFT]++;
    if (c->log) crew_log(c, s->sent_us, s->status, took);
}
