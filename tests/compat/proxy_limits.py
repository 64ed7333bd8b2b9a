#!/usr/bin/env python3
"""What one client of the proxy may take: fields, time, connections; who goes beyond is told so, or cut off, and others are
served. timeout: 60"""
import contextlib
import socket
import threading
import time
import unittest

import backends
import peers
from backends import ASK, OK, Frames, Watched, ask_h1, head_frames, parse_h1, recorder, request_fields, talk
from proxying import backend
from scripted import (CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, RST_STREAM, Server, block, frame, number,
                      settings, u32)

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n"
SLACK = 8  # seconds that a loaded machine may take longer


class Fields(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seen = []
        cls.server = Server(recorder(cls.seen), seconds=40)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def limits(self, proxy, good, bad):
        self.seen.clear()
        for version, ask in ASK.items():
            self.assertEqual(ask(proxy.port, fields=good).status, 200, version)
            got = ask(proxy.port, fields=bad)
            # A header block beyond 64 KiB ends the connection: it is not even decoded (RFC 9113 section 4.3).
            self.assertIn((got.status, got.end, got.code), [(431, "whole", None), (None, "gone", 11)] if version == "h2"
                          else [(431, "whole", None)])
        self.assertEqual(len(self.seen), 2)

    def test_bytes(self):
        with Watched(backend(self.server.port)) as proxy:
            self.limits(proxy, [("x", "y" * 60000)], [("x", "y" * 66000)])
            self.limits(proxy, [("x%d" % i, "y" * 1000) for i in range(60)], [("x%d" % i, "y" * 1000) for i in range(70)])
        with Watched(backend(self.server.port), "--request-header-field-buffer=2K") as proxy:
            self.limits(proxy, [("x", "y" * 1500)], [("x", "y" * 2500)])

    def test_count(self):
        with Watched(backend(self.server.port)) as proxy:
            self.limits(proxy, [("x", "y")] * 95, [("x", "y")] * 101)
            self.limits(proxy, [("x", "y")] * 95, [("x", "y")] * 300)
        with Watched(backend(self.server.port), "--max-request-header-fields=10") as proxy:
            self.limits(proxy, [("x", "y")] * 6, [("x", "y")] * 11)

    def test_the_target(self):
        with Watched(backend(self.server.port)) as proxy:
            for version, ask in ASK.items():
                self.assertEqual(ask(proxy.port, path="/" + "x" * 50000).status, 200)
                self.assertIn(ask(proxy.port, path="/" + "x" * 70000).status, (414, 431) if version == "h1" else (431, None))

    def test_answers(self):
        def play(peer):
            while True:
                r = backends.read_request(peer)
                count, size = (int(x) for x in r.target[1:].split("/"))
                peer.send(b"HTTP/1.1 200 OK\r\n" + b"".join(b"x%d: %s\r\n" % (i, b"y" * size) for i in range(count)) +
                          b"Content-Length: 0\r\n\r\n")
        with Server(play) as server:
            with Watched(backend(server.port), "--max-response-header-fields=10", "--response-header-field-buffer=4K") as proxy:
                for version, ask in ASK.items():
                    for path, status in (("/9/1", 200), ("/11/1", 502), ("/3/1000", 200), ("/3/2000", 502)):
                        self.assertEqual(ask(proxy.port, path=path).status, status, (version, path))


class Times(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seen = []
        cls.server = Server(recorder(cls.seen), seconds=40)
        cls.proxy = Watched(backend(cls.server.port), "--frontend-header-timeout=700ms", "--frontend-keep-alive-timeout=1500ms",
                            "--frontend-http2-idle-timeout=1s", "--frontend-stream-read-timeout=1s")

    @classmethod
    def tearDownClass(cls):
        cls.proxy.__exit__(None)
        cls.server.__exit__()

    def drip(self, first, piece, gap=0.15):
        """All that comes back while a piece is sent every so often, and how long the proxy bore it."""
        begun, got = time.time(), b""
        with socket.create_connection(("127.0.0.1", self.proxy.port), 20) as s:
            s.sendall(first)
            s.settimeout(gap)
            while time.time() - begun < 1 + SLACK:
                try:
                    chunk = s.recv(65536)
                    if not chunk:
                        return got, time.time() - begun
                    got += chunk
                except TimeoutError:
                    with contextlib.suppress(ConnectionError):
                        s.sendall(piece)
                except ConnectionError:
                    return got, time.time() - begun
        self.fail("it is borne for ever")

    def test_slow_heads(self):
        for first, piece in ((b"", b"G"), (GET, b"x: y\r\n"), (GET + b"x: ", b"y"), (b"\r\n" + GET[:9], b"")):
            got, took = self.drip(first, piece)
            self.assertGreater(took, 0.5)
            self.assertEqual(parse_h1(got).status, 408, got)

    def test_slow_header_blocks(self):
        """Of HTTP/2: HEADERS whose end never comes, with CONTINUATION and without."""
        head = frame(HEADERS, END_STREAM, 1, block(*request_fields()))
        for first, piece in ((head, frame(CONTINUATION, 0, 1, block(("x", "y")))), (head, b""), (head[:20], b"")):
            self.drip(PREFACE + settings() + frame(4, 1) + first, piece)

    def test_slow_contents(self):
        """Content that stops ends its stream, or connection."""
        got, took = self.drip(GET.replace(b"GET", b"POST") + b"Content-Length: 10\r\n\r\nabc", b"")
        self.assertIn(parse_h1(got).status, (408, None))
        with Frames(self.proxy.port) as c:
            c.send(frame(HEADERS, END_HEADERS, 1, block(*request_fields("POST"))), frame(DATA, 0, 1, b"abc"))
            self.assertIn(c.answer().status, (408, None))

    def test_idle(self):
        for sent in (b"", GET + b"\r\n", PREFACE + settings(),
                     PREFACE + settings() + frame(4, 1) + frame(HEADERS, END_HEADERS | END_STREAM, 1, block(*request_fields()))):
            begun = time.time()
            talk(self.proxy.port, sent, 1 + SLACK)
            self.assertGreater(time.time() - begun, 0.8)

    def test_others_are_served(self):
        """A hundred slow ones, and a fast one between."""
        slow = [socket.create_connection(("127.0.0.1", self.proxy.port), 5) for _ in range(100)]
        for s in slow:
            s.sendall(GET)
        begun = time.time()
        for ask in ASK.values():
            self.assertEqual(ask(self.proxy.port).status, 200)
        self.assertLess(time.time() - begun, 1 + SLACK)
        for s in slow:
            with s:
                s.settimeout(1 + SLACK)
                self.assertIn(b" 408 ", s.recv(65536))


class Memory(unittest.TestCase):
    def test_fields_that_hpack_repeats(self):
        """A few bytes that become 60 KiB of fields, on all streams of a connection: of most of them nothing is kept."""
        stop = threading.Event()
        big = b"\x40" + number(1) + b"x" + number(3900) + b"y" * 3900
        with Server(lambda _: stop.wait(30)) as server, Watched(backend(server.port)) as proxy, Frames(proxy.port) as c:
            before, get = proxy.peak(), block(*request_fields())
            c.send(head_frames(1, request_fields()))
            c.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, get + big + b"\xbe" * 14))
            c.send(*[frame(HEADERS, END_HEADERS | END_STREAM, i, get + b"\xbe" * 15) for i in range(5, 199, 2)])
            refused = 0
            while refused < 60:
                kind, _, _, payload = c.frame()
                if kind == HEADERS:
                    self.assertEqual(dict(c.decoder.decode(payload))[":status"], "503")
                    refused += 1
            self.assertLess(proxy.peak() - before, 5 << 20)
            # What is over makes room again.
            c.send(*[frame(RST_STREAM, 0, i, u32(8)) for i in range(3, 199, 2)])
            stop.set()
            c.send(frame(HEADERS, END_HEADERS | END_STREAM, 201, get + b"\xbe" * 15))
            self.assertEqual(c.answer(201).status, 502)  # the backend, which has closed

    def test_contents_for_the_api(self):
        """All together as much as one may have."""
        api, body = peers.free_port(), b"# " + b"x" * 20000
        ask = request_fields("PUT", "/api/v1beta1/backendconfig")
        with Server(recorder([])) as server, Watched(backend(server.port), "-f127.0.0.1,%d;no-tls;api" % api,
                                                     "--api-max-request-body=32K") as proxy:
            with Frames(api) as c:
                for i in (1, 3):
                    c.send(head_frames(i, ask, end=False), frame(DATA, 0, i, body[:10000]), frame(DATA, 0, i, body[10000:]))
                self.assertEqual(c.answer(3).status, 503)
                c.send(frame(DATA, END_STREAM, 1, b"\nbackend=127.0.0.1,%d\n" % server.port))
                self.assertEqual(c.answer(1).status, 200)
                c.send(head_frames(5, ask, end=False), *[frame(DATA, 0, 5, body[:10000])] * 3)
            for _ in range(3):
                self.assertEqual(ask_h1(api, "PUT", ask[3][1], body=body).status, 200)
                self.assertEqual(ask_h1(api, "PUT", ask[3][1], body=b"backend=127.0.0.1,%d\n" % server.port).status, 200)
            self.assertEqual(ask_h1(proxy.port).status, 200)


