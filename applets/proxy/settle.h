/* What settings come to together, before a plan is made of them: older names give their values to
 * the newer ones, modes become parameters of frontends and backends, and what is asked for in vain
 * is told. */
#ifndef H2BOX_APPLETS_PROXY_SETTLE_H
#define H2BOX_APPLETS_PROXY_SETTLE_H

#include "applets/proxy/options.h"

struct backend_text;

/* Gives a backend what options say of all backends: modes, TLS, its name for SNI. The texts it then
 * points to live as long as set. */
void settle_backend(const proxy_settings *set, struct backend_text *b);

/* Whether requests go to the origins themselves: a forward proxy without backends. Not under the
 * old name, where one is the default. */
bool settle_is_direct(const proxy_settings *set, bool old_name);

#define SETTLE_BACKEND  "127.0.0.1,80"
#define SETTLE_FRONTEND "*,3000"

/* Texts that were made on the way; zeroed: none. */
typedef struct settle_texts {
    char **v;
    size_t count, room;
} settle_texts;

void settle_free(settle_texts *texts);

/* OPT_GO, or a code after a message. */
int settle(opt_call *call, proxy_settings *set, settle_texts *texts);

#endif
