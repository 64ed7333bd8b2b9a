/* A word before a load test of a machine that may be somebody else's. */
#ifndef H2BOX_APPLETS_LOAD_CAUTION_H
#define H2BOX_APPLETS_LOAD_CAUTION_H

#include "applets/opt.h"

/* Nothing for a host that is loopback or private (RFC 1918, RFC 4193, link-local), by all of its
 * addresses. For others a line on stderr and, on a terminal, three seconds to think again. */
void caution_say(const opt_call *call, const char *host);

#endif
