#!/usr/bin/env python3
"""Much content through the proxy in every pair of versions: little memory, and who does not read holds up nobody but its own
backend. timeout: 240"""
import contextlib
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import backends
import peers
from backends import ASK, OK, Frames, Watched, head_frames, request_fields, window
from proxying import PROTOS, VERSIONS, backend, curl
from scripted import DATA, HEADERS, RST_STREAM, SETTINGS, WINDOW_UPDATE, Server, frame, response

SANITIZED = os.environ.get("H2BOX_FLAVOR") in ("dev", "tsan")
SIZE = 200 << 20 if SANITIZED else 1 << 30
GROWTH = 16 << 20
# Freed memory that a sanitizer keeps to itself is not what this is about.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
GET = b"GET /%s HTTP/1.1\r\nHost: a.test\r\n\r\n"


def eventually(what, seconds=15):
    """Waits until what() holds; its last value."""
    end = time.time() + seconds
    while not (value := what()) and time.time() < end:
        time.sleep(0.05)
    return value


class Pairs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-pressure-")
        peers.make_site(cls.folder.name)
        cls.big = cls.folder.name + "/big"
        with open(cls.big, "wb") as f:
            f.truncate(SIZE)
        cls.server = peers.h2box_server(cls.folder.name, "-n1", "--echo-upload")
        cls.proxies = {name: Watched(backend(cls.server.port, "", *params)) for name, params in PROTOS.items()}

    @classmethod
    def tearDownClass(cls):
        for proxy in cls.proxies.values():
            proxy.__exit__(None)
        cls.server.stop()
        cls.folder.cleanup()

    def each(self):
        return [(proxy, front, behind) for behind, proxy in self.proxies.items() for front in VERSIONS]

    def bounded(self, *words):
        for proxy, front, behind in self.each():
            with self.subTest(front=front, behind=behind):
                curl(*VERSIONS[front], proxy.url("/size-65536"))
                before = proxy.peak()
                got = curl(*VERSIONS[front], "-o", "/dev/null", "-w", "%{http_code} %{size_download}", *words, proxy.url("/big"))
                self.assertEqual(got, b"200 %d" % SIZE)
                self.assertLess(proxy.peak() - before, GROWTH)

    def test_down(self):
        self.bounded()

    def test_up_and_down(self):
        """What comes up goes down again: both directions at once."""
        self.bounded("-H", "Expect:", "-T", self.big, "-X", "POST")

    def test_siblings(self):
        """99 streams are served while one is not read; to HTTP/2 all are on one connection."""
        for proxy, front, behind in self.each():
            with self.subTest(front=front, behind=behind):
                before = proxy.peak()
                if front == "h2":
                    with Frames(proxy.port, streams=100) as c:
                        c.send(window(0, 1 << 30), head_frames(1, request_fields(path="/big")))
                        for round_ in range(2):
                            ids = [3 + 198 * round_ + 2 * i for i in range(99)]
                            c.send(*[head_frames(i, request_fields(path="/size-65535")) for i in ids])
                            for a in c.answers(*ids).values():
                                self.assertEqual((a.status, a.end, len(a.body)), (200, "whole", 65535))
                else:
                    with socket.socket() as stalled:
                        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
                        stalled.connect(("127.0.0.1", proxy.port))
                        stalled.sendall(GET % b"big")
                        done = subprocess.run([peers.H2BOX, "load", "--h1", "-n396", "-c99", proxy.url("/size-65535")], capture_output=True,
                                              timeout=60)
                        self.assertIn(b"396 succeeded, 0 failed", done.stdout, done.stdout + done.stderr)
                if behind == "h2":
                    self.assertEqual(proxy.connections(self.server.port), 1)
                self.assertLess(proxy.peak() - before, GROWTH)


