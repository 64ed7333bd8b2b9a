/* Bytes on their way from one side to the other, in segments that arrive at their time. */
#include <stdlib.h>

#include "tests/sim/sim.h"

struct channel_segment {
    uint64_t end;     /* position behind its last byte */
    uint64_t arrives; /* in the clock of the run */
};

void channel_free(channel *p) {
    free(p->bytes);
    free(p->segments);
    *p = (channel){0};
}

size_t channel_space(const channel *p) {
    if (p->closed) return SIZE_MAX; /* what is written goes nowhere */
    return p->count < p->capacity ? p->capacity - p->count : 0;
}

static void make_room(channel *p, size_t n) {
    if (p->first + p->count + n > p->room) {
        size_t room = (p->count + n) * 2 + 256;
        uint8_t *moved = memory_block(room);
        if (p->count) memcpy(moved, p->bytes + p->first, p->count);
        free(p->bytes);
        p->bytes = moved;
        p->room = room;
        p->first = 0;
    }
    if (p->segment_first + p->segment_count == p->segment_room) {
        size_t room = p->segment_count * 2 + 16;
        channel_segment *moved = memory_block(room * sizeof *moved);
        if (p->segment_count)
            memcpy(moved, p->segments + p->segment_first, p->segment_count * sizeof *moved);
        free(p->segments);
        p->segments = moved;
        p->segment_room = room;
        p->segment_first = 0;
    }
}

void channel_write(channel *p, span bytes, uint64_t arrives) {
    if (p->closed || bytes.n == 0) return;
    make_room(p, bytes.n);
    memcpy(p->bytes + p->first + p->count, bytes.p, bytes.n);
    p->count += bytes.n;
    p->written += bytes.n;
    if (p->segment_count) { /* bytes do not overtake each other */
        channel_segment *last = &p->segments[p->segment_first + p->segment_count - 1];
        if (arrives <= last->arrives) {
            last->end = p->written;
            return;
        }
    }
    p->segments[p->segment_first + p->segment_count++] = (channel_segment){p->written, arrives};
}

bool channel_any(const channel *p, uint64_t now) {
    return p->segment_count && p->segments[p->segment_first].arrives <= now;
}

size_t channel_ready(const channel *p, uint64_t now) {
    uint64_t end = p->read;
    for (size_t i = 0; i < p->segment_count; i++) {
        const channel_segment *at = &p->segments[p->segment_first + i];
        if (at->arrives > now) break;
        end = at->end;
    }
    return (size_t)(end - p->read);
}

uint64_t channel_next(const channel *p, uint64_t now) {
    for (size_t i = 0; i < p->segment_count; i++) {
        const channel_segment *at = &p->segments[p->segment_first + i];
        if (at->arrives > now) return at->arrives;
    }
    return SIM_NEVER;
}

span channel_peek(const channel *p, size_t n) { return span_of(p->bytes + p->first, n); }

void channel_take(channel *p, size_t n) {
    p->first += n;
    p->count -= n;
    p->read += n;
    while (p->segment_count && p->segments[p->segment_first].end <= p->read) {
        p->segment_first++;
        p->segment_count--;
    }
}

void channel_cut(channel *p, size_t keep) {
    p->closed = true;
    if (keep >= p->count) return;
    p->count = keep;
    p->written = p->read + keep;
    while (p->segment_count) {
        channel_segment *last = &p->segments[p->segment_first + p->segment_count - 1];
        uint64_t begin = p->segment_count > 1 ? last[-1].end : p->read;
        last->end = last->end < p->written ? last->end : p->written;
        if (begin < p->written) break;
        p->segment_count--;
    }
}
