#include "applets/proxy/pool_impl.h"

void pool_seat_line(pool_line *line) { *line = (pool_line){.last = &line->first}; }

void pool_seat_wait(pool_line *line, pool_seat *seat) {
    seat->line = line;
    seat->next = NULL;
    seat->prev = line->last;
    *line->last = seat;
    line->last = &seat->next;
    line->count++;
    seat->pool->waiting++;
}

void pool_seat_leave(pool_seat *seat) {
    pool_line *line = seat->line;
    if (!line) return;
    *seat->prev = seat->next;
    if (seat->next)
        seat->next->prev = seat->prev;
    else
        line->last = seat->prev;
    line->count--;
    seat->pool->waiting--;
    seat->line = NULL;
    timer_cancel(&seat->limit);
}

void pool_seat_refuse(pool_seat *seat, pool_refusal r, const char *why) {
    pool *p = seat->pool;
    pool_seat_leave(seat);
    seat->backend = NULL;
    seat->refusal = r;
    seat->why = why;
    pool_seat_wait(&p->refused, seat);
    pool_soon(p);
}
