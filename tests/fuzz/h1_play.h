/* A connection of HTTP/1.1, or one that may become HTTP/2, played whole and in pieces: it must tell
 * the same events and write the same bytes.
 *
 * Input: a byte of switches, a byte that cuts, then what the peer sends. */
#ifndef H2BOX_TESTS_FUZZ_H1_PLAY_H
#define H2BOX_TESTS_FUZZ_H1_PLAY_H

#include "core/session.h"

/* Aborts when something is wrong. */
void h1_play_both(const uint8_t *bytes, size_t n, bool server);

#endif
