/* hpack-deflate: header fields, as JSON or text, become header blocks. */
#include "applets/applet.h"
#include "applets/common/heap.h"
#include "applets/hpack/case_run.h"
#include "applets/hpack_deflate/text_in.h"

#include <errno.h>
#include <stdlib.h>

typedef struct deflate_settings {
    bool text, dump;
    uint64_t peer_size, own_size;
} deflate_settings;

static const opt_spec specs[] = {
    {.name = "http1text",
     .letter = 't',
     .type = OPT_FLAG,
     OPT_AT(deflate_settings, text),
     .group = "Input",
     .help = "Read lines \"name: value\" instead of JSON; a blank line ends a header block."},
    {.name = "table-size",
     .letter = 's',
     .type = OPT_SIZE,
     OPT_AT(deflate_settings, peer_size),
     .max = UINT32_MAX,
     .def = "4096",
     .group = "Dynamic table",
     .help = "The table size that the decoder allows (its SETTINGS_HEADER_TABLE_SIZE). When "
             "given, \"header_table_size\" in the input is ignored."},
    {.name = "deflate-table-size",
     .letter = 'S',
     .type = OPT_SIZE,
     OPT_AT(deflate_settings, own_size),
     .max = UINT32_MAX,
     .def = "4096",
     .group = "Dynamic table",
     .help = "The table size that the encoder uses at most, whatever the decoder allows."},
    {.name = "dump-header-table",
     .letter = 'd',
     .type = OPT_FLAG,
     OPT_AT(deflate_settings, dump),
     .group = "Output",
     .help = "Add the dynamic table as it stands after each case, as \"header_table\"."},
    {.name = "no-refset",
     .letter = 'c',
     .type = OPT_FLAG,
     .scope = OPT_OLD_NAME,
     .group = "Dynamic table",
     .status = OPT_IGNORED,
     .instead = "HPACK has no reference set since draft 9",
     .help = "Clear the reference set before each block."},
};

static const char *const usage[] = {"[OPTION]... < CASES", "-t [OPTION]... < LINES", NULL};

static const opt_pair notes[] = {
    {"What it reads",
     "A JSON object with an array \"cases\". Each case is an object whose \"headers\" is an "
     "array of objects of one name and its value. All share one dynamic table and are encoded "
     "in order. A case may set \"header_table_size\", which is what the decoder allows from "
     "then on. Other keys are ignored, so output of hpack-inflate and of hpack-deflate can be "
     "read.\n"
     "\n"
     " {\"cases\": [{\"headers\": [{\":method\": \"GET\"}, {\":path\": \"/\"}]}]}\n"
     "\n"
     "With -t, blocks of lines of at most 64 KiB:\n"
     "\n"
     " :method: GET\n"
     " :path: /\n"
     "\n"
     "Names are put in lower case, as HTTP/2 wants them."},
    {"What it writes",
     "A JSON object with an array \"cases\", written case by case. Keys: seq (number in the "
     "input, from 0), input_length (bytes of names and values), output_length (bytes of the "
     "block), percentage_of_original_size (output to input), wire (the block in hex), headers, "
     "header_table_size (what the decoder allows), and with -d header_table: entries with their "
     "index from 62 on, size, max_size (what the decoder allows), deflate_size and "
     "max_deflate_size (what the encoder uses).\n"
     "\n"
     "JSON strings become UTF-8 on the wire. In a case with \"encoding\": \"latin-1\" each code "
     "point becomes one byte; -t input that is not UTF-8 is shown that way too."},
    {"What goes wrong", "A malformed case is named on stderr with its number, left out of the "
                        "output and of the table, and does not stop the next. The output is a "
                        "whole JSON document in any case."},
    {NULL, NULL},
};

static const opt_pair examples[] = {
    {"printf ':method: GET\\n:path: /\\n' | $0 -t", "Compresses one block."},
    {"$0 -t < fields | h2box hpack-inflate", "There and back: the output of one feeds the other."},
    {"$0 -s 16K -S 16K < story.json", "Compresses with a larger dynamic table."},
    {NULL, NULL},
};

static const opt_pair exits[] = {
    {"0", "all cases were encoded"},
    {"1", "the input, a case or the output failed; stderr says which and why"},
    {NULL, NULL},
};

const opt_table hpack_deflate_options = {
    OPT_SPECS(specs),
    .settings_size = sizeof(deflate_settings),
    .usage = usage,
    .about =
        "Compresses HTTP header fields into HTTP/2 header blocks (HPACK, RFC 7541): reads JSON "
        "or text from stdin, writes JSON to stdout.",
    .notes = notes,
    .examples = examples,
    .exits = exits,
};

