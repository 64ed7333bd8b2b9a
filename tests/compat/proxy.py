#!/usr/bin/env python3
"""`h2box proxy` between clients and servers of either version: requests, content, fields, errors. timeout: 120"""
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import peers
from proxying import PROTOS, VERSIONS, Proxy, backend, curl


class Pairs(unittest.TestCase):
    """Each version in front of each behind."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-proxy-")
        peers.make_site(cls.folder.name)
        cls.server = peers.h2box_server(cls.folder.name, "-n1", "--echo-upload")
        cls.proxies = {name: Proxy(backend(cls.server.port, "", *params)) for name, params in PROTOS.items()}

    @classmethod
    def tearDownClass(cls):
        codes = [p.stop(signal.SIGQUIT) for p in cls.proxies.values()]
        cls.server.stop()
        cls.folder.cleanup()
        assert codes == [0, 0], (codes, [p.output for p in cls.proxies.values()])

    def each(self):
        return [(proxy, words) for proxy in self.proxies.values() for words in VERSIONS.values()]

    def test_files(self):
        for proxy, words in self.each():
            for n in peers.SIZES:
                self.assertEqual(curl(*words, proxy.url("/size-%d" % n)), peers.content(n))

    def test_uploads(self):
        for proxy, words in self.each():
            for n in (0, 1, 70000, 1 << 20):
                sent = peers.content(n)
                for how in ([], ["-H", "Transfer-Encoding: chunked"] if words == ["--http1.1"] else []):
                    got = curl(*words, *how, "-H", "Expect:", "--data-binary", "@-", proxy.url("/"), stdin=sent)
                    self.assertEqual(got, sent)

    def test_expect(self):
        sent = peers.content(2 << 20)
        for proxy, words in self.each():
            self.assertEqual(curl(*words, "-H", "Expect: 100-continue", "--data-binary", "@-", proxy.url("/"), stdin=sent), sent)

    def test_head_and_missing(self):
        for proxy, words in self.each():
            got = curl(*words, "-I", proxy.url("/size-612")).lower()
            self.assertIn(b"content-length: 612\r\n", got)
            self.assertIn(b" 404", curl(*words, "-I", proxy.url("/nothing")))

    def test_conditional(self):
        for proxy, words in self.each():
            head = curl(*words, "-I", proxy.url("/size-612")).decode()
            tag = re.search(r"(?i)etag: (\S+)", head).group(1)
            got = curl(*words, "-o", "/dev/null", "-w", "%{http_code}", "-H", "If-None-Match: " + tag, proxy.url("/size-612"))
            self.assertEqual(got, b"304")

    def test_nghttp(self):
        for behind, proxy in self.proxies.items():
            with self.subTest(behind):
                for how in ([], ["-u"]):
                    got = subprocess.run(["nghttp", *how, proxy.url("/size-65536")], capture_output=True, timeout=30)
                    self.assertEqual(got.stdout, peers.content(65536))

    def test_load(self):
        for behind, proxy in self.proxies.items():
            for how in ([], ["--h1"]):
                with self.subTest("%s %s" % (behind, how)):
                    done = subprocess.run([peers.H2BOX, "load", "-n", "2000", "-c", "8", "-m", "16", *how, proxy.url("/size-612")],
                                          capture_output=True, timeout=60)
                    self.assertIn(b"2000 succeeded, 0 failed", done.stdout, done.stdout + done.stderr)


class Tls(unittest.TestCase):
    def test_both_sides(self):
        identity = peers.Identity()
        with tempfile.TemporaryDirectory() as folder:
            peers.make_site(folder)
            with peers.h2box_server(folder, "-n1", identity=identity) as server:
                for params in (("tls",), ("tls", "proto=h2")):
                    with Proxy(backend(server.port, "", *params), "--insecure", identity=identity) as proxy:
                        for words in ["--http1.1"], ["--http2"]:
                            got = curl(*words, "-w", "%{http_version}", proxy.url("/size-65536"))
                            self.assertEqual(got, peers.content(65536) + (b"2" if words == ["--http2"] else b"1.1"))


class Errors(unittest.TestCase):
    def test_nobody_behind(self):
        with Proxy(backend(peers.free_port())) as proxy:
            for words in VERSIONS.values():
                got = curl(*words, "-i", proxy.url("/"))
                self.assertIn(b" 502", got.split(b"\r\n")[0])
                self.assertIn(b"502 Bad Gateway", got)

    def test_healthmon(self):
        with Proxy(backend(peers.free_port()), frontend=";healthmon") as proxy:
            self.assertEqual(curl("-o", "/dev/null", "-w", "%{http_code}", proxy.url("/")), b"200")


class Reaching(unittest.TestCase):
    """What stands between: tunnels of another proxy, and speeds that are limited."""

    def test_backends_behind_a_proxy(self):
        with tempfile.TemporaryDirectory() as folder:
            peers.make_site(folder)
            with peers.h2box_server(folder, "-n1") as server, Proxy("-s") as between:
                uri = "--backend-http-proxy-uri=http://127.0.0.1:%d" % between.port
                with Proxy(backend(server.port, "", "proto=h2"), uri) as proxy:
                    self.assertEqual(curl(proxy.url("/size-65536")), peers.content(65536))
                    between.stop()
                    self.assertIn(b"502", curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "Connection: close", proxy.url("/size-1")))

    def test_a_rate(self):
        with tempfile.TemporaryDirectory() as folder:
            peers.make_site(folder)
            with peers.h2box_server(folder, "-n1") as server:
                with Proxy(backend(server.port), "--write-rate=400K", "--write-burst=64K") as proxy:
                    began = time.monotonic()
                    self.assertEqual(curl(proxy.url("/size-1048576")), peers.content(1 << 20))
                    self.assertGreater(time.monotonic() - began, 1.5)

    def test_proxy_headers(self):
        with tempfile.TemporaryDirectory() as folder:
            peers.make_site(folder)
            log = folder + "/access.log"
            with peers.h2box_server(folder, "-n1") as server:
                logs = ["--accesslog-file", log, "--accesslog-format=$remote_addr $remote_port $server_port"]
                with Proxy(backend(server.port), "-n1", *logs, frontend=";proxyproto") as proxy:
                    self.assertEqual(len(curl("--haproxy-protocol", proxy.url("/size-612"))), 612)
                    curl(proxy.url("/size-612"), code=None)  # without a header nothing is answered
                    with socket.create_connection(("127.0.0.1", proxy.port), 10) as s:
                        s.sendall(b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"
                                  b"GET /size-1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                        self.assertTrue(s.makefile("rb").read().startswith(b"HTTP/1.1 200"))
            with open(log) as f:
                lines = f.read().split("\n")
            self.assertEqual(lines[1:], ["192.0.2.7 4711 443", ""])
            self.assertTrue(lines[0].startswith("127.0.0.1 "))


if __name__ == "__main__":
    peers.have("curl", "nghttp")
    unittest.main()
