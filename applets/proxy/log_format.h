/* Lines of the access log: a template with $variables, read once, and written for each request.
 *
 * The variables are those of nginx and nghttpx: $remote_addr $time_local $time_iso8601 $request
 * $status $body_bytes_sent $http_NAME $authority (also $http_host) $remote_port $server_port
 * $request_time $pid $alpn $tls_... (once $ssl_...) $backend_host $backend_port $method $path
 * $path_without_query $protocol_version; ${NAME} too. Immutable once made; any thread. */
#ifndef H2BOX_APPLETS_PROXY_LOG_FORMAT_H
#define H2BOX_APPLETS_PROXY_LOG_FORMAT_H

#include "core/http.h"
#include "tls/tls.h"

typedef struct log_format log_format;

/* The default: the combined format of Apache and nginx. */
#define LOG_FORMAT_COMBINED                                                                   \
    "$remote_addr - - [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" " \
    "\"$http_user_agent\""

/* What is no variable is written as it stands, and the first of its kind is named in why (of `room`
 * bytes, "" when there is none): "$foo: unknown variable". NULL with a message in it: no memory. */
log_format *log_format_new(const char *text, char *why, size_t room);
void log_format_free(log_format *f);

/* What a line may tell of a request; whatever is empty, NULL or 0 is written as "-". Spans live
 * during the call. */
typedef struct log_facts {
    span remote_addr;
    uint16_t remote_port, server_port;
    const char *protocol; /* "HTTP/2", "HTTP/1.1" */
    const char *alpn;     /* "h2", "http/1.1"; in the clear "h2c" */
    span method,
        target; /* target: as $request and $path have it: path, authority of CONNECT, or "*" */
    span authority;
    const http_field *fields; /* of the request, as they came */
    size_t field_count;
    unsigned status;
    uint64_t body_bytes;
    uint64_t took_us;     /* from its fields to now */
    int64_t unix_seconds; /* now */
    uint32_t unix_ms;
    const tls_facts *tls; /* NULL: in the clear */
    span backend_host;
    uint16_t backend_port;
} log_facts;

/* Writes the line with its newline into out; returns its bytes, at most `room`: what is longer is
 * cut. All but printable ASCII, and '"' and '\', is written as \xHH in what comes from outside. */
size_t log_format_write(const log_format *f, const log_facts *facts, char *out, size_t room);

#endif
