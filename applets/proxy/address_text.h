/* "HOST,PORT" and "unix:PATH", and the parameters that follow with ';' between: what --backend and
 * --frontend have in common.
 *
 * Pure: views of the text, whys into the caller's room. */
#ifndef H2BOX_APPLETS_PROXY_ADDRESS_TEXT_H
#define H2BOX_APPLETS_PROXY_ADDRESS_TEXT_H

#include "core/bytes.h"

typedef struct address_text {
    span host;     /* name or address, without brackets; or the whole "unix:PATH" */
    uint16_t port; /* 0 with a UNIX socket */
    bool is_unix;
} address_text;

/* False with a message in why. */
bool address_text_read(address_text *a, span text, char *why, size_t room);

/* Cuts the part before the next `mark` off *rest, and the mark; all of it when there is none. False
 * at the end: call it with *more true first. */
bool address_text_part(span *rest, bool *more, char mark, span *part);

/* One parameter: its keyword, and what stands behind '=' (has_value). */
typedef struct address_param {
    span text, value;
    size_t keyword; /* bytes of text before '=' */
    bool has_value;
} address_param;

address_param address_text_param(span text);

/* Whether it is this keyword, in any case. */
bool address_text_is(const address_param *p, const char *keyword);

/* Writes a message with text of the configuration in it, of which what is not printable is shown as
 * '?'. Returns false. */
bool address_text_fail(char *why, size_t room, const char *before, span text, const char *after);

#endif
