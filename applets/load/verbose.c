#include "applets/load/verbose.h"

#include <stdio.h>

void verbose_fields(const http_event *ev) {
    flockfile(stdout);
    for (size_t i = 0; i < ev->field_count; i++) {
        const http_field *f = &ev->fields[i];
        printf("[stream_id=%u] %.*s: %.*s\n", ev->ref.id, (int)f->name.n, (const char *)f->name.p,
               (int)f->value.n, (const char *)f->value.p);
    }
    fflush(stdout);
    funlockfile(stdout);
}

void verbose_bytes(span received) {
    fwrite(received.p, 1, received.n, stdout);
    fflush(stdout);
}
