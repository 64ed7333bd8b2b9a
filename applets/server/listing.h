/* The page that lists a folder: plain HTML that sorts by links, light or dark as the reader's
 * system is. Text only: who reads folders is folder_page.c. */
#ifndef H2BOX_APPLETS_SERVER_LISTING_H
#define H2BOX_APPLETS_SERVER_LISTING_H

#include "applets/common/text.h"

typedef enum listing_key { LISTING_NAME, LISTING_SIZE, LISTING_DATE } listing_key;

typedef struct listing_order {
    listing_key key;
    bool descending;
} listing_order;

typedef struct listing_entry {
    span name; /* any bytes but '/' and NUL */
    uint64_t size;
    int64_t modified;
    bool is_folder;
} listing_entry;

/* What a query asks for, "sort=size&order=desc"; by name when it says nothing known. */
listing_order listing_order_of(span query);

/* Folders first, then by the key, then by name. */
void listing_sort(listing_entry *list, size_t n, listing_order order);

/* Writes the page of the folder whose decoded path is `at`, which begins and ends with "/"; `more`:
 * there are entries that are not in the list. */
void listing_write(text *out, span at, const listing_entry *list, size_t n, bool more,
                   listing_order order, span server);

#endif
