/* Pages for the statuses of errors and redirects: made once at the start, lent to every answer. */
#ifndef H2BOX_APPLETS_SERVER_PAGE_H
#define H2BOX_APPLETS_SERVER_PAGE_H

#include "core/http.h"

typedef struct page {
    unsigned status;
    span plain, coded; /* coded: by gzip; empty when it is not wanted */
} page;

#define PAGE_COUNT 10u

/* Fills `pages`: server is the name shown. False: no memory. They live until page_end. */
bool page_make(page pages[PAGE_COUNT], span server, unsigned port, bool coded);
void page_end(page pages[PAGE_COUNT]);

/* The page of a status; that of 500 for one that has none. */
const page *page_of(const page pages[PAGE_COUNT], unsigned status);

/* A body of these bytes, which outlive it. */
http_body page_body(const span *bytes);

#endif
