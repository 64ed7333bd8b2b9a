/* Which fields of a plan's requests are worth a place in the dynamic table.
 *
 * A table of 4 KiB (RFC 9113 section 6.5.2) holds some fifty fields. When the fields of a plan are
 * more than that, each block would push out what the next ones need; so those of most requests get
 * the places, and the rest is sent as it is, never indexed. Then a table stands still after its
 * connection's first requests, and a block that repeats costs a copy. */
#ifndef H2BOX_APPLETS_LOAD_TABLE_SHARE_H
#define H2BOX_APPLETS_LOAD_TABLE_SHARE_H

#include "applets/load/workload.h"

void table_share_decide(workload *p);

#endif
