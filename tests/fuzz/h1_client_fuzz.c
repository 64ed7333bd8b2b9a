/* Any bytes of a server, at any cuts. */
#include "tests/fuzz/h1_play.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    h1_play_both(bytes, n, false);
    return 0;
}
