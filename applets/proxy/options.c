/* The proxy's option table. */
#include "applets/proxy/options.h"
#include "applets/applet.h"

#define OF(field) OPT_AT(proxy_settings, field)

static const opt_spec specs[] = {
    {.name = "conf",
     .type = OPT_STRING,
     OF(conf),
     .arg = "FILE",
     .word = OPT_WORD_FILE,
     .group = "Process",
     .help = "Read options from this file."},
};

static const char *const usage[] = {"[OPTION]... [KEY CERT]", NULL};

const opt_table proxy_options = {OPT_SPECS(specs),
                                 .settings_size = sizeof(proxy_settings),
                                 .usage = usage,
                                 .about = "Passes HTTP requests on to backends.",
                                 .operands = "A private key and a certificate, PEM.",
                                 .operand_max = 2,
                                 .operand_word = OPT_WORD_FILE};
