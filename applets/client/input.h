/* Standard input as it comes: a thread waits for it and posts each piece to the loop. */
#ifndef H2BOX_APPLETS_CLIENT_INPUT_H
#define H2BOX_APPLETS_CLIENT_INPUT_H

#include "netio/net.h"

typedef struct input input;

/* came is called on the loop with each piece, an empty one at the end; it lives until input_more,
 * which asks for the next. NULL when the system refuses. */
input *input_open(loop *l, void (*came)(void *user, span bytes), void *user);
void input_more(input *i);
void input_close(input *i); /* came is not called any more; NULL is nothing */

#endif
