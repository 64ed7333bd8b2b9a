/* Pages for the statuses of errors and redirects: made once at the start, lent to every answer. */
#ifndef H2BOX_APPLETS_SERVER_ERROR_PAGE_H
#define H2BOX_APPLETS_SERVER_ERROR_PAGE_H

#include "core/http.h"

typedef struct error_page {
    unsigned status;
    span plain, coded; /* coded: by gzip; empty when it is not wanted */
} error_page;

#define ERROR_PAGE_COUNT 10u

/* Fills `pages`: server is the name shown. False: no memory. They live until error_page_end. */
bool error_page_make(error_page pages[ERROR_PAGE_COUNT], span server, unsigned port, bool coded);
void error_page_end(error_page pages[ERROR_PAGE_COUNT]);

/* The page of a status; that of 500 for one that has none. */
const error_page *error_page_of(const error_page pages[ERROR_PAGE_COUNT], unsigned status);

/* A body of these bytes, which outlive it. */
http_body error_page_body(const span *bytes);

#endif
