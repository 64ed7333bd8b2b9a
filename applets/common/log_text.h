/* What lines of logs are made of: times as they are written there, and what a peer says, in a form
 * that cannot end a line, close a quoted text or steer a terminal.
 *
 * Any thread; the texts of times are the thread's own. */
#ifndef H2BOX_APPLETS_COMMON_LOG_TEXT_H
#define H2BOX_APPLETS_COMMON_LOG_TEXT_H

#include "core/bytes.h"

/* Writes s with all but printable ASCII, and '"' and '\', as \xHH (Apache's way), and returns the
 * bytes written, at most room: what does not fit is left out, and no escape is cut. */
size_t log_text_escape(char *out, size_t room, span s);

/* "28/Nov/2026:10:15:30 +0000", in the local time zone or in UTC; until the next call on this
 * thread. */
span log_text_clf(int64_t unix_seconds, bool local);

/* "2026-11-28T10:15:30.042Z", "2026-11-28T15:45:30.042+05:30", local; until the next call on this
 * thread. */
span log_text_iso(int64_t unix_seconds, uint32_t milliseconds);

#endif
