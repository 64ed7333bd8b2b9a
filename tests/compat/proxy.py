#!/usr/bin/env python3
"""`h2box proxy` between clients and servers of either version: requests, content, fields, errors. timeout: 120"""
import os
import re
import signal
import subprocess
import tempfile
import unittest

import peers
import proxying
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


if __name__ == "__main__":
    peers.have("curl", "nghttp")
    unittest.main()
