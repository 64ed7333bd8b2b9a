#!/usr/bin/env python3
"""Our proxy under its old name beside Debian's nghttpx, with the same peers and the same requests: fields either way, routes, lines of
the access log. What differs on purpose is taken out before they are compared, and stands here. timeout: 120"""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

import h2.config
import h2.connection
import h2.events

import peers
from scripted import Accepting

NGHTTPX = shutil.which("nghttpx", path=os.environ.get("PATH", "") + ":/usr/sbin")
ANSWER = ("HTTP/1.1 %(status)s\r\nContent-Length: 2\r\nDate: x\r\nServer: back/1\r\nVia: 1.0 x\r\n%(fields)sSet-Cookie: a=b\r\n"
          "Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\r\nok")
ASKED = [("user-agent", "ua"), ("accept", "*/*"), ("te", "trailers"), ("x-forwarded-for", "9.9.9.9"), ("x-forwarded-proto", "https"),
         ("forwarded", "for=1.1.1.1"), ("via", "1.0 foo"), ("cookie", "a=b"), ("cookie", "c=d"), ("early-data", "1"),
         ("proxy-authorization", "Basic xx"), ("x-last", "1")]


class Backend(Accepting):
    """A server of HTTP/1.1 that keeps the heads it was sent, and gives an answer of ours."""

    def __init__(self, name=""):
        self.heads, self.fields, self.name = [], "", name
        super().__init__(seconds=None)

    def serve(self, peer, _):
        with peer:
            self.answer(peer)

    def answer(self, peer):
        waiting = b""
        while True:
            came = peer.recv(65536)
            if not came:
                return
            waiting += came
            while b"\r\n\r\n" in waiting:
                head, waiting = waiting.split(b"\r\n\r\n", 1)
                self.heads.append(head.decode())
                answer = ANSWER % {"status": "200 OK", "fields": self.fields + "X-Name: %s\r\n" % self.name}
                peer.sendall(answer.encode().replace(b"\r\nok", b"\r\n" if head.startswith(b"HEAD ") else b"\r\nok"))


def proxy(ours, frontend, *options):
    """Either of the two, with the same options."""
    words = ["nghttpx", "--conf=/dev/null", "--workers=1", "-f" + frontend, *options]
    return subprocess.Popen(words, executable=peers.H2BOX if ours else NGHTTPX, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=None if ours else subprocess.DEVNULL, env={**os.environ, "TZ": "UTC0"})


class Proxy:
    def __init__(self, ours, *options, unix=None, six=False):
        self.port = peers.free_port()
        self.where = unix or ("::1" if six else "127.0.0.1", self.port)
        self.process = proxy(ours, "unix:%s;no-tls" % unix if unix else "%s,%d;no-tls" % self.where, *options)
        for _ in range(500):
            try:
                self.connect().close()
                return
            except OSError:
                threading.Event().wait(0.02)
        raise AssertionError("%s does not listen" % options)

    def connect(self):
        if isinstance(self.where, str):
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(self.where)
            except OSError:
                s.close()
                raise
        else:
            s = socket.create_connection(self.where)
        s.settimeout(20)
        return s

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def ask_h1(self, target, host="front.test:8080", fields=(), method="GET"):
        lines = ["%s %s HTTP/1.1" % (method, target), "Host: " + host, *("%s: %s" % f for f in fields), "Connection: close, TE, x-hop",
                 "X-Hop: 1"]
        with self.connect() as s:
            s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            came = b""
            while True:
                more = s.recv(65536)
                if not more:
                    break
                came += more
        head = came.split(b"\r\n\r\n")[0].decode().split("\r\n")
        return head[0].split(" ")[1], [tuple(line.split(": ", 1)) for line in head[1:]]

    def ask_h2(self, target, host="front.test:8080", fields=(), method="GET"):
        wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        wire.initiate_connection()
        wire.send_headers(1, [(":method", method), (":scheme", "http"), (":path", target), (":authority", host), *fields], end_stream=True)
        answer = None
        with self.connect() as s:
            s.sendall(wire.data_to_send())
            while True:
                for event in wire.receive_data(s.recv(65536)):
                    if isinstance(event, h2.events.ResponseReceived):
                        answer = [(str(n), str(v)) for n, v in event.headers]
                    if isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)):
                        return answer[0][1], answer[1:]
                s.sendall(wire.data_to_send())


