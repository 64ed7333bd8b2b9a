/* Workers that serve files to workers that fetch them, with dials by name, letters and cancels
 * between, in the clear and over TLS with one configuration for all: for ThreadSanitizer, and as a
 * test of how everything of netio ends. Exits 0 when every stream was answered whole. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netio/net.h"

enum { SERVERS = 3, CLIENTS = 3, DIALS = 12, STREAMS = 8 };

static const char *const names[] = {"/small", "/big", "/none"};
static const uint64_t sizes[] = {3000, 400000, 0};

static char root[64];
static session_config server_config, client_config;
static tls_config *server_tls, *client_tls; /* NULL: in the clear */
static tls_tickets *tickets[CLIENTS];
static atomic_uint port, served, streams_done, streams_bad, dials_failed, links_closed,
    clients_done;

/* ---- servers ---- */

typedef struct serving {
    loop *l;
    file_cache *cache;
    listener *ear;
} serving;

static serving servers[SERVERS];
static worker *server_crew;

typedef struct answer {
    net_link *k;
    http_ref ref;
} answer;

static void on_file(void *user, file_status status, file *f) {
    answer *a = user;
    http_field ok[] = {HTTP_FIELD_OF(STATUS, SPAN("200"))};
    http_field none[] = {HTTP_FIELD_OF(STATUS, SPAN("404"))};
    http_body body = HTTP_NO_BODY;
    if (f && file_body(f, a->k, a->ref, &body)) {
        session_reply(link_session(a->k), a->ref, ok, 1, body);
    } else {
        session_reply(link_session(a->k), a->ref, none, 1, HTTP_NO_BODY);
    }
    atomic_fetch_add(&served, status == FILE_OK);
    link_touch(a->k);
    file_close(f);
    free(a);
}

static void on_request(void *user, net_link *k, const http_event *ev) {
    serving *s = user;
    if (ev->kind != HTTP_EVENT_REQUEST) return;
    answer *a = malloc(sizeof *a);
    *a = (answer){k, ev->ref};
    /* Clients stay until they are answered, so the link is there when the file is. */
    file_open(s->cache, span_str(names[ev->ref.id / 2 % 3]), on_file, a);
}

static void on_server_closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)k;
    (void)why;
    atomic_fetch_add(&links_closed, 1);
}

static const link_calls server_calls = {.event = on_request, .closed = on_server_closed};

static bool on_accept(void *user, link_birth *birth) {
    *birth = (link_birth){
        .calls = &server_calls, .user = user, .config = &server_config, .tls = server_tls};
    return true;
}

static void on_accepted(void *user, net_link *k) {
    (void)user;
    (void)k;
}

static const listen_calls ear_calls = {on_accept, on_accepted};

static bool start_server(void *user, unsigned index, loop *l) {
    serving *s = &servers[index];
    const char *why;
    (void)user;
    s->l = l;
    listen_address a = {.text = "127.0.0.1", .reuse_port = true};
    /* The first picks the port, the others wait for it. */
    while (index && !atomic_load(&port)) usleep(1000);
    a.port = (uint16_t)atomic_load(&port);
    s->ear = listen_open(l, &a, &ear_calls, s, &why);
    s->cache = file_cache_new(l, root, &why);
    if (s->ear) atomic_store(&port, listen_port(s->ear));
    return s->ear && s->cache;
}

static void end_server(void *user, unsigned index, loop *l) {
    (void)user;
    (void)l;
    file_cache_free(servers[index].cache);
}

static void on_leave(void *user) {
    serving *s = user;
    listen_close(s->ear);
}

/* ---- clients ---- */

typedef struct stream {
    struct fetch *owner;
    uint64_t got;
    unsigned kind;
    bool answered;
} stream;

typedef struct fetch {
    stream streams[STREAMS];
    unsigned done;
    loop *l;
} fetch;

static void on_response(void *user, net_link *k, const http_event *ev) {
    stream *s = ev->user;
    (void)user;
    if (ev->kind == HTTP_EVENT_RESPONSE) s->answered = true;
    if (ev->kind == HTTP_EVENT_DATA) {
        s->got += ev->data.n;
        session_credit(link_session(k), ev->ref, ev->credit);
    }
    if (ev->kind != HTTP_EVENT_CLOSED) return;
    if (!s->answered || ev->early_close || s->got != sizes[s->kind])
        atomic_fetch_add(&streams_bad, 1);
    atomic_fetch_add(&streams_done, 1);
    if (++s->owner->done == STREAMS) session_drain(link_session(k), loop_now_ms(s->owner->l));
}

