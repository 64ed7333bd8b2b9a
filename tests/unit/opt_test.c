/* applets/opt*.c: the habits of the parser, its messages, and what is printed from a table. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "applets/opt.h"

typedef struct sample {
    bool null_out, no_dep;
    uint32_t verbose;
    int64_t bits, workers, extra;
    uint64_t length, timeout, bounded;
    opt_sizes tables;
    const char *data, *who;
    opt_list headers;
    int shell;
} sample;

static const char *const shells[] = {"bash", "zsh", "fish", NULL};

static const opt_spec specs[] = {
    {.name = "verbose",
     .letter = 'v',
     .type = OPT_COUNT,
     OPT_AT(sample, verbose),
     .group = "Log",
     .help = "Log more. Twice: still more."},
    {.name = "null-out", .letter = 'n', .type = OPT_FLAG, OPT_AT(sample, null_out), .help = "N."},
    {.name = "no-dep", .type = OPT_FLAG, OPT_AT(sample, no_dep), .help = "No dependencies."},
    {.name = "window-bits",
     .letter = 'w',
     .type = OPT_INT,
     OPT_AT(sample, bits),
     .max = 30,
     .def = "16",
     .group = "Flow",
     .help = "Window."},
    {.name = "workers",
     .type = OPT_INT,
     OPT_AT(sample, workers),
     .min = 0,
     .max = 64,
     .def_note = "one per core",
     .old_def = "1",
     .help = "Workers."},
    {.name = "extra", .type = OPT_INT, OPT_AT(sample, extra), .help = "Any integer."},
    {.name = "length", .type = OPT_SIZE, OPT_AT(sample, length), .help = "Length."},
    {.name = "bounded",
     .type = OPT_SIZE,
     OPT_AT(sample, bounded),
     .min = 1024,
     .max = (int64_t)4 << 20,
     .def = "16K",
     .help = "Bounded."},
    {.name = "timeout",
     .letter = 't',
     .type = OPT_DURATION,
     OPT_AT(sample, timeout),
     .min = 1,
     .max = 3600000,
     .def = "1m",
     .help = "Time."},
    {.name = "table-size", .letter = 'c', .type = OPT_SIZES, OPT_AT(sample, tables), .help = "T."},
    {.name = "data",
     .letter = 'd',
     .type = OPT_STRING,
     OPT_AT(sample, data),
     .arg = "FILE",
     .word = OPT_WORD_FILE,
     .help = "Data | body."},
    {.name = "who", .type = OPT_STRING, OPT_AT(sample, who), .def = "me", .help = "Who."},
    {.name = "header",
     .letter = 'H',
     .type = OPT_LIST,
     OPT_AT(sample, headers),
     .max = 20,
     .help = "Header."},
    {.name = "shell", .type = OPT_ENUM, OPT_AT(sample, shell), .names = shells, .help = "Shell."},
    {.name = "weight",
     .letter = 'p',
     .type = OPT_INT,
     .status = OPT_IGNORED,
     .instead = "use --extpri",
     .help = "Weight."},
    {.name = "warned",
     .type = OPT_FLAG,
     OPT_AT(sample, no_dep),
     .status = OPT_DEPRECATED,
     .instead = "use --no-dep",
     .help = "Warned."},
    {.name = "null-gone",
     .letter = 'g',
     .type = OPT_STRING,
     .status = OPT_RETIRED,
     .instead = "drafts are over",
     .help = "Gone."},
    {.name = "only-new",
     .letter = 'x',
     .type = OPT_FLAG,
     OPT_AT(sample, null_out),
     .scope = OPT_NEW_NAME,
     .help = "New."},
    {.name = "only-old",
     .letter = 'x',
     .type = OPT_FLAG,
     OPT_AT(sample, no_dep),
     .scope = OPT_OLD_NAME,
     .help = "Old."},
};

static const char *const usage[] = {"[OPTION]... WORD...", NULL};
static const opt_pair examples[] = {{"$0 -n a", "Reads a."}, {NULL, NULL}};
static const opt_pair notes[] = {{"Notes", "One.\n\n  kept   as $0 is"}, {NULL, NULL}};
static const opt_table table = {
    OPT_SPECS(specs),       .settings_size = sizeof(sample),
    .usage = usage,         .about = "A sample.\n\nIt has two paragraphs.",
    .operand_max = OPT_ANY, .notes = notes,
    .examples = examples};

/* One call and what came of it. */
static sample set;
static opt_call call;
static char out_text[16384], err_text[16384], page[65536];

