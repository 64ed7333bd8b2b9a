/* Content in the gzip coding (RFC 9110 section 8.4.1.3). Blocks and takes long: for loop_work, or
 * before there is a loop. */
#ifndef H2BOX_APPLETS_SERVER_GZIP_H
#define H2BOX_APPLETS_SERVER_GZIP_H

#include "netio/net.h"

/* Bytes that malloc gave, or none: memory was refused. */
bool gzip_text(span text, span *coded);

typedef enum gzip_result { GZIP_SMALLER, GZIP_NOT_SMALLER, GZIP_FAILED } gzip_result;

/* Reads the file and stores its coded content, of malloc, in *coded; anything but SMALLER leaves it
 * empty. The same file gives the same bytes each time. */
gzip_result gzip_file(const file *f, span *coded);

#endif