class Connections(unittest.TestCase):
    def test_of_a_worker(self):
        with Server(recorder([])) as server, Watched(backend(server.port), "--worker-frontend-connections=3") as proxy:
            time.sleep(0.3)  # so that the connection which tried whether it listens is forgotten
            held = [socket.create_connection(("127.0.0.1", proxy.port), 5) for _ in range(3)]
            for s in held:
                s.sendall(GET + b"\r\n")
                self.assertIn(b" 200 ", s.recv(4096))
            self.assertEqual(talk(proxy.port, GET + b"\r\n", 5), b"")
            held.pop().close()
            end = time.time() + SLACK
            while ask_h1(proxy.port).status != 200:
                self.assertLess(time.time(), end)
                time.sleep(0.05)
            for s in held:
                s.close()

    def test_requests_of_one(self):
        with Server(recorder([])) as server, Watched(backend(server.port), "--frontend-max-requests=3") as proxy:
            got = talk(proxy.port, (GET + b"\r\n") * 5, 5)
            self.assertEqual((got.count(b"HTTP/1.1 200"), got.lower().count(b"connection: close")), (3, 1))

    def test_streams_of_one(self):
        """Beyond the limit a stream is refused, and those before it go on."""
        def play(peer):
            backends.read_request(peer)
            time.sleep(1)
            peer.send(OK)
        with Server(play) as server, Watched(backend(server.port),
                                             "--frontend-http2-max-concurrent-streams=5") as proxy, Frames(proxy.port) as c:
            head = [frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, block(*request_fields())) for i in range(8)]
            while c.frame()[0] != 4 or c.data:  # SETTINGS
                pass
            c.send(frame(4, 1), *head)
            got = c.answers(*range(1, 16, 2))
            self.assertEqual([a.status for a in got.values()], [200] * 5 + [None] * 3)
            self.assertEqual([a.code for a in got.values()], [None] * 5 + [7] * 3)


if __name__ == "__main__":
    unittest.main()