/* A stream into a buffer, which is a string once the stream is closed. */
static FILE *into(char *text, size_t size) {
    FILE *f = fmemopen(memset(text, 0, size), size, "w");
    cr_assert_not_null(f);
    return f;
}

static int read_as(const opt_table *t, bool old_name, const char *line) {
    static char words[512];
    static char *argv[40];
    int argc = 1;
    FILE *out = into(out_text, sizeof(out_text));
    FILE *err = into(err_text, sizeof(err_text));
    argv[0] = (char *)(old_name ? "sample" : "h2box sample");
    snprintf(words, sizeof(words), "%s", line);
    /* Words are separated by one blank; two blanks make an empty word. */
    for (char *at = words, *word; *line && (word = strsep(&at, " "));) argv[argc++] = word;
    argv[argc] = NULL;
    const int code = opt_read_to(t, argc, argv, old_name, &set, &call, out, err);
    fclose(out);
    fclose(err);
    return code;
}

static int read_line(const char *line) { return read_as(&table, false, line); }

static void accepts(const char *line) {
    const int code = read_line(line);
    cr_assert_eq(code, OPT_GO, "%s: %d %s", line, code, err_text);
}

static void refuses(const char *line, const char *message) {
    const int code = read_line(line);
    cr_assert_eq(code, 2, "%s: %d", line, code);
    cr_assert_not_null(strstr(err_text, message), "%s: %s", line, err_text);
}

Test(opt, table_is_sound) { cr_assert_null(opt_check(&table), "%s", opt_check(&table)); }

Test(opt, defaults) {
    accepts("");
    cr_assert_eq(set.bits, 16);
    cr_assert_eq(set.workers, 0);
    cr_assert_eq(set.bounded, 16384);
    cr_assert_eq(set.timeout, 60000);
    cr_assert_null(set.data);
    cr_assert_str_eq(set.who, "me");
    cr_assert_eq(set.headers.count, 0);
    cr_assert_eq(call.operand_count, 0);
    cr_assert_null(call.operands[0]);
    cr_assert_not(opt_given(&call, "window-bits"));
    opt_end(&call);
    cr_assert_eq(read_as(&table, true, ""), OPT_GO);
    cr_assert_eq(set.workers, 1);
    opt_end(&call);
}

Test(opt, letters) {
    accepts("-nv -vw5 -d- -c4K -c 8k");
    cr_assert(set.null_out);
    cr_assert_eq(set.verbose, 2);
    cr_assert_eq(set.bits, 5);
    cr_assert_str_eq(set.data, "-");
    cr_assert_eq(set.tables.count, 2);
    cr_assert_eq(set.tables.v[0], 4096);
    cr_assert_eq(set.tables.v[1], 8192);
    cr_assert(opt_given(&call, "window-bits"));
    cr_assert_not(opt_given(&call, "length"));
    opt_end(&call);
    accepts("-vvnw 7");
    cr_assert_eq(set.bits, 7);
    opt_end(&call);
}

Test(opt, long_names) {
    accepts("--window-bits=9 --data -x --who= --shell zsh --null-out");
    cr_assert_eq(set.bits, 9);
    cr_assert_str_eq(set.data, "-x");
    cr_assert_str_eq(set.who, "");
    cr_assert_eq(set.shell, 1);
    cr_assert(set.null_out);
    opt_end(&call);
    accepts("--data=a=b");
    cr_assert_str_eq(set.data, "a=b");
    opt_end(&call);
}

