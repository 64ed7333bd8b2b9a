/* h2box.Deflater: an encoder of HPACK header blocks (RFC 7541). */
#ifndef H2BOX_PYTHON_EXT_DEFLATER_H
#define H2BOX_PYTHON_EXT_DEFLATER_H

#include "python/ext/binding.h"

/* Makes the type. */
bool deflater_init(binding *b, PyObject *module);

#endif
