/* The floor of small files: a bench of the machine, not a server.
 *
 * Reads, finds HEADERS by the frame heads (no HPACK), and answers each with the same HEADERS and
 * DATA frame of 612 bytes, one write per read. What is beyond its figure is what a server does with
 * HPACK, fields, paths, files and order. Usage: floor_epoll PORT */
#include "tests/bench/floor.h"

#include <poll.h>

enum { BODY = 612, ANSWER = H2_FRAME_HEAD + 1 + H2_FRAME_HEAD + BODY, PING = 8 };

/* A read of the shortest frames is answered in whole. */
static uint8_t output[(FLOOR_REST + FLOOR_ROOM) / H2_FRAME_HEAD * ANSWER];
static size_t output_n;
static uint8_t answer[ANSWER];

static void put_head(uint8_t *p, uint32_t length, uint8_t type, uint8_t flags) {
    h2_frame_put(p, (h2_frame){.length = length, .type = type, .flags = flags});
}

static void make_answer(void) {
    uint8_t *data = answer + H2_FRAME_HEAD + 1;
    put_head(answer, 1, H2_FRAME_HEADERS, H2_FLAG_END_HEADERS);
    answer[H2_FRAME_HEAD] = 0x88; /* :status 200, RFC 7541 appendix A */
    put_head(data, BODY, H2_FRAME_DATA, H2_FLAG_END_STREAM);
    memset(data + H2_FRAME_HEAD, 'x', BODY);
}

static void on_frame(floor_peer *p, h2_frame f, const uint8_t *payload) {
    uint8_t *to = output + output_n;
    (void)p;
    switch (f.type) {
    case H2_FRAME_HEADERS: /* whole, and with END_STREAM: it is a GET of h2load */
        memcpy(to, answer, ANSWER);
        bytes_put32(to + 5, f.stream_id);
        bytes_put32(to + H2_FRAME_HEAD + 1 + 5, f.stream_id);
        output_n += ANSWER;
        break;
    case H2_FRAME_SETTINGS:
        if (f.flags & H2_FLAG_ACK) break;
        put_head(to, 0, H2_FRAME_SETTINGS, 0); /* our preface, and the ACK */
        put_head(to + H2_FRAME_HEAD, 0, H2_FRAME_SETTINGS, H2_FLAG_ACK);
        output_n += 2 * H2_FRAME_HEAD;
        break;
    case H2_FRAME_PING:
        if (f.flags & H2_FLAG_ACK) break;
        put_head(to, PING, H2_FRAME_PING, H2_FLAG_ACK);
        memcpy(to + H2_FRAME_HEAD, payload, PING);
        output_n += H2_FRAME_HEAD + PING;
        break;
    default: break; /* h2load's windows of 1 GiB are never used up: WINDOW_UPDATE says nothing */
    }
}

/* One write. A full socket is waited for: h2load always reads on. */
static void on_turn(floor_peer *p) {
    for (size_t done = 0; done < output_n;) {
        ssize_t n = write(p->fd, output + done, output_n - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){.fd = p->fd, .events = POLLOUT}, 1, -1);
        } else {
            break; /* the read says that the peer is gone */
        }
    }
    output_n = 0;
}

int main(int argc, char **argv) {
    const floor_calls calls = {.size = sizeof(floor_peer), .frame = on_frame, .turn = on_turn};
    if (argc != 2) return 2;
    signal(SIGPIPE, SIG_IGN);
    make_answer();
    floor_main(argv[1], &calls);
}
