/* The listing of a folder without index.html (--index), made by a thread of the pool. */
#ifndef H2BOX_APPLETS_SERVER_FOLDER_PAGE_H
#define H2BOX_APPLETS_SERVER_FOLDER_PAGE_H

#include "applets/server/exchange.h"

/* Answers the request, now or later; r->name is the folder's path and index.html behind it. */
void folder_page_send(exchange *r);

#endif
