/* The addresses that a person or a page writes: http and https URIs, references to resolve
 * against them, and the HOST:PORT of command lines.
 *
 * For the client's side: what a server makes of :path is path.h, the rules for :authority on the
 * wire are in fields.h. Nothing is looked up or decoded. Results borrow from the text they were
 * parsed from (uri_resolve: from the caller's buffer) or from static storage; reasons are
 * literals. */
#ifndef H2BOX_CORE_URI_H
#define H2BOX_CORE_URI_H

#include "core/bytes.h"

typedef enum uri_host {
    URI_HOST_NAME,
    URI_HOST_IPV4, /* four numbers up to 255, no leading zeros (RFC 3986 section 3.2.2) */
    URI_HOST_IPV6
} uri_host;

typedef struct uri {
    span text;      /* all of it as written, without the fragment */
    span scheme;    /* "http" or "https", always lower case */
    span authority; /* for :authority: host[:port] with brackets, no default or empty port */
    span host;      /* without brackets */
    span target;    /* for :path: path and query, "/" when both are empty */
    uint16_t port;  /* 80 and 443 when the text names none; never 0 */
    uri_host kind;  /* only a name may go into SNI (RFC 6066 section 3) */
    bool https;
} uri;

/* Parses an absolute http or https URI (RFC 3986 section 3, RFC 9110 section 4.2) and returns
 * NULL, or says why not. A fragment is dropped; userinfo is refused (RFC 9110 section 4.2.4), as
 * are blanks, controls, bytes over 0x7f and "%" in a host. A query right after the host needs a
 * "/" that has no place in a borrowed text: refused here, uri_resolve puts it in. */
const char *uri_parse(span text, uri *out);

/* Resolves a reference against base (RFC 3986 section 5.2, strict) and writes the absolute URI,
 * dot segments removed, into buffer, at most room bytes of it; out borrows from buffer, which
 * must overlap neither base nor ref. With base NULL ref must be absolute. What people and pages
 * write is sent as they mean it: blanks, quotes, "\" and bytes over 0x7f in path and query are
 * percent-encoded. Returns NULL or the reason, also for what is neither http nor https, and when
 * room is too small. */
const char *uri_resolve(const uri *base, span ref, uint8_t *buffer, size_t room, uri *out);

/* Where to listen or to connect. */
typedef struct uri_address {
    bool local; /* unix:PATH: only path is set */
    span path;  /* not empty, without NUL; the system's own limit is the caller's business */
    span host;  /* without brackets, a zone (%eth0) stays; empty: every address of this machine */
    uri_host kind; /* URI_HOST_NAME also when host is empty */
    uint16_t port; /* 0 when written so: the system chooses (listening), or the caller refuses it */
} uri_address;

/* Parses HOST:PORT, [IPV6]:PORT, IPV4:PORT, unix:PATH, and for listening :PORT, *:PORT or just
 * PORT. HOST alone takes default_port; when that is 0 the port must be there. Returns NULL or
 * the reason. */
const char *uri_address_parse(span text, uint16_t default_port, uri_address *out);

#endif
