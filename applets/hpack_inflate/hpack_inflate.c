/* hpack-inflate: header blocks in hex, inside of JSON, become header fields. */
#include "applets/applet.h"
#include "applets/common/heap.h"
#include "applets/hpack/case_run.h"

#include <stdlib.h>

typedef struct inflate_settings {
    bool dump;
} inflate_settings;

static const opt_spec specs[] = {
    {.name = "dump-header-table",
     .letter = 'd',
     .type = OPT_FLAG,
     OPT_AT(inflate_settings, dump),
     .group = "Output",
     .help = "Add the dynamic table as it stands after each case, as \"header_table\"."},
};

static const char *const usage[] = {"[OPTION]... < CASES", NULL};

static const opt_pair notes[] = {
    {"What it reads",
     "A JSON object with an array \"cases\". Each case is an object whose \"wire\" is one "
     "header block (RFC 7541) in hex. All share one dynamic table and are decoded in order. A "
     "case may set \"header_table_size\", which becomes the limit of the table before it is "
     "decoded, as SETTINGS_HEADER_TABLE_SIZE does: when it falls, the block must begin with a "
     "size update. Other keys are ignored, so output of hpack-deflate and of hpack-inflate can "
     "be read.\n"
     "\n"
     " {\"cases\": [{\"wire\": \"8284\"}, {\"wire\": \"8384\"}]}"},
    {"What it writes",
     "A JSON object with an array \"cases\", written case by case. Keys: seq (number in the "
     "input, from 0), wire, headers (one object for each field, in order), header_table_size "
     "(the limit), and with -d header_table: entries with their index from 62 on, size, "
     "max_size (the limit), deflate_size and max_deflate_size (what the encoder has chosen to "
     "use).\n"
     "\n"
     "Where a name or value is not UTF-8, all strings of that case have each byte as the code "
     "point of the same number, and the case says \"encoding\": \"latin-1\". hpack-deflate "
     "turns it back."},
    {"What goes wrong", "A malformed case is named on stderr with its number, left out of the "
                        "output, and does not stop the next. After a block that does not decode "
                        "the dynamic table is unknown (RFC 7541 section 4), so reading ends "
                        "there. The output is a whole JSON document in any case."},
    {NULL, NULL},
};

static const opt_pair examples[] = {
    {"echo '{\"cases\": [{\"wire\": \"828684\"}]}' | $0", "Decodes one block: GET http /."},
    {"$0 -d < story.json", "Shows the dynamic table after each block."},
    {NULL, NULL},
};

static const opt_pair exits[] = {
    {"0", "all cases were decoded"},
    {"1", "the input, a case or the output failed; stderr says which and why"},
    {NULL, NULL},
};

const opt_table hpack_inflate_options = {
    OPT_SPECS(specs),
    .settings_size = sizeof(inflate_settings),
    .usage = usage,
    .about = "Decompresses HTTP/2 header blocks (HPACK, RFC 7541): reads JSON from stdin, writes "
             "JSON with the header fields to stdout.",
    .notes = notes,
    .examples = examples,
    .exits = exits,
};

/* What lives through all cases. */
typedef struct inflater {
    inflate_settings set;
    hpack_dec dec;
    hpack_list list;
    uint8_t *block;
    size_t room;
} inflater;

static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool refused(case_run *run, const char *what) {
    case_run_refuse(run, "%s", what);
    return false;
}

/* Reads a case's wire into i->block. false after case_run_refuse. */
static bool read_wire(case_run *run, inflater *i, const json_t *wire, span *block) {
    size_t n = json_string_length(wire);
    const char *hex = json_string_value(wire);
    if (!hex) return refused(run, wire ? "wire: not a string" : "wire: missing");
    if (n % 2) return refused(run, "wire: an odd number of hex digits");
    if (n / 2 + 1 > i->room) {
        uint8_t *moved = realloc(i->block, n / 2 + 1);
        if (!moved) return refused(run, "out of memory");
        i->block = moved;
        i->room = n / 2 + 1;
    }
    for (size_t at = 0; at < n; at += 2) {
        int high = digit(hex[at]), low = digit(hex[at + 1]);
        if (high < 0 || low < 0) {
            case_run_refuse(run, "wire: not a hex digit at %zu", high < 0 ? at : at + 1);
            return false;
        }
        i->block[at / 2] = (uint8_t)(high << 4 | low);
    }
    *block = span_of(i->block, n / 2);
    return true;
}

static json_t *report(case_run *run, const inflater *i, json_t *wire) {
    const hpack_list *l = &i->list;
    const hpack_table *table = &i->dec.table;
    bool dump = i->set.dump;
    bool latin1 =
        !case_fields_utf8(l->fields, l->count) || (dump && !case_fields_table_utf8(table));
    json_t *out = json_pack("{s:I, s:O, s:o, s:I}", "seq", (json_int_t)run->seq, "wire", wire,
                            "headers", case_fields_json(l->fields, l->count, latin1),
                            "header_table_size", (json_int_t)i->dec.limit);
    int bad = !out;
    if (latin1) bad |= json_object_set_new(out, "encoding", json_string("latin-1"));
    if (dump) {
        bad |= json_object_set_new(out, "header_table",
                                   case_fields_table_json(table, i->dec.limit, latin1));
    }
    if (!bad) return out;
    json_decref(out);
    return case_run_refuse(run, "out of memory");
}

static json_t *inflate_case(case_run *run, void *user, const json_t *one) {
    inflater *i = user;
    case_keys keys;
    span block;
    json_t *wire = json_object_get(one, "wire");
    if (!case_run_keys(run, one, &keys) || !read_wire(run, i, wire, &block)) return NULL;
    if (keys.sized) hpack_dec_limit(&i->dec, keys.table_size);
    hpack_list_clear(&i->list);
    hpack_status status = hpack_dec_block(&i->dec, block, &i->list);
    if (status != HPACK_OK) {
        run->stop = true;
        return case_run_refuse(run, "wire: %s; reading stops here", hpack_status_text(status));
    }
    if (i->list.overflowed) {
        return case_run_refuse(run, "wire: holds more than %d fields or %d bytes", CASE_FIELDS_MAX,
                               CASE_FIELDS_BYTES_MAX);
    }
    return report(run, i, wire);
}

int hpack_inflate_main(int argc, char **argv, bool old_name) {
    inflater i = {0};
    opt_call call;
    int code = opt_read(&hpack_inflate_options, argc, argv, old_name, &i.set, &call);
    if (code != OPT_GO) return code;
    case_run run = {.call = &call};
    hpack_dec_init(&i.dec, heap_mem(), HPACK_DEFAULT_SIZE);
    hpack_list_init(&i.list, heap_mem(), CASE_FIELDS_MAX, CASE_FIELDS_BYTES_MAX);
    code = case_run_json(&run, inflate_case, &i);
    hpack_list_end(&i.list);
    hpack_dec_end(&i.dec);
    free(i.block);
    opt_end(&call);
    return code;
}
