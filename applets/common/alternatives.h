/* Telling clients over HTTP/2 of alternatives by ALTSVC frames (RFC 7838 section 4); those over
 * HTTP/1.1 are told by the field. */
#ifndef H2BOX_APPLETS_COMMON_ALTERNATIVES_H
#define H2BOX_APPLETS_COMMON_ALTERNATIVES_H

#include "netio/net.h"

/* Tells the value of Alt-Svc for the origin of a request. Once a connection is enough: for its
 * first. */
void alternatives_tell(net_link *k, const fields_summary *request, span value);

#endif
