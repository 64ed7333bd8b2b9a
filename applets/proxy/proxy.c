/* The proxy: from its command line to the workers that serve, and to its end. */
#include "applets/applet.h"
#include "applets/proxy/check.h"

int proxy_main(int argc, char **argv, bool old_name) {
    int code;
    proxy_config *c = proxy_config_read(argc, argv, old_name, stdout, stderr, &code);
    if (!c) return code;
    if (proxy_config_settings(c)->check) {
        code = check_config(c);
    } else {
        opt_say(proxy_config_call(c), "it cannot serve yet");
        code = APPLET_FAILED;
    }
    proxy_config_drop(c);
    return code;
}
