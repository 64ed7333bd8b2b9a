/* Header fields between Python and the core: (name, value) pairs in, a list of tuples of bytes out.
 */
#ifndef H2BOX_PYTHON_EXT_PAIRS_H
#define H2BOX_PYTHON_EXT_PAIRS_H

#include "python/ext/binding.h"

#define PAIRS_FEW 32u

/* Fields that borrow the bytes of Python objects, from pairs_take to pairs_end. */
typedef struct pairs {
    http_field *at;
    size_t n;
    PyObject *keep;   /* the list or tuple that holds the pairs */
    uint8_t *lowered; /* names that were not lower case */
    http_field few[PAIRS_FEW];
} pairs;

/* Takes a sequence (or another iterable, or a dict) of (name, value) or (name, value, sensitive),
 * each name and value bytes or str; str is encoded as UTF-8. With `lower`, names are made lower
 * case. May run Python code, so it comes before anything of the core is touched. False with
 * TypeError, ValueError or whatever the iterable raises; then nothing is to be ended. */
bool pairs_take(pairs *p, PyObject *headers, bool lower);
void pairs_end(pairs *p);

/* The core's words on why these fields make no message of that kind, or NULL. */
const char *pairs_fault(const pairs *p, fields_kind kind, fields_summary *summary);

/* A new list of (name, value), both bytes; or with `sensitive` of (name, value, never indexed).
 * NULL when memory is refused. */
PyObject *pairs_list(const binding *b, const http_field *f, size_t n, bool sensitive);

#endif
