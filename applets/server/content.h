/* From an open file to its answer: which representation the client takes, whether it has it
 * already, and which parts of it are asked for. */
#ifndef H2BOX_APPLETS_SERVER_CONTENT_H
#define H2BOX_APPLETS_SERVER_CONTENT_H

#include "applets/server/exchange.h"

/* Answers the request with the file, now or when a coded form of it is there. f is lent. */
void content_send(exchange *r, file *f);

#endif