def alike(fields, backend):
    """Fields in a form that both proxies share: names without case, obfuscated names and the backend's port masked, in any order. Fields
    that Connection names are gone with ours, which says Connection: TE with TE (RFC 9110 section 10.1.4), and close at another place."""
    out = []
    for name, value in fields:
        name = name.lower()
        if name in ("connection", "x-hop", "keep-alive", "te"):
            continue
        value = re.sub(r"_[-\w]{8}\b", "_NAME", value).replace(":%d" % backend.port, ":PORT")
        out.append("%s: %s" % (name, re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", re.sub(r"\[::1\]:\d+", "[::1]:PORT", value))))
    return sorted(out)


OPTIONS = [
    (),
    ("--add-forwarded=by,for,host,proto", "--add-x-forwarded-for", "--add-request-header=foo:bar", "--add-response-header=x-r:1"),
    ("--add-forwarded=by,for,host,proto", "--forwarded-for=ip", "--forwarded-by=ip", "--strip-incoming-forwarded", "--no-via",
     "--strip-incoming-x-forwarded-for", "--host-rewrite", "--no-server-rewrite", "--no-strip-incoming-x-forwarded-proto"),
    ("--add-forwarded=proto,for", "--forwarded-by=_abc", "--add-x-forwarded-for", "--strip-incoming-x-forwarded-for",
     "--no-add-x-forwarded-proto", "--no-strip-incoming-early-data", "--altsvc=h2,443,,,ma=3; persist=1", "--http2-altsvc=h3,44",
     "--server-name=me", "--no-location-rewrite"),
]


@unittest.skipUnless(NGHTTPX, "no nghttpx")
class Fields(unittest.TestCase):
    """What the backend and the client are sent."""

    def setUp(self):
        self.backend = Backend()
        self.addCleanup(self.backend.close)

    def both(self, ask, *options, **where):
        """What came of the same question by both: (to the backend, to the client)."""
        results = []
        for ours in (False, True):
            if "unix" in where:  # each its own: a worker of nghttpx may listen a little longer than its main process
                where["unix"] += str(int(ours))
            with Proxy(ours, "-b127.0.0.1,%d" % self.backend.port, *options, **where) as p:
                self.backend.heads.clear()
                answers = ask(p)
                heads = [[tuple(line.split(": ", 1)) for line in head.split("\r\n")[1:]] for head in self.backend.heads]
                results.append(([head.split("\r\n")[0] for head in self.backend.heads], [alike(f, self.backend) for f in heads],
                                [(status, alike(f, self.backend)) for status, f in answers]))
        return results

    def same(self, ask, *options, **where):
        theirs, ours = self.both(ask, *options, **where)
        self.assertTrue(ours[0])
        self.assertEqual(ours, theirs, options)

    def test_requests_and_answers(self):
        self.backend.fields = "Location: http://front.test:99/x?y\r\n"
        for options in OPTIONS:
            with self.subTest(options=options):
                self.same(lambda p: [p.ask_h1("/h1?x", fields=ASKED), p.ask_h2("/h2", fields=ASKED)], *options)

    def test_forward(self):
        self.backend.fields = "Location: http://front.test:99/x?y\r\n"
        self.same(lambda p: [p.ask_h1("http://front.test:8080/h1?x", fields=ASKED), p.ask_h2("/h2", fields=ASKED)], "-s", *OPTIONS[1])

    def test_nodes(self):
        options = ("--add-forwarded=by,for,host,proto", "--forwarded-for=ip", "--forwarded-by=ip", "--add-x-forwarded-for")
        self.same(lambda p: [p.ask_h1("/")], *options, six=True)
        with tempfile.TemporaryDirectory(prefix="h2box-fields-") as folder:
            self.same(lambda p: [p.ask_h1("/"), p.ask_h2("/")], *options, unix=folder + "/s")

    def test_locations(self):
        for location in ("http://front.test/a", "http://front.test:9999/a?b#c", "https://front.test", "HTTP://front.test/x",
                         "//front.test/y",
                         "/rel", "http://front.test.evil/x", "http://front.test:8080?x", "http://other.test/x"):
            with self.subTest(location=location):
                self.backend.fields = "Location: %s\r\n" % location
                self.same(lambda p: [p.ask_h1("/")])

    def test_what_connection_names_does_not_pass(self):
        with Proxy(True, "-b127.0.0.1,%d" % self.backend.port) as p:
            _, fields = p.ask_h1("/", fields=[("TE", "gzip")])
            self.assertNotIn("x-hop", [n.lower() for n, _ in fields])
        self.assertNotRegex(self.backend.heads[0].lower(), "\n(x-hop|te|keep-alive):")


PATTERNS = ["", "/foo/", "/foo/*", "/foo", "/fo*", "/bar/", "/bar*", "/c%3Ad", "/E%2fg", "h.org", "*.h.org/a", "*.g.h.org/b", "*h.org/z",
            "/m*",
            "/m/x/"]
REQUESTS = [("x", p) for p in ("/foo", "/foo/", "/foo/b", "/foob", "/fo", "/bar", "/bar/", "/barx", "/bar/x", "/c:d", "/E%2Fg", "/%45%2fg",
                               "//foo",
                               "/./foo", "/q/../foo/.", "/q/..foo", "/../foo", "/foo/..", "/foo?x", "/m/x/y", "/m/x", "/m/xy",
                               "/%2e%2e/foo",
                               "/foo%", "/foo%zz", "/foo?/../bar")] + [
    ("h.org", "/"), ("H.ORG:80", "/zz"), ("a.h.org", "/a"), ("a.g.h.org", "/a"), ("a.g.h.org", "/b"), ("a.g.h.org", "/c"), ("ah.org", "/z"),
    ("h.org", "/z"), ("[::1]:80", "/foo")]
DOTTED = ("h.org.", "/")  # goes where "h.org" goes, but not with nghttpx


@unittest.skipUnless(NGHTTPX, "no nghttpx")
class Routes(unittest.TestCase):
    def test_patterns(self):
        backends = [Backend("<%s>" % p) for p in PATTERNS]
        options = ["-b127.0.0.1,%d;%s" % (b.port, b.name[1:-1]) for b in backends]
        found = []
        for ours in (False, True):
            with Proxy(ours, *options) as p:
                found.append([(host, path, dict((n.lower(), v) for n, v in p.ask_h1(path, host)[1]).get("x-name"))
                              for host, path in REQUESTS + [DOTTED]])
        for b in backends:
            b.close()
        self.assertEqual(found[1][:-1], found[0][:-1])
        self.assertEqual([f[-1] for f in found], [(*DOTTED, "<>"), (*DOTTED, "<h.org>")])
        self.assertGreater(len({name for _, _, name in found[1]}), 10)


@unittest.skipUnless(NGHTTPX, "no nghttpx")
class Lines(unittest.TestCase):
    """The access log, with every variable but $tls_session_id, which ends nghttpx 1.52."""

    FORMAT = ("[$remote_addr|$time_local|${time_iso8601}|$request|$status|$body_bytes_sent|$http_user_agent|$http_host|$remote_port|"
              "$server_port|$request_time|$pid|$alpn|$tls_cipher|$tls_client_fingerprint_sha256|$tls_client_subject_name|"
              "$tls_protocol|$tls_session_reused|$tls_sni|$backend_host|$backend_port|$method|$path|$path_without_query|"
              "$protocol_version|${http_x_foo}bar|$foo|$$|a$-b|$ssl_cipher] $")

    def lines(self, ours, backend, *options, unix=False):
        with tempfile.TemporaryDirectory(prefix="h2box-lines-") as folder:
            with Proxy(ours, "-b127.0.0.1,%d" % backend.port, "--accesslog-file=" + folder + "/log", *options,
                       unix=unix and folder + "/s") as p:
                p.ask_h1("/a?b=1", fields=[("User-Agent", "a\"b\\c\td\xe9")])
                p.ask_h1("*", method="OPTIONS")
                p.ask_h1("/head", method="HEAD")
                p.ask_h2("/q", fields=[("x-foo", "a\"b")])
                for _ in range(500):
                    with open(folder + "/log", encoding="latin-1") as f:
                        text = f.read()
                    if text.count("\n") == 4:
                        break
                    threading.Event().wait(0.02)
        masked = re.sub(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", "LOCAL", text)
        masked = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "ISO", masked)
        masked = re.sub(r"\|\d+\|%d\|\d+\.\d{3}\|\d+\|" % p.port, "|PORT|PORT|TIME|PID|", masked)
        return masked.split("\n")

    def test_lines(self):
        backend = Backend()
        self.addCleanup(backend.close)
        for options in ((), ("--accesslog-format=" + self.FORMAT,)):
            self.assertEqual(self.lines(True, backend, *options), self.lines(False, backend, *options))
        self.assertEqual(self.lines(True, backend, unix=True), self.lines(False, backend, unix=True))


if __name__ == "__main__":
    unittest.main(verbosity=2)
