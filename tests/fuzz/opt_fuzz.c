/* A command line, one word per line (first line: old name or not). Whatever it says, the parser
 * must end, stay in bounds and give back what it took; what it accepts must lie within the ranges
 * of the table. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "applets/opt.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

typedef struct sample {
    bool flag;
    uint32_t count;
    int64_t integer;
    uint64_t size, duration;
    opt_sizes sizes;
    const char *string;
    opt_list list;
    int name;
} sample;

static const char *const names[] = {"one", "two", "three", NULL};

static const opt_spec specs[] = {
    {.name = "flag", .letter = 'f', .type = OPT_FLAG, OPT_AT(sample, flag), .help = "F."},
    {.name = "fla", .type = OPT_FLAG, .status = OPT_RETIRED, .instead = "no", .help = "F."},
    {.name = "count", .letter = 'c', .type = OPT_COUNT, OPT_AT(sample, count), .help = "C."},
    {.name = "integer",
     .letter = 'i',
     .type = OPT_INT,
     OPT_AT(sample, integer),
     .min = -5,
     .max = 30,
     .help = "I."},
    {.name = "size", .letter = 's', .type = OPT_SIZE, OPT_AT(sample, size), .help = "S."},
    {.name = "sizes", .type = OPT_SIZES, OPT_AT(sample, sizes), .help = "S."},
    {.name = "duration",
     .letter = 'd',
     .type = OPT_DURATION,
     OPT_AT(sample, duration),
     .min = 0,
     .max = 3600000,
     .help = "D."},
    {.name = "string", .letter = 't', .type = OPT_STRING, OPT_AT(sample, string), .help = "T."},
    {.name = "list", .letter = 'l', .type = OPT_LIST, OPT_AT(sample, list), .help = "L."},
    {.name = "name",
     .type = OPT_ENUM,
     OPT_AT(sample, name),
     .names = names,
     .scope = OPT_NEW_NAME,
     .help = "N."},
    {.name = "nothing",
     .letter = 'n',
     .type = OPT_STRING,
     .status = OPT_IGNORED,
     .instead = "no",
     .help = "N."},
};
static const char *const usage[] = {"WORD...", NULL};
static const opt_table table = {OPT_SPECS(specs), .settings_size = sizeof(sample), .usage = usage,
                                .about = "A.", .operand_max = 5};

static void must(bool so) {
    if (!so) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static FILE *sink;
    char *argv[64] = {(char *)"tool"}, *text = malloc(n + 1), *at = text, *word;
    int argc = 1;
    sample set;
    opt_call call;
    if (!sink) sink = fopen("/dev/null", "w");
    if (!text || !sink) abort();
    if (n) memcpy(text, bytes, n);
    text[n] = '\0';
    const bool old_name = text[0] == 'o';
    while (argc < 60 && (word = strsep(&at, "\n"))) argv[argc++] = word;
    if (opt_read_to(&table, argc, argv, old_name, &set, &call, sink, sink) == OPT_GO) {
        must(set.integer >= -5 && set.integer <= 30 && set.duration <= 3600000);
        must(set.name >= 0 && set.name < 3 && (set.name == 0 || !old_name));
        must(call.operand_count <= 5 && call.operands[call.operand_count] == NULL);
        must(set.list.count <= set.list.room && set.sizes.count <= set.sizes.room);
        opt_end(&call);
    }
    free(text);
    return 0;
}
