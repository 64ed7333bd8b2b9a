/* exchange refusals: the exchange again and again, each time with one allocation more granted
 * before one is refused; until a run needs no more. First those of h2box on its loop, then those on
 * the threads of libuv's pool, then libuv's own. Whatever is refused: nothing crashes, hangs or
 * leaks; every link, dial, stream and body is told its end once; at most one connection suffers.
 *
 * exchange tls: some of the refusals, and the bad networks, over TLS.
 *
 * exchange faults: with small buffers, short writes, EAGAIN and resets at both ends (H2BOX_FAULT).
 * All must come whole, but for the resets; those may end what they will, in good order. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/exchange/exchange.h"

enum { SECONDS = 20 }; /* for one run, before it counts as hanging */

static char root[64];
tls_config *exchange_server_tls, *exchange_client_tls;

static session_config server_config, client_config;
static char *at; /* what the child is at, for the parent to tell when it is gone */

enum { AT_ROOM = 200 };

static bool write_file(const char *name, uint64_t n) {
    char path[100];
    snprintf(path, sizeof path, "%s%s", root, name);
    FILE *f = fopen(path, "w");
    for (uint64_t i = 0; f && i < n; i++) fputc(fetch_byte(i), f);
    return f && fclose(f) == 0;
}

static void on_usr1(void *user, int signo) {
    (void)user;
    (void)signo;
}

/* One exchange, until nothing is left; false when it could not begin. */
static bool exchange(void) {
    loop *l = loop_new();
    if (!l) return false;
    bool began = serve_begin(l, root, &server_config);
    if (began) {
        fetch_begin(l, serve_port(), &client_config, serve_stop);
    } else {
        serve_stop();
    }
    loop_run(l);
    loop_on_signal(l, SIGUSR1, on_usr1, NULL);
    loop_free(l);
    return began;
}

/* One run; what it is must stand in `at`. */
static bool run(wrap_whose whose, unsigned refuse, unsigned harmed_most, bool *refused) {
    static long before; /* blocks that stay: what libuv keeps for the process */
    alarm(SECONDS);
    wrap_begin(whose, refuse);
    bool began = exchange();
    *refused = wrap_end();
    alarm(0);
    const char *why = began || *refused ? NULL : "it did not begin";
    if (began && !why) why = serve_check();
    if (began && !why) why = fetch_check(*refused ? 1 : harmed_most);
    if (!why && before && wrap_blocks() != before) why = "blocks leak, or are freed twice";
    before = wrap_blocks();
    if (why) printf("%s: %s\n", at, why);
    return !why;
}

static bool refusals(void) {
    static const unsigned least[WRAP_KINDS] = {200, 1, 1}; /* fewer: the hooks miss them */
    bool refused, good = true;
    for (int whose = 0; whose < WRAP_KINDS; whose++) {
        unsigned n = 0;
        do {
            snprintf(at, AT_ROOM, "allocation %u %s refused", ++n, wrap_names[whose]);
            good &= run((wrap_whose)whose, n, 0, &refused);
        } while (refused);
        printf("%u allocations %s were refused in turn\n", n - 1, wrap_names[whose]);
        good &= n > least[whose];
    }
    return good;
}

typedef struct network {
    const char *words; /* of H2BOX_FAULT, to which a seed is added */
    unsigned seeds;
    uint64_t size; /* of the file and of the upload */
    bool breaks;
} network;

static const network networks[] = {
    {"sndbuf=4096,rcvbuf=4096", 1, 1 << 20, false},
    {"eagain=30", 10, 1 << 20, false},
    {"sndbuf=4096,rcvbuf=4096,eagain=30,write=3000", 3, 1 << 20, false},
    {"write=1", 1, 6000, false},
    {"write=1,read=1,eagain=30", 2, 2000, false},
    {"write=9,read=13,eagain=30", 3, 60000, false},
    {"reset=1", 1, 1 << 20, true},
    {"reset=100,write=7", 5, 1 << 20, true},
    {"reset=5000,eagain=30", 10, 1 << 20, true},
    {"reset=70000,eagain=30,sndbuf=4096,rcvbuf=4096", 10, 1 << 20, true},
    {"reset=500000,eagain=30", 10, 1 << 20, true},
};

