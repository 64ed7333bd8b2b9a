/* The priority of a response as RFC 9218 puts it into words: "u=3, i" in the Priority field and
 * in PRIORITY_UPDATE frames.
 *
 * Reads the dictionary as structured fields have it (RFC 9651 section 4.2.2), also members that
 * mean nothing here. What a priority does to the order of streams is not decided here. It owns
 * nothing. */
#ifndef H2BOX_CORE_PRIORITY_H
#define H2BOX_CORE_PRIORITY_H

#include "core/bytes.h"

typedef struct priority {
    uint8_t urgency;  /* 0 to 7, 0 the most urgent (RFC 9218 section 4.1) */
    bool incremental; /* worth sending in turns with others (section 4.2) */
} priority;

#define PRIORITY_DEFAULT ((priority){3, false})

/* Reads a field value and stores in *out the members it names over those of base:
 * PRIORITY_DEFAULT for a request's field and for PRIORITY_UPDATE (which replaces, section 7),
 * the request's own priority for a response's field (section 8). Unknown members, urgencies over
 * 7 and values of another type are passed over (section 4). False, and *out is base, when the
 * value is not a dictionary at all: then nothing in it counts. Several fields of one message are
 * joined with ", " by the caller. */
bool priority_parse(span value, priority base, priority *out);

#define PRIORITY_ROOM 6u

/* Writes "u=N" or "u=N, i" without a NUL and returns its length. Defaults are written out too: a
 * value over another one may have to say them. */
size_t priority_format(priority p, uint8_t out[PRIORITY_ROOM]);

#endif
