/* Faults as Python exceptions (h2box/errors.py), each with the wire code, the reason and who dies.
 */
#ifndef H2BOX_PYTHON_EXT_FAILURE_H
#define H2BOX_PYTHON_EXT_FAILURE_H

#include "python/ext/binding.h"

/* Finds the classes of h2box.errors. */
bool failure_init(binding *b);

/* Sets an exception and returns NULL. scope is "stream", "connection" or "caller". */
PyObject *failure_set(binding *b, failure_kind kind, const char *why, uint32_t code,
                      const char *scope);

/* Whether the core refused because the stream is gone, which it knows before it is told. */
bool failure_is_stale(verdict v);

/* The same for what the core refused. */
PyObject *failure_verdict(binding *b, verdict v);

/* The peer ended the connection, or the stream, by its fault: `events` (stolen) are what came
 * before.
 */
PyObject *failure_over(binding *b, const char *why, uint32_t code, const char *scope,
                       PyObject *events);

#endif
