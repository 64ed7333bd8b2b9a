/* The whole proxy between peers that a program plays (tests/proxy/moves.h). */
#include "tests/proxy/moves.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    if (n <= 1000) moves_play(span_of(bytes, n));
    return 0;
}
