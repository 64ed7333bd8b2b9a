#include "applets/common/log_text.h"

#include <stdio.h>
#include <time.h>

static bool plain(uint8_t c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

size_t log_text_escape(char *out, size_t room, span s) {
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (plain(c)) {
            if (n == room) break;
            out[n++] = (char)c;
            continue;
        }
        if (room - n < 4) break;
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = hex[c >> 4];
        out[n++] = hex[c & 15];
    }
    return n;
}

/* A time that was looked at in this second: a local one costs a lock in the C library. */
typedef struct moment {
    int64_t second;
    bool is_set, local;
    span text;
    char bytes[48];
} moment;

/* False for years that an int does not hold: no clock says so. */
static bool broken_down(int64_t seconds, bool local, struct tm *tm) {
    time_t t = (time_t)seconds;
    return local ? localtime_r(&t, tm) : gmtime_r(&t, tm);
}

static bool is_kept(moment *m, int64_t second, bool local) {
    if (m->is_set && m->second == second && m->local == local) return true;
    *m = (moment){.second = second, .is_set = true, .local = local, .text = SPAN("-")};
    return false;
}

/* "+0530" or "+05:30". */
static const char *zone_of(const struct tm *tm, const char *colon, char zone[16]) {
    unsigned minutes = (unsigned)(tm->tm_gmtoff < 0 ? -tm->tm_gmtoff : tm->tm_gmtoff) / 60;
    snprintf(zone, 16, "%c%02u%s%02u", tm->tm_gmtoff < 0 ? '-' : '+', minutes / 60 % 100, colon,
             minutes % 60);
    return zone;
}

static void keep(moment *m, int n) {
    if (n > 0 && (size_t)n < sizeof m->bytes) m->text = span_of(m->bytes, (size_t)n);
}

span log_text_clf(int64_t unix_seconds, bool local) {
    static _Thread_local moment last;
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    char zone[16];
    if (is_kept(&last, unix_seconds, local)) return last.text;
    if (!broken_down(unix_seconds, local, &tm)) return last.text;
    keep(&last, snprintf(last.bytes, sizeof last.bytes, "%02d/%s/%d:%02d:%02d:%02d %s", tm.tm_mday,
                         months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
                         zone_of(&tm, "", zone)));
    return last.text;
}

span log_text_iso(int64_t unix_seconds, uint32_t milliseconds) {
    static _Thread_local moment last;
    struct tm tm;
    char zone[16];
    if (!is_kept(&last, unix_seconds, true) && broken_down(unix_seconds, true, &tm)) {
        keep(&last, snprintf(last.bytes, sizeof last.bytes, "%d-%02d-%02dT%02d:%02d:%02d.000%s",
                             tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                             tm.tm_sec, tm.tm_gmtoff ? zone_of(&tm, ":", zone) : "Z"));
    }
    char *dot = last.text.n > 1 ? memchr(last.bytes, '.', last.text.n) : NULL;
    for (unsigned i = 3; dot && i; i--) {
        dot[i] = (char)('0' + milliseconds % 10);
        milliseconds /= 10;
    }
    return last.text;
}
