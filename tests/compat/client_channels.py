#!/usr/bin/env python3
"""Our client as the end of a tunnel (CONNECT) and of a WebSocket, over scripted servers."""
import base64
import hashlib
import os
import socket
import subprocess
import threading
import unittest

import peers
from scripted import DATA, END_HEADERS, END_STREAM, HEADERS, Server, block, frame, response, rst, u32, until_headers


def run(*args, stdin=b"", code=0, timeout=20):
    return peers.client(*args, stdin=stdin, code=code, timeout=timeout)


class Echo:
    """A TCP server that sends back what comes, and ends when its client does."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        s, _ = self.listener.accept()
        while data := s.recv(65536):
            s.sendall(data)
        s.close()
        self.listener.close()


def relay(peer, stream, sock):
    """Between a stream and a socket, with credit for what came."""
    def down():
        while data := sock.recv(16384):
            peer.send(frame(DATA, 0, stream, data))
        peer.send(frame(DATA, END_STREAM, stream))
    thread = threading.Thread(target=down, daemon=True)
    thread.start()
    while True:
        kind, flags, at, payload = peer.frame()
        if kind == DATA and at == stream:
            sock.sendall(payload)
            if payload:
                peer.send(frame(8, 0, 0, u32(len(payload))), frame(8, 0, stream, u32(len(payload))))
            if flags & END_STREAM:
                sock.shutdown(socket.SHUT_WR)
                break
    thread.join()
    peer.wait()


class Tunnels(unittest.TestCase):
    def test_bytes_pass_both_ways(self):
        echo, asked = Echo(), []

        def proxy(peer):
            stream, fields = until_headers(peer, window=1 << 20)
            asked.append(fields)
            peer.send(frame(8, 0, 0, u32(1 << 24)), frame(HEADERS, END_HEADERS, stream, block(200)))
            with socket.create_connection(("127.0.0.1", echo.port)) as sock:
                relay(peer, stream, sock)
        content = os.urandom(1 << 20)
        with Server(proxy) as server:
            out, _ = run("-w20", "-W24", "--connect", "127.0.0.1:%d" % echo.port, "-H", "proxy-authorization: x", server.url(),
                         stdin=content)
        self.assertEqual(out, content)
        self.assertEqual((asked[0][":method"], asked[0][":authority"], asked[0]["proxy-authorization"]),
                         ("CONNECT", "127.0.0.1:%d" % echo.port, "x"))
        self.assertFalse({":path", ":scheme"} & set(asked[0]))

    def test_a_dialogue_is_not_held_back(self):
        def proxy(peer):
            stream, _ = until_headers(peer)
            peer.send(frame(HEADERS, END_HEADERS, stream, block(200)), frame(DATA, 0, stream, b"220 hello\r\n"))
            got = b""
            while not got.endswith(b"\n"):
                kind, _, _, payload = peer.frame()
                got += payload if kind == DATA else b""
            peer.send(frame(DATA, END_STREAM, stream, b"250 " + got))
            peer.wait()
        with Server(proxy) as server:
            p = subprocess.Popen([peers.H2BOX, "client", "--connect", "mail.test:25", server.url()], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
            self.assertEqual(p.stdout.readline(), b"220 hello\r\n")
            p.stdin.write(b"EHLO\n")
            p.stdin.flush()
            # The server's end is the tunnel's, although standard input is still open.
            self.assertEqual(p.stdout.read(), b"250 EHLO\n")
            self.assertEqual(p.wait(10), 0)
            p.stdin.close()
            p.stdout.close()

    def test_what_fails(self):
        def refuses(peer):
            stream, _ = until_headers(peer)
            peer.send(response(stream, 403, (), b"not there"))
            peer.wait()

        def resets(peer):
            stream, _ = until_headers(peer)
            peer.send(frame(HEADERS, END_HEADERS, stream, block(200)), frame(DATA, 0, stream, b"part"), rst(stream, 10))
            peer.wait()
        def refuses_first(peer):
            first, _ = until_headers(peer)
            peer.send(rst(first, 7))
            peer.send(response(next(stream for kind, _, stream, _ in iter(peer.frame, None) if kind == HEADERS), 200, (), b"second"))
            peer.wait()
        with Server(refuses) as server:
            out, err = run("--connect", "a:1", server.url(), code=1)
            self.assertEqual(out, b"")
            self.assertIn("the server answered 403\n", err)
        with Server(resets) as server:
            out, err = run("--connect", "a:1", server.url(), code=1)
            self.assertEqual(out, b"part")
            self.assertIn("reset by the server: CONNECT_ERROR", err)
        with Server(refuses_first) as server:
            out, err = run("--connect", "a:1", server.url())
            self.assertEqual(out, b"second")
        for args in (["--connect", "a"], ["--connect", "a:0"], ["--connect", "a:1", "http://b/"], ["--connect", "a:1", "-m2"]):
            run(*args, "http://a/", code=2)


def ws(opcode, payload=b"", last=True):
    n = len(payload)
    size = bytes([n]) if n < 126 else b"\x7e" + n.to_bytes(2, "big") if n < 65536 else b"\x7f" + n.to_bytes(8, "big")
    return bytes([opcode | (0x80 if last else 0)]) + size + payload


class WsPeer:
    """The server's side of a WebSocket, above read (bytes of the client) and write."""

    def __init__(self, read, write):
        self.read, self.write, self.data = read, write, b""

    def take(self, n):
        while len(self.data) < n:
            self.data += self.read()
        out, self.data = self.data[:n], self.data[n:]
        return out

    def frame(self):
        """(opcode, last, payload), unmasked."""
        first, size = self.take(2)
        assert size & 0x80, "not masked"
        n = size & 0x7f
        if n > 125:
            n = int.from_bytes(self.take(2 if n == 126 else 8), "big")
        mask, payload = self.take(4), self.take(n)
        return first & 15, bool(first & 0x80), bytes(b ^ mask[i % 4] for i, b in enumerate(payload))

    def message(self):
        opcode, last, payload = self.frame()
        while not last:
            more, last, rest = self.frame()
            assert more == 0
            payload += rest
        return opcode, payload


