/* The whole proxy between peers that a program plays (tests/proxy/game.h). */
#include "tests/proxy/game.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    if (n <= 1000) game_play(span_of(bytes, n));
    return 0;
}
