/* What one configuration asks for, as the workers read it: one immutable generation.
 *
 * Made on the main thread from the settings (options.h), before anything serves or for a reload;
 * counted, since connections and requests that began under it go on after the next one came. It
 * owns all that it points to. What it asks of each part is in the words of that part (routes,
 * rewrite rules, log formats, configurations of sessions and TLS). */
#ifndef H2BOX_APPLETS_PROXY_PLAN_H
#define H2BOX_APPLETS_PROXY_PLAN_H

#include "applets/common/log_file.h"
#include "applets/proxy/log_format.h"
#include "applets/proxy/option_text.h"
#include "applets/proxy/page.h"
#include "applets/proxy/rewrite.h"
#include "applets/proxy/route.h"
#include "netio/net.h"

typedef struct proxy_settings proxy_settings;

/* One address of one pattern: a --backend. */
typedef struct plan_backend {
    const char *host; /* name, address, or "unix:PATH" */
    uint16_t port;    /* 0 with a UNIX socket */
    span authority; /* "host:port" as a Host field has it: without the port where it is that of the
                       scheme; "localhost" for a UNIX socket */
    bool h2;        /* proto=h2; else HTTP/1.1 */
    bool tls;
    bool dns;            /* look the name up again, at most once in dns_cache_ms */
    bool upgrade_scheme; /* :scheme is https over TLS to an HTTP/2 backend */
    const char *sni;     /* TLS: sni=, --backend-tls-sni-field, or host, which may be an address:
                            what its certificate must be for; NULL: a UNIX socket without a name */
    uint32_t fall, rise; /* failures in a row until it is out, successes until it is in; 0: never */
    uint32_t weight;     /* 1 to 256, within its group */
    uint32_t group;      /* index into plan_pattern.groups */
} plan_backend;

typedef struct plan_group {
    const char *name; /* "" for those without one */
    uint32_t weight;  /* 1 to 256 */
} plan_group;

typedef enum plan_affinity {
    PLAN_AFFINITY_NONE,
    PLAN_AFFINITY_IP,
    PLAN_AFFINITY_COOKIE
} plan_affinity;
typedef enum plan_secure { PLAN_SECURE_AUTO, PLAN_SECURE_YES, PLAN_SECURE_NO } plan_secure;

/* What a request is routed to: all --backend of one pattern. */
typedef struct plan_pattern {
    const char *text; /* "example.org/static/" */
    plan_backend *backends;
    size_t backend_count;
    plan_group *groups;
    size_t group_count;
    plan_affinity affinity;
    const char *cookie_name, *cookie_path; /* path: NULL: none */
    plan_secure cookie_secure;
    bool cookie_strict;         /* a cookie that names nobody alive is answered 503 */
    bool redirect_if_not_tls;   /* 308 to https */
    bool never_forward;         /* dnf: answered 404 */
    uint32_t read_ms, write_ms; /* its backends' timeouts */
} plan_pattern;

/* A --frontend. */
typedef struct plan_frontend {
    const char *text; /* as it was given */
    listen_address addresses[4];
    size_t address_count;
    bool tls, sni_fwd, api, healthmon, proxy_protocol;
} plan_frontend;

typedef enum plan_mode {
    PLAN_REVERSE,
    PLAN_FORWARD, /* --http2-proxy: to the backends, which are proxies themselves */
    PLAN_DIRECT   /* the same without any backend: to the origins themselves */
} plan_mode;

typedef enum plan_log {
    PLAN_LOG_ACCESS,
    PLAN_LOG_REQUESTS, /* fields of messages over HTTP/2: of clients */
    PLAN_LOG_ANSWERS,  /* and of what they are answered */
    PLAN_LOGS
} plan_log;

typedef struct plan {
    plan_mode mode;
    unsigned revision; /* 1, and one more for each reload */
    plan_frontend *frontends;
    size_t frontend_count;
    plan_pattern *patterns; /* the target of a route is an index into these */
    size_t pattern_count;
    route_table *routes; /* NULL in PLAN_DIRECT */
    rewrite_rules rewrite;
    page_set *pages;
    log_format *access_format; /* NULL: no access log */
    bool log_early;            /* --accesslog-write-early */
    log_file *logs[PLAN_LOGS]; /* held; opened before anybody else has the plan (logs.h), for
                                  --check opens nothing; NULL: none */

    session_config front;            /* of client connections, TLS or not */
    session_config back_h1, back_h2; /* back_h1: pipeline 1, title_case */
    tls_config *front_tls;           /* held; NULL: no frontend has TLS */
    tls_config *back_tls_h1,
        *back_tls_h2; /* held: ALPN "http/1.1", "h2"; NULL: no backend has TLS */

    option_ports origin_ports; /* PLAN_DIRECT: where it goes */

    const char *proxy_host; /* --backend-http-proxy-uri: HTTP/2 backends are reached through it */
    uint16_t proxy_port;
    const char *proxy_credentials; /* "user:password", decoded; NULL: none */

    unsigned workers;
    uint32_t front_idle_ms, front_keep_alive_ms, front_write_ms;
    uint32_t back_connect_ms, back_idle_ms, back_write_ms, back_backoff_ms;
    uint32_t back_read_ms;        /* PLAN_DIRECT; else it is the pattern's */
    uint32_t back_stream_read_ms; /* HTTP/2 backends, where it is shorter; 0: it is not looked at */
    uint32_t drain_ms;            /* after a reload or QUIT: what is open then is cut; 0: never */
    uint32_t dns_cache_ms;
    uint32_t dns_limit_ms, dns_tries; /* as in dial_lookup */
    link_rates rates;                 /* of a client's connection */
    bool limits_rates;                /* any of them is set */
    link_rates worker_rates;          /* of all those of one worker together */
    dial_family family;               /* of what is dialled */
    uint32_t front_connections;       /* of one worker; 0: no limit */
    uint32_t
        back_per_host; /* PLAN_FORWARD, PLAN_DIRECT: HTTP/1.1 connections of one worker to one */
    uint32_t back_per_frontend; /* PLAN_REVERSE: the same to one address; 0: no limit */
    uint32_t request_body_max;  /* of the API */
    uint32_t request_fields_max, response_fields_max; /* fields of a message; at most
                                                         LIMIT_HEADER_FIELDS */
    bool push;                                        /* relayed, and by Link rel=preload */
    bool frame_log;                                   /* --frontend-frame-debug */
    uint16_t https_port;                              /* --redirect-https-port */
    bool require_scheme; /* --require-http-scheme: 400 when it is not the transport's */
    const struct proxy_settings *settings; /* what it was made of, for --check and the process */
} plan;

/* Makes the plan of settings that were read (config.h), which it keeps. Reads files and looks up
 * names, so it blocks. NULL with a message for people in why. The caller holds one count. */
plan *plan_new(const proxy_settings *set, bool old_name, unsigned revision, char *why, size_t room);

/* The same plan with other backends: those of a configuration's text, of which nothing else is
 * looked at; none in it is the default one. Hosts must be addresses, unless they have the parameter
 * dns, so nothing is looked up. NULL with a message. */
plan *plan_with_backends(const plan *base, span config_text, char *why, size_t room);

#define PLAN_WHY_ROOM 512u

/* A count of its own for who keeps it; any thread. The last plan_drop frees it. */
plan *plan_hold(plan *p);
void plan_drop(plan *p); /* NULL is nothing */

#endif
