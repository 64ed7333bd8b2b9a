/* Content in both directions: a tunnel (CONNECT, RFC 9110 section 9.3.6) or a WebSocket (RFC 8441,
 * or Upgrade in HTTP/1.1), between standard input and stdout.
 *
 * A tunnel passes bytes. A WebSocket sends each line as a text message, prints each message on a
 * line, answers pings and closes in good order. It belongs to its request. */
#ifndef H2BOX_APPLETS_CLIENT_CHANNEL_H
#define H2BOX_APPLETS_CLIENT_CHANNEL_H

#include "applets/client/client.h"
#include "core/websocket.h"

typedef struct channel channel;

/* For a request about to be sent; NULL when memory is refused. */
channel *channel_new(request *r);

/* The content to open the stream with. When the session refuses it, its release is owed. */
http_body channel_body(channel *c);

/* Sec-WebSocket-Key, for HTTP/1.1. */
span channel_key(const channel *c);

/* The final response began: NULL, and input is read, or why it has failed. */
const char *channel_answer(channel *c, const http_event *ev);

/* Bytes of the peer. NULL, or why it has failed. */
const char *channel_take(channel *c, span bytes);

/* The peer sends no more. */
void channel_ended(channel *c);

/* Frees it. why as the stream ended (NULL: well); returns how the channel did. */
const char *channel_end(channel *c, const char *why);

#endif
