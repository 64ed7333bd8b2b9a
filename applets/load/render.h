/* A request of the plan as it goes out: its own fields and body, or those made for this time. */
#ifndef H2BOX_APPLETS_LOAD_RENDER_H
#define H2BOX_APPLETS_LOAD_RENDER_H

#include "applets/load/crew.h"

typedef struct render {
    const http_field *fields;
    size_t count;
    http_body body;
} render;

/* Fields live until the next one of this crew; the body until its release. False when memory is
 * refused. */
bool render_request(crew *c, const workload_request *r, template_dice *dice, render *out);

#endif
