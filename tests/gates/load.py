"""A client whose every byte and step is the same in every run: what it costs a server can be counted, not only timed.

It prepares the bytes of all requests beforehand, and goes in lock step: a batch of requests in one write, then all their
answers, then the next connection. Not a test itself."""
import os
import socket

import hpack

BATCH = 32
BODY = 612  # the size of nginx's own index page, which benches of servers like
FILES = ["/small.html", "/style/site.css"]
LANGUAGES = ["de-DE,de;q=0.9,en;q=0.7", "en-GB,en;q=0.8", "fr", "pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7"]
AGENTS = ["Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"]


def make_site(folder):
    for path in FILES:
        os.makedirs(folder + os.path.dirname(path), exist_ok=True)
        with open(folder + path, "wb") as f:
            f.write(bytes(BODY))


def constant(_):
    """What h2load asks for: one small file, again and again."""
    return [(":method", "GET"), (":path", FILES[0]), (":scheme", "http"), (":authority", "gate.test:8080"),
            ("user-agent", "h2load nghttp2/1.52.0")]


def mixed(i):
    """A thousand distinct paths, with the fields of browsers, of which some repeat and some do not. Two files are behind them:
    the server looks at each again after half a second, and a thousand such looks would fall as the clock wants."""
    i %= 1000
    return [(":method", "GET"), (":path", "%s?page=%03d&session=%08x" % (FILES[i % len(FILES)], i, i * 2654435761 % 2**32)),
            (":scheme", "http"), (":authority", "gate.test:8080"), ("user-agent", AGENTS[i // 500]),
            ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            ("accept-language", LANGUAGES[i // 7 % len(LANGUAGES)]), ("accept-encoding", "gzip, deflate, br"),
            ("referer", "http://gate.test:8080/from/%d" % (i // 3)), ("cookie", "id=%016x" % (i // 50 * 0x9E3779B97F4A7C15 % 2**64)),
            ("priority", "u=%d%s" % (i % 7, ", i" if i % 2 else ""))]


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def batches(mix, requests, size=BATCH):
    """The requests of one connection, `size` to a batch. Every connection may send the same: its tables begin empty too."""
    encoder, out = hpack.Encoder(), []
    for first in range(0, requests, size):
        blocks = [encoder.encode(mix(i)) for i in range(first, first + size)]
        out.append(b"".join(frame(1, 5, 2 * (first + i) + 1, block) for i, block in enumerate(blocks)))
    return out


class Connection:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.ended = self.body = self.acknowledged = self.settled = 0
        # No push, the greatest windows: no frame of ours is needed but requests.
        self.sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, bytes.fromhex("000200000000" "00047fffffff")) +
                          frame(8, 0, 0, (2**31 - 65536).to_bytes(4, "big")))
        while not (self.acknowledged and self.settled):
            self.read()
        self.sock.sendall(frame(4, 1, 0))

    def read(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise AssertionError("the server has closed the connection")
        data, at = self.rest + data, 0
        while len(data) - at >= 9:
            size, kind, flags = int.from_bytes(data[at:at + 3], "big"), data[at + 3], data[at + 4]
            if len(data) - at < 9 + size:
                break
            if kind in (3, 7):
                raise AssertionError("the server says %s" % ("GOAWAY" if kind == 7 else "RST_STREAM"))
            if kind == 4:
                self.acknowledged |= flags & 1
                self.settled |= not flags & 1
            if kind == 0:
                self.body += size
            self.ended += kind in (0, 1) and flags & 1
            at += 9 + size
        self.rest = data[at:]

    def send(self, batch):
        self.sock.sendall(batch)

    def answers(self, n):
        """Reads until n more requests are answered, each with the file asked for."""
        ended, body = self.ended + n, self.body + n * BODY
        while self.ended < ended:
            self.read()
        if (self.ended, self.body) != (ended, body):
            raise AssertionError("the answers are not %d files of %d bytes" % (n, BODY))

    def close(self):
        self.sock.close()


def lock_step(port, prepared, connections, size=BATCH):
    """Every connection sends every batch; one batch is under way at a time."""
    conns = [Connection(port) for _ in range(connections)]
    for batch in prepared:
        for c in conns:
            c.send(batch)
            c.answers(size)
    for c in conns:
        c.close()


def all_at_once(port, prepared, connections, stop, go):
    """Every connection sends a batch while the server stands still (stop, go), so that it finds them all in one turn."""
    conns = [Connection(port) for _ in range(connections)]
    for c in conns:
        c.send(prepared[0])
        c.answers(1)
    for batch in prepared[1:]:
        stop()
        for c in conns:
            c.send(batch)
        go()
        for c in conns:
            c.answers(1)
    for c in conns:
        c.close()