Test(opt, prefixes) {
    accepts("--verb --win=3 --wo 4 --hea=a --head b");
    cr_assert_eq(set.verbose, 1);
    cr_assert_eq(set.bits, 3);
    cr_assert_eq(set.workers, 4);
    opt_end(&call);
}

Test(opt, exact_wins) {
    static const opt_spec two[] = {
        {.name = "no", .type = OPT_FLAG, OPT_AT(sample, null_out), .help = "A."},
        {.name = "no-dep", .type = OPT_FLAG, OPT_AT(sample, no_dep), .help = "B."}};
    const opt_table t = {OPT_SPECS(two), .settings_size = sizeof(sample), .usage = usage,
                         .about = "A."};
    cr_assert_eq(read_as(&t, false, "--no"), OPT_GO);
    cr_assert(set.null_out && !set.no_dep);
    opt_end(&call);
    cr_assert_eq(read_as(&t, false, "--no-"), OPT_GO);
    cr_assert(set.no_dep);
    opt_end(&call);
}

Test(opt, operands) {
    accepts("a -n b - --verbose c -- -v --data");
    cr_assert_eq(set.verbose, 1);
    cr_assert_eq(call.operand_count, 6);
    static const char *const want[] = {"a", "b", "-", "c", "-v", "--data"};
    for (int i = 0; i < 6; i++) cr_assert_str_eq(call.operands[i], want[i]);
    cr_assert_null(call.operands[6]);
    opt_end(&call);
    accepts("--data --"); /* an argument may look like anything */
    cr_assert_str_eq(set.data, "--");
    opt_end(&call);
    accepts(" "); /* two empty words */
    cr_assert_eq(call.operand_count, 2);
    opt_end(&call);
}

Test(opt, lists) {
    accepts("-H a:1 --header=b -Hc -H d -H e -H f -H g -H h -H i -H j");
    cr_assert_eq(set.headers.count, 10);
    cr_assert_str_eq(set.headers.v[0], "a:1");
    cr_assert_str_eq(set.headers.v[2], "c");
    cr_assert_str_eq(set.headers.v[9], "j");
    opt_end(&call);
    cr_assert_null(set.headers.v);
    refuses("-H1 -H2 -H3 -H4 -H5 -H6 -H7 -H8 -H9 -H0 -H1 -H2 -H3 -H4 -H5 -H6 -H7 -H8 -H9 -H0 -H1",
            "--header: given more than 20 times");
}

Test(opt, sizes) {
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"1", 1},
                {"4K", 4096},
                {"4k", 4096},
                {"3m", 3145728},
                {"2G", 2147483648},
                {"18446744073709551615", UINT64_MAX},
                {"17179869183g", UINT64_C(17179869183) << 30}};
    static const char *const bad[] = {"",
                                      "K",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1KB",
                                      "1T",
                                      "0x10",
                                      "1.5K",
                                      "18446744073709551616",
                                      "17179869184G"};
    uint64_t bytes;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_assert(opt_value_size(good[i].text, &bytes), "%s", good[i].text);
        cr_assert_eq(bytes, good[i].bytes, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_not(opt_value_size(bad[i], &bytes), "%s", bad[i]);
    }
}

Test(opt, durations) {
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"0", 0},       {"1", 1000},    {"1s", 1000},
                {"250ms", 250}, {"2m", 120000}, {"1h", 3600000}};
    static const char *const bad[] = {
        "", "s", "1S", "1M", "1d", "-1s", "1.5s", "1sm", "18446744073709551615"};
    uint64_t ms;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_assert(opt_value_duration(good[i].text, &ms), "%s", good[i].text);
        cr_assert_eq(ms, good[i].ms, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_not(opt_value_duration(bad[i], &ms), "%s", bad[i]);
    }
}

