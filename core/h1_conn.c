#include "core/h1.h"
#include "core/limits.h"

void h1_conn_defaults(h1_config *c, bool server) {
    *c = (h1_config){.upgrade = server,
                     .pipeline = 1,
                     .head_max = LIMIT_HEADER_LIST,
                     .held_max = LIMIT_HELD,
                     .head_ms = LIMIT_PART_MS,
                     .stall_ms = server ? LIMIT_STALL_MS : 0};
}
