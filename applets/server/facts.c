#include "applets/server/facts.h"

#include <string.h>

#include "core/mime.h"

static void find(facts *f, facts_type_of *out, span extension) {
    span type = types_find(f->known, extension);
    out->type = type.n ? type : SPAN(MIME_UNKNOWN);
    out->compress = types_compress(out->type);
}

void facts_init(facts *f, const types *known) {
    *f = (facts){.known = known};
    for (unsigned i = 0; i < FACTS_DATES; i++) f->dates[i].seconds = INT64_MIN; /* no date */
    for (unsigned i = 0; i < FACTS_TYPES; i++) find(f, &f->types[i], SPAN(""));
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

const facts_type_of *facts_type(facts *f, span name) {
    span extension = mime_extension(name);
    uint64_t key = 0;
    if (extension.n > sizeof key) {
        find(f, &f->other, extension);
        return &f->other;
    }
    if (extension.n) memcpy(&key, extension.p, extension.n);
    size_t slot = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) % FACTS_TYPES;
    if (f->types[slot].extension != key) {
        find(f, &f->types[slot], extension);
        f->types[slot].extension = key;
    }
    return &f->types[slot];
}