static bool faults(void) {
    bool refused, good = true;
    unsigned runs = 0;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        const network *w = &networks[i];
        fetch_sizes[FETCH_ECHO] = fetch_sizes[FETCH_BIG] = w->size;
        if (!write_file("/big", w->size)) return false;
        for (unsigned seed = 1; seed <= w->seeds; seed++, runs++) {
            snprintf(at, AT_ROOM, "H2BOX_FAULT=%s,seed=%u", w->words, seed);
            setenv("H2BOX_FAULT", strchr(at, '=') + 1, 1);
            good &= run(WRAP_LOOP, 0, w->breaks ? FETCH_CLIENTS : 0, &refused);
        }
    }
    printf("%u runs over bad networks\n", runs);
    return good;
}

/* Handshakes ask for thousands of blocks: the first ones are refused in turn, later ones with
 * growing steps. */
static bool refusals_of_tls(void) {
    bool refused, good = true;
    unsigned runs = 0;
    for (unsigned n = 1;; n += 1 + n / 24, runs++) {
        snprintf(at, AT_ROOM, "allocation %u refused over TLS", n);
        good &= run(WRAP_LOOP, n, 0, &refused);
        if (!refused) break;
    }
    printf("%u allocations were refused over TLS\n", runs);
    return good && runs > 100;
}

static bool tls(void) { return refusals_of_tls() && faults(); }

static bool begin_tls(void) {
    static const char *const protocols[] = {"h2", NULL}, *const names[] = {"localhost", NULL};
    char why[TLS_WHY_ROOM];
    tls_settings s = {.server = true, .alpn = protocols};
    exchange_server_tls = tls_config_self_signed(&s, names, why);
    exchange_client_tls =
        tls_config_new(&(tls_settings){.alpn = protocols, .check = TLS_CHECK_TELL}, why);
    return exchange_server_tls && exchange_client_tls;
}

static int child(bool (*all)(void)) {
    bool refused, good;
    if (all == tls && !begin_tls()) return 1;
    snprintf(at, AT_ROOM, "nothing refused");
    good = run(WRAP_LOOP, 0, 0, &refused); /* libuv's threads start here, and stay */
    good &= all();
    tls_config_drop(exchange_server_tls);
    tls_config_drop(exchange_client_tls);
    fflush(stdout);
    return good ? 0 : 1;
}

static bool remove_file(const char *name) {
    char path[100];
    snprintf(path, sizeof path, "%s%s", root, name);
    return unlink(path) == 0;
}

int main(int argc, char **argv) {
    static bool (*const whats[])(void) = {refusals, faults, tls};
    static const char *const names[] = {"refusals", "faults", "tls"};
    unsigned what = 0;
    int status = 0;
    while (what < 3 && (argc != 2 || strcmp(argv[1], names[what]) != 0)) what++;
    if (what == 3) {
        fprintf(stderr, "usage: exchange refusals|faults|tls\n");
        return 2;
    }
    snprintf(root, sizeof root, P_tmpdir "/h2box-exchange-XXXXXX");
    at = mmap(NULL, AT_ROOM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || !mkdtemp(root)) return 1;
    if (!write_file("/small", fetch_sizes[FETCH_SMALL]) ||
        !write_file("/big", fetch_sizes[FETCH_BIG]))
        return 1;
    session_defaults(&server_config, true);
    session_defaults(&client_config, false);
    pid_t pid = fork();
    if (pid == 0) exit(child(whats[what]));
    waitpid(pid, &status, 0);
    if (status) printf("status %#x; the last was: %s\n", (unsigned)status, at);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) printf("it hung\n");
    return remove_file("/small") && remove_file("/big") && rmdir(root) == 0 && !status ? 0 : 1;
}
