/* The proxy: from its command line to the workers that serve, and to its end. */
#include "applets/applet.h"
#include "applets/proxy/options.h"

int proxy_main(int argc, char **argv, bool old_name) {
    proxy_settings set;
    opt_call call;
    int code = opt_read(&proxy_options, argc, argv, old_name, &set, &call);
    if (code != OPT_GO) return code;
    opt_say(&call, "it cannot serve yet");
    opt_end(&call);
    return APPLET_FAILED;
}
