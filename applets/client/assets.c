#include "applets/client/assets.h"
#include "core/limits.h"

#include <libxml/HTMLparser.h>
#include <stdlib.h>

struct assets {
    void (*found)(void *user, asset_kind kind, const uri *address);
    void *user;
    htmlParserCtxtPtr parser;
    htmlSAXHandler sax;
    uri page, base; /* borrow from the two texts below */
    uint8_t *page_text, *base_text;
    uint64_t bytes;
    uint32_t count, looks;
    bool in_body, enough;
    span told[LIMIT_ASSETS]; /* targets so far, owned */
};

/* ---- telling ---- */

static bool told_before(const assets *a, span target) {
    for (uint32_t i = 0; i < a->count; i++)
        if (span_eq(a->told[i], target)) return true;
    return false;
}

static span trimmed(span s) {
    while (s.n && strchr(" \t\r\n\f", s.p[0])) s = span_skip(s, 1);
    while (s.n && strchr(" \t\r\n\f", s.p[s.n - 1])) s.n--;
    return s;
}

static void tell(assets *a, asset_kind kind, span ref) {
    uint8_t buffer[LIMIT_PATH];
    uri address;
    ref = trimmed(ref);
    if (ref.n == 0 || a->enough) return;
    if (a->looks++ == LIMIT_ASSET_LOOKS) a->enough = true;
    if (uri_resolve(&a->base, ref, buffer, sizeof buffer, &address)) return;
    if (address.https != a->page.https || address.port != a->page.port ||
        !span_ieq(address.host, a->page.host) || told_before(a, address.target))
        return;
    uint8_t *kept = malloc(address.target.n);
    if (!kept) return;
    memcpy(kept, address.target.p, address.target.n);
    a->told[a->count++] = span_of(kept, address.target.n);
    a->enough = a->count == LIMIT_ASSETS;
    a->found(a->user, kind, &address);
}

/* "a.png 1x, b.png 2x": addresses run to the next blank, descriptors to the next comma outside of
 * parentheses (HTML, "parse a srcset attribute"). */
static void tell_set(assets *a, span set) {
    while (set.n) {
        while (set.n && strchr(" \t\r\n\f,", set.p[0])) set = span_skip(set, 1);
        size_t n = 0, depth = 0;
        while (n < set.n && !strchr(" \t\r\n\f", set.p[n])) n++;
        span ref = span_take(&set, n);
        bool bare = ref.n && ref.p[ref.n - 1] == ',';
        while (ref.n && ref.p[ref.n - 1] == ',') ref.n--;
        tell(a, ASSET_IMAGE, ref);
        for (n = 0; !bare && n < set.n && (set.p[n] != ',' || depth); n++) {
            depth += set.p[n] == '(';
            depth -= set.p[n] == ')' && depth;
        }
        if (!bare) set = span_skip(set, n);
    }
}

/* ---- elements ---- */

/* The value of an attribute; p NULL when it is not there. */
static span value_of(const xmlChar **attributes, const char *name) {
    for (size_t i = 0; attributes && attributes[i]; i += 2)
        if (xmlStrcasecmp(attributes[i], (const xmlChar *)name) == 0)
            return span_str(attributes[i + 1] ? (const char *)attributes[i + 1] : "");
    return span_of(NULL, 0);
}

/* Whether a list of words with blanks between holds this one. */
static bool holds(span words, span word) {
    while (words.n) {
        size_t n = 0;
        while (n < words.n && !strchr(" \t\r\n\f", words.p[n])) n++;
        if (span_ieq(span_of(words.p, n), word)) return true;
        words = span_skip(words, n < words.n ? n + 1 : n);
    }
    return false;
}

static void take_base(assets *a, span ref) {
    if (!ref.p || a->base_text) return; /* the first one counts */
    size_t room = a->page.text.n + ref.n * 3 + 8;
    uri base;
    a->base_text = malloc(room);
    if (a->base_text && !uri_resolve(&a->page, trimmed(ref), a->base_text, room, &base))
        a->base = base;
}

static asset_kind preload_kind(span as) {
    if (span_ieq(as, SPAN("style"))) return ASSET_STYLE;
    if (span_ieq(as, SPAN("script"))) return ASSET_SCRIPT;
    return span_ieq(as, SPAN("image")) ? ASSET_IMAGE : ASSET_OTHER;
}

