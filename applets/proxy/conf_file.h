/* Configuration files: read into a call's settings, with what they include.
 *
 * Keeps the texts, since settings point into them. Blocking: for the main thread. */
#ifndef H2BOX_APPLETS_PROXY_CONF_FILE_H
#define H2BOX_APPLETS_PROXY_CONF_FILE_H

#include "applets/opt.h"

typedef struct conf_kept conf_kept;

typedef struct conf_files {
    conf_kept *first;
    unsigned count; /* files that were read */
} conf_files;

/* Zeroed: none. */
void conf_file_free(conf_files *files);

/* Reads a file and sets options by it: OPT_GO, or a code after a message "FILE:LINE: NAME: what was
 * expected". `path` must live as long as the settings. A file that is not there is
 * passed over when it may be missing: with a warning if `tell`. */
int conf_file_read(conf_files *files, opt_call *call, const char *path, bool may_miss, bool tell);

#endif
