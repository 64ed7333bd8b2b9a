#include "applets/load/table_share.h"

#include <stdlib.h>

/* Three quarters of the default table: what authority and user agent take is in it. */
#define SHARE_BYTES 3072u
#define OVERHEAD    32u /* RFC 7541 section 4.1 */

/* Where a field stands, to be sorted by what it says. */
typedef struct place {
    http_field *field;
    uint32_t uses; /* of the same field in all requests */
} place;

static int by_text(const void *a, const void *b) {
    const http_field *x = ((const place *)a)->field, *y = ((const place *)b)->field;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int order = memcmp(x->name.p, y->name.p, n);
    if (!order) order = (x->name.n > y->name.n) - (x->name.n < y->name.n);
    if (order) return order;
    n = x->value.n < y->value.n ? x->value.n : y->value.n;
    order = n ? memcmp(x->value.p, y->value.p, n) : 0;
    return order ? order : (x->value.n > y->value.n) - (x->value.n < y->value.n);
}

/* Those of most requests first; the same fields stay together. */
static int by_uses(const void *a, const void *b) {
    const place *x = a, *y = b;
    if (x->uses != y->uses) return x->uses < y->uses ? 1 : -1;
    return by_text(a, b);
}

static void count_uses(place *places, size_t n) {
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && by_text(&places[i], &places[j]) == 0;) j++;
        for (size_t k = i; k < j; k++) places[k].uses = (uint32_t)(j - i);
    }
}

void table_share_decide(workload *p) {
    size_t n = 0;
    for (uint32_t i = 0; i < p->count; i++) n += p->at[i].count;
    place *places = malloc((n + 1) * sizeof *places);
    if (!places) return; /* slower, not wrong */
    n = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        workload_request *r = &p->at[i];
        for (uint32_t j = 0; j < r->count; j++) {
            if (fields_flags((http_token)r->fields[j].token) & HTTP_FIELD_VARIES) continue;
            r->fields[j].never_indexed = r->vary && r->vary[j];
            if (!r->fields[j].never_indexed) places[n++] = (place){&r->fields[j], 0};
        }
    }
    qsort(places, n, sizeof *places, by_text);
    count_uses(places, n);
    qsort(places, n, sizeof *places, by_uses);
    size_t left = SHARE_BYTES;
    for (size_t i = 0, j; i < n; i = j) {
        const http_field *f = places[i].field;
        size_t size = f->name.n + f->value.n + OVERHEAD;
        bool fits = size <= left;
        if (fits) left -= size;
        for (j = i; j < n && by_text(&places[i], &places[j]) == 0; j++)
            places[j].field->never_indexed = !fits;
    }
    free(places);
}
