#include "python/ext/memory.h"

#include "python/ext/binding.h"

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    (void)user;
    (void)old_size;
    if (new_size) return PyMem_Realloc(p, new_size);
    PyMem_Free(p);
    return NULL;
}

const mem memory_hook = {resize, NULL};
