/* A world played by a program: bytes that say what its peers do, one move after the other.
 *
 * The same for the fuzzer, whose inputs are such programs, and for runs of random ones. Any bytes
 * are a program. */
#ifndef H2BOX_TESTS_PROXY_MOVES_H
#define H2BOX_TESTS_PROXY_MOVES_H

#include "core/bytes.h"

void moves_play(span program);

#endif