class Sent:
    """A backend that sends without end to who asks for /flood, and counts; other requests are answered at once."""

    def __init__(self):
        self.count, self.left, self.codes = 0, 0, []

    def h1(self, peer):
        while True:
            r = backends.read_request(peer)
            if r.target != "/flood":
                peer.send(OK)
                continue
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
            piece = bytes(65536)
            try:
                while True:
                    self.count += peer.sock.send(piece)
            except ConnectionError:
                self.left += 1
                return

    def h2(self, peer):
        peer.begin(streams=100)
        windows, first, flooded = {0: 65535}, 65535, set()
        while True:
            for stream in flooded:
                while (n := min(windows[0], windows[stream], 16384)) > 0:
                    peer.send(frame(DATA, 0, stream, bytes(n)))
                    windows[0] -= n
                    windows[stream] -= n
                    self.count += n
            kind, flags, stream, payload = peer.frame()
            if kind == SETTINGS and not flags & 1:
                for i in range(0, len(payload), 6):
                    if payload[i:i + 2] == b"\0\4":
                        first = int.from_bytes(payload[i + 2:i + 6], "big")
            elif kind == WINDOW_UPDATE:
                windows[stream] = windows.get(stream, first) + int.from_bytes(payload, "big")
            elif kind == RST_STREAM:
                self.left += 1
                self.codes.append(int.from_bytes(payload, "big"))
                flooded.discard(stream)
            elif kind == HEADERS:
                fields = dict(peer.decoder.decode(payload))
                if fields[":path"] == "/flood":
                    peer.send(response(stream, 200, (), end=False))
                    windows.setdefault(stream, first)
                    flooded.add(stream)
                else:
                    peer.send(response(stream, 200, (), b"ok\n"))

    def settled(self):
        """Whether nothing more was sent for half a second."""
        before = self.count
        time.sleep(0.5)
        return before and self.count == before


class Flood(unittest.TestCase):
    def pairs(self, play):
        for behind, params in PROTOS.items():
            for front in VERSIONS:
                sent = Sent()
                with self.subTest(front=front, behind=behind), Server(getattr(sent, behind), seconds=30) as server, \
                        Watched(backend(server.port, "", *params)) as proxy:
                    play(front, behind, sent, proxy)

    def asking(self, front, proxy):
        """A client that has asked for the flood, and reads nothing."""
        if front == "h1":
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            s.connect(("127.0.0.1", proxy.port))
            s.sendall(GET % b"flood")
            return s
        c = Frames(proxy.port)
        c.send(window(0, 1 << 30), head_frames(1, request_fields(path="/flood")))
        return c

    def test_a_client_that_does_not_read(self):
        """Its backend stops; others are served on."""
        def play(front, behind, sent, proxy):
            for ask in ASK.values():
                self.assertEqual(ask(proxy.port).body, b"ok\n")
            before = proxy.peak()
            with contextlib.closing(self.asking(front, proxy)):
                self.assertTrue(eventually(sent.settled))
                # HTTP/2: the window of a stream on either side. HTTP/1.1: the sockets of two connections, and what is held.
                self.assertLess(sent.count, 1 << 20 if behind == "h2" else 24 << 20)
                for ask in ASK.values():
                    self.assertEqual(ask(proxy.port).body, b"ok\n")
                self.assertLess(proxy.peak() - before, GROWTH // 4)
            self.assertTrue(eventually(lambda: sent.left))
        self.pairs(play)

    def test_hints_that_nobody_reads(self):
        """1xx answers of 58 KB, on all streams of a client that reads nothing: they are left out, and the answers wait."""
        hint = b"HTTP/1.1 103 Early Hints\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 1000) for i in range(58)) + b"\r\n"

        def play(peer):
            backends.read_request(peer)
            for _ in range(30):
                peer.send(hint)
            peer.send(OK)
        with Server(play) as server, Watched(backend(server.port)) as proxy, Frames(proxy.port, streams=50) as c:
            before, ids = proxy.peak(), range(1, 101, 2)
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            c.send(window(0, 1 << 20), *[head_frames(i, request_fields()) for i in ids])
            self.assertTrue(eventually(lambda: len(server.threads) == 50 and all(not t.is_alive() for t in server.threads)))
            time.sleep(1)  # what systems hold between them comes, too
            self.assertLess(proxy.peak() - before, GROWTH)
            self.assertEqual({(a.status, a.body) for a in c.answers(*ids).values()}, {(200, b"ok\n")})

    def test_hints_behind_an_answer_that_nobody_reads(self):
        """The same for requests in a pipeline, whose answers wait for their turn."""
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: </" + b"x" * 50000 + b">; rel=preload\r\n\r\n"
        big, asked = b"x" * (8 << 20), []

        def play(peer):
            with contextlib.suppress(EOFError, OSError):
                while True:
                    first, _ = peer.head()
                    asked.append(first)
                    if "/big" in first:
                        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(big), big)
                    else:
                        peer.send(hint * 50, OK)
        with Server(play) as server, Watched(backend(server.port)) as proxy, socket.create_connection(("127.0.0.1", proxy.port), 20) as s:
            before = proxy.peak()
            s.sendall(GET % b"big" + GET % b"small" * 20)
            self.assertTrue(eventually(lambda: len(asked) == 21), len(asked))
            time.sleep(0.5)
            self.assertLess(proxy.peak() - before, GROWTH)
            got = bytearray()
            while len(got) < len(big) or got.count(b"HTTP/1.1 200 OK") < 21:
                more = s.recv(1 << 20)
                self.assertTrue(more)
                got += more

    def test_clients_that_leave(self):
        """In the middle of their answers: backends are told, and nothing is left of them."""
        def play(front, behind, sent, proxy):
            self.assertEqual(ASK[front](proxy.port).body, b"ok\n")
            time.sleep(0.3)
            idle = len(proxy.sockets())
            for n in range(20):
                c = self.asking(front, proxy)
                sock = c if front == "h1" else c.sock
                if n % 2:
                    sock.recv(1000)
                if n % 4 > 1:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                c.close()
            self.assertTrue(eventually(lambda: sent.left >= 10), sent.left)
            self.assertTrue(eventually(lambda: len(proxy.sockets()) <= idle), (len(proxy.sockets()), idle))
            self.assertLessEqual(set(sent.codes), {8})  # CANCEL
            self.assertEqual(ASK[front](proxy.port).body, b"ok\n")
        self.pairs(play)

    def test_streams_that_are_reset(self):
        """Of HTTP/2, and their connection goes on."""
        def play(front, behind, sent, proxy):
            if front == "h1":
                return
            with Frames(proxy.port) as c:
                for n in range(20):
                    stream = 2 * n + 1
                    c.send(head_frames(stream, request_fields(path="/flood")))
                    while (got := c.frame())[0] != DATA or got[2] != stream:
                        if got[0] == HEADERS:
                            c.decoder.decode(got[3])
                    c.send(frame(RST_STREAM, 0, stream, struct.pack(">I", 8)), window(0, 65535))
                c.send(head_frames(41, request_fields()))
                self.assertEqual(c.answer(41).body, b"ok\n")
                self.assertTrue(eventually(lambda: sent.left == 20), sent.left)
        self.pairs(play)


