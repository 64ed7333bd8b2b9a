/* Alerts of TLS by number and by name. Texts are literals. */
#ifndef H2BOX_TLS_ALERT_H
#define H2BOX_TLS_ALERT_H

#include <stdint.h>

enum {
#define ALERT(name, number) ALERT_##name = number,
#include "tls/alert.def"
#undef ALERT
    ALERT_LEVEL_WARNING = 1,
    ALERT_LEVEL_FATAL = 2
};

/* "the peer sent the TLS alert handshake_failure"; of a number that is in no RFC, that it has no
 * name. */
const char *alert_told(uint8_t number);

#endif
