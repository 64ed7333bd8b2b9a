/* TLS as the client uses it: its configuration, the name it asks for, and what a handshake came to.
 */
#ifndef H2BOX_APPLETS_CLIENT_SECURE_H
#define H2BOX_APPLETS_CLIENT_SECURE_H

#include "applets/client/fetch.h"

/* Makes run->tls and run->tickets. False after a message. */
bool secure_begin(client_run *run);
void secure_end(client_run *run);

/* Fills in what a link to f's server is born with. */
void secure_birth(fetch *f, link_birth *birth);

/* The link is open: says what there is to say of its certificate and protocol. NULL, or why it is
 * not to be used. */
const char *secure_opened(fetch *f, net_link *k);

#endif
