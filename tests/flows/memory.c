/* The allocator hook of the tests: exact blocks for the sanitizer, counts, and refusals on demand.
 */
#include <stdlib.h>

#include "tests/flows/flow.h"

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    memory *m = user;
    if ((p == NULL) != (old_size == 0)) abort(); /* sizes are passed back exactly */
    if (new_size && m->refuse_at && ++m->calls == m->refuse_at) {
        m->refused = true;
        return NULL;
    }
    void *moved = new_size ? malloc(new_size) : NULL;
    if (new_size && !moved) abort();
    if (p && moved) memcpy(moved, p, old_size < new_size ? old_size : new_size);
    free(p);
    m->held = m->held - old_size + new_size;
    m->blocks = m->blocks - (p != NULL) + (moved != NULL);
    if (m->held > m->peak) m->peak = m->held;
    return moved;
}

void memory_init(memory *m, unsigned refuse_at) {
    *m = (memory){.refuse_at = refuse_at};
    m->hook = (mem){resize, m};
}
