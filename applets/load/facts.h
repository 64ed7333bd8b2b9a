/* What the first connection came to: told once, and kept for the record. Shared by threads. */
#ifndef H2BOX_APPLETS_LOAD_FACTS_H
#define H2BOX_APPLETS_LOAD_FACTS_H

#include "netio/net.h"

#include <stdatomic.h>

typedef struct facts {
    atomic_bool known; /* set by who writes the texts, once, before any other looks */
    char protocol[16]; /* "h2", "h2c", "http/1.1" */
    char tls[16], cipher[64], group[32];
    bool quiet;
    bool live; /* a line stands on the terminal that others must wipe */
} facts;

/* Prints to stdout, unless quiet. */
void load_facts_say(const facts *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes them from a link; the first one counts, and is printed. */
void load_facts_note(facts *f, net_link *k);

#endif
