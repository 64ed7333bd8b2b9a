"""Backends that echo: WebSockets over HTTP/1.1 and over HTTP/2 (RFC 6455, RFC 8441). Not a test itself."""
import base64
import hashlib

from scripted import DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, block, frame, u32, until_headers

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE = 1, 2, 8


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def message(opcode, payload, masked=False):
    """A whole WebSocket frame; a mask of zeros masks well enough."""
    n = len(payload)
    size = bytes([n]) if n < 126 else b"\x7e" + n.to_bytes(2, "big") if n < 65536 else b"\x7f" + n.to_bytes(8, "big")
    if masked:
        size = bytes([size[0] | 0x80]) + size[1:] + bytes(4)
    return bytes([0x80 | opcode]) + size + payload


def take_message(take):
    """(opcode, payload) by a function that reads n bytes."""
    first, second = take(2)
    n = second & 127
    if n > 125:
        n = int.from_bytes(take(2 if n == 126 else 8), "big")
    mask = take(4) if second & 128 else bytes(4)
    payload = take(n)
    if any(mask):
        whole = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (n // 4 + 1))[:n], "big")
        payload = whole.to_bytes(n, "big")
    return first & 15, payload


def echo(take, send):
    while True:
        opcode, payload = take_message(take)
        send(message(opcode, payload))
        if opcode == CLOSE:
            return


def over_h1(seen, accept=accept_of, status="101 Switching Protocols", extra=""):
    """A play for scripted.Server."""
    def play(peer):
        first, fields = peer.head()
        seen.append((first, fields))
        peer.send(("HTTP/1.1 %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n%s\r\n"
                   % (status, accept(fields["sec-websocket-key"]), extra)).encode())
        echo(peer.take, peer.send)
    return play


class Stream:
    """The bytes of one stream of a scripted.Peer."""

    def __init__(self, peer, stream):
        self.peer, self.stream, self.data, self.ended = peer, stream, b"", False

    def take(self, n):
        while len(self.data) < n:
            if self.ended:
                raise EOFError
            kind, flags, stream, payload = self.peer.frame()
            if kind == RST_STREAM and stream == self.stream:
                raise EOFError
            if kind == DATA and stream == self.stream:
                self.data += payload
                self.ended = flags & END_STREAM
                if payload:
                    self.peer.send(frame(8, 0, 0, u32(len(payload))), frame(8, 0, stream, u32(len(payload))))
        out, self.data = self.data[:n], self.data[n:]
        return out

    def send(self, data, end=False):
        for i in range(0, len(data), 16384):
            self.peer.send(frame(DATA, 0, self.stream, data[i:i + 16384]))
        if end:
            self.peer.send(frame(DATA, END_STREAM, self.stream))


def over_h2(seen, status=200):
    def play(peer):
        stream, fields = until_headers(peer, connect=1, window=1 << 20)
        seen.append((stream, fields))
        peer.send(frame(HEADERS, END_HEADERS, stream, block(status)))
        at = Stream(peer, stream)
        echo(at.take, at.send)
        at.send(b"", end=True)
        peer.frames_left()
    return play
