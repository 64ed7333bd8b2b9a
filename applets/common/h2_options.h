/* The options that every applet with HTTP/2 connections has in common: its rows, its settings, and
 * what they make of a configuration. */
#ifndef H2BOX_APPLETS_COMMON_H2_OPTIONS_H
#define H2BOX_APPLETS_COMMON_H2_OPTIONS_H

#include "applets/opt.h"
#include "core/limits.h"
#include "core/session.h"

typedef struct h2_options {
    int64_t window_bits, connection_window_bits, padding;
    uint64_t encoder_table;
    bool hexdump, colour;
} h2_options;

/* Rows of an option table whose settings hold an h2_options named h2; `heading` is their group in
 * help. */
#define H2_OPTIONS_ROWS(settings, heading)                                              \
    {.name = "window-bits",                                                             \
     .letter = 'w',                                                                     \
     .type = OPT_INT,                                                                   \
     OPT_AT(settings, h2.window_bits),                                                  \
     .max = 30,                                                                         \
     .def = "16",                                                                       \
     .arg = "N",                                                                        \
     .group = (heading),                                                                \
     .help = "Flow-control window of a stream: 2^N-1 bytes."},                          \
        {.name = "connection-window-bits",                                              \
         .letter = 'W',                                                                 \
         .type = OPT_INT,                                                               \
         OPT_AT(settings, h2.connection_window_bits),                                   \
         .max = 30,                                                                     \
         .def = "20",                                                                   \
         .old_def = "16",                                                               \
         .arg = "N",                                                                    \
         .group = (heading),                                                            \
         .help = "Flow-control window of a connection: 2^N-1 bytes; not below 65535."}, \
        {.name = "encoder-header-table-size",                                           \
         .type = OPT_SIZE,                                                              \
         OPT_AT(settings, h2.encoder_table),                                            \
         .max = LIMIT_TABLE_MAX,                                                        \
         .def = "4K",                                                                   \
         .group = (heading),                                                            \
         .help = "Dynamic table that we use at most (HPACK)."},                         \
        {.name = "padding",                                                             \
         .letter = 'b',                                                                 \
         .type = OPT_INT,                                                               \
         OPT_AT(settings, h2.padding),                                                  \
         .max = 256,                                                                    \
         .def = "0",                                                                    \
         .group = (heading),                                                            \
         .help = "Bytes that padding adds to each DATA and HEADERS frame."},            \
        {.name = "hexdump",                                                             \
         .type = OPT_FLAG,                                                              \
         OPT_AT(settings, h2.hexdump),                                                  \
         .group = "Output",                                                             \
         .help = "Show received bytes in hex."},                                        \
        {.name = "color",                                                               \
         .type = OPT_FLAG,                                                              \
         OPT_AT(settings, h2.colour),                                                   \
         .def_note = "when stdout is a terminal",                                       \
         .group = "Output",                                                             \
         .help = "Colour the log."}

/* Puts them into c, over its defaults. */
void h2_options_apply(const h2_options *o, h2_config *c);

/* Whether the log is to be coloured: when asked for, or when stdout is a terminal. */
bool h2_options_colour(const h2_options *o);

#endif
