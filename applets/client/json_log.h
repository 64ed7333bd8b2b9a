/* --json: what passes, one JSON object a line, with keys that stay (docs/client.md).
 *
 * The machine's counterpart of the frame log: trace sink of one connection at a time, and the
 * events of the run itself. Bytes over 0x7f stand as the code points of ISO 8859-1, so a line is
 * ASCII and no byte is lost. */
#ifndef H2BOX_APPLETS_CLIENT_JSON_LOG_H
#define H2BOX_APPLETS_CLIENT_JSON_LOG_H

#include "applets/client/client.h"
#include "applets/common/text.h"

typedef struct json_log {
    FILE *out;
    uint64_t start_us;   /* of time_us, in the clock of loop_now_us */
    uint32_t connection; /* the one at work, from 1 */
    bool chunks;         /* each piece of DATA too */
    text line;
} json_log;

h2_trace json_log_trace(json_log *l);

/* Events of the run. why is NULL where nothing failed; a NULL log is nothing. */
void json_log_connected(json_log *l, net_link *k, const uri *to);
void json_log_closed(json_log *l, const char *why);
void json_log_request(json_log *l, const request *r, const char *why);
void json_log_end(json_log *l);

#endif
