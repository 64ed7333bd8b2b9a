/* A memory hook for unit tests: it counts what is held and refuses when told to. */
#ifndef H2BOX_TESTS_UNIT_MEM_HOOK_H
#define H2BOX_TESTS_UNIT_MEM_HOOK_H

#include <stdlib.h>

#include "core/mem.h"

static size_t held;
static bool refuse;

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    (void)user;
    if (new_size && refuse) return NULL;
    void *moved = new_size ? malloc(new_size) : NULL;
    if (p && moved) memcpy(moved, p, old_size < new_size ? old_size : new_size);
    free(p);
    held = held - old_size + new_size;
    return moved;
}

static const mem hook = {resize, NULL};

#endif
