/* The core's memory, out of Python's allocator: tracemalloc sees it, and PYTHONMALLOC chooses it.
 */
#ifndef H2BOX_PYTHON_EXT_MEMORY_H
#define H2BOX_PYTHON_EXT_MEMORY_H

#include "core/mem.h"

extern const mem memory_hook;

#endif
