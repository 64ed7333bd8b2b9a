/* Entity tags (RFC 9110 section 8.8.3) and the lists of them in If-Match and If-None-Match. Pure
 * text. */
#ifndef H2BOX_CORE_ETAG_H
#define H2BOX_CORE_ETAG_H

#include "core/bytes.h"

/* Whether two tags are the same by the strong comparison of section 8.8.3.2, or by the weak one. */
bool etag_same(span a, span b, bool weak);

/* Whether a list names the tag, or is "*". What is no list of tags names nothing beyond its first
 * fault. */
bool etag_in_list(span list, span tag, bool weak);

#endif
