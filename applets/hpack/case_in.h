/* The cases of a JSON document {"cases": [case, case, ...]}, one at a time, as they arrive.
 *
 * Only the frame around the cases is understood here, so that memory holds one case, output can
 * follow input through a pipe, and a malformed case does not spoil the next. What a case says is
 * its reader's business. */
#ifndef H2BOX_APPLETS_HPACK_CASE_IN_H
#define H2BOX_APPLETS_HPACK_CASE_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct case_in {
    FILE *in;
    char *text; /* the case now */
    size_t n, room;
    bool first;        /* no case was read yet */
    bool last;         /* the array has been closed */
    const char *wrong; /* why it broke; static storage */
} case_in;

typedef enum case_in_found { CASE_IN_CASE, CASE_IN_END, CASE_IN_BROKEN } case_in_found;

/* Reads up to the first case. false when the document is no such thing: r->wrong says why.
 * case_in_end is owed. */
bool case_in_begin(case_in *r, FILE *in);

/* The next case is in r->text, r->n bytes, until the next call. After END the rest of the document
 * has been read. After BROKEN r->wrong says why, and no more can be read. */
case_in_found case_in_next(case_in *r);

void case_in_end(case_in *r);

#endif
