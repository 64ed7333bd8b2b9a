/* The proxy's own answers: pages for its errors, as built in or as --error-page gives them.
 *
 * Immutable once made; any thread. */
#ifndef H2BOX_APPLETS_PROXY_PAGE_H
#define H2BOX_APPLETS_PROXY_PAGE_H

#include "core/bytes.h"

typedef struct page_set page_set;

/* name stands in the built-in pages: the value of Server. Copied. NULL: no memory. */
page_set *page_set_new(const char *name);
void page_set_free(page_set *p);

/* Reads a file for a status (0: all from 400 to 599 that have none). False with *why, static. */
bool page_set_file(page_set *p, unsigned status, const char *path, const char **why);

/* The page for a status, 300 to 599; lives as long as the set. */
span page_of(const page_set *p, unsigned status);

#define PAGE_TYPE "text/html; charset=UTF-8"

#endif
