/* The words that go with a status code (RFC 9110 section 15).
 *
 * For people who read a status line or an error page; programs go by the number. */
#ifndef H2BOX_CORE_REASON_H
#define H2BOX_CORE_REASON_H

#include "core/bytes.h"

/* "Not Found"; empty for a code that IANA's registry does not know. Static storage. */
span reason_of(unsigned status);

#endif
