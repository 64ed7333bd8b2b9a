/* Frontends that answer by themselves: `healthmon`, which says 200 to everything, and `api`, by
 * which backends are changed while the proxy runs.
 *
 * POST or PUT /api/v1beta1/backendconfig takes lines of a configuration file, of which those of
 * backends replace all there are; GET /api/v1beta1/configrevision tells how often the configuration
 * was read. Answers are JSON. The plan is made and swapped on the main thread; the request waits.
 */
#ifndef H2BOX_APPLETS_PROXY_API_H
#define H2BOX_APPLETS_PROXY_API_H

#include "applets/proxy/front.h"

/* A request of such a frontend, within its event. */
void api_begin(front *f, const http_event *ev);

#endif
