#!/usr/bin/env python3
"""The modes of `h2box proxy`: reverse, forward to other proxies and to the origins themselves, and the bridges of before. timeout: 120"""
import socket
import tempfile
import unittest

import peers
from proxying import Proxy, backend, curl

BODY = peers.content(65536)


class Modes(unittest.TestCase):
    """One site in the clear, one over TLS; every mode reaches them."""

    @classmethod
    def setUpClass(cls):
        cls.identity = peers.Identity()
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-modes-")
        peers.make_site(cls.folder.name)
        cls.clear = peers.h2box_server(cls.folder.name, "-n1")
        cls.tls = peers.h2box_server(cls.folder.name, "-n1", identity=cls.identity)

    @classmethod
    def tearDownClass(cls):
        for server in cls.clear, cls.tls:
            server.__exit__()
        cls.folder.cleanup()

    def start(self, *words, **more):
        proxy = Proxy(*words, **more)
        self.addCleanup(proxy.__exit__)
        return proxy

    def gets(self, version, *words):
        self.assertEqual(curl("-w", "%{http_version}", *words), BODY + version)

    def through(self, proxy, target, *words, version=b"1.1"):
        """A file through a forward proxy; words say how."""
        self.gets(version, "--noproxy", "", "-x", proxy.url(""), *words, target)

    def clear_url(self, host="127.0.0.1"):
        return "http://%s:%d/size-65536" % (host, self.clear.port)

    def tls_url(self):
        return "https://127.0.0.1:%d/size-65536" % self.tls.port


class Reverse(Modes):
    def test_in_the_clear(self):
        for params in (), ("proto=h2",):
            proxy = self.start(backend(self.clear.port, "", *params))
            for words, version in ((["--http1.0"], b"1.1"), (["--http1.1"], b"1.1"), (["--http2-prior-knowledge"], b"2")):
                with self.subTest("%s %s" % (words, params)):
                    self.gets(version, *words, proxy.url("/size-65536"))
            # Some curl want the first bytes behind a 101 to fit into 32 KiB.
            self.assertEqual(curl("--http2", "-w", "%{http_version}", proxy.url("/size-612")), peers.content(612) + b"2")

    def test_over_tls(self):
        proxy = self.start(backend(self.clear.port), identity=self.identity)
        for words, version in ((["--http1.1"], b"1.1"), (["--http2"], b"2"), (["--no-alpn"], b"1.1"), (["--tls-max", "1.2"], b"2")):
            with self.subTest(words):
                self.gets(version, *words, proxy.url("/size-65536"))

    def test_alpn_list(self):
        proxy = self.start(backend(self.clear.port), "--alpn-list=http/1.1", identity=self.identity)
        self.gets(b"1.1", "--http2", proxy.url("/size-65536"))

    def test_absolute_targets(self):
        """A client may send them to any server (RFC 9112 section 3.2.2); CONNECT belongs to forward proxies."""
        proxy = self.start(backend(self.clear.port))
        self.through(proxy, self.clear_url())
        got = curl("--noproxy", "", "-x", proxy.url(""), "-p", self.clear_url(), code=None)
        self.assertEqual(got, b"")


