#include "tests/proxy/world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "applets/common/heap.h"
#include "applets/proxy/config.h"
#include "applets/proxy/error_log.h"
#include "netio/loop_impl.h"

world the_world;

void world_say(const char *format, ...) {
    va_list values;
    if (!the_world.loud) return;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
}

void world_demand(bool holds, const char *format, ...) {
    va_list values;
    if (holds) return;
    va_start(values, format);
    fputs("proxy: ", stderr);
    if (the_world.seed) fprintf(stderr, "H2BOX_SEED=%llu: ", (unsigned long long)the_world.seed);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    abort();
}

/* ---- time and chance: those of the whole program, so that a run is the same each time ---- */

static bool stands; /* the clock does */
static uint64_t now_us, chance;

int clock_gettime(clockid_t id, struct timespec *t) {
    if (!stands || id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
        return (int)syscall(SYS_clock_gettime, id, t);
    *t = (struct timespec){(time_t)(now_us / 1000000), (long)(now_us % 1000000) * 1000};
    return 0;
}

ssize_t getrandom(void *p, size_t n, unsigned flags) {
    uint8_t *at = p;
    if (!stands) return syscall(SYS_getrandom, p, n, flags);
    for (size_t i = 0; i < n; i++) {
        chance = chance * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
        at[i] = (uint8_t)(chance >> 56);
    }
    return (ssize_t)n;
}

/* ---- memory ---- */

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    world *w = user;
    if (new_size) {
        w->taken++;
        if (w->refuse_at && --w->refuse_at == 0) {
            w->refused++;
            return NULL;
        }
    }
    void *moved = w->below.resize(w->below.user, p, old_size, new_size);
    if (moved || !new_size) w->held += (int64_t)new_size - (int64_t)old_size;
    if (w->held > w->held_most) w->held_most = w->held;
    return moved;
}

void world_refuse(uint64_t nth) { the_world.refuse_at = nth; }

/* ---- the proxy's plans, which all worlds share ---- */

static char nest[] = P_tmpdir "/h2box-proxy-XXXXXX";
static plan *plans[32];

static void forget(void) {
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) plan_drop(plans[i]);
    unlink(the_world.front_path);
    unlink(the_world.back_path);
    rmdir(nest);
}

static void begin_program(void) {
    error_log_settings quiet = {.least = ERROR_LOG_FATAL};
    const char *why;
    world_demand(mkdtemp(nest) != NULL, "no folder: %s", strerror(errno));
    world_demand(error_log_open(&quiet, &why), "%s", why);
    snprintf(the_world.front_path, sizeof the_world.front_path, "%s/front", nest);
    snprintf(the_world.back_path, sizeof the_world.back_path, "%s/back", nest);
    atexit(forget);
}

static plan *make_plan(const world_choice *c) {
    static char name[] = "proxy", one[] = "-n1", via[] = "--add-x-forwarded-for",
                forwarded[] = "--add-forwarded=by,for,host,proto";
    static char window[] = "--frontend-http2-window-size=2000",
                back_window[] = "--backend-http2-window-size=3000",
                request_buffer[] = "--backend-request-buffer=1500",
                response_buffer[] = "--backend-response-buffer=1500",
                no_push[] = "--no-server-push", one_link[] = "--backend-connections-per-frontend=1";
    char front_text[160], back_text[240], why[PLAN_WHY_ROOM] = "";
    int code;
    snprintf(front_text, sizeof front_text, "-funix:%s;no-tls", the_world.front_path);
    snprintf(back_text, sizeof back_text, "-bunix:%s;%s%s%s", the_world.back_path,
             c->back_h2 ? ";proto=h2" : "", c->tight ? ";fall=2;rise=1" : "",
             c->sticky ? ";affinity=cookie;affinity-cookie-name=lb" : "");
    char *argv[16] = {name, one, via, forwarded, front_text, back_text};
    int n = 6;
    if (c->small) {
        argv[n++] = window;
        argv[n++] = back_window;
        argv[n++] = request_buffer;
        argv[n++] = response_buffer;
    }
    if (!c->preloads) argv[n++] = no_push;
    if (c->tight) argv[n++] = one_link;
    proxy_config *config = proxy_config_read(n, argv, false, stdout, stderr, &code);
    world_demand(config != NULL, "the command line is refused");
    plan *p = plan_new(proxy_config_settings(config), false, 1, why, sizeof why);
    world_demand(p != NULL, "%s", why);
    proxy_config_drop(config);
    return p;
}

static plan *plan_of(const world_choice *c) {
    plan **p =
        &plans[c->back_h2 | c->small << 1 | c->preloads << 2 | c->tight << 3 | c->sticky << 4];
    if (!*p) *p = make_plan(c);
    return *p;
}

/* ---- the beginning ---- */

/* The proxy's memory is counted from the first byte on, but for what the loop itself was born
 * with. */
static loop *make_loop(world *w, uint64_t refuse_at) {
    loop *l = loop_new();
    world_demand(l != NULL, "no loop: %s", strerror(errno));
    w->below = l->mem;
    l->mem = (mem){resize, w};
    w->refuse_at = refuse_at;
    return l;
}

static doors_order *order_of(const world *w) {
    doors_order *o = doors_order_new(&w->proxy.doors, w->proxy.plan, 0, 1);
    world_demand(o != NULL, "no memory or descriptors");
    return o;
}

static void close_doors(world *w) { doors_abandon(&w->proxy.doors, &(doors){0}); }

