"""Servers whose every byte a test decides: raw sockets, a thread for each connection, frames by hand. Not a test itself."""
import contextlib
import socket
import threading

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8


def u32(n):
    return n.to_bytes(4, "big")


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def number(n, bits=7):
    """An integer as HPACK has it, behind a first byte whose upper bits are 0 (RFC 7541 section 5.1)."""
    most = (1 << bits) - 1
    if n < most:
        return bytes([n])
    out, n = [most], n - most
    while n >= 128:
        out.append(n % 128 + 128)
        n //= 128
    return bytes(out + [n])


def literal(name, value):
    """A field that goes into no table."""
    name, value = (x if isinstance(x, bytes) else x.encode("latin-1") for x in (name, value))
    return b"\0" + number(len(name)) + name + number(len(value)) + value


def block(*fields):
    """A header block; a number stands for :status."""
    return b"".join(literal(":status", str(f)) if isinstance(f, int) else literal(*f) for f in fields)


def settings(**entries):
    ids = {"table": 1, "push": 2, "streams": 3, "window": 4, "frame": 5, "list": 6, "connect": 8}
    return frame(SETTINGS, 0, 0, b"".join(ids[k].to_bytes(2, "big") + u32(v) for k, v in entries.items()))


def response(stream, status=200, fields=(), body=None, end=True):
    """HEADERS, and DATA when there is a body."""
    head = frame(HEADERS, END_HEADERS | (END_STREAM if end and body is None else 0), stream, block(status, *fields))
    if body is None:
        return head
    pieces = [body[i:i + 16384] for i in range(0, len(body), 16384)] or [b""]
    return head + b"".join(frame(DATA, END_STREAM if end and i == len(pieces) - 1 else 0, stream, p)
                           for i, p in enumerate(pieces))


def goaway(last, code=0, debug=b""):
    return frame(GOAWAY, 0, 0, u32(last) + u32(code) + debug)


def rst(stream, code):
    return frame(RST_STREAM, 0, stream, u32(code))


class Request:
    def __init__(self, stream, fields):
        self.stream, self.fields, self.body = stream, fields, b""

    def __getitem__(self, name):
        return dict(self.fields).get(name)


class Peer:
    """One connection as its server sees it."""

    def __init__(self, sock, index):
        self.sock, self.index, self.data = sock, index, b""
        self.decoder = hpack.Decoder()
        self.open = {}
        self.cut = False  # over TLS: end without close_notify
        self.seen = []  # (kind, flags, stream, payload) of all frames so far

    def send(self, *pieces):
        self.sock.sendall(b"".join(pieces))

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise EOFError
        self.data += got

    def take(self, n):
        while len(self.data) < n:
            self.more()
        out, self.data = self.data[:n], self.data[n:]
        return out

    def begin(self, **entries):
        """Reads the preface; sends SETTINGS and acknowledges the client's."""
        assert self.take(len(PREFACE)) == PREFACE
        self.send(settings(**entries), frame(SETTINGS, ACK))
        return self

    def frame(self):
        head = self.take(9)
        payload = self.take(int.from_bytes(head[:3], "big"))
        self.seen.append((head[3], head[4], int.from_bytes(head[5:], "big"), payload))
        return self.seen[-1]

    def request(self):
        """The next whole request."""
        while True:
            kind, flags, stream, payload = self.frame()
            if kind == HEADERS:
                while not flags & END_HEADERS:
                    _, more, _, rest = self.frame()
                    payload, flags = payload + rest, flags | (more & END_HEADERS)
                if flags & PADDED:
                    payload = payload[1:len(payload) - payload[0]]
                if flags & 0x20:  # PRIORITY
                    payload = payload[5:]
                fields = [(n, v) for n, v in self.decoder.decode(payload)]
                if stream in self.open:
                    self.open[stream].trailers = fields
                else:
                    self.open[stream] = Request(stream, fields)
            elif kind == DATA and stream in self.open:
                self.open[stream].body += payload
                if payload:
                    self.send(frame(WINDOW_UPDATE, 0, 0, u32(len(payload))), frame(WINDOW_UPDATE, 0, stream, u32(len(payload))))
            if kind in (HEADERS, DATA) and flags & END_STREAM and stream in self.open:
                return self.open.pop(stream)

    def head(self):
        """The next head of an HTTP/1.1 request: its first line and its fields."""
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        return first, {n.lower(): v.strip() for n, v in (line.split(":", 1) for line in lines)}

    def wait(self):
        """Until the client leaves."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                self.more()

    def frames_left(self):
        with contextlib.suppress(EOFError, OSError):
            while True:
                self.frame()


def until_headers(peer, **entries):
    """(stream, fields) of the first request, whose content may come later."""
    peer.begin(**entries)
    while True:
        kind, _, stream, payload = peer.frame()
        if kind == HEADERS:
            return stream, dict(peer.decoder.decode(payload))


class Accepting:
    """A listening socket with a thread for each connection: serve(sock, index), whose calls take `seconds` at most (None: for ever)."""

    def __init__(self, address=None, seconds=20):
        self.seconds = seconds
        if address:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(address)
            self.listener.listen(16)
        else:
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]
        self.count, self.threads = 0, []
        self.accepter = threading.Thread(target=self.accept, daemon=True)
        self.accepter.start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.settimeout(self.seconds)
                self.count += 1
                thread = threading.Thread(target=self.serve, args=(sock, self.count), daemon=True)
                thread.start()
                self.threads.append(thread)

    def close(self):
        """Takes no more connections; those that are there go on."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.accepter.join(self.seconds)  # first: it may be about to start one more
        self.listener.close()


class Server(Accepting):
    """Plays play(peer) to each connection, and closes it then. faults are what went wrong in the plays."""

    def __init__(self, play, address=None, context=None, seconds=20):
        self.play, self.context, self.faults = play, context, []
        super().__init__(address, seconds)

    def serve(self, sock, index):
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            peer = Peer(sock, index)
            self.play(peer)
            if self.context and not peer.cut:
                sock.settimeout(2)
                sock.unwrap()
        except (EOFError, OSError, ValueError):
            pass
        except Exception as fault:  # told where the test looks for it
            self.faults.append(repr(fault))
        with contextlib.suppress(OSError):
            sock.close()

    def url(self, path="/", scheme="http"):
        return "%s://127.0.0.1:%d%s" % (scheme, self.port, path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        for thread in self.threads:
            thread.join(self.seconds)
        assert not self.faults, self.faults


def site(pages, requests=None, **entries):
    """A play that answers GETs: pages maps a path to (status, fields, body), or to a function of the request that makes that;
    others are 404. requests collects what was asked for."""
    def play(peer):
        peer.begin(**entries)
        while True:
            r = peer.request()
            if requests is not None:
                requests.append(r)
            page = pages.get(r[":path"], (404, (), b"no such page\n"))
            status, fields, body = page(r) if callable(page) else page
            peer.send(response(r.stream, status, fields, body))
    return play
