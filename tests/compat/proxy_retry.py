#!/usr/bin/env python3
"""What the proxy sends twice: what surely was not acted upon, and nothing else. timeout: 60"""
import socket
import struct
import threading
import time
import unittest

import backends
from backends import OK, Frames, Watched, ask_h1, ask_h2
from proxying import backend
from scripted import DATA, END_HEADERS, END_STREAM, HEADERS, Server, block, frame, goaway, response, rst

ASKS = {"h1": ask_h1, "h2": ask_h2}


class Reused(unittest.TestCase):
    """HTTP/1.1 backends whose connection ends under the second request that it is given."""

    def second(self, end, method="GET", content=None):
        """The answer to the second request, and all requests that backends saw: (connection, method)."""
        for version, ask in ASKS.items():
            seen = []

            def play(peer):
                while True:
                    r = backends.read_request(peer)
                    seen.append((peer.index, r.method))
                    if peer.index == 1 and len(seen) == 2:
                        end(peer)
                        return
                    peer.send(OK)
            with Server(play) as server, Watched(backend(server.port)) as proxy:
                self.assertEqual(ask(proxy.port).status, 200)
                yield ask(proxy.port, method, "/", (), content), seen

    @staticmethod
    def closes(peer):
        pass

    @staticmethod
    def resets(peer):
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def test_get_once_more(self):
        for end in (self.closes, self.resets):
            for method in ("GET", "HEAD", "OPTIONS"):
                for got, seen in self.second(end, method):
                    self.assertEqual((got.status, seen), (200, [(1, "GET"), (1, method), (2, method)]))

    def test_others_never(self):
        for end in (self.closes, self.resets):
            for method, content in (("POST", b""), ("POST", b"abc"), ("PUT", b"abc"), ("DELETE", None), ("PATCH", b"x"), ("GET", b"abc"),
                                    ("X-NEW", None)):
                for got, seen in self.second(end, method, content):
                    self.assertEqual((got.status, got.end, seen), (502, "whole", [(1, "GET"), (1, method)]))

    def test_never_after_a_byte(self):
        """Whoever has begun to answer has acted."""
        for piece in (b"H", b"HTTP/1.1 200 OK\r\nContent-", b"junk\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"):
            for got, seen in self.second(lambda peer: peer.send(piece)):
                self.assertEqual((got.status, seen), (502, [(1, "GET"), (1, "GET")]), piece)

    def test_one_time_only(self):
        """The connection of the second try is a new one; when that ends too, it is over."""
        for version, ask in ASKS.items():
            seen = []

            def play(peer):
                backends.read_request(peer)
                seen.append(peer.index)
                if len(seen) == 1:
                    peer.send(OK)
                    backends.read_request(peer)
                    seen.append(peer.index)
            with Server(play) as server, Watched(backend(server.port)) as proxy:
                self.assertEqual(ask(proxy.port).status, 200)
                self.assertEqual(ask(proxy.port).status, 502)
                self.assertEqual(seen, [1, 1, 2])


