/* WebSocket frames of any bytes, read whole and in pieces: both must tell the same, to a
 * client and to a server. */
#include "applets/common/heap.h"
#include "core/limits.h"
#include "core/websocket.h"

#include <stdlib.h>

static uint64_t mix(uint64_t hash, uint64_t v) { return (hash ^ v) * 1099511628211u; }

static uint64_t read_all(span in, size_t cut, bool server) {
    websocket w;
    websocket_event ev;
    websocket_init(&w, heap_mem(), server, LIMIT_MESSAGE);
    uint64_t hash = 14695981039346656037u;
    bool over = false;
    while (in.n) {
        span piece = span_take(&in, in.n < cut ? in.n : cut);
        while (websocket_step(&w, &piece, &ev) != WEBSOCKET_NOTHING) {
            if (over) abort();
            over = ev.kind == WEBSOCKET_CLOSED || ev.kind == WEBSOCKET_FAULT;
            hash = mix(mix(hash, ev.kind), ev.code + (ev.text ? 1u << 16 : 0));
            for (size_t i = 0; i < ev.data.n; i++) hash = mix(hash, ev.data.p[i]);
            if (ev.data.n > LIMIT_MESSAGE) abort();
            if (ev.text) {
                websocket_utf8 u = {0};
                if (!websocket_utf8_take(&u, ev.data) || !websocket_utf8_whole(&u)) abort();
            }
        }
        if (piece.n) abort();
    }
    websocket_end(&w);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    span in = span_of(data + 1, size - 1);
    for (int server = 0; server < 2; server++)
        if (read_all(in, SIZE_MAX, server) != read_all(in, data[0] + 1u, server)) abort();
    return 0;
}
