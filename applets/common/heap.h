/* malloc as the memory hook that the core asks for. For tools that live as long as one run; servers
 * bring their own hook with ceilings and size classes. */
#ifndef H2BOX_APPLETS_COMMON_HEAP_H
#define H2BOX_APPLETS_COMMON_HEAP_H

#include "core/mem.h"

/* Static storage; safe from any thread. */
const mem *heap_mem(void);

#endif
