/* Numbers as people read them, in the shapes that the nghttp2 tools print. */
#ifndef H2BOX_APPLETS_COMMON_HUMAN_H
#define H2BOX_APPLETS_COMMON_HUMAN_H

#include <stdint.h>

/* Room for any of these texts, NUL included. */
enum { HUMAN_ROOM = 32 };

/* "750us" below a millisecond, "1.98ms" below a second, else "12.30s". Returns text. */
char *human_duration(char text[HUMAN_ROOM], uint64_t microseconds);

/* "1023B", "16.25KB", "3.00MB", "1.73GB": powers of 1024. Returns text. */
char *human_bytes(char text[HUMAN_ROOM], uint64_t bytes);

/* "1023", "2K", "16M", "3G": whole units, rounded down. Returns text. */
char *human_units(char text[HUMAN_ROOM], uint64_t bytes);

#endif
