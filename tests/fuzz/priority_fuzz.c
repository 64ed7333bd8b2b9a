/* priority_parse over any value: the result is always a priority, what is not a dictionary
 * changes nothing, and one more member at the end changes only what it names. */
#include <stdint.h>
#include <stdlib.h>

#include "core/priority.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool so) {
    if (!so) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    priority p, again;
    const priority base = {6, true};
    if (!priority_parse(span_of(bytes, n), base, &p)) {
        must(p.urgency == 6 && p.incremental);
        return 0;
    }
    must(p.urgency <= 7);
    uint8_t text[PRIORITY_ROOM];
    const size_t length = priority_format(p, text);
    must(priority_parse(span_of(text, length), PRIORITY_DEFAULT, &again));
    must(again.urgency == p.urgency && again.incremental == p.incremental);

    uint8_t *longer = malloc(n + 5);
    if (longer == NULL) return 0;
    if (n > 0) memcpy(longer, bytes, n);
    memcpy(longer + n, ", u=2", 5);
    bool blank = true;
    for (size_t i = 0; i < n; i++) blank = blank && bytes[i] == ' ';
    must(priority_parse(span_of(longer, n + 5), base, &again) == !blank);
    must(blank || (again.urgency == 2 && again.incremental == p.incremental));
    free(longer);
    return 0;
}
