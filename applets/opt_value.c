/* The texts that options take, read into typed places. */
#include "applets/opt_parts.h"

#include <stdlib.h>
#include <string.h>

/* Decimal digits at *at, at least one, up to max; moves *at behind them. */
static bool digits(const char **at, uint64_t max, uint64_t *v) {
    const char *p = *at;
    uint64_t sum = 0;
    if (*p < '0' || *p > '9') return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (digit > max || sum > (max - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *at = p;
    *v = sum;
    return true;
}

bool opt_value_int(const char *text, int64_t *v) {
    bool negative = *text == '-';
    uint64_t sum;
    if (*text == '-' || *text == '+') text++;
    if (!digits(&text, (uint64_t)INT64_MAX, &sum) || *text) return false;
    *v = negative ? -(int64_t)sum : (int64_t)sum;
    return true;
}

bool opt_value_size(const char *text, uint64_t *bytes) {
    uint64_t sum;
    unsigned shift = 0;
    if (!digits(&text, UINT64_MAX, &sum)) return false;
    switch (*text) {
    case 'k':
    case 'K': shift = 10; break;
    case 'm':
    case 'M': shift = 20; break;
    case 'g':
    case 'G': shift = 30; break;
    default: break;
    }
    if (shift) text++;
    if (*text || sum > UINT64_MAX >> shift) return false;
    *bytes = sum << shift;
    return true;
}

bool opt_value_duration(const char *text, uint64_t *ms) {
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000}, {"h", 3600000}};
    uint64_t sum;
    if (!digits(&text, UINT64_MAX, &sum)) return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text, units[i].unit) != 0) continue;
        if (sum > UINT64_MAX / units[i].ms) return false;
        *ms = sum * units[i].ms;
        return true;
    }
    return false;
}

size_t opt_value_room(opt_type type) {
    switch (type) {
    case OPT_FLAG: return sizeof(bool);
    case OPT_COUNT: return sizeof(uint32_t);
    case OPT_INT: return sizeof(int64_t);
    case OPT_SIZE:
    case OPT_DURATION: return sizeof(uint64_t);
    case OPT_SIZES: return sizeof(opt_sizes);
    case OPT_STRING: return sizeof(const char *);
    case OPT_LIST: return sizeof(opt_list);
    case OPT_ENUM: return sizeof(int);
    }
    return 0;
}

static bool bounded(const opt_spec *s) { return s->min != 0 || s->max != 0; }

static bool in_range(const opt_spec *s, uint64_t v) {
    return !bounded(s) ||
           (v <= (uint64_t)INT64_MAX && (int64_t)v >= s->min && (int64_t)v <= s->max);
}

/* Room for one more item in a list that keeps count and room beside its items; NULL when it is full
 * or refused. */
static void *one_more(void *items, size_t item, uint32_t count, uint32_t *room) {
    if (count < *room) return items;
    uint32_t wider = *room ? *room * 2 : 8;
    void *moved = realloc(items, (size_t)wider * item);
    if (moved) *room = wider;
    return moved;
}

static opt_stored add_string(opt_list *list, uint32_t most, const char *text) {
    if (list->count >= most) return OPT_TOO_MANY;
    void *moved = one_more(list->v, sizeof(*list->v), list->count, &list->room);
    if (!moved) return OPT_NO_MEMORY;
    list->v = moved;
    list->v[list->count++] = text;
    return OPT_STORED;
}

static opt_stored add_size(opt_sizes *list, uint32_t most, uint64_t size) {
    if (list->count >= most) return OPT_TOO_MANY;
    void *moved = one_more(list->v, sizeof(*list->v), list->count, &list->room);
    if (!moved) return OPT_NO_MEMORY;
    list->v = moved;
    list->v[list->count++] = size;
    return OPT_STORED;
}

static opt_stored keep(void *place, const void *value, size_t n) {
    memcpy(place, value, n);
    return OPT_STORED;
}

static opt_stored store_count(void *place) {
    uint32_t count;
    memcpy(&count, place, sizeof(count));
    if (count < UINT32_MAX) count++;
    return keep(place, &count, sizeof(count));
}

