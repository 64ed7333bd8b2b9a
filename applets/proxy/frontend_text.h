/* The text of a --frontend: ADDRESS[;PARAM]..., as nghttpx has it. Pure: views of the text. */
#ifndef H2BOX_APPLETS_PROXY_FRONTEND_TEXT_H
#define H2BOX_APPLETS_PROXY_FRONTEND_TEXT_H

#include "core/bytes.h"

typedef struct frontend_text {
    span host; /* "*": every address; or "unix:PATH" */
    uint16_t port;
    bool no_tls, sni_fwd, api, healthmon, proxy_protocol;
} frontend_text;

/* False with a message in why. */
bool frontend_text_read(frontend_text *f, span text, char *why, size_t room);

/* The text that reads as f, without its NUL; 0 when it passes `room`. */
size_t frontend_text_write(const frontend_text *f, char *text, size_t room);

#endif
