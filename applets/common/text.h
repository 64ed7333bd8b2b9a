/* A text that grows as it is written to, so that a record goes out in one piece.
 *
 * It owns its bytes. A refused allocation drops what does not fit: a log line may
 * be cut, never a process. */
#ifndef H2BOX_APPLETS_COMMON_TEXT_H
#define H2BOX_APPLETS_COMMON_TEXT_H

#include "core/bytes.h"

typedef struct text {
    char *p; /* not NUL-terminated */
    size_t n, room;
} text;

void text_end(text *t);
static inline void text_clear(text *t) { t->n = 0; }
void text_add(text *t, span s);
void text_print(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds s with control bytes, DEL and bytes over 0x7e written as \xHH: what a peer sends must not
 * steer a terminal. */
void text_add_visible(text *t, span s);

/* Adds s as text for HTML content and quoted attributes: what means something there is escaped,
 * bytes that are no UTF-8 and control characters become U+FFFD. */
void text_add_html(text *t, span s);

#endif
