#include "applets/server/listing.h"
#include "core/limits.h"
#include "core/path.h"

#include <stdlib.h>
#include <time.h>

/* ---- order ---- */

listing_order listing_order_of(span query) {
    listing_order order = {LISTING_NAME, false};
    while (query.n) {
        const uint8_t *end = memchr(query.p, '&', query.n);
        span part = span_take(&query, end ? (size_t)(end - query.p) : query.n);
        if (end) query = span_skip(query, 1);
        if (span_eq(part, SPAN("sort=size"))) order.key = LISTING_SIZE;
        if (span_eq(part, SPAN("sort=date"))) order.key = LISTING_DATE;
        if (span_eq(part, SPAN("order=desc"))) order.descending = true;
    }
    return order;
}

static int by_bytes(span a, span b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Numbers in names count as numbers would in bytes: as file systems and shells have it. Small and
 * capital letters stand together. */
static int by_name(span a, span b) {
    size_t n = a.n < b.n ? a.n : b.n;
    for (size_t i = 0; i < n; i++) {
        int c = bytes_lower(a.p[i]) - bytes_lower(b.p[i]);
        if (c) return c;
    }
    return a.n != b.n ? (a.n > b.n) - (a.n < b.n) : by_bytes(a, b);
}

static int compare(const void *left, const void *right, void *user) {
    const listing_entry *a = left, *b = right;
    const listing_order *order = user;
    int c = 0;
    if (a->is_folder != b->is_folder) return a->is_folder ? -1 : 1;
    if (order->key == LISTING_SIZE && !a->is_folder) c = (a->size > b->size) - (a->size < b->size);
    if (order->key == LISTING_DATE) c = (a->modified > b->modified) - (a->modified < b->modified);
    if (!c) c = by_name(a->name, b->name);
    return order->descending ? -c : c;
}

void listing_sort(listing_entry *list, size_t n, listing_order order) {
    if (n) qsort_r(list, n, sizeof *list, compare, &order);
}

/* ---- text ---- */

/* A relative reference: "./" keeps a colon in the name from looking like a scheme (RFC 3986 section
 * 4.2). */
static void add_link(text *out, const listing_entry *e) {
    uint8_t slashed[LIMIT_NAME + 1], encoded[3 * sizeof slashed];
    size_t n = e->name.n < LIMIT_NAME ? e->name.n : LIMIT_NAME;
    slashed[0] = '/';
    memcpy(slashed + 1, e->name.p, n);
    span href = span_of(encoded, path_encode(span_of(slashed, n + 1), encoded, sizeof encoded));
    text_add(out, SPAN("<a href=\"."));
    text_add_html(out, href);
    text_print(out, "%s\">", e->is_folder ? "/" : "");
    text_add_html(out, e->name);
    text_print(out, "%s</a>", e->is_folder ? "/" : "");
}

static void add_date(text *out, int64_t seconds) {
    time_t t = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm)) return;
    text_print(out,
               "<time datetime=\"%04d-%02d-%02dT%02d:%02d:%02dZ\">%04d-%02d-%02d %02d:%02d</time>",
               tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
               tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min);
}

static void add_size(text *out, uint64_t n) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    double value = (double)n;
    while (value >= 1023.95 && unit < 6) {
        value /= 1024;
        unit++;
    }
    text_print(out, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* ---- the page ---- */

static const char style[] =
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "background:#fff;color:#1b1b1f}"
    "h1{font-size:1.25rem;font-weight:600;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th{text-align:left;font-weight:600;border-bottom:1px solid #c8c8d0}"
    "th,td{padding:.3rem .75rem .3rem 0;vertical-align:top}"
    "td:first-child{width:100%;overflow-wrap:anywhere}"
    "td+td,th+th{white-space:nowrap;text-align:right;padding-right:0;padding-left:1.5rem}"
    "tbody tr:hover{background:#f2f3f7}"
    "a{color:#0b57d0;text-decoration:none}a:hover{text-decoration:underline}"
    "th a{color:inherit}footer{margin-top:2rem;font-size:.85rem;color:#5c5c66}"
    "@media(prefers-color-scheme:dark){body{background:#141418;color:#e4e4ea}"
    "th{border-color:#44444e}tbody tr:hover{background:#1f1f26}a{color:#8ab4f8}"
    "footer{color:#9a9aa6}}";

static void add_heading(text *out, const char *title, const char *key, listing_key is,
                        listing_order order) {
    bool mine = order.key == is, turn = mine && !order.descending;
    text_print(out, "<th scope=\"col\"%s><a href=\"?sort=%s%s\">%s%s</a></th>",
               !mine              ? ""
               : order.descending ? " aria-sort=\"descending\""
                                  : " aria-sort=\"ascending\"",
               key, turn ? "&amp;order=desc" : "", title,
               !mine              ? ""
               : order.descending ? " \xe2\x86\x93"
                                  : " \xe2\x86\x91");
}

static void add_entry(text *out, const listing_entry *e) {
    text_add(out, SPAN("<tr><td>"));
    add_link(out, e);
    text_add(out, SPAN("</td><td>"));
    if (!e->is_folder) add_size(out, e->size);
    text_add(out, SPAN("</td><td>"));
    add_date(out, e->modified);
    text_add(out, SPAN("</td></tr>\n"));
}

void listing_write(text *out, span at, const listing_entry *list, size_t n, bool more,
                   listing_order order, span server) {
    text_add(out, SPAN("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<title>"));
    text_add_html(out, at);
    text_print(out, "</title>\n<style>%s</style>\n</head>\n<body>\n<h1>", style);
    text_add_html(out, at);
    text_add(out, SPAN("</h1>\n<table>\n<thead>\n<tr>"));
    add_heading(out, "Name", "name", LISTING_NAME, order);
    add_heading(out, "Size", "size", LISTING_SIZE, order);
    add_heading(out, "Modified (UTC)", "date", LISTING_DATE, order);
    text_add(out, SPAN("</tr>\n</thead>\n<tbody>\n"));
    if (at.n > 1)
        text_add(out, SPAN("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n"));
    for (size_t i = 0; i < n; i++) add_entry(out, &list[i]);
    text_add(out, SPAN("</tbody>\n</table>\n<footer>"));
    text_print(out, more ? "The first %zu entries, there are more. " : "%zu %s. ", n,
               n == 1 ? "entry" : "entries");
    text_add_html(out, server);
    text_add(out, SPAN("</footer>\n</body>\n</html>\n"));
}
