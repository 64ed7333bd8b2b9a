#include "netio/bucket.h"

#include "core/limits.h"

void bucket_init(bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms) {
    int64_t step = (int64_t)rate * LIMIT_METER_STEP_MS;
    *b = (bucket){.rate = rate, .at_ms = now_ms};
    b->tokens = b->burst = (burst ? burst : rate) * INT64_C(1000);
    b->least = step < 1000 ? 1000 : step < b->burst ? step : b->burst;
}

size_t bucket_room(bucket *b, uint64_t now_ms) {
    if (!b->rate) return SIZE_MAX;
    int64_t passed = (int64_t)(now_ms - b->at_ms), missing = b->burst - b->tokens;
    b->at_ms = now_ms;
    b->tokens = passed > missing / b->rate ? b->burst : b->tokens + passed * b->rate;
    return bucket_is_dry(b) ? 0 : (size_t)(b->tokens / 1000);
}

void bucket_take(bucket *b, size_t n) {
    if (b->rate) b->tokens -= (int64_t)n * 1000;
}

void bucket_give(bucket *b, size_t n) {
    if (b->rate) b->tokens += (int64_t)n * 1000;
}

uint64_t bucket_due(const bucket *b) {
    if (!b->rate) return UINT64_MAX;
    int64_t missing = b->least - b->tokens;
    return missing > 0 ? b->at_ms + (uint64_t)((missing + b->rate - 1) / b->rate) : b->at_ms;
}
