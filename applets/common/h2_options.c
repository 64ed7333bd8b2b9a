#include "applets/common/h2_options.h"

#include <unistd.h>

/* RFC 9113 section 6.9.2: the connection's window begins there and only WINDOW_UPDATE moves it, up.
 */
#define LEAST_CONNECTION_WINDOW 65535u

static uint32_t window(int64_t bits) { return (uint32_t)((UINT64_C(1) << bits) - 1); }

void h2_options_apply(const h2_options *o, h2_config *c) {
    c->settings[H2_SLOT_INITIAL_WINDOW_SIZE] = window(o->window_bits);
    c->connection_window = window(o->connection_window_bits);
    if (c->connection_window < LEAST_CONNECTION_WINDOW)
        c->connection_window = LEAST_CONNECTION_WINDOW;
    c->encoder_table_cap = (uint32_t)o->encoder_table;
    c->padding = (uint32_t)o->padding;
}

bool h2_options_colour(const h2_options *o) { return o->colour || isatty(STDOUT_FILENO); }
