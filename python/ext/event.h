/* Events of the core as Python tuples with names (event.def). */
#ifndef H2BOX_PYTHON_EXT_EVENT_H
#define H2BOX_PYTHON_EXT_EVENT_H

#include "core/websocket.h"
#include "python/ext/binding.h"

/* Makes the types and adds them to the module. */
bool event_init(binding *b, PyObject *module);

/* Appends what the core tells, as one event or two, to a list. False when memory is refused. Not
 * for CLOSED, PAUSED and OVER, which are the connection's own business. */
bool event_tell(const binding *b, PyObject *list, const http_event *ev);

bool event_tell_closed(const binding *b, PyObject *list, const http_event *ev);
bool event_tell_window(const binding *b, PyObject *list, uint32_t stream_id, size_t room);
bool event_tell_room(const binding *b, PyObject *list, uint32_t count);

/* Of frames that have no event in the core. */
bool event_tell_settings(const binding *b, PyObject *list, span payload);
bool event_tell_settings_ack(const binding *b, PyObject *list);
bool event_tell_ping(const binding *b, PyObject *list, span payload);

/* Of a WebSocket: not for NOTHING and FAULT. */
bool event_tell_frame(const binding *b, PyObject *list, const websocket_event *ev);

#endif
