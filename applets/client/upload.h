/* A file as request body, as often as requests need it. */
#ifndef H2BOX_APPLETS_CLIENT_UPLOAD_H
#define H2BOX_APPLETS_CLIENT_UPLOAD_H

#include "core/http.h"

typedef struct upload upload;

/* Opens a file; "-" reads standard input to its end into an unnamed temporary file, since its
 * length goes first. NULL with errno set. */
upload *upload_open(const char *path);
uint64_t upload_size(const upload *u);

/* A body over the whole file; any number at a time. ops NULL: memory is refused. */
http_body upload_body(upload *u);

/* No body may be left. */
void upload_close(upload *u);

#endif
