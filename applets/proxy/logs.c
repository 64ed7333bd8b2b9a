#include "applets/proxy/logs.h"
#include "applets/proxy/options.h"
#include "applets/proxy/syslog_text.h"

#include <string.h>
#include <syslog.h>

/* By plan_log. What fields hold are secrets, too: cookies, and who may do what. */
static const struct {
    const char *option;
    mode_t mode;
} kinds[PLAN_LOGS] = {{"accesslog-file", LOG_SINK_OPEN},
                      {"frontend-http2-dump-request-header", LOG_SINK_SECRET},
                      {"frontend-http2-dump-response-header", LOG_SINK_SECRET}};

static bool is_syslog(const proxy_settings *set, plan_log which) {
    return which == PLAN_LOG_ACCESS && set->access_syslog;
}

/* NULL: no file. */
static const char *path_of(const proxy_settings *set, plan_log which) {
    if (is_syslog(set, which)) return NULL;
    const char *paths[PLAN_LOGS] = {set->access_file, set->dump_requests, set->dump_answers};
    return paths[which];
}

/* The table of options has looked at it. */
static int facility_of(const proxy_settings *set) {
    return syslog_text_facility(set->syslog_facility);
}

/* Whether both say the same of where its lines go. */
static bool same(const proxy_settings *a, const proxy_settings *b, plan_log which) {
    const char *one = path_of(a, which), *other = path_of(b, which);
    if (is_syslog(a, which) != is_syslog(b, which)) return false;
    if (is_syslog(a, which)) return facility_of(a) == facility_of(b);
    return one == other || (one && other && strcmp(one, other) == 0);
}

static bool open_one(plan *next, const plan *now, plan_log which, error_log_level how_bad) {
    const proxy_settings *set = next->settings;
    const char *why = "out of memory", *path = path_of(set, which);
    log_file **f = &next->logs[which];
    if (now && same(set, now->settings, which))
        *f = now->logs[which] ? log_file_hold(now->logs[which]) : NULL;
    else if (is_syslog(set, which))
        *f = log_file_syslog(LOG_INFO | facility_of(set));
    else if (path)
        *f = log_file_open(path, kinds[which].mode, &why);
    if (*f || (!path && !is_syslog(set, which))) return true;
    error_log_say(how_bad, "%s %s: %s", kinds[which].option, path ? path : "syslog", why);
    return false;
}

bool logs_open(plan *next, const plan *now, error_log_level how_bad) {
    for (plan_log i = 0; i < PLAN_LOGS; i++)
        if (!open_one(next, now, i, how_bad)) return false;
    return true;
}

void logs_reopen(const plan *p) {
    const char *why;
    for (plan_log i = 0; i < PLAN_LOGS; i++) {
        if (!p->logs[i] || log_file_reopen(p->logs[i], &why)) continue;
        error_log_say(ERROR_LOG_ERROR, "%s %s stays as it is: %s", kinds[i].option,
                      path_of(p->settings, i), why);
    }
}

void logs_give(const plan *p, uid_t uid, gid_t gid) {
    const char *why;
    for (plan_log i = 0; i < PLAN_LOGS; i++) {
        if (!p->logs[i] || log_file_give(p->logs[i], uid, gid, &why)) continue;
        error_log_say(ERROR_LOG_WARN, "%s %s is not given to %s: %s", kinds[i].option,
                      path_of(p->settings, i), p->settings->user, why);
    }
}
