/* h2box.WebSocket: the frames of one WebSocket as a server reads and writes them (RFC 6455),
 * without the stream that carries them. */
#ifndef H2BOX_PYTHON_EXT_CHANNEL_H
#define H2BOX_PYTHON_EXT_CHANNEL_H

#include "python/ext/binding.h"

/* Makes the type. */
bool channel_init(binding *b, PyObject *module);

#endif
