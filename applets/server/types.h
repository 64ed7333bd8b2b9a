/* Media types by a file's extension: the built-in table, or one read from a mime.types file.
 *
 * Made once at the start, then immutable and shared by all workers. */
#ifndef H2BOX_APPLETS_SERVER_TYPES_H
#define H2BOX_APPLETS_SERVER_TYPES_H

#include "core/bytes.h"

typedef struct types types;

/* Reads a mime.types file; NULL with *why. Of an extension that stands in it twice the first row
 * counts. */
types *types_read(const char *path, const char **why);

/* The same from text, which is copied; NULL: no memory. */
types *types_new(span text);
void types_free(types *t);

/* The type of an extension, whatever its case; empty when it is not known. t may be NULL: the
 * built-in table. Lives as long as t. */
span types_find(const types *t, span extension);

/* Whether content of this type is text that a content coding makes smaller. */
bool types_compress(span type);

#endif
