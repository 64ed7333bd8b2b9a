#!/usr/bin/env python3
"""Times of `h2box proxy` for peers that do not write and for peers that do not read: each by an option of its own, on either
side. timeout: 60"""
import contextlib
import socket
import tempfile
import threading
import time
import unittest

from proxying import Proxy, backend, curl
from scripted import (ACK, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, RST_STREAM, SETTINGS, Peer, Server, block, frame,
                      settings, until_headers)

SHORT, LONG = "300ms", "60s"
MEANWHILE = 1  # more than twice SHORT


class Directions(unittest.TestCase):
    """Who does not write and who does not read has a time of its own, on either side."""

    def play(self, peer):
        """Answers GET, hears the beginning of all else, and sees how that ends."""
        with contextlib.suppress(EOFError, OSError):
            first, _ = peer.head()
            if first.startswith("GET /much"):
                peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    peer.send(b"10000\r\n", bytes(65536), b"\r\n")
            if first.startswith("GET"):
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", bytes(100))
            while True:
                peer.more()
        self.gone.set()

    def silent(self, peer):
        """Over HTTP/2: takes requests, opens no window and says nothing."""
        until_headers(peer)
        with contextlib.suppress(EOFError, OSError):
            while True:
                peer.frame()

    def start(self, server, *words, params=()):
        proxy = Proxy(backend(server.port, "", *params), "-n1", *words)
        self.addCleanup(proxy.__exit__)
        return proxy

    def serve(self, play):
        self.gone = threading.Event()
        server = Server(play)
        self.addCleanup(server.__exit__)
        return server

    def stream(self, proxy, method, *frames, end=0, **entries):
        """A stream of a new connection."""
        sock = socket.create_connection(("127.0.0.1", proxy.port), 20)
        self.addCleanup(sock.close)
        asking = block((":method", method), (":scheme", "http"), (":path", "/"), (":authority", "a"))
        sock.sendall(PREFACE + settings(**entries) + frame(SETTINGS, ACK) + frame(HEADERS, END_HEADERS | end, 1, asking) + b"".join(frames))
        return Peer(sock, 0)

    def is_reset(self, peer, seconds):
        """Whether the stream is, within that time."""
        end = time.time() + seconds
        with contextlib.suppress(TimeoutError):
            while True:
                peer.sock.settimeout(max(end - time.time(), 0.001))
                if peer.frame()[0] == RST_STREAM:
                    return True
        return False

    def test_clients(self):
        for read, write in ((SHORT, LONG), (LONG, SHORT)):
            with self.subTest(read=read, write=write):
                words = ["--frontend-stream-read-timeout=" + read, "--frontend-stream-write-timeout=" + write]
                proxy = self.start(self.serve(self.play), *words)
                reader = self.stream(proxy, "GET", end=END_STREAM, window=0)
                writer = self.stream(proxy, "POST", frame(DATA, 0, 1, b"x"))
                ended, goes_on = (writer, reader) if read == SHORT else (reader, writer)
                self.assertTrue(self.is_reset(ended, 15))
                self.assertFalse(self.is_reset(goes_on, MEANWHILE))

    def test_content_over_http1(self):
        for read, ended in ((SHORT, True), ("0", False)):
            with self.subTest(read=read):
                proxy = self.start(self.serve(self.play), "--frontend-stream-read-timeout=" + read,
                                   "--frontend-stream-write-timeout=" + SHORT)
                with socket.create_connection(("127.0.0.1", proxy.port), 15 if ended else MEANWHILE) as sock:
                    sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
                    if ended:
                        self.assertIn(b" 408 ", sock.recv(1000))
                    else:
                        self.assertRaises(TimeoutError, sock.recv, 1000)

    def test_clients_that_do_not_read_their_socket(self):
        for write, ended in ((SHORT, True), (LONG, False)):
            with self.subTest(write=write):
                proxy = self.start(self.serve(self.play), "--frontend-write-timeout=" + write, "--frontend-stream-read-timeout=" + SHORT)
                with socket.create_connection(("127.0.0.1", proxy.port), 20) as sock:
                    sock.sendall(b"GET /much HTTP/1.1\r\nHost: a\r\n\r\n")
                    self.assertEqual(self.gone.wait(15 if ended else MEANWHILE), ended)

    def ask(self, proxy, *words):
        """The status; 0: none in a while."""
        with contextlib.suppress(AssertionError):
            return int(curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect:", *words, proxy.url(), code=0))
        return 0

    def test_backends_that_say_nothing(self):
        short = ["--max-time", str(MEANWHILE)]
        for params in ("proto=h2",), ():
            server = self.serve(self.silent if params else self.play)
            for read, stream, status in ((LONG, SHORT, 504 if params else 0), (SHORT, LONG, 504), (LONG, "0", 0)):
                with self.subTest(params=params, read=read, stream=stream):
                    words = ["--backend-read-timeout=" + read, "--backend-stream-read-timeout=" + stream,
                             "--backend-stream-write-timeout=" + SHORT,
                             "--backend-write-timeout=" + SHORT]
                    proxy = self.start(server, *words, params=params)
                    self.assertEqual(self.ask(proxy, "-X", "DELETE", *([] if status else short)), status)

    def test_backends_that_do_not_read(self):
        """They are told from those that do not write by the status."""
        def deaf(peer):
            peer.head()
            self.gone.wait(20)
        much = ["-T", self.much()]
        for params in ("proto=h2",), ():
            kind = "stream-" if params else ""
            for read, write, status in ((LONG, SHORT, 502), (SHORT, LONG, 504)):
                with self.subTest(params=params, read=read, write=write):
                    words = ["--backend-%sread-timeout=%s" % (kind, read), "--backend-%swrite-timeout=%s" % (kind, write)]
                    server = self.serve(self.silent if params else deaf)
                    self.assertEqual(self.ask(self.start(server, *words, params=params), *much), status)
                    self.gone.set()

    def much(self):
        """A file that no socket buffer holds."""
        f = tempfile.NamedTemporaryFile()
        self.addCleanup(f.close)
        f.truncate(64 << 20)
        return f.name


if __name__ == "__main__":
    unittest.main(verbosity=2)
