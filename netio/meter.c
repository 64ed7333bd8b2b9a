#include "netio/meter.h"

#include "core/limits.h"

static void fill(meter_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms) {
    int64_t step = (int64_t)rate * LIMIT_METER_STEP_MS;
    *b = (meter_bucket){.rate = rate, .at_ms = now_ms};
    b->tokens = b->burst = (burst ? burst : rate) * INT64_C(1000);
    b->least = step < 1000 ? 1000 : step < b->burst ? step : b->burst;
}

void meter_init(meter *m, const link_rates *r, uint64_t now_ms) {
    *m = (meter){
        .least_rate = r->least_rate, .grace_ms = r->least_grace_ms, .most_ms = r->least_most_ms};
    fill(&m->read, r->read_rate, r->read_burst, now_ms);
    fill(&m->write, r->write_rate, r->write_burst, now_ms);
}

size_t meter_room(meter_bucket *b, uint64_t now_ms) {
    if (!b->rate) return SIZE_MAX;
    int64_t passed = (int64_t)(now_ms - b->at_ms), missing = b->burst - b->tokens;
    b->at_ms = now_ms;
    b->tokens = passed > missing / b->rate ? b->burst : b->tokens + passed * b->rate;
    return meter_is_dry(b) ? 0 : (size_t)(b->tokens / 1000);
}

void meter_take(meter_bucket *b, size_t n) {
    if (b->rate) b->tokens -= (int64_t)n * 1000;
}

uint64_t meter_due(const meter_bucket *b) {
    if (!b->rate) return UINT64_MAX;
    int64_t missing = b->least - b->tokens;
    return missing > 0 ? b->at_ms + (uint64_t)((missing + b->rate - 1) / b->rate) : b->at_ms;
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
