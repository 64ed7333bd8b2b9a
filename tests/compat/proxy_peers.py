#!/usr/bin/env python3
"""`h2box proxy` between programs that others have made: servers behind it, clients before it. timeout: 120"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

import peers
from h2_client import Client
from proxying import PROTOS, VERSIONS, Proxy, backend, curl

SIZES = (0, 612, 65536, 1 << 20)


def http_server(site):
    """Python's own: HTTP/1.0, an end of the connection behind each answer."""
    port = peers.free_port()
    return peers.Running([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "-d", site, str(port)], port)


def haproxy(site, folder, behind):
    """In the clear, both versions; an HTTP/1.1 server behind it."""
    port = peers.free_port()
    path = os.path.join(folder, "haproxy-%d.cfg" % port)
    with open(path, "w") as f:
        f.write("defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n"
                "frontend f\n bind 127.0.0.1:%d\n default_backend b\nbackend b\n server s 127.0.0.1:%d\n" % (port, behind))
    return peers.Running(["haproxy", "-db", "-f", path], port)


class Peers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-proxy-peers-")
        cls.site = peers.make_site(cls.folder.name)
        cls.identity = peers.Identity()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def gets(self, proxy, versions=tuple(VERSIONS.values())):
        for words in versions:
            for n in SIZES:
                self.assertEqual(curl(*words, proxy.url("/size-%d" % n)), peers.content(n))
            self.assertEqual(curl(*words, "-o", "/dev/null", "-w", "%{http_code}", proxy.url("/nothing")), b"404")
            self.assertIn(b"612", curl(*words, "-I", proxy.url("/size-612")))


class Behind(Peers):
    def through(self, server, *protos, tls=()):
        for name in protos:
            with self.subTest(name), Proxy(backend(server.port, "", *PROTOS[name], *tls), "-k") as proxy:
                self.gets(proxy)

    def test_nginx(self):
        with peers.nginx(self.site) as server:  # Debian 12's speaks but HTTP/2 on a socket for it
            self.through(server, "h2")
        with peers.nginx(self.site, identity=self.identity) as server:
            self.through(server, "h1", "h2", tls=("tls",))

    def test_nghttpd(self):
        with peers.nghttpd(self.site) as server:
            self.through(server, "h2")
        with peers.nghttpd(self.site, identity=self.identity) as server:
            self.through(server, "h2", tls=("tls",))

    def test_h2o(self):
        if peers.installed("h2o"):
            with peers.h2o(self.site) as server:
                self.through(server, "h1", "h2")

    def test_haproxy(self):
        with http_server(self.site) as far, haproxy(self.site, self.folder.name, far.port) as server:
            self.through(server, "h1", "h2")

    def test_http_server(self):
        with http_server(self.site) as server:
            self.through(server, "h1")

    def test_uploads(self):
        with peers.nghttpd(self.site, "--echo-upload") as server, Proxy(backend(server.port, "", "proto=h2")) as proxy:
            for words in VERSIONS.values():
                sent = peers.content(1 << 20)
                self.assertEqual(curl(*words, "-H", "Expect:", "--data-binary", "@-", proxy.url("/"), stdin=sent), sent)


class Before(Peers):
    def setUp(self):
        self.server = peers.h2box_server(self.site, "-n1")
        self.addCleanup(self.server.__exit__)

    def start(self, *words, **more):
        proxy = Proxy(backend(self.server.port), *words, **more)
        self.addCleanup(proxy.__exit__)
        return proxy

    def test_h2load_and_ours(self):
        for identity in None, self.identity:
            proxy = self.start(identity=identity)
            for words in [], ["--h1"]:
                for program in ["h2load"], [peers.H2BOX, "load"]:
                    with self.subTest("%s %s" % (program, words)):
                        done = subprocess.run([*program, "-n", "1000", "-c", "4", "-m", "8", *words, proxy.url("/size-612")],
                                              capture_output=True,
                                              text=True, timeout=60)
                        self.assertIn("1000 succeeded, 0 failed", done.stdout, done.stdout + done.stderr + proxy.output)

    def test_nghttp(self):
        proxy = self.start()
        for words in [], ["-u"]:
            done = subprocess.run(["nghttp", *words, proxy.url("/size-65536")], capture_output=True, timeout=30)
            self.assertEqual(done.stdout, peers.content(65536))
        done = subprocess.run(["nghttp", "-m50", "-ns", proxy.url("/size-612")], capture_output=True, text=True, timeout=30)
        self.assertEqual(len(re.findall(r" 200 +612 /size-612", done.stdout)), 50)

    def test_python3_h2(self):
        proxy = self.start()
        client = Client(proxy.port)
        streams = [client.get("/size-%d" % n) for n in SIZES]
        for stream, n in reversed(list(zip(streams, SIZES))):
            headers, body = client.response(stream)
            self.assertEqual((headers[":status"], body), ("200", peers.content(n)))
        client.close()

    def test_parallel_curl(self):
        proxy = self.start(identity=self.identity)
        got = curl("-Z", "--http2", *[proxy.url("/size-612")] * 40)
        self.assertEqual(got, peers.content(612) * 40)

    def test_other_proxies_before_it(self):
        proxy = self.start()
        port = peers.free_port()
        words = ["nghttpx", "--conf=/dev/null", "-f127.0.0.1,%d;no-tls" % port, "-b127.0.0.1,%d;;proto=h2" % proxy.port,
                 "--errorlog-file=/dev/null"]
        with peers.Running(words, port) as near:
            near.url = lambda path: "http://127.0.0.1:%d%s" % (port, path)
            self.gets(near)


if __name__ == "__main__":
    peers.have("curl", "nghttp", "nghttpd", "nghttpx", "nginx", "haproxy", "h2load")
    unittest.main()
