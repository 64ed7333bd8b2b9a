"""HTTP/1.1 backends that read strictly and keep every byte, clients that decide theirs, and a proxy that must end well. Not a
test itself."""
import contextlib
import os
import re
import signal
import socket

import hpack
import proxying
from scripted import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
                      block, frame, settings, u32)

HEAD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+ HTTP/1\.1\r\n"
                  rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: (?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?\r\n)*\r\n")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"


class Malformed(Exception):
    pass


class Seen:
    """A request as it came: the bytes of its head, the bytes of its content, and that content without its chunks."""

    def __init__(self, head):
        if not HEAD.fullmatch(head):
            raise Malformed(head)
        self.head, self.raw, self.content = head, b"", b""
        lines = head[:-4].decode("latin-1").split("\r\n")
        self.line, self.lines = lines[0], lines[1:]
        self.method, self.target, _ = self.line.split(" ")
        self.fields = [(n.lower(), v) for n, v in (x.split(": ", 1) for x in self.lines)]

    def all(self, name):
        return [v for n, v in self.fields if n == name]

    def one(self, name):
        found = self.all(name)
        return found[0] if len(found) == 1 else None


def read_request(peer):
    """The next whole request. Malformed: anything that is not exactly one, or that two readers could take for different ones."""
    while b"\r\n\r\n" not in peer.data:
        try:
            peer.more()
        except EOFError:
            if peer.data:
                raise Malformed(b"cut: " + peer.data) from None
            raise
    head, peer.data = peer.data.split(b"\r\n\r\n", 1)
    r = Seen(head + b"\r\n\r\n")
    if len(r.all("host")) != 1:
        raise Malformed(b"Host: " + head)
    lengths, codings = r.all("content-length"), r.all("transfer-encoding")
    if len(lengths) + len(codings) > 1 or (codings and codings != ["chunked"]) or (lengths and not re.fullmatch("[0-9]+", lengths[0])):
        raise Malformed(b"framing: " + head)
    if lengths:
        r.raw = r.content = peer.take(int(lengths[0]))
    while codings:
        line = b""
        while not line.endswith(b"\r\n"):
            line += peer.take(1)
        if not re.fullmatch(rb"[0-9A-Fa-f]+\r\n", line):
            raise Malformed(b"chunk: " + line)
        n = int(line, 16)
        if n == 0:
            trailers = b""
            while not (trailers == b"\r\n" or trailers.endswith(b"\r\n\r\n")):
                trailers += peer.take(1)
            if re.search(rb"(?i)^(?:content-length|host|cookie|transfer-encoding|connection|trailer):", trailers, re.M):
                raise Malformed(b"trailers: " + trailers)
            r.raw += line + trailers
            break
        piece = peer.take(n + 2)
        if not piece.endswith(b"\r\n"):
            raise Malformed(b"chunk: " + piece[-8:])
        r.content += piece[:-2]
        r.raw += line + piece
    return r


def recorder(seen, answer=OK):
    """A play that reads requests, keeps them in seen, and answers each: by bytes, or by what a function of the request makes."""
    def play(peer):
        try:
            while True:
                r = read_request(peer)
                r.connection = peer.index
                seen.append(r)
                peer.send(answer(r) if callable(answer) else answer)
        except Malformed as why:
            seen.append(why)
            raise AssertionError("a backend was sent %r" % why.args[0][:400]) from None
    return play


class Watched(proxying.Proxy):
    """A proxy with one worker that QUIT must end at once, with 0 and without a word of a sanitizer."""

    def __init__(self, *options, **more):
        super().__init__("-n1", *options, **more)

    def sockets(self):
        """Those that it has open, as "socket:[INODE]"."""
        folder, found = "/proc/%d/fd/" % self.process.pid, set()
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                found.add(os.readlink(folder + name))
        return {x for x in found if x.startswith("socket:")}

    def connections(self, port):
        """Those of its connections that lead to a port of 127.0.0.1."""
        mine = self.sockets()
        with open("/proc/net/tcp") as f:
            lines = [line.split() for line in f][1:]
        return sum(x[2] == "0100007F:%04X" % port and x[3] == "01" and "socket:[%s]" % x[9] in mine for x in lines)

    def peak(self):
        """The most bytes of memory that it has used so far."""
        with open("/proc/%d/status" % self.process.pid) as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM:"))

    def __exit__(self, kind, *_):
        code, output = self.stop(signal.SIGQUIT), self.output
        self.log.close()
        if kind is None:
            assert code == 0 and "Sanitizer" not in output and "runtime error" not in output, (code, output[-4000:])


# ---- clients ------------------------------------------------------------------------------------------------------------------


class Answer:
    """What a client was given for a request. end: "whole"; "cut" (HTTP/1.1: closed too early; HTTP/2: RST_STREAM); "none"
    without a head."""

    def __init__(self, status, fields, body, end, code=None):
        self.status, self.fields, self.body, self.end, self.code = status, fields, body, end, code

    def __repr__(self):
        return "%s %s, %d bytes %r, code %s" % (self.status, self.end, len(self.body), self.body[:60], self.code)


