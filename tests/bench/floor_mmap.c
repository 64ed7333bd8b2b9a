/* The floor of big files: a bench of the machine, not a server.
 *
 * Maps one file, and answers each HEADERS frame with all of it in DATA frames of 16 KiB, written
 * from the map by writev within the windows that the peer gives. Usage: floor_mmap PORT FILE */
#include "tests/bench/floor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum {
    FRAME = 16384,
    FRAMES = 32,  /* of one writev: fewer cost more */
    STREAMS = 128 /* that wait on one connection */
};

typedef struct stream {
    uint32_t id;
    bool begun;
    uint64_t offset;
    int64_t window;
} stream;

typedef struct connection {
    floor_peer peer;
    bool settled; /* the SETTINGS of both sides were seen to */
    int64_t window, stream_window;
    unsigned first, count; /* of streams, one after the other */
    stream streams[STREAMS];
    unsigned iov_at, iov_n; /* what a short write left */
    struct iovec iov[2 * FRAMES + 1];
    uint8_t heads[FRAMES][H2_FRAME_HEAD];
    uint8_t headers[H2_FRAME_HEAD + 1];
} connection;

static const uint8_t *file;
static uint64_t file_n;

static stream *stream_at(connection *c, unsigned i) {
    return &c->streams[(c->first + i) % STREAMS];
}

static void on_settings(connection *c, h2_frame f, const uint8_t *payload) {
    uint8_t reply[2 * H2_FRAME_HEAD];
    if (f.flags & H2_FLAG_ACK) return;
    for (uint32_t i = 0; i + 6 <= f.length; i += 6) {
        if (bytes_get16(payload + i) != H2_SETTINGS_INITIAL_WINDOW_SIZE) continue;
        c->stream_window = bytes_get32(payload + i + 2);
    }
    h2_frame_put(reply, (h2_frame){.type = H2_FRAME_SETTINGS});
    h2_frame_put(reply + H2_FRAME_HEAD,
                 (h2_frame){.type = H2_FRAME_SETTINGS, .flags = H2_FLAG_ACK});
    if (write(c->peer.fd, reply, sizeof reply) != sizeof reply) floor_fail("write");
    if (!c->settled) c->window += 65535;
    c->settled = true;
}

static void on_window(connection *c, uint32_t id, uint32_t more) {
    if (id == 0) c->window += more;
    for (unsigned i = 0; i < c->count; i++) {
        if (stream_at(c, i)->id == id) stream_at(c, i)->window += more;
    }
}

static void on_frame(floor_peer *p, h2_frame f, const uint8_t *payload) {
    connection *c = (connection *)p;
    switch (f.type) {
    case H2_FRAME_HEADERS:
        if (c->count == STREAMS) floor_fail("too many streams");
        *stream_at(c, c->count++) = (stream){.id = f.stream_id, .window = c->stream_window};
        break;
    case H2_FRAME_SETTINGS: on_settings(c, f, payload); break;
    case H2_FRAME_WINDOW_UPDATE: on_window(c, f.stream_id, bytes_get32(payload)); break;
    default: break;
    }
}

static void add_piece(connection *c, const void *p, size_t n) {
    c->iov[c->iov_n++] = (struct iovec){(void *)(uintptr_t)p, n};
}

/* The next frames of the first stream, as the windows allow. */
static void gather(connection *c) {
    stream *s = stream_at(c, 0);
    c->iov_at = c->iov_n = 0;
    if (!s->begun) {
        h2_frame_put(c->headers, (h2_frame){.length = 1,
                                            .stream_id = s->id,
                                            .type = H2_FRAME_HEADERS,
                                            .flags = H2_FLAG_END_HEADERS});
        c->headers[H2_FRAME_HEAD] = 0x88; /* :status 200, RFC 7541 appendix A */
        add_piece(c, c->headers, sizeof c->headers);
        s->begun = true;
    }
    for (unsigned i = 0; i < FRAMES && s->offset < file_n; i++) {
        int64_t room = s->window < c->window ? s->window : c->window;
        if (room <= 0) return;
        uint64_t n = file_n - s->offset < FRAME ? file_n - s->offset : FRAME;
        if (n > (uint64_t)room) n = (uint64_t)room;
        bool end = s->offset + n == file_n;
        h2_frame_put(c->heads[i], (h2_frame){.length = (uint32_t)n,
                                             .stream_id = s->id,
                                             .type = H2_FRAME_DATA,
                                             .flags = end ? H2_FLAG_END_STREAM : 0});
        add_piece(c, c->heads[i], H2_FRAME_HEAD);
        add_piece(c, file + s->offset, n);
        s->offset += n;
        s->window -= (int64_t)n;
        c->window -= (int64_t)n;
    }
    if (s->offset < file_n) return;
    c->first = (c->first + 1) % STREAMS;
    c->count--;
}

static void taken(connection *c, size_t n) {
    while (c->iov_at < c->iov_n && n >= c->iov[c->iov_at].iov_len) n -= c->iov[c->iov_at++].iov_len;
    if (c->iov_at == c->iov_n) return;
    c->iov[c->iov_at].iov_base = (uint8_t *)c->iov[c->iov_at].iov_base + n;
    c->iov[c->iov_at].iov_len -= n;
}

/* Writes until the socket is full or the windows are used up; what comes next says so by an edge.
 */
static void on_turn(floor_peer *p) {
    connection *c = (connection *)p;
    for (;;) {
        if (c->iov_at == c->iov_n && c->count) gather(c);
        if (c->iov_at == c->iov_n) return;
        ssize_t n = writev(p->fd, c->iov + c->iov_at, (int)(c->iov_n - c->iov_at));
        if (n < 0) return; /* full; or the peer is gone, which the read says */
        taken(c, (size_t)n);
    }
}

int main(int argc, char **argv) {
    const floor_calls calls = {.size = sizeof(connection), .frame = on_frame, .turn = on_turn};
    if (argc != 3) return 2;
    signal(SIGPIPE, SIG_IGN);
    int fd = open(argv[2], O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) floor_fail(argv[2]);
    file_n = (uint64_t)st.st_size;
    file = mmap(NULL, file_n, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (file == MAP_FAILED) floor_fail("mmap");
    floor_main(argv[1], &calls);
}
