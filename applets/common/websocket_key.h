/* The key of a WebSocket and what answers it: how over HTTP/1.1 both sides know that the other
 * meant it (RFC 6455 section 4). Over HTTP/2 there is none (RFC 8441 section 5). */
#ifndef H2BOX_APPLETS_COMMON_WEBSOCKET_KEY_H
#define H2BOX_APPLETS_COMMON_WEBSOCKET_KEY_H

#include "core/bytes.h"

#define WEBSOCKET_KEY    24u
#define WEBSOCKET_ACCEPT 28u

/* Sec-WebSocket-Key of 16 random bytes, and the Sec-WebSocket-Accept that answers it
 * (section 4.2.2). */
void websocket_key_make(uint8_t out[WEBSOCKET_KEY], const uint8_t nonce[16]);
void websocket_key_accept(uint8_t out[WEBSOCKET_ACCEPT], const uint8_t key[WEBSOCKET_KEY]);

#endif
