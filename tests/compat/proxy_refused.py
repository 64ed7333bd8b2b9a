#!/usr/bin/env python3
"""Requests that `h2box proxy` refuses as they come, before any of its rules looks at them: each gets the page of its status and
a line in the access log, as it does from nghttpx."""
import os
import re
import socket
import tempfile
import unittest

import hpack

import peers
from configured import wait_for
from proxying import Proxy, backend, curl
from scripted import CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PREFACE, Server, frame, settings

GET = b"GET /a?b HTTP/1.1\r\nHost: a\r\nUser-Agent: u\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: a\r\nUser-Agent: u\r\nTransfer-Encoding: chunked\r\n"
# What nghttpx answers in the same way: the bytes, the request's line as it is logged, and its status.
SAME = {
    "no host": (b"GET / HTTP/1.1\r\nUser-Agent: u\r\n\r\n", "GET / HTTP/1.1", 400),
    "NUL": (GET + b"x: \0\r\n\r\n", "GET /a?b HTTP/1.1", 400),
    "two lengths": (POST + b"Content-Length: 3\r\n\r\n0\r\n\r\n", "POST /p HTTP/1.1", 400),
    "many fields": (GET + b"".join(b"x%d: 1\r\n" % i for i in range(300)) + b"\r\n", "GET /a?b HTTP/1.1", 431),
    "no chunk": (POST + b"\r\nzz\r\n\r\n", "POST /p HTTP/1.1", 400),
    "a long chunk": (POST + b"\r\n5\r\nhelloX\r\n", "POST /p HTTP/1.1", 400),
}
OURS = {
    "no HTTP": (b"\x16\x03\x01\x00\r\n\r\n", "- - HTTP/1.1", 400),
    "no target": (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET - HTTP/1.1", 400),
    "a bad target": (b"GET /\x01x HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1", 400),
    "a bad name": (GET + b"bad name: x\r\n\r\n", "GET /a?b HTTP/1.1", 400),
    "a version": (b"GET / HTTP/2.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1", 505),
    "the old version": (b"GET / HTTP/1.0\r\nbad name: x\r\n\r\n", "GET / HTTP/1.0", 400),
    "a coding": (POST.replace(b"chunked", b"gzip, chunked") + b"\r\n", "POST /p HTTP/1.1", 501),
    "a long head": (GET + b"x: " + b"y" * 70000, "GET /a?b HTTP/1.1", 431),
    "a long target": (b"GET /" + b"y" * 70000, "GET /" + "y" * 4, 414),
    "CONNECT with content": (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\n", "CONNECT a:1 HTTP/1.1", 400),
}
PAGE = b"<p>sorry</p>"


def hang(peer):
    """A backend that does not answer."""
    while peer.sock.recv(65536):
        pass


class Refused(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="h2box-refused-")
        self.addCleanup(folder.cleanup)
        self.log, self.page = folder.name + "/log", folder.name + "/page"
        with open(self.page, "wb") as f:
            f.write(PAGE)
        self.words = ["-n1", "--error-page=*=" + self.page, "--accesslog-file=" + self.log,
                      "--accesslog-format=$remote_addr|$request|$status|$body_bytes_sent|$http_user_agent"]
        self.server = Server(hang)
        self.addCleanup(self.server.__exit__)

    def lines(self, n):
        def text():
            with open(self.log) as f:
                got = f.read().splitlines()
            return got if len(got) >= n else None
        wait_for(lambda: os.path.exists(self.log))
        got = wait_for(text)
        self.assertEqual(len(got), n, got)
        return got

    def ask(self, port, sent):
        with socket.create_connection(("127.0.0.1", port), 20) as sock:
            sock.sendall(sent)
            got = b""
            while data := sock.recv(65536):
                got += data
        return got

    def refused(self, port, name, sent, status):
        got = self.ask(port, sent)
        head, content = got.split(b"\r\n\r\n", 1)
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        self.assertEqual((int(head.split()[1]), content), (status, PAGE), name)
        for field, value in ((b"content-length", b"%d" % len(PAGE)), (b"connection", b"close"),
                             (b"content-type", b"text/html; charset=utf-8")):
            self.assertEqual(fields[field], value, name)
        self.assertIn(b"server", fields, name)
        self.assertIn(b"date", fields, name)

    def play(self, proxy, cases):
        for name, (sent, _, status) in cases.items():
            self.refused(proxy.port, name, sent, status)
        for (name, (sent, line, status)), got in zip(cases.items(), self.lines(len(cases)), strict=True):
            agent = "u" if b"User-Agent" in sent and "long" not in name or "chunk" in name else "-"
            shown = re.sub(r"yyyy+ ", "yyyy ", got) if "target" in name else got
            line += " HTTP/1.1" if name == "a long target" else ""
            self.assertEqual(shown, "127.0.0.1|%s|%d|%d|%s" % (line, status, len(PAGE), agent), name)

    def test_as_nghttpx(self):
        with Proxy(backend(self.server.port), *self.words) as proxy:
            self.play(proxy, SAME)
        os.rename(self.log, self.log + ".ours")
        port = peers.free_port()
        args = ["nghttpx", "--conf=/dev/null", "-f127.0.0.1,%d;no-tls" % port, backend(self.server.port), "--errorlog-file=/dev/null",
                *self.words]
        with peers.Running(args, port) as theirs:
            self.play(theirs, SAME)

    def test_the_others(self):
        with Proxy(backend(self.server.port), *self.words) as proxy:
            self.play(proxy, OURS)

    def test_of_forward_proxies(self):
        with Proxy(backend(self.server.port), "-s", *self.words) as proxy:
            self.refused(proxy.port, "-s", GET.replace(b"/a", b"http://a/") + b"Host: b\r\n\r\n", 400)
            self.assertEqual(self.lines(1)[0], "127.0.0.1|GET http://a/?b HTTP/1.1|400|%d|u" % len(PAGE))

    def test_heads(self):
        """What answers HEAD has no content (RFC 9110 section 9.3.2)."""
        with Proxy(backend(self.server.port), *self.words) as proxy:
            got = self.ask(proxy.port, b"HEAD / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            self.assertIn(b"Content-Length: %d\r\n" % len(PAGE), got)
            self.assertTrue(got.endswith(b"\r\n\r\n"), got)
            self.assertEqual(self.lines(1)[0], "127.0.0.1|HEAD / HTTP/1.1|400|0|-")

    def test_late_heads(self):
        with Proxy(backend(self.server.port), "--frontend-header-timeout=500ms", *self.words) as proxy:
            self.refused(proxy.port, "late", GET, 408)
            self.assertEqual(self.lines(1)[0], "127.0.0.1|GET /a?b HTTP/1.1|408|%d|-" % len(PAGE))

    def test_late_content(self):
        """The backend is let go, too."""
        left = []

        def play(peer):
            while peer.sock.recv(65536):
                pass
            left.append(True)
        with Server(play) as server, Proxy(backend(server.port), "--frontend-stream-read-timeout=500ms", *self.words) as proxy:
            self.refused(proxy.port, "late", GET.replace(b"GET", b"PUT") + b"Content-Length: 5\r\n\r\nab", 408)
            self.assertTrue(wait_for(lambda: left))
            self.assertEqual(self.lines(1)[0], "127.0.0.1|PUT /a?b HTTP/1.1|408|%d|u" % len(PAGE))

    def test_behind_an_answer(self):
        """A page waits for the answers before it."""
        def play(peer):
            peer.head()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        with Server(play) as server, Proxy(backend(server.port), *self.words) as proxy:
            got = self.ask(proxy.port, GET + b"\r\n" + GET + b"bad name: 1\r\n\r\n")
            self.assertRegex(got, rb"^HTTP/1.1 200 OK\r\n(?s:.*)\r\n\r\nokHTTP/1.1 400 Bad Request\r\n(?s:.*)\r\n\r\n" + PAGE + b"$")
            self.lines(2)

    def test_fields_over_http2(self):
        """431 is the only status that HTTP/2 gives by itself; what is malformed is reset, and has no line, as with nghttpx."""
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/"), ("user-agent", "u")]
        fields += [("x%d" % i, "y" * 40) for i in range(300)]
        encoded = hpack.Encoder().encode(fields, huffman=False)
        sent = PREFACE + settings() + frame(HEADERS, END_STREAM, 1, encoded[:16000]) + frame(CONTINUATION, END_HEADERS, 1, encoded[16000:])
        with Proxy(backend(self.server.port), *self.words) as proxy:
            with socket.create_connection(("127.0.0.1", proxy.port), 20) as sock:
                sock.sendall(sent)
                got = b""
                while PAGE not in got:
                    data = sock.recv(65536)
                    self.assertTrue(data, got)
                    got += data
            self.assertEqual(self.lines(1)[0], "127.0.0.1|GET / HTTP/2|431|%d|u" % len(PAGE))

    def test_the_api(self):
        port = peers.free_port()
        words = ["-f127.0.0.1,%d;no-tls;api" % port, *self.words]
        with Proxy(backend(self.server.port), *words):
            got = self.ask(port, POST.replace(b"/p", b"/api/v1beta1/backendconfig") + b"\r\nzz\r\n")
            self.assertRegex(got, rb'^HTTP/1.1 400 (?s:.*)\r\n\r\n{"status":"Failure","code":400,"message":"')
            self.assertEqual(self.lines(1)[0].split("|")[1:3], ["POST /api/v1beta1/backendconfig HTTP/1.1", "400"])

    def test_goes_on(self):
        """Nobody else is disturbed."""
        def play(peer):
            peer.head()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        with Server(play) as server, Proxy(backend(server.port), *self.words) as proxy:
            for sent, _, _ in OURS.values():
                self.ask(proxy.port, sent)
            self.assertEqual(curl(proxy.url()), b"ok")


if __name__ == "__main__":
    unittest.main()