static opt_stored store_name(const opt_spec *s, const char *text, void *place) {
    for (int i = 0; s->names[i]; i++) {
        if (strcmp(text, s->names[i]) == 0) return keep(place, &i, sizeof(i));
    }
    return OPT_NOT_ACCEPTED;
}

opt_stored opt_value_store(const opt_spec *s, const char *text, void *settings) {
    if (s->room == 0) return OPT_STORED;
    void *place = (char *)settings + s->offset;
    uint64_t number;
    int64_t integer;
    switch (s->type) {
    case OPT_FLAG: return keep(place, &(bool){true}, sizeof(bool));
    case OPT_COUNT: return store_count(place);
    case OPT_INT:
        if (!opt_value_int(text, &integer)) return OPT_NOT_ACCEPTED;
        if (bounded(s) && (integer < s->min || integer > s->max)) return OPT_NOT_ACCEPTED;
        return keep(place, &integer, sizeof(integer));
    case OPT_SIZE:
        if (!opt_value_size(text, &number) || !in_range(s, number)) return OPT_NOT_ACCEPTED;
        return keep(place, &number, sizeof(number));
    case OPT_SIZES:
        if (!opt_value_size(text, &number) || !in_range(s, number)) return OPT_NOT_ACCEPTED;
        return add_size(place, opt_most_times(s), number);
    case OPT_DURATION:
        if (!opt_value_duration(text, &number) || !in_range(s, number)) return OPT_NOT_ACCEPTED;
        return keep(place, &number, sizeof(number));
    case OPT_STRING: return keep(place, &text, sizeof(text));
    case OPT_LIST: return add_string(place, opt_most_times(s), text);
    case OPT_ENUM: return store_name(s, text, place);
    }
    return OPT_NOT_ACCEPTED;
}

void opt_value_clear(const opt_spec *s, void *settings) {
    if (s->room) memset((char *)settings + s->offset, 0, s->room);
}

void opt_value_free(const opt_spec *s, void *settings) {
    if (s->room == 0) return;
    void *place = (char *)settings + s->offset;
    if (s->type == OPT_LIST) {
        opt_list *list = place;
        free(list->v);
        *list = (opt_list){0};
    } else if (s->type == OPT_SIZES) {
        opt_sizes *list = place;
        free(list->v);
        *list = (opt_sizes){0};
    }
}

void opt_value_number(opt_type type, int64_t v, char *text, size_t size) {
    static const char *const sizes[] = {"", "K", "M", "G"};
    size_t unit = 0;
    if (type == OPT_SIZE || type == OPT_SIZES) {
        while (unit < 3 && v != 0 && v % 1024 == 0) {
            v /= 1024;
            unit++;
        }
        snprintf(text, size, "%lld%s", (long long)v, sizes[unit]);
    } else if (type == OPT_DURATION) {
        bool whole = v % 1000 == 0;
        snprintf(text, size, "%lld%s", (long long)(whole ? v / 1000 : v), whole ? "s" : "ms");
    } else {
        snprintf(text, size, "%lld", (long long)v);
    }
}

void opt_value_accepts(const opt_spec *s, char *text, size_t size) {
    const char *kind = "a value";
    char low[32], high[32];
    switch (s->type) {
    case OPT_INT: kind = "an integer"; break;
    case OPT_SIZE:
    case OPT_SIZES: kind = "a size such as 16384, 64K, 1M or 1G"; break;
    case OPT_DURATION: kind = "a duration such as 500ms, 10s, 5m or 1h"; break;
    case OPT_ENUM: kind = "one of"; break;
    default: break;
    }
    snprintf(text, size, "%s", kind);
    if (s->type == OPT_ENUM) {
        for (size_t i = 0; s->names[i]; i++) {
            size_t n = strlen(text);
            snprintf(text + n, size - n, "%s%s", i ? ", " : " ", s->names[i]);
        }
    } else if (bounded(s) && s->type != OPT_LIST) {
        size_t n = strlen(text);
        opt_value_number(s->type, s->min, low, sizeof(low));
        opt_value_number(s->type, s->max, high, sizeof(high));
        if (s->max == INT64_MAX)
            snprintf(text + n, size - n, " from %s", low);
        else
            snprintf(text + n, size - n, " from %s to %s", low, high);
    }
}
