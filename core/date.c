#include "core/date.h"

enum { SECONDS_PER_DAY = 86400 };

/* Days from 0001-01-01 to 1970-01-01. */
#define DAYS_TO_EPOCH INT64_C(719162)

static const char weekdays[7][10] = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
};
static const char months[12][4] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};
static const uint16_t days_before_month[12] = {0,   31,  59,  90,  120, 151,
                                               181, 212, 243, 273, 304, 334};

typedef struct civil {
    int64_t year;
    uint32_t month, day; /* from 0; from 1 */
    uint32_t hour, minute, second;
} civil;

static bool leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

static uint32_t days_in_month(int64_t year, uint32_t month) {
    if (month == 1) return leap(year) ? 29 : 28;
    return month == 3 || month == 5 || month == 8 || month == 10 ? 30 : 31;
}

/* Years from 1 on. The 29th of February of a year without one counts as the 1st of March. */
static int64_t seconds_of(const civil *c) {
    const int64_t past = c->year - 1;
    int64_t days = past * 365 + past / 4 - past / 100 + past / 400 - DAYS_TO_EPOCH;
    days += days_before_month[c->month] + (c->month > 1 && leap(c->year) ? 1 : 0);
    days += (int64_t)c->day - 1;
    return days * SECONDS_PER_DAY + c->hour * 3600 + c->minute * 60 + c->second;
}

static int64_t within(int64_t seconds) {
    return seconds < DATE_MIN ? DATE_MIN : seconds > DATE_MAX ? DATE_MAX : seconds;
}

/* DATE_MIN to DATE_MAX only. Stores the weekday, Monday being 0: 0001-01-01 was one. */
static civil civil_of(int64_t seconds, uint32_t *weekday) {
    const uint64_t since = (uint64_t)(seconds + DAYS_TO_EPOCH * SECONDS_PER_DAY);
    const uint32_t clock = (uint32_t)(since % SECONDS_PER_DAY);
    uint32_t days = (uint32_t)(since / SECONDS_PER_DAY);
    civil c = {.hour = clock / 3600, .minute = clock / 60 % 60, .second = clock % 60};

    *weekday = days % 7;
    /* Peel off 400, 100, 4 and 1 years. The last century of four and the last year of four are a
     * day longer than the others: hence the two limits at 3. */
    const uint32_t fours_of_centuries = days / 146097;
    days %= 146097;
    const uint32_t centuries = days / 36524 < 3 ? days / 36524 : 3;
    days -= centuries * 36524;
    const uint32_t fours = days / 1461;
    days %= 1461;
    const uint32_t years = days / 365 < 3 ? days / 365 : 3;
    days -= years * 365;
    c.year = 1 + (int64_t)(fours_of_centuries * 400 + centuries * 100 + fours * 4 + years);
    while (days >= days_in_month(c.year, c.month)) days -= days_in_month(c.year, c.month++);
    c.day = days + 1;
    return c;
}

static void put_digits(uint8_t *p, uint32_t value, int n) {
    while (n > 0) {
        p[--n] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
}

void date_format(int64_t seconds, uint8_t out[DATE_LENGTH]) {
    uint32_t weekday;
    const civil c = civil_of(within(seconds), &weekday);
    memcpy(out, "Day, 00 Mon 0000 00:00:00 GMT", DATE_LENGTH);
    memcpy(out, weekdays[weekday], 3);
    put_digits(out + 5, c.day, 2);
    memcpy(out + 8, months[c.month], 3);
    put_digits(out + 12, (uint32_t)c.year, 4);
    put_digits(out + 17, c.hour, 2);
    put_digits(out + 20, c.minute, 2);
    put_digits(out + 23, c.second, 2);
}

/* ---- reading: each take_ cuts what it reads off *s ---- */

static bool take_text(span *s, const char *text) {
    const span want = span_str(text);
    if (!span_starts(*s, want)) return false;
    *s = span_skip(*s, want.n);
    return true;
}

static bool take_digits(span *s, size_t n, uint32_t *value) {
    uint64_t number;
    if (s->n < n || !bytes_get_decimal(span_head(*s, n), UINT32_MAX, &number)) return false;
    *s = span_skip(*s, n);
    *value = (uint32_t)number;
    return true;
}

/* Whole names, or the first three letters of them. */
static bool take_weekday(span *s, bool whole) {
    for (size_t i = 0; i < 7; i++) {
        const span name = span_str(weekdays[i]), want = whole ? name : span_head(name, 3);
        if (!span_starts(*s, want)) continue;
        *s = span_skip(*s, want.n);
        return true;
    }
    return false;
}

static bool take_month(span *s, uint32_t *month) {
    for (uint32_t i = 0; i < 12; i++) {
        if (!take_text(s, months[i])) continue;
        *month = i;
        return true;
    }
    return false;
}

static bool take_clock(span *s, civil *c) {
    if (!take_digits(s, 2, &c->hour) || !take_text(s, ":")) return false;
    if (!take_digits(s, 2, &c->minute) || !take_text(s, ":")) return false;
    if (!take_digits(s, 2, &c->second) || c->hour > 23 || c->minute > 59) return false;
    return c->second < 60 || (c->second == 60 && c->hour == 23 && c->minute == 59);
}

static bool take_year(span *s, civil *c) {
    uint32_t year;
    if (!take_digits(s, 4, &year)) return false;
    c->year = year;
    return year >= 1601;
}

static bool parse_imf(span s, civil *c) {
    return take_weekday(&s, false) && take_text(&s, ", ") && take_digits(&s, 2, &c->day) &&
           take_text(&s, " ") && take_month(&s, &c->month) && take_text(&s, " ") &&
           take_year(&s, c) && take_text(&s, " ") && take_clock(&s, c) && span_eq(s, SPAN(" GMT"));
}

static bool parse_asctime(span s, civil *c) {
    return take_weekday(&s, false) && take_text(&s, " ") && take_month(&s, &c->month) &&
           take_text(&s, " ") && take_digits(&s, take_text(&s, " ") ? 1 : 2, &c->day) &&
           take_text(&s, " ") && take_clock(&s, c) && take_text(&s, " ") && take_year(&s, c) &&
           s.n == 0;
}

static bool parse_rfc850(span s, int64_t now, civil *c) {
    uint32_t two, weekday;
    if (!take_weekday(&s, true) || !take_text(&s, ", ") || !take_digits(&s, 2, &c->day) ||
        !take_text(&s, "-") || !take_month(&s, &c->month) || !take_text(&s, "-") ||
        !take_digits(&s, 2, &two) || !take_text(&s, " ") || !take_clock(&s, c) ||
        !span_eq(s, SPAN(" GMT"))) {
        return false;
    }
    /* The last year with these digits that is not over 50 years ahead. */
    civil horizon = civil_of(within(now), &weekday);
    horizon.year += 50;
    c->year = horizon.year - (horizon.year - two) % 100;
    if (seconds_of(c) > seconds_of(&horizon)) c->year -= 100;
    return true;
}

bool date_parse(span text, int64_t now, int64_t *seconds) {
    civil c = {0};
    if (!parse_imf(text, &c) && !parse_asctime(text, &c) && !parse_rfc850(text, now, &c))
        return false;
    if (c.day == 0 || c.day > days_in_month(c.year, c.month)) return false;
    const int64_t sum = seconds_of(&c);
    if (sum < DATE_MIN || sum > DATE_MAX) return false;
    *seconds = sum;
    return true;
}
