/* The frame log: what passes on a connection, in the layout that nghttp and nghttpd made known.
 *
 * One log per connection, given to its session as trace sink. Every record goes to the stream in
 * one write, so that threads do not mix lines. */
#ifndef H2BOX_APPLETS_COMMON_FRAME_LOG_H
#define H2BOX_APPLETS_COMMON_FRAME_LOG_H

#include "applets/common/text.h"
#include "core/session.h"

#include <stdio.h>

typedef struct frame_log {
    FILE *out;
    uint64_t start_us; /* of the time stamps, in the clock of loop_now_us */
    uint32_t id;       /* of the connection, shown as "[id=N] "; 0: not shown */
    bool colour;
    bool chunks;       /* show each piece of DATA too */
    const char *first; /* a line to stand before the first record; NULL: none, or it stands */
    text line;
} frame_log;

/* The sink that writes to this log, for link_birth.trace. */
h2_trace frame_log_trace(frame_log *l);

/* A line of one's own with the time stamp in front. */
void frame_log_say(frame_log *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The name of one bit of a frame's flags; NULL: it has none. */
const char *frame_log_flag(uint8_t type, uint8_t bit);

/* The bytes as they came, as hexdump -C shows them. */
void frame_log_hexdump(frame_log *l, span bytes);

void frame_log_end(frame_log *l);

#endif
