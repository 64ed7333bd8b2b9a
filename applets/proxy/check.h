/* --check: whether a configuration can be served, and what it comes to. */
#ifndef H2BOX_APPLETS_PROXY_CHECK_H
#define H2BOX_APPLETS_PROXY_CHECK_H

#include "applets/proxy/config.h"

/* Makes the plan of it, and writes all that is in effect as a configuration file, which reads as
 * the same. Returns what to exit with; messages were said. */
int check_config(const proxy_config *c);

#endif
