/* Flow control arithmetic (RFC 9113 sections 5.2 and 6.9): the only place where windows are added
 * to or taken from.
 *
 * A window is what may still be sent: signed, because a change of SETTINGS_INITIAL_WINDOW_SIZE can
 * take it below zero. No state of its own. */
#ifndef H2BOX_CORE_H2_FLOW_H
#define H2BOX_CORE_H2_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#define H2_FLOW_MAX     0x7fffffff /* RFC 9113 section 6.9.1 */
#define H2_FLOW_INITIAL 65535      /* both levels, RFC 9113 section 6.9.2 */

/* Adds a WINDOW_UPDATE; false, with nothing changed, when that passes H2_FLOW_MAX. */
bool h2_flow_grow(int32_t *window, uint32_t by);

/* Shifts by the difference of two initial window sizes; false, with nothing changed, past
 * H2_FLOW_MAX. */
bool h2_flow_shift(int32_t *window, uint32_t from, uint32_t to);

/* Spends n bytes of a send window that holds them. */
void h2_flow_spend(int32_t *window, uint32_t n);

/* Counts n received bytes; false when the peer sent more than the window and the slack allow.
 * Nothing at all is allowed by any window (RFC 9113 section 6.9). */
bool h2_flow_receive(int32_t *window, uint32_t n, uint32_t slack);

/* How many of `owed` bytes to announce now, given the window's full size: 0 until half of it is
 * owed, so that updates are few. */
uint32_t h2_flow_due(uint32_t owed, uint32_t full);

/* How much may be sent now: the least of what is wanted and what both windows hold. */
uint32_t h2_flow_allowed(int32_t connection, int32_t stream, uint32_t wanted);

#endif