def over_h2(talk):
    """A play that accepts RFC 8441 and lets talk(WsPeer) speak."""
    def play(peer):
        stream, fields = until_headers(peer, connect=1)
        assert (fields[":method"], fields[":protocol"], fields["sec-websocket-version"]) == ("CONNECT", "websocket", "13"), fields
        assert "sec-websocket-key" not in fields
        peer.send(frame(HEADERS, END_HEADERS, stream, block(200)))

        def read():
            while True:
                kind, flags, _, payload = peer.frame()
                if kind == DATA and payload:
                    peer.send(frame(8, 0, 0, u32(len(payload))), frame(8, 0, stream, u32(len(payload))))
                    return payload
                if kind == DATA and flags & END_STREAM:
                    raise EOFError

        def write(*pieces):
            data = b"".join(pieces)
            peer.send(*(frame(DATA, 0, stream, data[i:i + 16384]) for i in range(0, len(data), 16384)))
        talk(WsPeer(read, write))
        peer.send(frame(DATA, END_STREAM, stream))
        peer.wait()
    return play


def over_h1(talk, accept=None):
    def play(peer):
        first, fields = peer.head()
        assert first == "GET /chat HTTP/1.1" and fields["upgrade"].lower() == "websocket", (first, fields)
        assert len(base64.b64decode(fields["sec-websocket-key"])) == 16
        key = fields["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        said = accept or base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        peer.send(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
                   % said).encode())

        def read():
            if peer.data:
                data, peer.data = peer.data, b""
                return data
            peer.more()
            return read()
        talk(WsPeer(read, peer.send))
    return play


def echo(w):
    while True:
        opcode, payload = w.message()
        if opcode == 8:
            w.write(ws(8, payload))
            return
        w.write(ws(opcode, payload))


