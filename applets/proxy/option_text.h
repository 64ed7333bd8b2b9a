/* The small grammars of the proxy's options: fields, Alt-Svc, Forwarded, error pages, certificates,
 * the proxy to tunnel through, ports.
 *
 * Pure: views of the text; false with a message in why. What option tables call (opt_spec.read_by)
 * has the shape bool (const char *text, char *why, size_t room). */
#ifndef H2BOX_APPLETS_PROXY_OPTION_TEXT_H
#define H2BOX_APPLETS_PROXY_OPTION_TEXT_H

#include "applets/proxy/rewrite.h"
#include "core/limits.h"

/* "NAME: VALUE". The name as written; the token by its lower case. Connection-specific and
 * pseudo-header fields, and those that frame content, are refused. */
bool option_text_field(span text, http_field *f, char *why, size_t room);

/* PROTO,PORT[,HOST[,ORIGIN[,PARAMS]]] (RFC 7838); what may be left out may be empty. */
typedef struct option_altsvc {
    span protocol, port, host, origin, params;
} option_altsvc;
bool option_text_altsvc(span text, option_altsvc *a, char *why, size_t room);

/* CODE=FILE or *=FILE; status 0 is *. */
bool option_text_page(span text, unsigned *status, span *path, char *why, size_t room);

/* Parameters of Forwarded with ',' between. */
typedef struct option_forwarded {
    bool by, for_, host, proto;
} option_forwarded;
bool option_text_forwarded(span text, option_forwarded *f, char *why, size_t room);

/* obfuscated, ip, or (of by= alone: when may_name) a name that begins with "_" (RFC 7239 section
 * 6.3). */
bool option_text_node(span text, bool may_name, rewrite_node *node, char *why, size_t room);

/* KEY:CERT[;sct-dir=DIR]. */
typedef struct option_cert {
    span key, cert;
    bool has_sct; /* timestamps are asked for */
} option_cert;
bool option_text_cert(span text, option_cert *c, char *why, size_t room);

/* http://[USER:PASSWORD@]HOST:PORT; credentials as written, percent-encoded. */
typedef struct option_proxy {
    span host, credentials;
    uint16_t port;
} option_proxy;
bool option_text_proxy(span text, option_proxy *p, char *why, size_t room);

/* Names of TLS versions with ',' between; the lowest and the highest as 0 (1.0) to 3 (1.3). */
bool option_text_versions(span text, int *least, int *most, char *why, size_t room);

/* Ports and ranges of ports (N, N-M) with ',' between, or any; at most LIMIT_PORT_RANGES. */
typedef struct option_ports {
    struct option_port_range {
        uint16_t from, to;
    } at[LIMIT_PORT_RANGES];
    size_t count;
} option_ports;
bool option_text_ports(span text, option_ports *p, char *why, size_t room);
bool option_text_has_port(const option_ports *p, uint16_t port);

/* Cuts the next word off a list with ',' between, without blanks around it; false at the end. */
bool option_text_word(span *rest, span *word);

/* ---- as opt_spec.read_by takes them ---- */

bool option_text_is_backend(const char *text, char *why, size_t room);
bool option_text_is_frontend(const char *text, char *why, size_t room);
bool option_text_is_field(const char *text, char *why, size_t room);
bool option_text_is_altsvc(const char *text, char *why, size_t room);
bool option_text_is_page(const char *text, char *why, size_t room);
bool option_text_is_forwarded(const char *text, char *why, size_t room);
bool option_text_is_by(const char *text, char *why, size_t room);
bool option_text_is_for(const char *text, char *why, size_t room);
bool option_text_is_cert(const char *text, char *why, size_t room);
bool option_text_is_proxy(const char *text, char *why, size_t room);
bool option_text_is_versions(const char *text, char *why, size_t room);
bool option_text_is_ports(const char *text, char *why, size_t room);
bool option_text_is_alpn(const char *text, char *why, size_t room);
bool option_text_is_value(const char *text, char *why, size_t room);

#endif
