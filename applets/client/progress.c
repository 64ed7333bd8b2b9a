#include "applets/client/progress.h"
#include "applets/client/fetch.h"
#include "applets/common/human.h"

#include <unistd.h>

#define TICK_MS 250u

static void show(timer *t) {
    progress *p = t->user;
    const fetch *f = p->run->fetch;
    uint64_t have = 0, expected = 0, us = loop_now_us() - p->begun_us;
    char got[HUMAN_ROOM], all[HUMAN_ROOM], rate[HUMAN_ROOM];
    unsigned running = 0;
    bool known = true;
    timer_arm(p->run->loop, t, TICK_MS);
    for (const request *r = f ? f->requests : NULL; r; r = r->next) {
        if (r->state != REQUEST_RUNS) continue;
        running++;
        have += r->received;
        known &= r->expected != UINT64_MAX;
        if (known) expected += r->expected;
    }
    if (!running || !have) return;
    p->shown = true;
    fprintf(stderr, "\r\033[K%u running: %s", running, human_bytes(got, have));
    if (known && expected)
        fprintf(stderr, " of %s, %u %%", human_bytes(all, expected),
                (unsigned)(have * 100 / expected));
    fprintf(stderr, ", %s/s", human_bytes(rate, us ? (f->settled_bytes + have) * 1000000 / us : 0));
    fflush(stderr);
}

void progress_begin(progress *p, client_run *run) {
    const client_settings *set = run->set;
    bool quiet = set->null_out || set->remote_name || !isatty(STDOUT_FILENO);
    if (!isatty(STDERR_FILENO) || !quiet || ((set->verbose || set->json) && isatty(STDOUT_FILENO)))
        return;
    *p = (progress){.run = run, .begun_us = loop_now_us(), .tick = {.fire = show, .user = p}};
    run->progress = p;
    timer_arm(run->loop, &p->tick, TICK_MS);
}

void progress_wipe(progress *p) {
    if (!p || !p->shown) return;
    p->shown = false;
    fputs("\r\033[K", stderr);
    fflush(stderr);
}

void progress_end(progress *p) {
    if (!p) return;
    progress_wipe(p);
    timer_cancel(&p->tick);
}
