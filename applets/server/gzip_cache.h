/* Files in the gzip coding, made when first asked for and kept while there is room.
 *
 * One per worker. The work is done by threads of the pool, a few files at a time; whoever asks for
 * the same one meanwhile waits for the same job. */
#ifndef H2BOX_APPLETS_SERVER_GZIP_CACHE_H
#define H2BOX_APPLETS_SERVER_GZIP_CACHE_H

#include "applets/server/blob.h"
#include "netio/net.h"

typedef struct gzip_cache gzip_cache;

gzip_cache *gzip_cache_new(loop *l);

/* Who waits is answered NULL now. */
void gzip_cache_free(gzip_cache *c);

/* Whether it is known what becomes of this version of a file; *b is then its coded content (without
 * a reference: good until the loop's next turn) or NULL when it would not be smaller. */
bool gzip_cache_find(gzip_cache *c, const file *f, blob **b);

/* Makes it. done is called once, within this call or later; b is lent, or NULL when the file is to
 * be sent as it is. */
void gzip_cache_make(gzip_cache *c, file *f, void (*done)(void *user, blob *b), void *user);

#endif
