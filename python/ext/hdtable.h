/* The dynamic table of HPACK, shown entry by entry. */
#ifndef H2BOX_PYTHON_EXT_HDTABLE_H
#define H2BOX_PYTHON_EXT_HDTABLE_H

#include "python/ext/binding.h"

/* Makes the type of an entry. */
bool hdtable_init(binding *b, PyObject *module);

/* A list of all entries, the newest first. */
PyObject *hdtable_list(const binding *b, const hpack_table *t);

/* A size of a table out of an int, at most LIMIT_TABLE_MAX; false with an exception. */
bool hdtable_size(PyObject *o, uint32_t *size);

#endif
