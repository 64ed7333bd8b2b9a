/* What a response leads to: the request that a redirect names (-L), and those for what a page needs
 * (-a). */
#ifndef H2BOX_APPLETS_CLIENT_FOLLOW_H
#define H2BOX_APPLETS_CLIENT_FOLLOW_H

#include "applets/client/assets.h"
#include "applets/client/client.h"

/* Queues the request that takes the place of r, which then says so (redirected). NULL, or why it
 * cannot be followed; NULL too when there is nothing to follow. */
const char *follow_redirect(request *r, const http_event *ev);

/* Queues a request for what a page names; for assets_new, with the page's request as user. */
void follow_asset(void *page, asset_kind kind, const uri *address);

#endif
