/* A client's connection, played by a program: h2_game.h. */
#include "tests/fuzz/h2_game.h"

int LLVMFuzzerTestOneInput(const uint8_t *program, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *program, size_t n) {
    return game_play(program, n, false);
}
