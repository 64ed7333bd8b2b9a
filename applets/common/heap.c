#include "applets/common/heap.h"

#include <stdlib.h>

static void *heap_resize(void *user, void *p, size_t old_size, size_t new_size) {
    (void)user;
    (void)old_size;
    if (new_size) return realloc(p, new_size);
    free(p);
    return NULL;
}

const mem *heap_mem(void) {
    static const mem heap = {heap_resize, NULL};
    return &heap;
}
