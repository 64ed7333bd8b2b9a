#include "applets/proxy/syslog_text.h"

#include <stdio.h>
#include <strings.h>
#include <syslog.h>

int syslog_text_facility(const char *name) {
    static const struct {
        const char *name;
        int facility;
    } known[] = {{"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},
                 {"daemon", LOG_DAEMON}, {"ftp", LOG_FTP},           {"kern", LOG_KERN},
                 {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},     {"local2", LOG_LOCAL2},
                 {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},     {"local5", LOG_LOCAL5},
                 {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},     {"lpr", LOG_LPR},
                 {"mail", LOG_MAIL},     {"news", LOG_NEWS},         {"syslog", LOG_SYSLOG},
                 {"user", LOG_USER},     {"uucp", LOG_UUCP}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcasecmp(name, known[i].name) == 0) return known[i].facility;
    }
    return -1;
}

bool syslog_text_is_facility(const char *text, char *why, size_t room) {
    if (syslog_text_facility(text) >= 0) return true;
    snprintf(why, room, "'%.40s': a facility is expected, as daemon, user or local0", text);
    return false;
}
