/* applets/opt.c with a layer of files below the command line, and opt_file.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "applets/opt.h"

typedef struct sample {
    bool flag, gone_flag;
    int64_t number;
    uint64_t size, time;
    const char *text, *file;
    opt_list list;
    opt_sizes sizes;
    int name;
} sample;

static bool is_short(const char *text, char *why, size_t room) {
    if (strlen(text) < 4) return true;
    snprintf(why, room, "'%s': three bytes are expected at most", text);
    return false;
}

static const char *const names[] = {"one", "two", NULL};
static const opt_spec specs[] = {
    {.name = "flag", .letter = 'f', .type = OPT_FLAG, OPT_AT(sample, flag), .help = "F."},
    {.name = "number", .type = OPT_INT, OPT_AT(sample, number), .max = 9, .def = "1", .help = "N."},
    {.name = "size", .type = OPT_SIZE, OPT_AT(sample, size), .def = "64K", .help = "S."},
    {.name = "time", .type = OPT_DURATION, OPT_AT(sample, time), .def = "1500ms", .help = "T."},
    {.name = "text", .type = OPT_STRING, OPT_AT(sample, text), .read_by = is_short, .help = "T."},
    {.name = "list", .type = OPT_LIST, OPT_AT(sample, list), .group = "Lists", .help = "L."},
    {.name = "sizes", .type = OPT_SIZES, OPT_AT(sample, sizes), .group = "Lists", .help = "S."},
    {.name = "name", .type = OPT_ENUM, OPT_AT(sample, name), .names = names, .help = "N."},
    {.name = "older",
     .type = OPT_INT,
     OPT_AT(sample, number),
     .max = 9,
     .status = OPT_DEPRECATED,
     .instead = "use --number",
     .help = "N."},
    {.name = "gone", .type = OPT_FLAG, .status = OPT_RETIRED, .instead = "no", .help = "G."},
    {.name = "file",
     .type = OPT_STRING,
     OPT_AT(sample, file),
     .early = true,
     .unsaved = true,
     .help = "F."},
};
static const char *const usage[] = {"[OPTION]...", NULL};
static const opt_table table = {
    OPT_SPECS(specs), .settings_size = sizeof(sample), .usage = usage,    .about = "A.",
    .operand_max = 2, .short_version = true,           .old_refusal = 255};

static sample set;
static opt_call call;
static char said[1024], printed[2048];
static const char *lines[8][2];
static size_t line_count;

/* Sets what stands in `lines`, when a file was named. */
static int layer(opt_call *c, void *user) {
    int code = OPT_GO;
    (void)user;
    for (size_t i = 0; set.file && code == OPT_GO && i < line_count; i++) {
        char where[32];
        snprintf(where, sizeof where, "%s:%zu", set.file, i + 1);
        code = opt_assign(c, where, lines[i][0], lines[i][1]);
    }
    return code;
}

static void line(const char *name, const char *value) {
    lines[line_count][0] = name;
    lines[line_count++][1] = value;
}

static int reads(bool old_name, int argc, char **argv) {
    FILE *out = fmemopen(printed, sizeof printed, "w"), *err = fmemopen(said, sizeof said, "w");
    memset(said, 0, sizeof said);
    int code = opt_read_over(&table, argc, argv, old_name, &set, &call, out, err, layer, NULL);
    fclose(out);
    fclose(err);
    return code;
}

#define READS(old, ...)                                                         \
    reads(old, (int)(sizeof((char *[]){"tool", __VA_ARGS__}) / sizeof(char *)), \
          (char *[]){"tool", __VA_ARGS__, NULL})

Test(opt_file, the_command_line_overrides_files) {
    line("number", "2");
    line("flag", "yes");
    line("text", "abc");
    line("list", "a");
    cr_assert_eq(READS(false, "--number=3", "--file", "F", "--list=b", "operand"), OPT_GO);
    cr_assert_eq(set.number, 3);
    cr_assert(set.flag);
    cr_assert_str_eq(set.text, "abc");
    cr_assert_eq(set.list.count, 2);
    cr_assert_str_eq(set.list.v[0], "a");
    cr_assert_str_eq(set.list.v[1], "b");
    cr_assert_eq(call.operand_count, 1);
    cr_assert(opt_given(&call, "flag") && opt_given(&call, "file") && !opt_given(&call, "size"));
    opt_end(&call);
}

Test(opt_file, without_a_file_nothing_is_set) {
    line("number", "2");
    cr_assert_eq(READS(false, "-f"), OPT_GO);
    cr_assert_eq(set.number, 1);
    cr_assert(set.flag);
    opt_end(&call);
}

Test(opt_file, flags_are_yes_or_off) {
    line("flag", "yes");
    line("flag", "no");
    line("gone", "no");
    cr_assert_eq(READS(false, "--file=F"), OPT_GO);
    cr_assert_not(set.flag);
    cr_assert_str_eq(said, "");
    opt_end(&call);
}

Test(opt_file, mistakes_name_file_line_and_key) {
    line("size", "1K");
    line("number", "10");
    cr_assert_eq(READS(false, "--file=F"), 2);
    cr_assert_str_eq(said, "tool: F:2: number: '10' is not accepted: an integer from 0 to 9\n");
    line_count = 1;
    line("text", "long");
    cr_assert_eq(READS(true, "--file=F"), 255);
    cr_assert_str_eq(said, "tool: F:2: text: 'long': three bytes are expected at most\n");
    line_count = 0;
    line("nunber", "1");
    cr_assert_eq(READS(true, "--file=F"), 255);
    cr_assert_str_eq(said,
                     "tool: F:1: nunber: there is no such option\n\nDid you mean:\n\tnumber\n");
    line_count = 0;
    line("help", "yes");
    cr_assert_eq(READS(false, "--file=F"), 2);
    line_count = 0;
    line("gone", "yes");
    cr_assert_eq(READS(false, "--file=F"), 2);
    cr_assert_str_eq(said, "tool: F:1: gone is refused: no\n");
}

Test(opt_file, words_of_the_command_line_come_first) {
    line("number", "10");
    cr_assert_eq(READS(true, "--file=F", "--nothing"), 1);
    cr_assert(strstr(said, "unrecognized option"));
    cr_assert_eq(READS(true, "--file=F", "-v"), 0);
    cr_assert(strstr(printed, "tool h2box/"));
    line_count = 0;
    cr_assert_eq(READS(true, "--number=x"), 255);
    cr_assert_str_eq(said, "tool: --number: 'x' is not accepted: an integer from 0 to 9\n");
    cr_assert_eq(READS(false, "--text=long"), 2);
}

Test(opt_file, deprecated_ones_are_told_once) {
    line("older", "4");
    line("older", "5");
    cr_assert_eq(READS(false, "--file=F"), OPT_GO);
    cr_assert_eq(set.number, 5);
    cr_assert_str_eq(said, "tool: F:1: older is deprecated: use --number\n");
    opt_end(&call);
}

Test(opt_file, settings_are_written_as_a_file) {
    cr_assert_eq(READS(false, "--list=a", "--list=b", "--sizes=1M", "--name=two"), OPT_GO);
    FILE *out = fmemopen(printed, sizeof printed, "w");
    opt_file_write(out, &table, &set, false);
    fclose(out);
    cr_assert_str_eq(printed, "# Options\nflag=no\nnumber=1\nsize=64K\ntime=1500ms\n\n# Lists\n"
                              "list=a\nlist=b\nsizes=1M\n\n# Options\nname=two\n");
    opt_end(&call);
}

Test(opt_file, the_table_is_right) { cr_assert_null(opt_check(&table)); }
