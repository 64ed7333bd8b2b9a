/* What a page needs: reads HTML as it comes and tells the addresses of its style sheets, scripts,
 * images and icons.
 *
 * A view of libxml2's push parser that builds no tree. References are resolved against the page's
 * address or its <base>, told once each, and only those of the page's own origin. Bounded by
 * limits.h in bytes, depth and addresses; past a bound it has seen enough. */
#ifndef H2BOX_APPLETS_CLIENT_ASSETS_H
#define H2BOX_APPLETS_CLIENT_ASSETS_H

#include "core/uri.h"

typedef enum asset_kind {
    ASSET_STYLE,    /* nothing is shown before it is there */
    ASSET_BLOCKING, /* a script that parsing waits for */
    ASSET_SCRIPT,   /* one that it does not wait for */
    ASSET_IMAGE,
    ASSET_OTHER
} asset_kind;

typedef struct assets assets;

/* A reader of the page at `page`, which is copied. found is called from within assets_take and
 * assets_free; the address lives until it returns. NULL when memory is refused. */
assets *assets_new(const uri *page, void (*found)(void *user, asset_kind kind, const uri *address),
                   void *user);
void assets_take(assets *a, span bytes);

/* The page has ended: tells what is left, if it came whole, and frees. NULL is nothing. */
void assets_free(assets *a, bool whole);

#endif
