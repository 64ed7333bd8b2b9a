/* Names of syslog's facilities, as --syslog-facility takes them. */
#ifndef H2BOX_APPLETS_PROXY_SYSLOG_TEXT_H
#define H2BOX_APPLETS_PROXY_SYSLOG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* What openlog takes; -1 when there is no such facility. */
int syslog_text_facility(const char *name);

/* As opt_spec.read_by takes it. */
bool syslog_text_is_facility(const char *text, char *why, size_t room);

#endif
