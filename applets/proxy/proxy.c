/* The proxy: from its command line to the workers that serve, and to its end. */
#include "applets/applet.h"
#include "applets/proxy/config.h"

int proxy_main(int argc, char **argv, bool old_name) {
    int code;
    proxy_config *c = proxy_config_read(argc, argv, old_name, stdout, stderr, &code);
    if (!c) return code;
    opt_say(proxy_config_call(c), "it cannot serve yet");
    proxy_config_drop(c);
    return APPLET_FAILED;
}
