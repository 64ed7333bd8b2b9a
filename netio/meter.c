#include "netio/meter.h"

void meter_init(meter *m, const link_rates *r, quota *q, net_link *k, uint64_t now_ms) {
    static const link_rates none;
    if (!r) r = &none;
    *m = (meter){
        .least_rate = r->least_rate, .grace_ms = r->least_grace_ms, .most_ms = r->least_most_ms};
    bucket_init(&m->read.own, r->read_rate, r->read_burst, now_ms);
    bucket_init(&m->write.own, r->write_rate, r->write_burst, now_ms);
    quota_sit(&m->read.seat, q ? &q->read : NULL, k);
    quota_sit(&m->write.seat, q ? &q->write : NULL, k);
}

void meter_end(meter *m) {
    quota_leave(&m->read.seat);
    quota_leave(&m->write.seat);
}

/* Who may not move by himself does not stand in line. */
size_t meter_room(meter_way *w, uint64_t now_ms) {
    size_t own = bucket_room(&w->own, now_ms);
    size_t common = own ? quota_room(&w->seat, now_ms) : 0;
    return own < common ? own : common;
}

void meter_take(meter_way *w, size_t n) {
    bucket_take(&w->own, n);
    quota_take(&w->seat, n);
}

uint64_t meter_due(const meter_way *w) {
    return bucket_is_dry(&w->own) ? bucket_due(&w->own) : UINT64_MAX;
}

void meter_settle(meter *m) {
    quota_settle(&m->read.seat);
    quota_settle(&m->write.seat);
}

void meter_note(meter *m, size_t n, bool full, uint64_t now_ms) {
    if (!m->least_rate) return;
    if (!full) {
        m->slow_due = 0;
    } else if (m->slow_due < now_ms) { /* it was not full, or nobody waited */
        m->slow_due = now_ms + m->grace_ms;
    } else {
        uint64_t due = m->slow_due + (uint64_t)n * 1000 / m->least_rate;
        m->slow_due = due < now_ms + m->most_ms ? due : now_ms + m->most_ms;
    }
}
