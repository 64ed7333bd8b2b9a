/* Texts that answers of a site repeat, made once: dates of files and the types of their names.
 *
 * Two small direct-mapped tables; what they do not hold is made in its place. One per worker. */
#ifndef H2BOX_APPLETS_SERVER_FACTS_H
#define H2BOX_APPLETS_SERVER_FACTS_H

#include "core/date.h"

#define FACTS_DATES 128u /* powers of two: a site's files share few seconds and fewer types */
#define FACTS_TYPES 32u

typedef struct facts {
    struct {
        int64_t seconds;
        uint8_t text[DATE_LENGTH];
    } dates[FACTS_DATES];
    struct {
        uint64_t extension; /* its bytes, eight at most; 0: empty */
        span type;
    } types[FACTS_TYPES];
} facts;

void facts_init(facts *f);

/* The date as HTTP writes it; good until the next call. */
span facts_date(facts *f, int64_t seconds);

/* The media type of a file with this name. Static storage. */
span facts_type(facts *f, span name);

#endif