Test(opt, integers) {
    int64_t v;
    cr_assert(opt_value_int("-9223372036854775807", &v) && v == -INT64_MAX);
    cr_assert(opt_value_int("+7", &v) && v == 7);
    cr_assert_not(opt_value_int("9223372036854775808", &v));
    cr_assert_not(opt_value_int("", &v) || opt_value_int("-", &v) || opt_value_int("1x", &v));
    cr_assert_not(opt_value_int("--1", &v) || opt_value_int(" 1", &v) || opt_value_int("0x1", &v));
    accepts("--extra=-5");
    cr_assert_eq(set.extra, -5);
    opt_end(&call);
}

Test(opt, ranges) {
    refuses("--window-bits=77",
            "h2box sample: --window-bits: '77' is not accepted: an integer from 0 to 30\n");
    refuses("-w-1", "--window-bits: '-1' is not accepted");
    refuses("-wx", "--window-bits: 'x' is not accepted");
    refuses("--extra=x", "--extra: 'x' is not accepted: an integer\n");
    refuses("--bounded=1", "a size such as 16384, 64K, 1M or 1G from 1K to 4M\n");
    refuses("--length=1X", "a size such as 16384, 64K, 1M or 1G\n");
    refuses("--timeout=0", "a duration such as 500ms, 10s, 5m or 1h from 1ms to 3600s\n");
    refuses("--shell=csh", "--shell: 'csh' is not accepted: one of bash, zsh, fish\n");
    refuses("--shell=", "one of bash, zsh, fish");
    accepts("-w0 --bounded=4M -t 1h");
    opt_end(&call);
    accepts("-w 30");
    opt_end(&call);
}

Test(opt, mistakes) {
    refuses("--data", "h2box sample: option '--data' requires an argument\n");
    refuses("-nd", "h2box sample: option requires an argument -- 'd'\n");
    refuses("--null-out=1", "h2box sample: option '--null-out' doesn't allow an argument\n");
    refuses("--n",
            "h2box sample: option '--n' is ambiguous; possibilities: '--null-out' '--no-dep'\n");
    refuses("-z", "h2box sample: invalid option -- 'z'\nTry 'h2box sample --help'.\n");
    refuses("-W5", "invalid option -- 'W'\n\nDid you mean:\n\t-w\n");
    refuses("-null-out", "invalid option -- 'u'\n\nDid you mean:\n\t--null-out\n");
    refuses("-no-dep", "invalid option -- 'o'\n\nDid you mean:\n\t--no-dep\n");
    refuses("--=x", "unrecognized option '--=x'");
    refuses("---", "unrecognized option '---'");
    cr_assert_eq(read_as(&table, true, "--nope-such"), 1);
    cr_assert_not_null(strstr(err_text, "sample: unrecognized option '--nope-such'\n"));
}

Test(opt, did_you_mean) {
    refuses("--windwo-bits=3", "h2box sample: unrecognized option '--windwo-bits=3'\n\n"
                               "Did you mean:\n\t--window-bits\n");
    refuses("--verbsoe", "\t--verbose\n");
    refuses("--bits", "\t--window-bits\n");
    refuses("--hepl", "\t--help\n");
    refuses("--completely-different", "Try 'h2box sample --help'.\n");
    cr_assert_null(strstr(err_text, "Did you mean"));
    cr_assert_eq(opt_near_distance("", ""), 0);
    cr_assert_eq(opt_near_distance("abc", ""), 3);
    cr_assert_eq(opt_near_distance("kitten", "sitting"), 3);
    cr_assert_eq(opt_near_distance("ab", "ba"), 1);
    cr_assert_eq(opt_near_distance("ca", "abc"), 3);
    char word[80];
    memset(word, 'a', sizeof(word));
    word[63] = '\0';
    cr_assert_eq(opt_near_distance(word, word), 0);
    word[63] = 'a';
    word[79] = '\0';
    cr_assert_eq(opt_near_distance(word, "a"), 99);
}

