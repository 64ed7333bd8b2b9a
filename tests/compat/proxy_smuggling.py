#!/usr/bin/env python3
"""Requests that try to be two on their way through the proxy, from HTTP/1.1 and HTTP/2, to backends of either: smuggling.py.
timeout: 120"""
import contextlib
import re
import socket
import sys
import unittest

import backends
import smuggling
from backends import Frames, Malformed, Watched, ask_h1, recorder
from proxying import PROTOS, backend
from scripted import DATA, END_HEADERS, END_STREAM, HEADERS, Server, block, frame, response

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
VALUE = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
NEVER = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}


def check_h2(r):
    """Malformed: what an HTTP/2 backend should not be sent."""
    names = [n for n, _ in r.fields]
    pseudo = [n for n in names if n.startswith(":")]
    lengths = [v for n, v in r.fields if n == "content-length"]
    if names[:len(pseudo)] != pseudo or sorted(pseudo) != [":authority", ":method", ":path", ":scheme"] or NEVER & set(names):
        raise Malformed(repr(r.fields))
    if any(not TOKEN.fullmatch(n.lstrip(":")) or not VALUE.fullmatch(v) for n, v in r.fields) or "host" in names:
        raise Malformed(repr(r.fields))
    if lengths not in ([], [str(len(r.body))]):
        raise Malformed(repr(r.fields))


def recorder_h2(seen):
    def play(peer):
        peer.begin()
        while True:
            r = peer.request()
            try:
                check_h2(r)
            except Malformed as why:
                seen.append(why)
                raise AssertionError(repr(why)) from None
            seen.append(r)
            peer.send(response(r.stream, 200, (("content-length", "3"),), b"ok\n"))
    return play


def summary(r):
    """(method, target, content, host, fields) of what a backend was sent."""
    if isinstance(r, Exception):
        return r
    if isinstance(r, backends.Seen):
        return r.method, r.target, r.content, r.one("host"), r.fields
    return r[":method"], r[":path"], r.body, r[":authority"], r.fields


def joined(fields):
    out = {}
    for n, v in fields:
        out[n] = out[n] + "; " + v if n in out else v
    return out


class Smuggling(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seen = {"h1": [], "h2": []}
        cls.servers = {"h1": Server(recorder(cls.seen["h1"]), seconds=60), "h2": Server(recorder_h2(cls.seen["h2"]), seconds=60)}
        cls.proxies = {name: Watched(backend(cls.servers[name].port, "", *params)) for name, params in PROTOS.items()}

    @classmethod
    def tearDownClass(cls):
        for proxy in cls.proxies.values():
            proxy.__exit__(None)
        for server in cls.servers.values():
            server.__exit__()

    def judge(self, behind, want, statuses):
        """What backends saw is what was to be seen, and then comes an honest request, and nothing between."""
        honest = ask_h1(self.proxies[behind].port, path="/honest")
        self.assertEqual((honest.status, honest.body), (200, b"ok\n"))
        *got, last = [summary(r) for r in self.seen[behind]]
        self.seen[behind].clear()
        self.assertEqual(last[:3], ("GET", "/honest", b""))
        if want is smuggling.REFUSED or want[0] == "perhaps":
            self.assertIn([x[:4] for x in got], [[], [want[1][:4]]] if want else [[]])
            for status in [] if want else statuses:
                self.assertIn(status, (None, 400, 404, 431, 501, 505))
            return
        want = want if isinstance(want, list) else [want]
        self.assertEqual([x[:4] for x in got], [w[:4] for w in want])
        self.assertEqual(statuses, [200] * len(want))
        for (*_, fields), (*_, named) in zip(got, want):
            fields = joined(fields)
            for name, value in named.items():
                self.assertEqual(fields.get(name), value, name)

    def test_h1(self):
        for behind, proxy in self.proxies.items():
            for name, (sent, want) in smuggling.H1.items():
                with self.subTest(name, behind=behind):
                    with socket.create_connection(("127.0.0.1", proxy.port), 10) as s:
                        got = b""
                        with contextlib.suppress(ConnectionError):
                            s.sendall(sent)
                            s.shutdown(socket.SHUT_WR)
                        with contextlib.suppress(ConnectionError):
                            while chunk := s.recv(65536):
                                got += chunk
                    statuses = [int(x) for x in re.findall(rb"HTTP/1\.1 (\d+) ", got)]
                    self.assertNotIn(b"evil", got)
                    self.judge(behind, want, statuses)

    def test_h2(self):
        for behind, proxy in self.proxies.items():
            for name, (fields, content, want) in smuggling.H2.items():
                with self.subTest(name, behind=behind):
                    with Frames(proxy.port) as c:
                        c.send(frame(HEADERS, END_HEADERS | (END_STREAM if content is None else 0), 1, block(*fields)))
                        if content is not None:
                            c.send(frame(DATA, END_STREAM, 1, content))
                        answer = c.answer()
                    self.judge(behind, want, [answer.status])

    def test_trailers(self):
        """Bad ones end the request: a backend never sees it whole."""
        for behind, proxy in self.proxies.items():
            for name, value in (("x", "a\r\nb"), ("x", "a\0b"), ("X", "y"), ("x y", "z"), (":path", "/evil"),
                                ("transfer-encoding", "chunked"), ("connection", "x")):
                with self.subTest(name, value=value, behind=behind):
                    with Frames(proxy.port) as c:
                        c.send(frame(HEADERS, END_HEADERS, 1, block(*smuggling.fields(method="POST"))), frame(DATA, 0, 1, b"hello"),
                               frame(HEADERS, END_HEADERS | END_STREAM, 1, block((name, value))))
                        answer = c.answer()
                    self.judge(behind, smuggling.REFUSED, [answer.status])


if __name__ == "__main__":
    print("%d cases of HTTP/1.1, %d of HTTP/2, to either" % (len(smuggling.H1), len(smuggling.H2)))
    unittest.main(argv=sys.argv)
