#include "tls/alert.h"

const char *alert_told(uint8_t number) {
    switch (number) {
#define ALERT(name, number) \
    case number: return "the peer sent the TLS alert " #name;
#include "tls/alert.def"
#undef ALERT
    default: return "the peer sent a TLS alert that has no name";
    }
}
