#include "applets/server/facts.h"

#include <string.h>

#include "core/mime.h"

void facts_init(facts *f) {
    *f = (facts){0};
    for (unsigned i = 0; i < FACTS_DATES; i++) f->dates[i].seconds = INT64_MIN; /* no date */
}

span facts_date(facts *f, int64_t seconds) {
    uint8_t *text = f->dates[(uint64_t)seconds % FACTS_DATES].text;
    int64_t *there = &f->dates[(uint64_t)seconds % FACTS_DATES].seconds;
    if (*there != seconds) {
        date_format(seconds, text);
        *there = seconds;
    }
    return span_of(text, DATE_LENGTH);
}

static span type_of(span extension) {
    span type = mime_type(extension);
    return type.n ? type : SPAN(MIME_UNKNOWN);
}

span facts_type(facts *f, span name) {
    span extension = mime_extension(name);
    uint64_t key = 0;
    if (extension.n == 0 || extension.n > sizeof key) return type_of(extension);
    memcpy(&key, extension.p, extension.n);
    size_t slot = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) % FACTS_TYPES;
    if (f->types[slot].extension != key) {
        f->types[slot].type = type_of(extension);
        f->types[slot].extension = key;
    }
    return f->types[slot].type;
}
