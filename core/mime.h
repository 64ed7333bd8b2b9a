/* Content types by file name: a built-in table, and a reader for mime.types files.
 *
 * Types come without a charset: what encoding a file has, nobody knows here. Nothing is guessed
 * from contents, no file is opened, nothing is owned: results are static or borrow from the text
 * given. */
#ifndef H2BOX_CORE_MIME_H
#define H2BOX_CORE_MIME_H

#include "core/bytes.h"

/* For a file whose type is not known (RFC 9110 section 8.3 leaves the choice to the sender). */
#define MIME_UNKNOWN "application/octet-stream"

/* What follows the last "." of the last segment of a path, as written; empty when there is none,
 * and for names that only begin with a dot (".profile"). */
span mime_extension(span path);

/* The type of an extension, whatever its case, from the built-in table; empty when it is not there.
 * Static storage. */
span mime_type(span extension);

/* A walk over the text of a mime.types file. The caller sets rest to the whole text and leaves the
 * others zero; text and spans live as long as the caller keeps the text. */
typedef struct mime_cursor {
    span rest; /* what is still to read */
    span line; /* what is left of the line that type begins */
    span type;
} mime_cursor;

/* The next pair of a line "type extension extension ..."; false when there is no more. Blanks
 * are spaces and tabs, lines end with LF or CR LF, "#" begins a comment where a word could
 * begin. Lines whose first word is not a type/subtype of two tokens (RFC 9110 section 8.3.1),
 * and extensions with a "/", a "." or bytes beyond printable ASCII, are passed over. */
bool mime_next(mime_cursor *c, span *extension, span *type);

#endif
