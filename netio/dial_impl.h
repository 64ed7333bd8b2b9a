/* What the loop needs of a dial beyond net.h: to end those that are still under way when it closes.
 */
#ifndef H2BOX_NETIO_DIAL_IMPL_H
#define H2BOX_NETIO_DIAL_IMPL_H

#include "netio/net.h"

/* Ends d with its `failed` call. */
void dial_fail(dial *d, const char *why);

#endif
