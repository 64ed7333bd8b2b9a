/* The proxy's settings; their option table is `proxy_options` (applet.h). */
#ifndef H2BOX_APPLETS_PROXY_OPTIONS_H
#define H2BOX_APPLETS_PROXY_OPTIONS_H

#include "applets/opt.h"

typedef struct proxy_settings {
    const char *conf;
} proxy_settings;

#endif
