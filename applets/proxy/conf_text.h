/* The text of a configuration file, line by line: NAME=VALUE, comments that begin with '#'.
 *
 * Pure. What is found lies in the text itself, which is cut up on the way: its owner keeps it for
 * as long as the names and values live. */
#ifndef H2BOX_APPLETS_PROXY_CONF_TEXT_H
#define H2BOX_APPLETS_PROXY_CONF_TEXT_H

#include <stddef.h>

typedef struct conf_text {
    char *at, *end; /* *end is a byte of ours too */
    unsigned line;  /* the number of the one that was found last, from 1 */
} conf_text;

/* text has room for one byte behind its n. */
void conf_text_begin(conf_text *t, char *text, size_t n);

typedef enum conf_found { CONF_NOTHING, CONF_OPTION, CONF_MISTAKE } conf_found;

/* The next option; CONF_NOTHING at the end. Of a mistake *name says what was expected. */
conf_found conf_text_next(conf_text *t, const char **name, const char **value);

#endif
