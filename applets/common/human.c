#include "applets/common/human.h"

#include <stdio.h>

char *human_duration(char text[HUMAN_ROOM], uint64_t microseconds) {
    double us = (double)microseconds;
    if (microseconds < 1000)
        snprintf(text, HUMAN_ROOM, "%uus", (unsigned)microseconds);
    else if (microseconds < 1000000)
        snprintf(text, HUMAN_ROOM, "%.2fms", us / 1e3);
    else
        snprintf(text, HUMAN_ROOM, "%.2fs", us / 1e6);
    return text;
}

/* The largest unit that bytes reach: 0 for bytes, 1 for K, 2 for M, 3 for G. */
static unsigned unit_of(uint64_t bytes) {
    unsigned unit = 0;
    while (unit < 3 && bytes >> (10 * (unit + 1))) unit++;
    return unit;
}

char *human_bytes(char text[HUMAN_ROOM], uint64_t bytes) {
    unsigned unit = unit_of(bytes);
    double whole = (double)(UINT64_C(1) << (10 * unit));
    if (unit == 0)
        snprintf(text, HUMAN_ROOM, "%uB", (unsigned)bytes);
    else
        snprintf(text, HUMAN_ROOM, "%.2f%cB", (double)bytes / whole, "BKMG"[unit]);
    return text;
}

char *human_units(char text[HUMAN_ROOM], uint64_t bytes) {
    unsigned unit = unit_of(bytes);
    unsigned long long whole = bytes >> (10 * unit);
    if (unit == 0)
        snprintf(text, HUMAN_ROOM, "%llu", whole);
    else
        snprintf(text, HUMAN_ROOM, "%llu%c", whole, "BKMG"[unit]);
    return text;
}
