/* A small page made for one answer, as a body. */
#ifndef H2BOX_APPLETS_SERVER_PAGE_H
#define H2BOX_APPLETS_SERVER_PAGE_H

#include "core/http.h"
#include "core/mem.h"

/* The page for an error status. ops NULL when memory is refused; its length goes to *length. */
http_body page_error(const mem *m, unsigned status, span server, unsigned port, size_t *length);

/* The reason phrase of a status this server sends. Static storage. */
const char *page_reason(unsigned status);

#endif
