/* Base64 (RFC 4648 section 4), and with the alphabet for URLs and file names, without padding
 * (section 5).
 *
 * Strict: one text for each run of bytes, so that what is compared or logged has one form. It holds
 * no state and allocates nothing. */
#ifndef H2BOX_CORE_BASE64_H
#define H2BOX_CORE_BASE64_H

#include "core/bytes.h"

/* Writes (bytes.n * 4 + 2) / 3 bytes of text, and returns their number. */
size_t base64_put_url(uint8_t *text, span bytes);

/* The same in the common alphabet, filled up with '=' to (bytes.n + 2) / 3 * 4 bytes. */
size_t base64_put(uint8_t *text, span bytes);

/* Reads text into bytes, which has room for text.n / 4 * 3 + 2; *n is their number. False when the
 * text is not what base64_put_url writes. */
bool base64_get_url(span text, uint8_t *bytes, size_t *n);

#endif