static bool start_worker(world *w, loop *l) {
    plan *p = plan_of(&w->choice);
    const char *why = "";
    unsigned about;
    w->proxy = (proxy){.plan = p, .crew = {.first = &w->worker, .count = 1}, .loop = l};
    world_demand(doors_open(&w->proxy.doors, &(doors){0}, p, l, &about, &why), "%s", why);
    proxying_init(&w->worker, &w->proxy, 0, order_of(w));
    if (proxying_start(&w->worker, 0, l)) return true;
    close_doors(w);
    world_demand(w->refused > 0, "the worker does not start");
    return false;
}

bool world_begin(const world_choice *choice, uint64_t refuse_at) {
    world *w = &the_world;
    if (!*w->front_path) begin_program();
    world fresh = {.choice = *choice, .ear = -1, .loud = w->loud, .seed = w->seed};
    memcpy(fresh.front_path, w->front_path, sizeof fresh.front_path);
    memcpy(fresh.back_path, w->back_path, sizeof fresh.back_path);
    *w = fresh;
    plan_of(choice); /* which looks at the clock as it is */
    stands = true;
    now_us = 1000000000;
    chance = 1;
    session_scratch_init(&w->scratch, heap_mem());
    loop *l = make_loop(w, refuse_at);
    backend_listen();
    if (start_worker(w, l)) return true;
    loop_free(l);
    world_demand(w->held <= 0, "%lld bytes are left", (long long)w->held);
    backend_shut();
    session_scratch_end(&w->scratch);
    stands = false;
    return false;
}

/* ---- turns ---- */

static void stop_loop(loop_task *t) {
    (void)t;
    loop_stop(the_world.worker.loop);
}

static bool round_of_all(void) {
    world *w = &the_world;
    loop_task stop = {.run = stop_loop};
    loop_soon(w->worker.loop, &stop);
    loop_run(w->worker.loop);
    loop_task_cancel(w->worker.loop, &stop);
    bool moved = backend_accept();
    for (unsigned i = 0; i < w->end_count; i++) moved |= ends_pump(&w->ends[i]);
    return moved;
}

void world_turn(void) {
    for (unsigned rounds = 0, still = 0; rounds < 60 && still < 2; rounds++)
        still = round_of_all() ? 0 : still + 1;
    world_demand(the_world.held_most < 16 << 20, "the proxy holds %lld bytes",
                 (long long)the_world.held_most);
}

/* In steps, as a loop that is awake would see it. */
void world_wait(uint32_t ms) {
    while (ms) {
        uint32_t step = ms < 500 ? ms : 500;
        now_us += (uint64_t)step * 1000;
        ms -= step;
        world_turn();
    }
}

void world_reload(void) {
    world *w = &the_world;
    if (w->draining) return;
    w->reloaded = true;
    proxying_order(&w->worker, order_of(w));
    proxying_take_order(&w->worker);
}

void world_drain(void) {
    the_world.draining = true;
    close_doors(&the_world);
    proxying_drain(&the_world.worker);
}

/* ---- the end ---- */

/* A request is settled when it has an answer that has ended, or its stream is gone. */
static bool settled(const world_request *r) {
    return !r->open || r->closed || r->ended || !r->at->s || r->at->fd < 0;
}

static void answer_all(void) {
    static const world_reply plain = {.status = 200, .content = 10, .allowed = 10, .length = true};
    world *w = &the_world;
    for (unsigned i = 0; i < w->request_count; i++) {
        client_allow(&w->requests[i], UINT32_MAX, true);
    }
    for (unsigned i = 0; i < w->arrival_count; i++) {
        world_arrival *a = &w->arrivals[i];
        if (!a->open) continue;
        if (a->replied)
            backend_allow(a, UINT32_MAX, true);
        else
            backend_reply(a, &plain);
    }
    world_turn();
}

void world_end_all(void) {
    world *w = &the_world;
    loop *l = w->worker.loop;
    w->refuse_at = 0;
    if (w->ear < 0) backend_listen();
    for (unsigned i = 0; i < w->end_count; i++) w->ends[i].deaf = false;
    for (unsigned i = 0; i < 6; i++) answer_all();
    /* Tunnels are ended by their clients; what a wild peer owes is ended by timeouts. */
    for (unsigned i = 0; i < w->request_count; i++) {
        if (w->requests[i].method >= WORLD_CONNECT) client_reset(&w->requests[i]);
    }
    world_turn();
    bool waits = false;
    for (unsigned i = 0; i < w->request_count; i++) waits |= !settled(&w->requests[i]);
    for (unsigned i = 0; waits && i < 40; i++) {
        answer_all();
        world_wait(5000);
    }
    for (unsigned i = 0; i < w->request_count; i++)
        world_demand(settled(&w->requests[i]) || w->requests[i].at->wild,
                     "request %u is never answered", i);
    backend_shut(); /* or what ends with a connection could be sent once more, on another */
    for (unsigned i = 0; i < w->end_count; i++) ends_close(&w->ends[i]);
    world_turn();
    world_demand(w->worker.front_count == 0, "%zu clients are still there", w->worker.front_count);
    proxying_end(&w->worker, 0, l);
    close_doors(w);
    loop_free(l);
    world_demand(w->held <= 0, "%lld bytes are left", (long long)w->held);
    for (unsigned i = 0; i < w->end_count; i++) ends_free(&w->ends[i]);
    for (unsigned i = 0; i < w->request_count; i++)
        world_demand(!w->requests[i].up.lent, "content of request %u is still lent", i);
    session_scratch_end(&w->scratch);
    stands = false;
}