static void on_client_closed(void *user, net_link *k, const char *why) {
    (void)k;
    if (why) fprintf(stderr, "client: %s\n", why);
    free(user);
}

static const link_calls client_calls = {.event = on_response, .closed = on_client_closed};

static void on_opened(void *user, net_link *k) {
    fetch *f = user;
    const http_field request[] = {
        HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(SCHEME, SPAN("http")),
        HTTP_FIELD_OF(AUTHORITY, SPAN("test")), HTTP_FIELD_OF(PATH, SPAN("/"))};
    for (unsigned i = 0; i < STREAMS; i++) {
        http_ref ref;
        f->streams[i] = (stream){.owner = f, .kind = i % 3};
        session_open(link_session(k), request, 4, HTTP_NO_BODY, &f->streams[i], &ref);
    }
}

static void on_failed(void *user, const char *why) {
    (void)why;
    atomic_fetch_add(&dials_failed, 1);
    free(user);
}

static const dial_calls calls = {on_opened, on_failed};

static bool start_client(void *user, unsigned index, loop *l) {
    if (client_tls) tickets[index] = tls_tickets_new(loop_mem(l));
    link_birth birth = {.calls = &client_calls,
                        .config = &client_config,
                        .tls = client_tls,
                        .tls_name = "localhost",
                        .tls_tickets = tickets[index]};
    (void)user;
    for (unsigned i = 0; i < DIALS; i++) {
        fetch *f = calloc(1, sizeof *f);
        f->l = l;
        birth.user = f;
        dial_open(l, i % 2 ? "localhost" : "127.0.0.1", (uint16_t)atomic_load(&port), &birth, 20000,
                  &calls, f);
    }
    /* Look-ups of several loops in one line, some of them given up. */
    for (unsigned i = 0; i < 6; i++) {
        void *unused = calloc(1, 1);
        dial *d = dial_open(l, "nobody.invalid", 80, &birth, 0, &calls, unused);
        if (i % 2 == 0) {
            dial_cancel(d);
            free(unused);
        }
    }
    return true;
}

static void end_client(void *user, unsigned index, loop *l) {
    (void)user;
    (void)l;
    tls_tickets_free(tickets[index]);
    tickets[index] = NULL;
    atomic_fetch_add(&clients_done, 1);
}

/* ---- the whole ---- */

static void write_file(const char *name, size_t n) {
    char path[100];
    snprintf(path, sizeof path, "%s%s", root, name);
    FILE *f = fopen(path, "w");
    for (size_t i = 0; i < n; i++) fputc((int)(i % 251), f);
    fclose(f);
}

static bool run(const char *name) {
    port = served = streams_done = streams_bad = dials_failed = links_closed = 0;
    server_crew = worker_start(SERVERS, start_server, end_server, NULL);
    worker *client_crew =
        server_crew ? worker_start(CLIENTS, start_client, end_client, NULL) : NULL;
    if (!client_crew) return false;
    worker_join(client_crew); /* ends by itself when everything is fetched */
    for (unsigned i = 0; i < SERVERS; i++)
        loop_post(worker_loop(server_crew, i), on_leave, &servers[i]);
    worker_join(server_crew);
    printf("%s: streams %u bad %u, dials failed %u, links %u, files %u\n", name, streams_done,
           streams_bad, dials_failed, links_closed, served);
    return streams_done == CLIENTS * DIALS * STREAMS && streams_bad == 0 &&
           dials_failed == CLIENTS * 3 && links_closed == CLIENTS * DIALS;
}

static bool run_tls(uint16_t version) {
    static const char *const protocols[] = {"h2", NULL}, *const hosts[] = {"localhost", NULL};
    char why[TLS_WHY_ROOM] = "";
    tls_settings s = {.server = true, .alpn = protocols, .version_max = version};
    server_tls = tls_config_self_signed(&s, hosts, why);
    client_tls = tls_config_new(&(tls_settings){.alpn = protocols, .check = TLS_CHECK_TELL}, why);
    bool good = server_tls && client_tls && run(version == 0x0304 ? "TLS 1.3" : "TLS 1.2");
    tls_config_drop(server_tls);
    tls_config_drop(client_tls);
    return good;
}

int main(void) {
    char command[100];
    snprintf(root, sizeof root, P_tmpdir "/h2box-threads-XXXXXX");
    if (!mkdtemp(root)) return 1;
    write_file("/small", sizes[0]);
    write_file("/big", sizes[1]);
    session_defaults(&server_config, true);
    session_defaults(&client_config, false);
    bool good = run("clear") && run_tls(0x0304) && run_tls(0x0303);
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command) == 0 && good ? 0 : 1;
}