class Unasked(unittest.TestCase):
    def test_bytes_between_requests(self):
        """What comes on a connection that waits for work is no answer to the next one's request."""
        for version, ask in ASKS.items():
            sent = threading.Event()

            def play(peer):
                while True:
                    backends.read_request(peer)
                    peer.send(OK)
                    if peer.index == 1:
                        time.sleep(0.1)
                        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
                        sent.set()
            with Server(play) as server, Watched(backend(server.port)) as proxy:
                self.assertEqual(ask(proxy.port).body, b"ok\n")
                sent.wait(10)
                time.sleep(0.3)
                for _ in range(3):
                    self.assertEqual(ask(proxy.port).body, b"ok\n")
                self.assertEqual(server.count, 2)

    def test_an_answer_before_the_requests_end(self):
        """The rest of a request is never taken for the next one: it comes whole, or the connection ends."""
        for version, ask in ASKS.items():
            seen = []

            def play(peer):
                while True:
                    line, fields = peer.head()
                    seen.append(line)
                    peer.send(b"HTTP/1.1 413 Too Big\r\nContent-Length: 3\r\n\r\nno\n" if "POST" in line else OK)
                    peer.take(int(fields.get("content-length", "0")))
            with Server(play) as server, Watched(backend(server.port)) as proxy:
                for n in (10, 60000):
                    got = ask(proxy.port, "POST", "/", (), b"x" * n)
                    self.assertEqual((got.status, got.body), (413, b"no\n"))
                    self.assertEqual(ask(proxy.port).body, b"ok\n")
                # A client that leaves before it has sent all.
                with socket.create_connection(("127.0.0.1", proxy.port), 10) as s:
                    s.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\nabc")
                    self.assertIn(b" 413 ", s.recv(4096))
                for _ in range(3):
                    self.assertEqual(ask(proxy.port).body, b"ok\n")
            self.assertEqual([x.split()[0] for x in seen], ["POST", "GET"] * 2 + ["POST"] + ["GET"] * 3)


class Refused(unittest.TestCase):
    """HTTP/2 backends: REFUSED_STREAM and GOAWAY say that nothing was done (RFC 9113 section 8.7), whatever the method."""

    def post(self, play, content=b"x" * 40000, first=False):
        """The answer to a POST, and the contents that backends had of it. first: a GET goes before it, so that their SETTINGS are known."""
        for version, ask in ASKS.items():
            bodies = []
            with Server(lambda peer: play(peer, bodies)) as server, Watched(backend(server.port, "", "proto=h2",
                                                                                    "read-timeout=3s")) as proxy:
                if first:
                    self.assertEqual(ask(proxy.port).status, 200)
                yield ask(proxy.port, "POST", "/", (), content), bodies

    def test_before_content(self):
        """A backend that gives no window, then refuses: nothing of the content has left, and it goes once more."""
        def play(peer, bodies):
            peer.begin(window=0 if peer.index == 1 else 65535)
            if peer.index == 1:
                peer.send(response(peer.request().stream, 200, (), b"ok\n"))
                while peer.frame()[0] != HEADERS:
                    pass
                peer.send(goaway(1))
                peer.frames_left()
                return
            bodies.append(peer.request().body)
            peer.send(response(1, 200, (), b"ok\n"))
            peer.frames_left()
        for got, bodies in self.post(play, first=True):
            self.assertEqual((got.status, [len(b) for b in bodies]), (200, [40000]))

    def test_after_content(self):
        """What was given away is gone: 502."""
        def play(peer, bodies):
            peer.begin()
            while True:
                kind, flags, stream, payload = peer.frame()
                if kind == DATA and payload:
                    bodies.append(payload)
                    peer.send(rst(stream, 7))
                    break
            peer.frames_left()
        for got, bodies in self.post(play):
            self.assertEqual((got.status, len(bodies)), (502, 1))

    def test_goaway_sorts_streams(self):
        """Of three requests the first two are taken: the third alone is asked for on another connection."""
        paths = []

        def play(peer):
            peer.begin()
            if peer.index == 1:
                all_ = [peer.request() for _ in range(3)]
                peer.send(goaway(all_[1].stream))
                peer.send(*[response(r.stream, 200, (), b"old") for r in all_[:2]])
                peer.frames_left()
                return
            while True:
                r = peer.request()
                paths.append(r[":path"])
                peer.send(response(r.stream, 200, (), b"new"))
        with Server(play) as server, Watched(backend(server.port, "", "proto=h2")) as proxy, Frames(proxy.port) as c:
            for i, path in enumerate("abc"):
                c.send(frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, block(*backends.request_fields("POST", "/" + path))))
            bodies = c.answers(1, 3, 5)
            self.assertEqual(sorted(a.body for a in bodies.values()), [b"new", b"old", b"old"])
            self.assertEqual(len(paths), 1)


if __name__ == "__main__":
    unittest.main()