static void take_link(assets *a, const xmlChar **attributes) {
    span rel = value_of(attributes, "rel"), ref = value_of(attributes, "href");
    if (holds(rel, SPAN("stylesheet"))) {
        if (!holds(rel, SPAN("alternate"))) tell(a, ASSET_STYLE, ref);
    } else if (holds(rel, SPAN("icon")) || holds(rel, SPAN("apple-touch-icon")) ||
               holds(rel, SPAN("mask-icon")) || holds(rel, SPAN("manifest"))) {
        tell(a, ASSET_OTHER, ref);
    } else if (holds(rel, SPAN("preload"))) {
        tell(a, preload_kind(value_of(attributes, "as")), ref);
    } else if (holds(rel, SPAN("modulepreload"))) {
        tell(a, ASSET_SCRIPT, ref);
    }
}

static void take_script(assets *a, const xmlChar **attributes) {
    bool waits = a->in_body || value_of(attributes, "async").p || value_of(attributes, "defer").p ||
                 span_ieq(value_of(attributes, "type"), SPAN("module"));
    tell(a, waits ? ASSET_SCRIPT : ASSET_BLOCKING, value_of(attributes, "src"));
}

static void on_start(void *user, const xmlChar *name, const xmlChar **attributes) {
    assets *a = user;
    span n = span_str((const char *)name);
    /* The parser looks through all open elements at each end tag that fits none. */
    if (a->parser && a->parser->nameNr > (int)LIMIT_HTML_DEPTH) a->enough = true;
    if (span_ieq(n, SPAN("base"))) {
        take_base(a, value_of(attributes, "href"));
    } else if (span_ieq(n, SPAN("body"))) {
        a->in_body = true;
    } else if (span_ieq(n, SPAN("link"))) {
        take_link(a, attributes);
    } else if (span_ieq(n, SPAN("script"))) {
        take_script(a, attributes);
    } else if (span_ieq(n, SPAN("img")) || span_ieq(n, SPAN("source"))) {
        if (span_ieq(n, SPAN("img"))) tell(a, ASSET_IMAGE, value_of(attributes, "src"));
        tell_set(a, value_of(attributes, "srcset"));
    } else if (span_ieq(n, SPAN("input")) &&
               span_ieq(value_of(attributes, "type"), SPAN("image"))) {
        tell(a, ASSET_IMAGE, value_of(attributes, "src"));
    } else if (span_ieq(n, SPAN("video"))) {
        tell(a, ASSET_IMAGE, value_of(attributes, "poster"));
    }
    if (a->enough) xmlStopParser(a->parser);
}

/* ---- the page ---- */

static void quiet(void *user, const char *format, ...) {
    (void)user;
    (void)format;
}

assets *assets_new(const uri *page, void (*found)(void *user, asset_kind kind, const uri *address),
                   void *user) {
    assets *a = calloc(1, sizeof *a);
    size_t room = page->text.n * 3 + 8;
    if (a) a->page_text = malloc(room);
    if (!a || !a->page_text || uri_resolve(NULL, page->text, a->page_text, room, &a->page)) {
        assets_free(a, false);
        return NULL;
    }
    a->found = found;
    a->user = user;
    a->base = a->page;
    a->sax = (htmlSAXHandler){.startElement = on_start, .error = quiet, .warning = quiet};
    /* UTF-8 whatever the page says of itself: addresses are ASCII, and what is not is sent as the
     * bytes that stand there. */
    a->parser = htmlCreatePushParserCtxt(&a->sax, a, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
    if (!a->parser) {
        assets_free(a, false);
        return NULL;
    }
    htmlCtxtUseOptions(a->parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                      HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
    return a;
}

/* Each attribute of a tag is compared with those before it, all in one go when its end has come.
 * What waits for more text is only looked through for its end. */
static bool is_long_tag(const assets *a) {
    const xmlParserInput *in = a->parser->input;
    return in && a->parser->instate == XML_PARSER_START_TAG && in->end - in->cur > LIMIT_HTML_TAG;
}

void assets_take(assets *a, span bytes) {
    while (bytes.n && !a->enough) {
        span piece = span_take(&bytes, bytes.n < 4096 ? bytes.n : 4096);
        a->bytes += piece.n;
        if (a->bytes > LIMIT_HTML_BYTES) a->enough = true;
        if (!a->enough) htmlParseChunk(a->parser, (const char *)piece.p, (int)piece.n, 0);
        a->enough |= is_long_tag(a);
    }
}

void assets_free(assets *a, bool whole) {
    if (!a) return;
    if (a->parser) {
        if (whole && !a->enough) htmlParseChunk(a->parser, NULL, 0, 1);
        htmlFreeParserCtxt(a->parser);
    }
    for (uint32_t i = 0; i < a->count; i++) free((void *)(uintptr_t)a->told[i].p);
    free(a->page_text);
    free(a->base_text);
    free(a);
}
