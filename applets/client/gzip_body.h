/* The content coding gzip for what is sent (-g). */
#ifndef H2BOX_APPLETS_CLIENT_GZIP_BODY_H
#define H2BOX_APPLETS_CLIENT_GZIP_BODY_H

#include <stdbool.h>

/* Writes the gzip of all that `from` holds to `to`. False with errno set. */
bool gzip_body_make(int from, int to);

#endif
