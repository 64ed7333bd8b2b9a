#include "applets/load/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

tally *tally_new(void) { return calloc(1, sizeof(tally)); }

void tally_free(tally *t) {
    if (t) free(t->rates);
    free(t);
}

bool tally_add_rate(tally *t, double rate) {
    if (t->rate_count == t->rate_room) {
        size_t room = t->rate_room ? 2 * t->rate_room : 16;
        double *rates = realloc(t->rates, room * sizeof *rates);
        if (!rates) return false;
        t->rates = rates;
        t->rate_room = room;
    }
    t->rates[t->rate_count++] = rate;
    return true;
}

void tally_blame(tally *t, const char *text, uint64_t count) {
    for (uint32_t i = 0; i < t->reason_count; i++) {
        if (strncmp(t->reasons[i].text, text, TALLY_REASON_ROOM - 1) != 0) continue;
        t->reasons[i].count += count;
        return;
    }
    tally_reason *r = &t->reasons[t->reason_count];
    if (t->reason_count == TALLY_REASONS) {
        r--; /* the last one stands for all that find no place */
        text = "other reasons";
    } else {
        t->reason_count++;
    }
    r->count += count;
    snprintf(r->text, sizeof r->text, "%s", text);
}

bool tally_merge(tally *into, const tally *from) {
    bool whole = true;
    into->total += from->total;
    into->started += from->started;
    into->done += from->done;
    into->succeeded += from->succeeded;
    into->failed += from->failed;
    into->errored += from->errored;
    into->timed_out += from->timed_out;
    for (unsigned i = 0; i < 6; i++) into->status[i] += from->status[i];
    into->bytes += from->bytes;
    into->head_bytes += from->head_bytes;
    into->head_plain += from->head_plain;
    into->data_bytes += from->data_bytes;
    into->connections += from->connections;
    into->connect_failed += from->connect_failed;
    into->after_goaway += from->after_goaway;
    into->after_close += from->after_close;
    into->after_error += from->after_error;
    into->planned += from->planned;
    into->resent += from->resent;
    into->unanswered += from->unanswered;
    into->late_connections += from->late_connections;
    into->paced |= from->paced;
    histogram_merge(&into->request, &from->request);
    histogram_merge(&into->sent, &from->sent);
    histogram_merge(&into->connect, &from->connect);
    histogram_merge(&into->first_byte, &from->first_byte);
    for (size_t i = 0; i < from->rate_count; i++) whole &= tally_add_rate(into, from->rates[i]);
    for (uint32_t i = 0; i < from->reason_count; i++)
        tally_blame(into, from->reasons[i].text, from->reasons[i].count);
    return whole;
}
