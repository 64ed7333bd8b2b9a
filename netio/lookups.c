#include "netio/lookups.h"

#include <stdlib.h>

#include "core/limits.h"
#include "netio/loop_impl.h"
#include "netio/resolve.h"

/* libc's resolver keeps a few KiB on the stack, what modules of nsswitch.conf do is theirs; a
 * thread would have 8 MiB. What is not touched costs no memory. */
#define STACK (1024u * 1024)

typedef enum lookup_state {
    WAITS,
    RUNS, /* a thread has it */
    BACK  /* its letter is in the loop's mailbox */
} lookup_state;

/* Who waits in it: the first is next. */
typedef struct lookup_line {
    lookup *first, **last;
    struct lookup_line *next; /* of those that have a turn */
    unsigned waiting, running;
    bool due; /* it has one */
} lookup_line;

struct lookup {
    lookup *next; /* in its line */
    lookup_line *line;
    loop *loop; /* NULL: nobody waits any more */
    lookup_state state;
    uint64_t begun_us;
    lookups_done *done;
    void *user;
    loop_mail mail;
    int error;
    struct addrinfo *list;
    char host[];
};

/* Of the process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static lookup_line own, lines[LIMIT_LOOKUP_LINES]; /* the program's, and those of accounts */
static lookup_line *due, **due_last = &due;
static unsigned running;
static uint32_t seed;   /* so that nobody can tell who shares a line with whom */
static pthread_t ended; /* the thread that has ended last, to be joined */
static bool has_ended;

/* ---- lines ---- */

static lookup_line *line_of(uint32_t whose) {
    return whose ? &lines[(whose * seed >> 16) % LIMIT_LOOKUP_LINES] : &own;
}

/* Gives the line a turn, if it may have one and has none. */
static void make_due(lookup_line *line) {
    if (line->due || !line->first || line->running >= LIMIT_LOOKUPS_EACH) return;
    line->due = true;
    line->next = NULL;
    *due_last = line;
    due_last = &line->next;
}

static void enter(lookup *q, lookup_line *line) {
    if (!line->first) line->last = &line->first;
    q->line = line;
    q->next = NULL;
    *line->last = q;
    line->last = &q->next;
    line->waiting++;
    make_due(line);
}

/* A line that is empty now keeps its turn, and is passed over. */
static void leave(lookup *q) {
    lookup_line *line = q->line;
    lookup **at = &line->first;
    while (*at != q) at = &(*at)->next;
    *at = q->next;
    if (!q->next) line->last = at;
    line->waiting--;
}

/* The next one, if there is a thread for it; it has begun then. */
static lookup *take_next(void) {
    while (due && running < LIMIT_LOOKUPS) {
        lookup_line *line = due;
        lookup *q = line->first;
        due = line->next;
        if (!due) due_last = &due;
        line->due = false;
        if (!q) continue;
        leave(q);
        line->running++;
        running++;
        make_due(line);
        q->state = RUNS;
        q->begun_us = loop_now_us();
        return q;
    }
    return NULL;
}

/* ---- threads ---- */

static void forget(lookup *q) {
    if (q->list) freeaddrinfo(q->list);
    free(q);
}

/* Gives back its place. False: there is nobody to tell. */
static bool give_back(lookup *q) {
    lookup_line *line = q->line;
    line->running--;
    running--;
    make_due(line);
    q->state = BACK;
    /* Under the lock: its loop is there as long as it waits. */
    return q->loop && loop_mail_post(q->loop, &q->mail);
}

/* The one that has ended before; true when there was one. Under the lock. */
static bool swap_ended(pthread_t *other, bool there) {
    pthread_t before = ended;
    bool was = has_ended;
    ended = *other;
    has_ended = there;
    *other = before;
    return was;
}

/* One after the other, as long as there are any. A thread that ends joins the one before it. */
static void *run(void *user) {
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    pthread_t other = pthread_self();
    bool join = false;
    for (lookup *q = user, *next; q; q = next) {
        resolve_prepare();
        q->error = getaddrinfo(q->host, NULL, &hints, &q->list);
        pthread_mutex_lock(&lock);
        bool told = give_back(q);
        next = take_next();
        if (!next) join = swap_ended(&other, true);
        pthread_mutex_unlock(&lock);
        if (!told) forget(q);
    }
    if (join) pthread_join(other, NULL);
    return NULL;
}

/* At the end of the process: what libc keeps for a thread that is not quite over would be lost. Who
 * still looks up is not waited for. */
static void join_ended(void) {
    pthread_t last = pthread_self();
    pthread_mutex_lock(&lock);
    bool join = swap_ended(&last, false);
    pthread_mutex_unlock(&lock);
    if (join) pthread_join(last, NULL);
}

static bool start_thread(lookup *q) {
    static bool joins; /* under the lock */
    pthread_attr_t how;
    pthread_t id;
    if (!joins) joins = atexit(join_ended) == 0;
    if (!joins || pthread_attr_init(&how) != 0) return false;
    pthread_attr_setstacksize(&how, STACK);
    bool started = pthread_create(&id, &how, run, q) == 0;
    pthread_attr_destroy(&how);
    return started;
}

/* ---- asking ---- */

static void on_back(void *user) {
    lookup *q = user;
    if (q->loop) q->done(q->user, q->error, q->list);
    forget(q);
}

/* Without a thread it comes to nothing, as when the name servers refuse. */
static void begin_next(void) {
    pthread_mutex_lock(&lock);
    for (lookup *q; (q = take_next()) && !start_thread(q);) {
        q->error = EAI_MEMORY;
        if (!give_back(q)) forget(q);
    }
    pthread_mutex_unlock(&lock);
}

lookup *lookups_ask(loop *l, const char *host, uint32_t whose, lookups_done *done, void *user,
                    bool *full) {
    size_t n = strlen(host) + 1;
    lookup *q = malloc(sizeof *q + n); /* not of the loop's pool: it may end in a thread */
    *full = false;
    if (!q) return NULL;
    *q = (lookup){.loop = l, .done = done, .user = user, .mail = {.fn = on_back, .user = q}};
    memcpy(q->host, host, n);
    pthread_mutex_lock(&lock);
    if (!seed) seed = loop_random(l) | 1;
    lookup_line *line = line_of(whose);
    *full = whose && line->waiting >= LIMIT_LOOKUPS_WAITING;
    if (!*full) enter(q, line);
    pthread_mutex_unlock(&lock);
    if (*full) {
        free(q);
        return NULL;
    }
    begin_next();
    return q;
}

void lookups_leave(lookup *q) {
    pthread_mutex_lock(&lock);
    bool waits = q->state == WAITS;
    if (waits) leave(q);
    q->loop = NULL;
    pthread_mutex_unlock(&lock);
    if (waits) forget(q);
}

void lookups_share(lookup *q, uint32_t whose) {
    pthread_mutex_lock(&lock);
    lookup_line *line = line_of(whose);
    if (q->state == WAITS && line->waiting < q->line->waiting) {
        leave(q);
        enter(q, line);
    }
    pthread_mutex_unlock(&lock);
    begin_next();
}

uint64_t lookups_begun(const lookup *q) {
    pthread_mutex_lock(&lock);
    uint64_t us = q->begun_us;
    pthread_mutex_unlock(&lock);
    return us;
}