class WebSockets(unittest.TestCase):
    over = staticmethod(over_h2)
    args = ()

    def talk(self, what, stdin=b"", code=0, **more):
        with Server(self.over(what, **more)) as server:
            return run(*self.args, server.url("/chat", "ws"), stdin=stdin, code=code)

    def test_lines_are_messages(self):
        long = "ä" * 50000
        out, _ = self.talk(echo, b"one\n\nthree\n" + long.encode() + b"\nno newline")
        self.assertEqual(out, b"one\n\nthree\n" + long.encode() + b"\nno newline\n")

    def test_pings_and_binary(self):
        def what(w):
            w.write(ws(9, b"are you there"), ws(1, b"a", False), ws(9), ws(0, b"b"), ws(2, b"\0\xff"), ws(10))
            self.assertEqual([w.frame() for _ in range(2)], [(10, True, b"are you there"), (10, True, b"")])
            w.write(ws(8, (1000).to_bytes(2, "big") + b"bye"))
            self.assertEqual(w.frame(), (8, True, (1000).to_bytes(2, "big")))
        with Server(self.over(what)) as server:
            with subprocess.Popen([peers.H2BOX, "client", *self.args, server.url("/chat", "ws")], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE) as p: # standard input stays open
                self.assertEqual(p.stdout.read(), b"ab\nbinary 00ff\n")
                self.assertEqual(p.wait(10), 0)

    def test_how_it_closes(self):
        def closes(payload, expected):
            def what(w):
                w.write(ws(8, payload))
                while True:
                    opcode, _, got = w.frame()
                    if opcode == 8 and got != b"\x03\xe8":  # its own, when standard input ended first
                        self.assertEqual(got, expected)
                    if opcode == 8:
                        return
            return what
        self.talk(closes(b"", b""))
        self.talk(closes((1001).to_bytes(2, "big"), (1001).to_bytes(2, "big")))
        _, err = self.talk(closes((1011).to_bytes(2, "big") + b"broken", (1011).to_bytes(2, "big")), code=1)
        self.assertIn("closed by the server: 1011 broken\n", err)
        _, err = self.talk(lambda w: w.frame(), b"x\n", code=1)
        # The server's end resets the connection where the client's own close came in between.
        self.assertRegex(err, "it ended without a close|closed by the peer|not complete|connection reset by peer")

    def test_faults(self):
        for sent, code, why in ((ws(3), 1002, "an unknown opcode"), (ws(1, b"\xff"), 1007, "text that is not UTF-8"),
                                (b"\xc1\0", 1002, "a reserved bit"), (b"\x82\x7f\0\0\0\1\0\0\0\0", 1009, "too long"),
                                (b"\x81\x81mask\0", 1002, "masked")):
            def what(w):
                w.write(sent)
                while True:
                    opcode, _, got = w.frame()
                    if opcode == 8:
                        self.assertIn(got, (code.to_bytes(2, "big"), b"\x03\xe8"))
                        return
            _, err = self.talk(what, code=1)
            self.assertIn(why, err)
        _, err = self.talk(echo, b"good\nbad \xff\n", code=1)
        self.assertIn("a line of the input is not UTF-8\n", err)


class WebSocketsByUpgrade(WebSockets):
    over = staticmethod(over_h1)
    args = ("--http1.1",)

    def test_the_answer_must_fit_the_key(self):
        _, err = self.talk(echo, code=1, accept="s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        self.assertIn("the server's Sec-WebSocket-Accept is wrong", err)

    def test_a_server_that_does_not_upgrade(self):
        def play(peer):
            peer.head()
            peer.send(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
            peer.wait()
        with Server(play) as server:
            self.assertIn("the server answered 426", run("--http1.1", server.url("/chat", "ws"), code=1)[1])


class TunnelsByHttp1(unittest.TestCase):
    def test_bytes_pass_both_ways(self):
        asked = []

        def proxy(peer):
            asked.append(peer.head())
            peer.send(b"HTTP/1.1 200 Connected\r\n\r\n")
            n = 0
            while n < 1 << 20: # there is no way to say "no more" but to close: the server does
                data = peer.data or peer.sock.recv(65536)
                n += len(data)
                peer.data = b""
                peer.send(data)
        content = os.urandom(1 << 20)
        with Server(proxy) as server:
            out, _ = run("--http1.1", "--connect", "a.test:22", server.url(), stdin=content)
        self.assertEqual(out, content)
        first, fields = asked[0]
        self.assertEqual((first, fields["host"]), ("CONNECT a.test:22 HTTP/1.1", "a.test:22"))

    def test_refused(self):
        def play(peer):
            peer.head()
            peer.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            peer.wait()
        with Server(play) as server:
            self.assertIn("the server answered 407", run("--http1.1", "--connect", "a:1", server.url(), code=1)[1])


class Handshakes(unittest.TestCase):
    def test_a_server_without_it(self):
        def play(peer):
            peer.begin()
            peer.wait()
        with Server(play) as server:
            _, err = run(server.url("/chat", "ws"), code=1)
        self.assertIn("the server has no extended CONNECT", err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