Test(opt, statuses) {
    accepts("-p 5 --weight=9 --warned --warned");
    cr_assert(set.no_dep);
    cr_assert_str_eq(err_text, "h2box sample: --weight has no effect: use --extpri\n"
                               "h2box sample: --warned is deprecated: use --no-dep\n");
    opt_end(&call);
    refuses("--null-gone", "--null-gone is refused: drafts are over\n");
    refuses("-g", "--null-gone is refused");
    accepts("--null"); /* a retired option does not stand in the way of a prefix */
    cr_assert(set.null_out);
    opt_end(&call);
}

Test(opt, scopes) {
    accepts("-x");
    cr_assert(set.null_out && !set.no_dep);
    opt_end(&call);
    cr_assert_eq(read_as(&table, true, "-x"), OPT_GO);
    cr_assert(!set.null_out && set.no_dep);
    opt_end(&call);
    cr_assert_eq(read_as(&table, true, "--only-new"), 1);
    cr_assert_null(strstr(err_text, "\t--only-new\n"));
}

Test(opt, operand_counts) {
    opt_table t = table;
    t.operand_min = 1;
    t.operand_max = 2;
    cr_assert_eq(read_as(&t, false, "-n"), 2);
    cr_assert_not_null(strstr(err_text, "h2box sample: too few arguments\nUsage: h2box sample ["));
    cr_assert_eq(read_as(&t, true, "a b c"), 1);
    cr_assert_not_null(strstr(err_text, "sample: too many arguments\n"));
    cr_assert_eq(read_as(&t, false, "a b"), OPT_GO);
    opt_end(&call);
    t.operand_min = t.operand_max = 0;
    cr_assert_eq(read_as(&t, false, "a"), 2);
    cr_assert_not_null(strstr(err_text, "too many arguments: 'a' is not expected\n"));
}

Test(opt, help_and_version) {
    cr_assert_eq(read_line("-nh --wrong"), 0);
    cr_assert_not_null(strstr(out_text, "Usage: h2box sample [OPTION]... WORD...\n"));
    cr_assert_str_empty(err_text);
    cr_assert_eq(read_line("--version"), 0);
    cr_assert_str_eq(out_text, "h2box sample " H2BOX_VERSION "\n");
    cr_assert_eq(read_as(&table, true, "--vers"), 0);
    cr_assert_str_eq(out_text, "sample h2box/" H2BOX_VERSION " (compatible with nghttp2/1.52.0)\n");
    refuses("--wrong --help", "unrecognized option '--wrong'");
}

Test(opt, full_disk) {
    FILE *full = fopen("/dev/full", "w");
    char *argv[] = {(char *)"h2box sample", (char *)"--help", NULL};
    cr_assert_not_null(full);
    FILE *err = into(err_text, sizeof(err_text));
    cr_assert_eq(opt_read_to(&table, 2, argv, false, &set, &call, full, err), 1);
    fclose(err);
    fclose(full);
    cr_assert_str_eq(err_text, "h2box sample: write to standard output: No space left on device\n");
}

static char *help(unsigned width, bool colour, bool old_name) {
    FILE *out = into(page, sizeof(page));
    opt_help_write(out, (opt_look){width, colour}, &table, old_name ? "sample" : "h2box sample",
                   old_name);
    fclose(out);
    return page;
}

Test(opt, help_teaches) {
    const char *text = help(80, false, false);
    static const char *const parts[] = {
        "\nA sample.\n\nIt has two paragraphs.\n",
        "\nLog:\n  -v, --verbose               Log more. Twice: still more.\n",
        "\nFlow:\n  -w, --window-bits=N         Window. From 0 to 30. Default: 16.\n",
        "Workers. From 0 to 64. Default: one per core.\n",
        "From 1K to 4M. Default: 16K.\n",
        "--shell=bash|zsh|fish",
        "One of bash, zsh, fish.",
        "Accepted without effect: use --extpri.",
        "Repeatable.",
        "\nOther:\n  -h, --help",
        "SIZE is a number",
        "\nNotes:\n  One.\n",
        "    kept   as h2box sample is\n",
        "  h2box sample -n a\n        Reads a.\n",
        "\nExit codes:\n  0   done\n  1   failed\n  2   wrong usage\n"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        cr_assert_not_null(strstr(text, parts[i]), "%s\n%s", parts[i], text);
    }
    cr_assert_null(strstr(text, "null-gone"));
    cr_assert_null(strstr(text, "only-old"));
    cr_assert_null(strstr(text, "\033"));
    text = help(80, true, true);
    cr_assert_not_null(strstr(text, "\033[1m-v, --verbose\033[0m"));
    cr_assert_not_null(strstr(text, "Default: 1.\n"));
    cr_assert_not_null(strstr(text, "only-old"));
}

