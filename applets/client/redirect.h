/* What a redirect asks for (RFC 9110 section 15.4): which request follows a 3xx answer, and what it
 * must leave behind.
 *
 * Pure rules; the request itself is made in follow.c. */
#ifndef H2BOX_APPLETS_CLIENT_REDIRECT_H
#define H2BOX_APPLETS_CLIENT_REDIRECT_H

#include "core/uri.h"

typedef struct redirect {
    bool as_get;   /* the method becomes GET, and content is left out */
    bool stranger; /* another origin: credentials stay behind */
} redirect;

/* Whether an answer with this status redirects at all (when it has a location). */
bool redirect_is(unsigned status);

/* Fills *out for a request of `method` (HEAD stays HEAD) that was sent to `from` and led to `to` by
 * status. NULL, or why it is not followed. */
const char *redirect_follow(unsigned status, span method, const uri *from, const uri *to,
                            redirect *out);

#endif
