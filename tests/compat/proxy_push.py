#!/usr/bin/env python3
"""Server push through `h2box proxy`: what HTTP/2 backends push, and what Link fields with rel=preload name. timeout: 60"""
import contextlib
import os
import re
import subprocess
import tempfile
import unittest

import peers
from proxying import Proxy, backend, curl
from scripted import END_HEADERS, HEADERS, PUSH_PROMISE, RST_STREAM, Server, block, frame, response, u32


def pushed(output):
    """Paths that a run of nghttp has got by push."""
    return sorted(re.findall(r"^\s+\d+\s+\+\S+\s+\*\s+\+\S+\s+\S+\s+(\d+)\s+\S+\s+(\S+)$", output, re.M))


class Push(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-proxy-push-")
        cls.site = peers.make_site(cls.folder.name)
        for name in "style.css", "code.js":
            with open(os.path.join(cls.site, name), "w") as f:
                f.write(name * 1000)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def nghttp(self, url, *words):
        done = subprocess.run(["nghttp", "-ns", *words, url], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        return pushed(done.stdout)

    def test_what_backends_push(self):
        rule = "/index.html=/style.css,/code.js"
        for start in (lambda: peers.nghttpd(self.site, "-p", rule)), (lambda: peers.h2box_server(self.site, "-n1", "-p", rule)):
            with start() as server:
                with Proxy(backend(server.port, "", "proto=h2")) as proxy:
                    self.assertEqual(self.nghttp(proxy.url("/index.html")), [("200", "/code.js"), ("200", "/style.css")])
                    self.assertEqual(self.nghttp(proxy.url("/index.html"), "--no-push"), [])
                    self.assertIn(b"index", curl("--http1.1", proxy.url("/index.html")))
                    self.assertEqual(peers.client("--no-push", proxy.url("/style.css"))[0], b"style.css" * 1000)
                with Proxy(backend(server.port, "", "proto=h2"), "--no-server-push") as proxy:
                    self.assertEqual(self.nghttp(proxy.url("/index.html")), [])

    def test_contents(self):
        """A pushed answer is whole, and that of the request, too."""
        with peers.nghttpd(self.site, "-p", "/size-65536=/size-1048576") as server, Proxy(backend(server.port, "", "proto=h2")) as proxy:
            done = subprocess.run(["nghttp", "-s", proxy.url("/size-65536")], capture_output=True, timeout=30)
            self.assertEqual(len(done.stdout.split(b"***** Statistics *****")[0]), 65536 + (1 << 20))

    def test_links(self):
        """rel=preload in an answer to GET, of HTTP/1.1 backends as well."""
        def play(peer):
            with contextlib.suppress(EOFError):
                while True:
                    first, fields = peer.head()
                    path = first.split()[1]
                    seen.append((path, fields.get("user-agent", "")[:7]))
                    link = (b'Link: </style.css>; rel=preload; as=style, <code.js>; rel="preload", </no.js>; rel=preload; nopush, '
                            b"</other>; rel=next, <https://other.example/x>; rel=preload\r\n") if path == "/page/" else b""
                    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + link + b"\r\n12345")
        for options, paths in ((), ["/page/code.js", "/style.css"]), (("--no-server-push",), []):
            seen = []
            with Server(play) as server, Proxy(backend(server.port), *options) as proxy:
                self.assertEqual(self.nghttp(proxy.url("/page/")), [("200", path) for path in paths])
                self.assertEqual(self.nghttp(proxy.url("/page/"), "-d", "/dev/null") if paths else [], [("200", path) for path in paths])
                self.assertEqual({path for path, _ in seen}, {"/page/", *paths})
                self.assertEqual({agent for _, agent in seen}, {"nghttp2"})

    def test_one_that_is_not_ours_to_give(self):
        """A promise for another authority, or after the answer, is cancelled."""
        cancelled = []

        def play(peer):
            peer.begin()
            r = peer.request()
            host = r[":authority"]
            for i, authority in ((2, "other.example"), (4, host)):
                peer.send(frame(PUSH_PROMISE, END_HEADERS, r.stream,
                                u32(i) + block((":method", "GET"), (":scheme", "http"), (":authority", authority), (":path", "/p%d" % i))))
            peer.send(response(r.stream, 200, (), b"main"), frame(HEADERS, END_HEADERS | 1, 4, block(204)))
            with contextlib.suppress(EOFError):
                while True:
                    kind, _, stream, payload = peer.frame()
                    if kind == RST_STREAM:
                        cancelled.append((stream, int.from_bytes(payload, "big")))
        with Server(play) as server, Proxy(backend(server.port, "", "proto=h2")) as proxy:
            self.assertEqual(self.nghttp(proxy.url("/")), [("204", "/p4")])
        self.assertEqual(cancelled, [(2, 8)])

    def test_forward_proxies_push_nothing(self):
        with peers.nghttpd(self.site, "-p", "/index.html=/style.css") as server:
            with Proxy("-s", backend(server.port, "", "proto=h2")) as proxy:
                self.assertEqual(self.nghttp(proxy.url("/index.html")), [])


if __name__ == "__main__":
    peers.have("curl", "nghttp", "nghttpd")
    unittest.main()
