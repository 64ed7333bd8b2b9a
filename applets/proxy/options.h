/* The proxy's settings, as its option table (`proxy_options` in applet.h) fills them in.
 *
 * Values as they were given, checked for what a type says; what they come to together is the plan
 * (plan.h). The rows stand in options_*.def, one file for each family, gathered by options.c. */
#ifndef H2BOX_APPLETS_PROXY_OPTIONS_H
#define H2BOX_APPLETS_PROXY_OPTIONS_H

#include "applets/opt.h"

/* Indices of --log-level. */
typedef enum proxy_level {
    PROXY_INFO,
    PROXY_NOTICE,
    PROXY_WARN,
    PROXY_ERROR,
    PROXY_FATAL
} proxy_level;

/* Indices of --backend-address-family. */
typedef enum proxy_family { PROXY_ANY_FAMILY, PROXY_IPV4, PROXY_IPV6 } proxy_family;

typedef struct proxy_config proxy_config;

typedef struct proxy_settings {
    proxy_config *config; /* whose part it is (config.h) */

    /* Connections */
    opt_list backends, frontends; /* texts: backend_text.h, frontend_text.h */
    int family;
    bool backend_ipv4, backend_ipv6, accept_proxy_protocol;
    const char *proxy_uri; /* --backend-http-proxy-uri */
    const char *backend_sni;

    /* Modes */
    bool http2_proxy, http2_bridge, client, client_proxy;
    const char *origin_ports;
    bool frontend_no_tls, backend_no_tls, backend_tls, backend_http1_tls;

    /* Performance */
    int64_t workers, worker_connections, per_host, per_frontend, descriptors, max_requests,
        dns_tries;
    uint64_t request_buffer, response_buffer;
    bool single_thread;
    int64_t backlog, fastopen;
    uint64_t read_rate, read_burst, write_rate, write_burst, least_rate;
    uint64_t worker_read_rate, worker_read_burst, worker_write_rate, worker_write_burst;
    uint64_t least_grace_ms, least_most_ms;

    /* Timeouts, in milliseconds */
    uint64_t front_idle_ms, front_header_ms, front_write_ms, front_keep_alive_ms;
    uint64_t front_stream_read_ms, front_stream_write_ms, back_stream_read_ms, back_stream_write_ms;
    uint64_t stream_read_ms, stream_write_ms; /* the two of before, when they were one */
    uint64_t back_read_ms, back_write_ms, back_connect_ms, back_idle_ms, back_backoff_ms;
    uint64_t listen_pause_ms, front_settings_ms, back_settings_ms, dns_cache_ms, dns_limit_ms;

    /* TLS */
    const char *key_file, *cert_file, *key_password_file;
    opt_list subcerts; /* KEY:CERT[;sct-dir=DIR] */
    const char *ciphers, *tls13_ciphers, *client_ciphers, *tls13_client_ciphers, *groups;
    const char *ca_file, *alpn, *tls_versions;
    bool insecure, verify_client, tolerate_expired;
    const char *client_ca_file, *client_key_file, *client_cert_file;
    int tls_min, tls_max;
    uint64_t warmup_bytes, warmup_pause_ms;

    /* HTTP/2 */
    int64_t both_streams, front_streams, back_streams, padding;
    uint64_t front_window, front_connection_window, back_window, back_connection_window;
    int64_t front_window_bits, front_connection_window_bits;
    int64_t back_window_bits, back_connection_window_bits;
    uint64_t front_encoder_table, front_decoder_table, back_encoder_table, back_decoder_table;
    bool no_cookie_crumbling, no_push;

    /* HTTP */
    bool add_x_forwarded_for, strip_x_forwarded_for;
    bool no_add_x_forwarded_proto, no_strip_x_forwarded_proto;
    bool strip_forwarded, no_via, no_strip_early_data, no_location_rewrite, host_rewrite;
    bool no_server_rewrite, require_scheme;
    const char *add_forwarded, *forwarded_by, *forwarded_for, *server_name;
    opt_list altsvc, http2_altsvc, request_headers, response_headers, error_pages;
    uint64_t request_fields, response_fields; /* bytes */
    int64_t request_fields_max, response_fields_max, https_port;
    uint64_t api_body;

    /* Logging */
    int log_level;
    const char *access_file, *access_format, *error_file, *syslog_facility;
    const char *dump_requests, *dump_answers;
    bool access_syslog, access_early, error_syslog, frame_debug;
    bool access_stderr, all_syslog; /* of before: the simple access log, all to syslog */

    /* Process */
    bool daemon, check;
    const char *pid_file, *user, *conf;
    uint64_t grace_ms; /* --worker-process-grace-shutdown-period; 0: as long as it takes */
    opt_list includes; /* of the command line: read before it, after --conf */
} proxy_settings;

#endif