/* What lives through all cases. */
typedef struct deflater {
    deflate_settings set;
    bool sized; /* -s was given and overrules the cases */
    hpack_enc enc;
    case_fields fields;
    uint8_t *block;
    char *hex;
    size_t room;
} deflater;

static bool make_room(deflater *d, size_t n) {
    if (n <= d->room) return true;
    uint8_t *block = realloc(d->block, n);
    if (block) d->block = block;
    char *hex = realloc(d->hex, n * 2 + 1);
    if (hex) d->hex = hex;
    if (!block || !hex) return false;
    d->room = n;
    return true;
}

/* Encodes d->fields; the block's length, or SIZE_MAX when memory was refused. d->hex has it in hex.
 */
static size_t encode(deflater *d) {
    static const char digits[] = "0123456789abcdef";
    const case_fields *f = &d->fields;
    if (!make_room(d, hpack_enc_bound(&d->enc, f->v, f->count) + 1)) return SIZE_MAX;
    size_t n = hpack_enc_block(&d->enc, f->v, f->count, d->block);
    for (size_t i = 0; i < n; i++) {
        d->hex[2 * i] = digits[d->block[i] >> 4];
        d->hex[2 * i + 1] = digits[d->block[i] & 15];
    }
    d->hex[2 * n] = '\0';
    return n;
}

static json_t *deflate_fields(case_run *run, deflater *d) {
    const case_fields *f = &d->fields;
    const hpack_table *table = &d->enc.table;
    size_t n = encode(d);
    if (n == SIZE_MAX) return case_run_refuse(run, "out of memory");
    bool dump = d->set.dump;
    bool latin1 = !case_fields_utf8(f->v, f->count) || (dump && !case_fields_table_utf8(table));
    double percentage = f->length ? (double)n / (double)f->length * 100 : 0;
    json_t *out = json_pack("{s:I, s:I, s:I, s:f, s:s, s:o, s:I}", "seq", (json_int_t)run->seq,
                            "input_length", (json_int_t)f->length, "output_length", (json_int_t)n,
                            "percentage_of_original_size", percentage, "wire", d->hex, "headers",
                            case_fields_json(f->v, f->count, latin1), "header_table_size",
                            (json_int_t)d->enc.peer_limit);
    int bad = !out;
    if (latin1) bad |= json_object_set_new(out, "encoding", json_string("latin-1"));
    if (dump) {
        bad |= json_object_set_new(out, "header_table",
                                   case_fields_table_json(table, d->enc.peer_limit, latin1));
    }
    if (!bad) return out;
    json_decref(out);
    return case_run_refuse(run, "out of memory");
}

static json_t *deflate_case(case_run *run, void *user, const json_t *one) {
    deflater *d = user;
    case_keys keys;
    if (!case_run_keys(run, one, &keys)) return NULL;
    case_fields_clear(&d->fields);
    const char *wrong = case_fields_read(&d->fields, json_object_get(one, "headers"), keys.latin1);
    if (wrong) return case_run_refuse(run, "%s", wrong);
    if (keys.sized && !d->sized) hpack_enc_limit(&d->enc, keys.table_size);
    return deflate_fields(run, d);
}

static int run_text(case_run *run, deflater *d) {
    text_in *in = calloc(1, sizeof(*in));
    if (!in) {
        opt_say(run->call, "out of memory");
        return APPLET_FAILED;
    }
    in->in = stdin;
    case_run_begin(run);
    for (; !run->stop && text_in_next(in, &d->fields); run->seq++) {
        if (*in->wrong)
            case_run_refuse(run, "%s", in->wrong);
        else
            case_run_write(run, deflate_fields(run, d));
    }
    if (ferror(stdin)) {
        opt_say(run->call, "standard input: %s", strerror(errno));
        run->failed = true;
    }
    free(in);
    return case_run_end(run);
}

int hpack_deflate_main(int argc, char **argv, bool old_name) {
    deflater d = {0};
    opt_call call;
    int code = opt_read(&hpack_deflate_options, argc, argv, old_name, &d.set, &call);
    if (code != OPT_GO) return code;
    case_run run = {.call = &call};
    d.sized = opt_given(&call, "table-size");
    case_fields_begin(&d.fields);
    hpack_enc_init(&d.enc, heap_mem(), (uint32_t)d.set.own_size, 0);
    hpack_enc_limit(&d.enc, (uint32_t)d.set.peer_size);
    code = d.set.text ? run_text(&run, &d) : case_run_json(&run, deflate_case, &d);
    hpack_enc_end(&d.enc);
    case_fields_end(&d.fields);
    free(d.block);
    free(d.hex);
    opt_end(&call);
    return code;
}
