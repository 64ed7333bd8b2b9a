/* A file as request body, as often as requests need it. */
#ifndef H2BOX_APPLETS_CLIENT_UPLOAD_H
#define H2BOX_APPLETS_CLIENT_UPLOAD_H

#include "core/http.h"

typedef struct upload upload;

/* Opens a file; "-" reads standard input to its end into an unnamed temporary file, since its
 * length goes first. compress: what is sent is the gzip of it, made here. NULL with errno set. */
upload *upload_open(const char *path, bool compress);
uint64_t upload_size(const upload *u);

/* A body that waits to be let go. */
typedef struct upload_hold upload_hold;

/* A body over the whole file; any number at a time. ops NULL: memory is refused. With hold it gives
 * nothing before upload_go, and *hold is NULL again when the body is gone. */
http_body upload_body(upload *u, upload_hold **hold);

/* Lets it go, and forgets the hold. The stream must be woken then. */
void upload_go(upload_hold *h);

/* No body may be left. */
void upload_close(upload *u);

#endif
