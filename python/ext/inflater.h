/* h2box.Inflater: a decoder of HPACK header blocks (RFC 7541). */
#ifndef H2BOX_PYTHON_EXT_INFLATER_H
#define H2BOX_PYTHON_EXT_INFLATER_H

#include "python/ext/binding.h"

/* Makes the type. */
bool inflater_init(binding *b, PyObject *module);

#endif