Test(opt, help_fits) {
    for (unsigned width = 40; width <= 100; width += 12) {
        char *text = help(width, false, false);
        for (char *at = text, *line; (line = strsep(&at, "\n"));) {
            cr_assert_leq(strlen(line), width, "%u: %s", width, line);
        }
    }
}

Test(opt, man_docs_completions) {
    static const opt_title title = {"h2box sample", "h2box-sample", "sample", "what it is"};
    static const opt_entry entry = {
        {"h2box sample", "h2box-sample", "sample", "what it is"}, "sample-new", &table};
    FILE *out = into(page, sizeof(page));
    opt_man_write(out, &title, &table);
    fclose(out);
    cr_assert(strstr(page, ".TH \"H2BOX-SAMPLE\" 1 ") == page);
    cr_assert_not_null(
        strstr(page, "\\fB\\-w\\fP, \\fB\\-\\-window\\-bits\\fP=\\fIN\\fP\nWindow.\n"));
    cr_assert_not_null(strstr(page, "Default: one per core (1 under the old name)."));
    cr_assert_not_null(strstr(page, ".SH \"RETIRED OPTIONS\""));
    out = into(page, sizeof(page));
    opt_docs_write(out, &title, &table);
    fclose(out);
    cr_assert_not_null(strstr(page, "| `-d, --data=FILE` | Data \\| body. |\n"));
    for (opt_shell shell = OPT_BASH; shell <= OPT_FISH; shell++) {
        out = into(page, sizeof(page));
        opt_complete_write(out, shell, &table, &entry, 1);
        fclose(out);
        cr_assert_not_null(strstr(page, "window-bits"));
        cr_assert_null(strstr(page, "null-gone"));
    }
}

Test(opt, refuse_ends_the_call) {
    accepts("-H a b");
    call.err = into(err_text, sizeof(err_text));
    cr_assert_eq(opt_refuse(&call, "--%s needs %d", "x", 3), 2);
    fclose(call.err);
    cr_assert_str_eq(err_text, "h2box sample: --x needs 3\nTry 'h2box sample --help'.\n");
    cr_assert_null(call.operands);
}

Test(opt, check_finds_mistakes) {
    static const opt_spec good = {
        .name = "a", .type = OPT_FLAG, OPT_AT(sample, null_out), .help = "A."};
    opt_spec two[2] = {good, good};
    opt_table t = {OPT_SPECS(two), .settings_size = sizeof(sample), .usage = usage, .about = "A."};
    cr_assert_str_eq(opt_check(&t), "two options share a name");
    t.count = 1;
    cr_assert_null(opt_check(&t));
    two[0].letter = 'h';
    cr_assert_str_eq(opt_check(&t), "two options share a name");
    two[0] = good;
    two[0].type = OPT_INT;
    cr_assert_str_eq(opt_check(&t), "a place has another type's size");
    two[0] = specs[3];
    two[0].def = "31";
    cr_assert_str_eq(opt_check(&t), "a default is not accepted");
    two[0] = good;
    two[0].offset = sizeof(sample);
    cr_assert_str_eq(opt_check(&t), "a place is outside the settings");
    two[0] = good;
    two[0].room = 0;
    cr_assert_str_eq(opt_check(&t), "an option has no place in the settings");
    two[0] = good;
    two[0].help = "";
    cr_assert_str_eq(opt_check(&t), "an option has no help");
}
