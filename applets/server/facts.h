/* Texts that answers of a site repeat, made once: dates of files and the types of their names.
 *
 * Two small direct-mapped tables; what they do not hold is made in its place. One per worker. */
#ifndef H2BOX_APPLETS_SERVER_FACTS_H
#define H2BOX_APPLETS_SERVER_FACTS_H

#include "applets/server/types.h"
#include "core/date.h"

#define FACTS_DATES 128u /* powers of two: a site's files share few seconds and fewer types */
#define FACTS_TYPES 32u

typedef struct facts_type_of {
    uint64_t extension; /* its bytes, eight at most; 0: empty */
    span type;
    bool compress; /* worth a content coding */
} facts_type_of;

typedef struct facts {
    const types *known; /* NULL: the built-in table */
    struct {
        int64_t seconds;
        uint8_t text[DATE_LENGTH];
    } dates[FACTS_DATES];
    facts_type_of types[FACTS_TYPES], other; /* other: of the last long extension */
} facts;

void facts_init(facts *f, const types *known);

/* The date as HTTP writes it; good until the next call. */
span facts_date(facts *f, int64_t seconds);

/* The media type of a file with this name; good until the next call. */
const facts_type_of *facts_type(facts *f, span name);

#endif
