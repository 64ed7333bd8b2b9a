/* Accept-Encoding (RFC 9110 section 12.5.3): which content codings a client takes. Pure text. */
#ifndef H2BOX_CORE_ACCEPT_H
#define H2BOX_CORE_ACCEPT_H

#include "core/bytes.h"

/* The weight of `coding` (lower case) in a field value, in thousandths: 0 when it is not accepted,
 * or the value is no list. "*" counts for what is not named; x-gzip is gzip (section 8.4.1.3).
 * "identity" that is not named, and not refused by "*;q=0", has 1: better than nothing. Programs
 * ask accept_prefers; tests hold the weights themselves. */
unsigned accept_coding(span value, span coding);

/* Whether a representation with this coding is preferred to one without. */
bool accept_prefers(span value, span coding);

#endif