class Uploads(unittest.TestCase):
    def test_a_backend_that_does_not_read(self):
        """Its client stops; the proxy holds little."""
        for front in VERSIONS:
            stop = threading.Event()

            def play(peer):
                peer.head()
                stop.wait(20)
            with Server(play) as server, Watched(backend(server.port)) as proxy, self.subTest(front):
                before = proxy.peak()
                if front == "h1":
                    with socket.create_connection(("127.0.0.1", proxy.port)) as s:
                        s.settimeout(1)
                        s.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
                        with contextlib.suppress(TimeoutError):
                            sent = 0
                            while sent < 1 << 27:
                                sent += s.send(bytes(65536))
                        self.assertLess(sent, 1 << 25)
                else:
                    with Frames(proxy.port, 1) as c:
                        c.send(head_frames(1, request_fields("POST"), end=False))
                        left = {0: 65535, 1: 65535}
                        with contextlib.suppress(TimeoutError):
                            sent = 0
                            while sent < 1 << 27:
                                while (n := min(16384, *left.values())) > 0:
                                    c.send(frame(DATA, 0, 1, bytes(n)))
                                    sent += n
                                    left = {k: v - n for k, v in left.items()}
                                kind, _, stream, payload = c.frame()
                                if kind == WINDOW_UPDATE:
                                    left[stream] += int.from_bytes(payload, "big")
                        self.assertLess(sent, 1 << 25)
                self.assertLess(proxy.peak() - before, GROWTH // 4)
                stop.set()


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
