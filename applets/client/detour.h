/* Where to connect for a URI: --connect-to and --resolve lead elsewhere than its host and port say.
 */
#ifndef H2BOX_APPLETS_CLIENT_DETOUR_H
#define H2BOX_APPLETS_CLIENT_DETOUR_H

#include "applets/opt.h"
#include "core/uri.h"

#define DETOUR_HOST_ROOM 256u

/* What dialling is told: a name, an address without brackets, or unix:PATH. */
typedef struct detour {
    char host[DETOUR_HOST_ROOM];
    uint16_t port;
} detour;

/* NULL, or what is wrong with the item. */
const char *detour_check_resolve(const char *item); /* HOST:PORT:ADDRESS */
const char *detour_check_connect(const char *item); /* HOST1:PORT1:HOST2:PORT2 or ...:unix:PATH */

/* Where to connect for host and port: the first of `connects` that fits (an empty HOST1 or PORT1
 * fits all, an empty HOST2 or PORT2 changes nothing), then the first of `resolves` that does. */
void detour_find(detour *out, const opt_list *connects, const opt_list *resolves, span host,
                 uint16_t port);

#endif
