/* One reading of the proxy's configuration: its command line over its files, settled.
 *
 * Reading the same command line again gives what the files say now; so a reload is another reading.
 * Counted, since plans of it live on; owns the texts that settings point to but for those of argv.
 * "Settled": older names, modes and defaults are translated, so that the plan and --check see
 * frontends and backends as they are. */
#ifndef H2BOX_APPLETS_PROXY_CONFIG_H
#define H2BOX_APPLETS_PROXY_CONFIG_H

#include "applets/proxy/options.h"

/* Reads argv (kept by the caller, for as long as any of it lives) and files. Messages go to err,
 * --help to out. NULL with *code: what to exit with. */
proxy_config *proxy_config_read(int argc, char **argv, bool old_name, FILE *out, FILE *err,
                                int *code);

const proxy_settings *proxy_config_settings(const proxy_config *c);
const opt_call *proxy_config_call(const proxy_config *c); /* for messages */

proxy_config *proxy_config_hold(proxy_config *c);
void proxy_config_drop(proxy_config *c); /* NULL is nothing; any thread */

#endif
