/* Header fields as text: "name: value" lines, blocks of them separated by blank lines. */
#ifndef H2BOX_APPLETS_HPACK_DEFLATE_TEXT_IN_H
#define H2BOX_APPLETS_HPACK_DEFLATE_TEXT_IN_H

#include "applets/hpack/case_fields.h"

#include <stdio.h>

enum { TEXT_IN_LINE_MAX = 65536 };

typedef struct text_in {
    FILE *in;
    uint64_t line;  /* number of the line now, from 1 */
    char wrong[96]; /* what is wrong with the block now, or "" */
    uint8_t bytes[TEXT_IN_LINE_MAX];
} text_in;

/* Reads the next block into f, which is cleared first. false when there is none left. A block that
 * cannot be read is passed over to its end, and r->wrong says why. */
bool text_in_next(text_in *r, case_fields *f);

#endif