def dechunk(data):
    """Content of chunks, and whether its end is there."""
    out = b""
    while (m := re.match(rb"([0-9a-fA-F]+)\r\n", data)):
        n, data = int(m[1], 16), data[m.end():]
        if n == 0:
            return out, data.endswith(b"\r\n")
        out, data = out + data[:n], data[n + 2:]
    return out, False


def parse_h1(got, head_only=False):
    """The first final answer in bytes that a connection brought until it was closed."""
    while True:
        head, blank, rest = got.partition(b"\r\n\r\n")
        if not blank:
            return Answer(None, {}, got, "none")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        if status >= 200:
            break
        got = rest
    fields = {n.lower(): v for n, v in (x.split(": ", 1) for x in lines[1:])}
    if head_only or status in (204, 304):
        return Answer(status, fields, rest, "whole")
    if "transfer-encoding" in fields:
        body, whole = dechunk(rest)
    elif "content-length" in fields:
        n = int(fields["content-length"])
        body, whole = rest[:n], len(rest) >= n
    else:
        body, whole = rest, True  # until the end: nobody can tell
    return Answer(status, fields, body, "whole" if whole else "cut")


def talk(port, sent, seconds=15):
    """What comes back for bytes, until the proxy closes; bytes that ask for `Connection: close` or are refused."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), seconds) as s:
        with contextlib.suppress(OSError):
            s.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while chunk := s.recv(65536):
                got += chunk
    return got


def ask_h1(port, method="GET", path="/", fields=(), body=None, seconds=15):
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: a.test", "Connection: close", *("%s: %s" % f for f in fields)]
    if body is not None:
        lines.append("Content-Length: %d" % len(body))
    return parse_h1(talk(port, "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""), seconds), method == "HEAD")


def window(stream, n):
    return frame(WINDOW_UPDATE, 0, stream, u32(n))


class Frames:
    """A connection of HTTP/2 whose every frame is the test's."""

    def __init__(self, port, seconds=15, **entries):
        self.sock = socket.create_connection(("127.0.0.1", port), seconds)
        self.data, self.decoder = b"", hpack.Decoder()
        self.sock.sendall(PREFACE + settings(**entries))

    def send(self, *pieces):
        self.sock.sendall(b"".join(pieces))

    def frame(self):
        while len(self.data) < 9 or len(self.data) < 9 + int.from_bytes(self.data[:3], "big"):
            got = self.sock.recv(65536)
            if not got:
                raise EOFError
            self.data += got
        n = 9 + int.from_bytes(self.data[:3], "big")
        head, payload, self.data = self.data[:9], self.data[9:n], self.data[n:]
        return head[3], head[4], int.from_bytes(head[5:], "big"), payload

    def answers(self, *streams):
        """Of these streams, each read to its end: by stream."""
        out = {s: Answer(None, {}, b"", "closed") for s in streams}
        left = set(streams)
        try:
            while left:
                kind, flags, sid, payload = self.frame()
                if kind == SETTINGS and not flags & ACK:
                    self.send(frame(SETTINGS, ACK))
                if kind == GOAWAY and payload[4:8] != b"\0\0\0\0":
                    for s in left:
                        out[s].end, out[s].code = "gone", int.from_bytes(payload[4:8], "big")
                    break
                while kind == HEADERS and not flags & END_HEADERS:
                    _, more, _, rest = self.frame()
                    payload, flags = payload + rest, flags | more & END_HEADERS
                fields = dict(self.decoder.decode(payload)) if kind == HEADERS else {}
                if sid not in left:
                    continue
                a = out[sid]
                if kind == HEADERS:
                    a.fields = {**a.fields, **fields}
                    a.status = int(a.fields[":status"])
                elif kind == DATA and payload:
                    a.body += payload
                    self.send(window(0, len(payload)), *([] if flags & END_STREAM else [window(sid, len(payload))]))
                elif kind == RST_STREAM:
                    a.end, a.code = "cut" if a.status else "none", int.from_bytes(payload, "big")
                    left.discard(sid)
                if kind in (HEADERS, DATA) and flags & END_STREAM:
                    a.end = "whole"
                    left.discard(sid)
        except (EOFError, ConnectionError):
            pass
        return out

    def answer(self, stream=1):
        return self.answers(stream)[stream]

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request_fields(method="GET", path="/", fields=()):
    return [(":method", method), (":scheme", "http"), (":authority", "a.test"), (":path", path), *fields]


def head_frames(stream, fields, end=True):
    """HEADERS, and CONTINUATION where one is not enough."""
    whole = block(*fields)
    pieces = [whole[i:i + 16384] for i in range(0, len(whole), 16384)]
    return b"".join(frame(CONTINUATION if i else HEADERS,
                          (0 if i or not end else END_STREAM) | (END_HEADERS if i + 1 == len(pieces) else 0), stream, x)
                    for i, x in enumerate(pieces))


def ask_h2(port, method="GET", path="/", fields=(), body=None, seconds=15):
    with Frames(port, seconds) as c:
        if body is not None:
            fields = [*fields, ("content-length", str(len(body)))]
        c.send(head_frames(1, request_fields(method, path, fields), body is None))
        for i in range(0, max(len(body), 1) if body is not None else 0, 16384):
            c.send(frame(DATA, END_STREAM if i + 16384 >= len(body) else 0, 1, body[i:i + 16384]))
        return c.answer()


ASK = {"h1": ask_h1, "h2": ask_h2}
