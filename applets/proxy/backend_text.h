/* The text of a --backend: ADDRESS[;[PATTERN[:PATTERN]...][;PARAM]...], as nghttpx has it.
 *
 * Pure: what is read are views of the text. Conflicts between backends are the plan's business. */
#ifndef H2BOX_APPLETS_PROXY_BACKEND_TEXT_H
#define H2BOX_APPLETS_PROXY_BACKEND_TEXT_H

#include "applets/proxy/plan.h"

#define BACKEND_TEXT_NO_TIME UINT64_MAX

typedef struct backend_text {
    span host;     /* or "unix:PATH" */
    uint16_t port; /* 0 with a UNIX socket */
    span patterns; /* with ':' between; "/" when none was given */
    bool h2, tls, dns, redirect_if_not_tls, upgrade_scheme, never_forward;
    span sni, group, mruby; /* empty: not given */
    uint32_t fall, rise;
    uint32_t weight;
    uint32_t group_weight; /* 0: not given */
    bool has_affinity; /* it was spoken of: a pattern's backends must not say different things */
    plan_affinity affinity;
    span cookie_name, cookie_path; /* empty: none */
    plan_secure cookie_secure;
    bool cookie_strict;
    uint64_t read_ms, write_ms; /* BACKEND_TEXT_NO_TIME: not given */
} backend_text;

/* False with a message in why: "bogus: unknown parameter". */
bool backend_text_read(backend_text *b, span text, char *why, size_t room);

/* The text that reads as b, without its NUL; 0 when it passes `room`. */
size_t backend_text_write(const backend_text *b, char *text, size_t room);

#endif
