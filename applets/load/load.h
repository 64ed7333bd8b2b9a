/* What the parts of the load generator share: its settings, and what stays the same during a run.
 */
#ifndef H2BOX_APPLETS_LOAD_LOAD_H
#define H2BOX_APPLETS_LOAD_LOAD_H

#include "applets/load/workload.h"
#include "applets/load/series.h"
#include "applets/load/tally.h"
#include "applets/common/tls_options.h"
#include "netio/net.h"

typedef enum load_reconnect { LOAD_NEVER, LOAD_GOAWAY, LOAD_ALWAYS } load_reconnect;
typedef enum load_format { LOAD_TEXT, LOAD_JSON, LOAD_CSV } load_format;

typedef struct load_settings {
    /* how much */
    opt_list requests; /* -n, --requests: a number, or a file of requests */
    int64_t clients, threads, rate;
    const char *streams; /* -m: a number or auto */
    const char *rps, *rate_total;
    uint64_t rate_period_ms, duration_ms, warm_up_ms, active_ms, inactive_ms, timeout_ms;
    int reconnect;
    int64_t reconnect_every;
    /* what */
    opt_list headers;
    const char *input, *script, *data, *base, *connect_to;
    bool in_order;
    int64_t seed;
    /* connection */
    const char *alpn, *npn, *sni, *tls13_ciphers;
    int cleartext; /* 0: h2c, 1: http/1.1 */
    bool h1, verify;
    const char *cert, *key;
    int64_t window_bits, connection_window_bits;
    uint64_t frame_size, table, encoder_table;
    tls_options tls;
    /* results */
    const char *log_file, *output, *report;
    int format;
    bool draw, verbose, yes, merge, compare;
    opt_list fail_if;
} load_settings;

/* What stays the same while workers run; all of them read it. */
typedef struct load_run {
    const load_settings *set;
    const opt_call *call;
    workload plan;
    session_config config;
    tls_config *tls;      /* NULL: cleartext */
    const char *tls_name; /* SNI and whom the certificate must be for */
    char host[256];       /* to dial; "unix:PATH" */
    uint16_t port;
    uint64_t requests;      /* of all clients; UINT64_MAX: until time is up */
    uint64_t lane_requests; /* of each client: UINT64_MAX: no end; 0: its share of all */
    uint32_t clients, threads, streams;
    double lane_rate;        /* requests per second of one client; 0: as fast as it goes */
    double open_interval_us; /* --rate: between two connections; 0: all at once */
    uint64_t duration_us, warm_up_us;
    uint64_t start_us;     /* of loop_now_us */
    int64_t start_unix_us; /* the same moment by the calendar */
    int log;               /* descriptor of --log-file; -1: none */
    series *series;
    struct facts *facts;
} load_run;

#endif
