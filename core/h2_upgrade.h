/* A connection that begins as HTTP/1.1 and goes on as HTTP/2 (RFC 7540 section 3.2).
 *
 * What an h2_conn needs beside its birth: the settings that travel in HTTP2-Settings, and stream 1,
 * whose request was HTTP/1.1. Who speaks HTTP/1.1 before is session.c's business. */
#ifndef H2BOX_CORE_H2_UPGRADE_H
#define H2BOX_CORE_H2_UPGRADE_H

#include "core/h2_conn.h"

#define H2_UPGRADE_SETTINGS ((H2_SETTING_SLOTS + 1) * 6) /* bytes of our own at most */

/* Writes what a client with this configuration says in HTTP2-Settings; returns its bytes. */
size_t h2_upgrade_settings(const h2_config *c, uint8_t payload[H2_UPGRADE_SETTINGS]);

/* Server, right after birth: applies the client's settings, and makes stream 1, whose request is
 * whole. False, with the connection to be freed, when they are none that can be applied, or memory
 * is refused. */
bool h2_upgrade_server(h2_conn *c, span settings, http_ref *ref);

/* Client, likewise: stream 1 is the request that has been sent; head: it was HEAD. False when
 * memory is refused. */
bool h2_upgrade_client(h2_conn *c, bool head, void *user, http_ref *ref);

#endif
