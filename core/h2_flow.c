#include "core/h2_flow.h"

bool h2_flow_grow(int32_t *window, uint32_t by) {
    int64_t grown = (int64_t)*window + by;
    if (grown > H2_FLOW_MAX) return false;
    *window = (int32_t)grown;
    return true;
}

bool h2_flow_shift(int32_t *window, uint32_t from, uint32_t to) {
    int64_t shifted = (int64_t)*window + to - from;
    if (shifted > H2_FLOW_MAX || shifted < INT32_MIN) return false;
    *window = (int32_t)shifted;
    return true;
}

void h2_flow_spend(int32_t *window, uint32_t n) { *window = (int32_t)((int64_t)*window - n); }

bool h2_flow_receive(int32_t *window, uint32_t n, uint32_t slack) {
    if (n && (int64_t)*window + slack < n) return false;
    *window = (int32_t)((int64_t)*window - n);
    return true;
}

uint32_t h2_flow_due(uint32_t owed, uint32_t full) {
    return owed > 0 && owed >= full / 2 ? owed : 0;
}

uint32_t h2_flow_allowed(int32_t connection, int32_t stream, uint32_t wanted) {
    int32_t least = connection < stream ? connection : stream;
    if (least <= 0) return 0;
    return (uint32_t)least < wanted ? (uint32_t)least : wanted;
}
