/* date_parse over any text: what it takes must be within range and come back the same after
 * date_format. */
#include <stdint.h>
#include <stdlib.h>

#include "core/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    int64_t now, seconds, again;
    uint8_t text[DATE_LENGTH];
    if (n < sizeof now) return 0;
    memcpy(&now, bytes, sizeof now);
    date_format(now, text);
    if (!date_parse(span_of(text, DATE_LENGTH), now, &again)) abort();
    if (now >= DATE_MIN && now <= DATE_MAX && again != now) abort();
    if (!date_parse(span_of(bytes + sizeof now, n - sizeof now), now, &seconds)) return 0;
    if (seconds < DATE_MIN || seconds > DATE_MAX) abort();
    date_format(seconds, text);
    if (!date_parse(span_of(text, DATE_LENGTH), now, &again) || again != seconds) abort();
    return 0;
}
