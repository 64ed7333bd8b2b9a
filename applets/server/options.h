/* The server's settings; their option table is `server_options` (applet.h). */
#ifndef H2BOX_APPLETS_SERVER_OPTIONS_H
#define H2BOX_APPLETS_SERVER_OPTIONS_H

#include "applets/common/h2_options.h"
#include "applets/common/tls_options.h"

/* All of them have to fit one ORIGIN frame of h2_conn_origin (4,096 bytes). */
#define SERVER_ORIGINS      15
#define SERVER_ORIGIN_BYTES 255

typedef struct server_settings {
    const char *htdocs, *address, *cache_control, *mime_types, *access_log;
    int64_t workers, max_streams;
    uint64_t table_size;
    opt_list headers, trailers, pushes, altsvc, origins;
    h2_options h2;
    tls_options tls;
    bool no_tls, verify_client, verbose, daemon;
    bool no_gzip, error_gzip, no_length, echo, early, index, dotfiles, follow_links;
} server_settings;

#endif
