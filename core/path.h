/* What a static server makes of :path: a decoded path that cannot leave its root, and the way
 * back for Location.
 *
 * Pure text: whether the file is there, whether it is a link to elsewhere, is the business of
 * who opens it. The client's side of URIs is uri.h. Nothing is owned; results live in the
 * caller's buffer and in the text that was given. */
#ifndef H2BOX_CORE_PATH_H
#define H2BOX_CORE_PATH_H

#include "core/bytes.h"

typedef struct path {
    span name;   /* decoded, in the buffer: begins with "/", a NUL follows that n does not count */
    span query;  /* as it stands in the target, without its "?"; p == NULL when there is none */
    bool folder; /* it ended with "/" or with a dot segment; then name ends with "/" too */
} path;

/* Decodes a request target in origin form (RFC 9112 section 3.2.1) into buffer, at most room
 * bytes with the NUL. After it name holds no empty, "." or ".." segment, no control byte and no
 * "\"; bytes over 0x7f come through, their encoding is the file system's. Percent-encoding is
 * undone first and dot segments are taken out afterwards (RFC 3986 section 5.2.4), so that
 * "%2e%2e" climbs no further than ".."; neither gets above "/". Several "/" count as one.
 * Returns NULL, or a literal that says what is refused: no leading "/", a fragment, a bad
 * escape, an escaped "/" or NUL, "\" or a control byte in either form, and what is longer than
 * room (target.n + 1 always suffice). buffer must not overlap target. */
const char *path_decode(span target, uint8_t *buffer, size_t room, path *out);

/* Percent-encodes a path as RFC 3986 section 3.3 has it ("/" stays) into buffer, and returns the
 * length; 3 * name.n bytes always suffice. 0 when room does not, and when name does not begin
 * with exactly one "/": "//host" in a Location would lead to another host. buffer must not
 * overlap name. */
size_t path_encode(span name, uint8_t *buffer, size_t room);

#endif
