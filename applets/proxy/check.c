#include "applets/proxy/check.h"

#include "applets/applet.h"
#include "applets/proxy/plan.h"

int check_config(const proxy_config *c) {
    const opt_call *call = proxy_config_call(c);
    char why[PLAN_WHY_ROOM];
    plan *p = plan_new(proxy_config_settings(c), call->old_name, 1, why, sizeof why);
    if (!p) {
        opt_say(call, "%s", why);
        return opt_refusal(call);
    }
    opt_file_write(call->out, call->table, p->settings, call->old_name);
    plan_drop(p);
    return APPLET_DONE;
}