class Forward(Modes):
    """-s with backends: these are proxies, too."""

    def test_to_our_own(self):
        far = self.start("-s")
        far_tls = self.start("-s", identity=self.identity)
        for name, port, params in (("h1", far.port, ()), ("h2", far.port, ("proto=h2",)), ("tls", far_tls.port, ("tls",)),
                                   ("tls, h2", far_tls.port, ("tls", "proto=h2"))):
            near = self.start("-s", "-k", backend(port, "", *params))
            for target in self.clear_url(), self.clear_url("localhost"):
                with self.subTest(name):
                    self.through(near, target)
            for words in ["-p"], []:
                with self.subTest("%s, CONNECT" % name):
                    self.through(near, self.tls_url(), *words, version=b"2")
            with self.subTest("%s, CONNECT in the clear" % name):
                self.through(near, self.clear_url(), "-p")

    def test_over_tls_and_h2(self):
        """Clients that speak TLS, and HTTP/2, to the proxy."""
        far = self.start("-s", identity=self.identity)
        self.gets(b"1.1", "--noproxy", "", "--proxy-insecure", "-x", far.url(""), self.clear_url())
        self.gets(b"2", "--noproxy", "", "--proxy-insecure", "-x", far.url(""), self.tls_url())
        out, _ = peers.client("--no-verify", "--connect", "127.0.0.1:%d" % self.clear.port, far.url("/"),
                              stdin=b"GET /size-612 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertTrue(out.endswith(peers.content(612)), out[:300])

    def test_two_that_ask_each_other(self):
        port = peers.free_port()
        near = self.start("-s", backend(port))
        self.start("-s", backend(near.port), port=port)
        got = curl("--noproxy", "", "-i", "-x", near.url(""), self.clear_url())
        self.assertIn(b" 508", got.split(b"\r\n")[0])

    def test_haproxy(self):
        """One that speaks CONNECT to nobody, but takes absolute targets."""
        if not peers.installed("haproxy"):
            return
        port = peers.free_port()
        with tempfile.NamedTemporaryFile("w", suffix=".cfg") as f:
            f.write("defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n"
                    "frontend f\n bind 127.0.0.1:%d\n default_backend b\nbackend b\n server s 127.0.0.1:%d\n" % (port, self.clear.port))
            f.flush()
            with peers.Running(["haproxy", "-db", "-f", f.name], port):
                near = self.start("-s", backend(port))
                self.through(near, self.clear_url("a.example"))

    def test_no_server_push_and_fields(self):
        """Server and Location of the answers stay, and Host does."""
        near = self.start("-s", backend(self.start("-s").port))
        got = curl("-i", "--noproxy", "", "-x", near.url(""), self.clear_url())
        self.assertIn(b"\r\nServer: h2box", got.split(b"\r\n\r\n")[0])


class Direct(Modes):
    """-s alone: to the origins themselves."""

    def test_origins(self):
        proxy = self.start("-s", "-k")
        self.through(proxy, self.clear_url())
        self.through(proxy, self.clear_url("localhost"))
        self.through(proxy, self.clear_url(), "-p")
        self.through(proxy, self.tls_url(), version=b"2")
        self.through(proxy, self.tls_url(), "--http1.1")

    def test_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("no IPv6 here")
        port = peers.free_port()
        with peers.Running([peers.H2BOX, "server", "--no-tls", "-n1", "-a", "::1", "-d", self.folder.name, str(port)]):
            proxy = self.start("-s")
            for _ in range(100):
                try:
                    socket.create_connection(("::1", port), 1).close()
                    break
                except OSError:
                    pass
            self.through(proxy, "http://[::1]:%d/size-65536" % port)
            self.through(proxy, "http://[::1]:%d/size-65536" % port, "-p")

    def test_https_targets_over_http2(self):
        """A client over HTTP/2 may name an origin of https without a tunnel."""
        proxy = self.start("-s", "-k")
        out, _ = peers.client("-H", ":scheme: https", "-H", ":authority: 127.0.0.1:%d" % self.tls.port, proxy.url("/size-65536"))
        self.assertEqual(out, BODY)

    def test_nobody_there(self):
        proxy = self.start("-s")
        gone = peers.free_port()
        got = curl("--noproxy", "", "-i", "-x", proxy.url(""), "http://127.0.0.1:%d/" % gone)
        self.assertIn(b" 502", got.split(b"\r\n")[0])
        got = curl("--noproxy", "", "-o", "/dev/null", "-w", "%{http_connect}", "-p", "-x", proxy.url(""), "http://127.0.0.1:%d/" % gone,
                   code=None)
        self.assertEqual(got, b"502")
        got = curl("--noproxy", "", "-i", "-x", proxy.url(""), "http://nobody.invalid/")
        self.assertIn(b" 502", got.split(b"\r\n")[0])

    def test_requests_without_an_origin(self):
        proxy = self.start("-s")
        with socket.create_connection(("127.0.0.1", proxy.port), 10) as s:
            s.sendall(b"CONNECT nobody HTTP/1.1\r\nHost: nobody\r\n\r\n")
            self.assertIn(b" 400", s.recv(1000))


class Bridges(Modes):
    """The README's own modes: HTTP/2 behind, over TLS unless --backend-no-tls."""

    def test_http2_bridge(self):
        proxy = self.start("--http2-bridge", "-k", backend(self.tls.port), identity=self.identity)
        for words, version in ((["--http1.1"], b"1.1"), (["--http2"], b"2")):
            self.gets(version, *words, proxy.url("/size-65536"))

    def test_http2_bridge_without_tls(self):
        port = peers.free_port()
        words = [peers.H2BOX, "proxy", "--http2-bridge", "--frontend-no-tls", "--backend-no-tls", "-f127.0.0.1,%d" % port,
                 backend(self.clear.port)]
        with peers.Running(words, port):
            self.gets(b"1.1", "--http1.1", "http://127.0.0.1:%d/size-65536" % port)

    def test_client(self):
        for words, server in (([], self.tls), (["--backend-no-tls"], self.clear)):
            port = peers.free_port()
            args = [peers.H2BOX, "proxy", "--client", "-k", *words, "-f127.0.0.1,%d" % port, backend(server.port)]
            with peers.Running(args, port):
                self.gets(b"1.1", "--http1.1", "http://127.0.0.1:%d/size-65536" % port)
                self.gets(b"2", "--http2-prior-knowledge", "http://127.0.0.1:%d/size-65536" % port)

    def test_client_proxy(self):
        for identity, words in ((self.identity, []), (None, ["--backend-no-tls"])):
            far = self.start("-s", identity=identity)
            port = peers.free_port()
            args = [peers.H2BOX, "proxy", "-p", "-k", *words, "-f127.0.0.1,%d" % port, backend(far.port)]
            with peers.Running(args, port) as near:
                near.url = lambda path="", port=port: "http://127.0.0.1:%d" % port
                self.through(near, self.clear_url())
                self.through(near, self.tls_url(), version=b"2")


if __name__ == "__main__":
    peers.have("curl")
    unittest.main()
