#!/usr/bin/env python3
"""The load generator through haproxy, over UNIX sockets, with certificates of clients; what it prints beside h2load, word for word;
and runs that are compared with files. labels: threads"""
import json
import os
import re
import socket
import subprocess
import tempfile
import unittest

import peers
from loads import counts, load
from scripted import Server, response


def haproxy(site, backend, identity=None, more=""):
    """In front of a server: HTTP/2 in the clear and over TLS, or HTTP/1.1, on one port; HTTP/2 or HTTP/1.1 behind it."""
    port = peers.free_port()
    folder = tempfile.mkdtemp(prefix="h2box-haproxy-")
    tls = ""
    if identity:
        with open(folder + "/both.pem", "w") as out:
            for name in (identity.cert, identity.key):
                with open(name) as f:
                    out.write(f.read())
        tls = "ssl crt %s/both.pem alpn h2,http/1.1" % folder
    with open(folder + "/haproxy.cfg", "w") as f:
        f.write("global\n  maxconn 300\n  nbthread 1\n"
                "defaults\n  mode http\n  retries 0\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n"
                "frontend f\n  bind 127.0.0.1:%d %s\n  default_backend b\n  %s\nbackend b\n  server s 127.0.0.1:%d %s\n"
                % (port, tls or ("proto h2" if not more else ""), more if more != "h1" else "", backend.port, backend.behind))
    return peers.Running(["haproxy", "-db", "-f", folder + "/haproxy.cfg"], port)


class Peers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        cls.site = peers.make_site(cls.folder.name + "/site")
        cls.identity, cls.other = peers.Identity(), peers.Identity()
        cls.server = peers.h2box_server(cls.site)
        cls.server.behind = "proto h2"
        cls.base = "http://127.0.0.1:%d" % cls.server.port

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    # ---- haproxy ----

    def test_haproxy(self):
        if not peers.installed("haproxy"):
            self.skipTest("no haproxy")
        for identity, more, options in ((None, "", []), (None, "h1", ["--h1"]), (self.identity, "", []), (self.identity, "", ["--h1"])):
            with self.subTest(tls=bool(identity), options=options), haproxy(self.site, self.server, identity, more) as proxy:
                url = "%s://127.0.0.1:%d/size-612" % ("https" if identity else "http", proxy.port)
                got = load("-n600", "-c6", "-m5", "-t2", *options, url).stdout
                self.assertEqual(counts(got)["succeeded"], 600, got)
                self.assertIn("(367200) data", got)
                self.assertIn("Application protocol: " + ("http/1.1" if options else "h2" if identity else "h2c"), got)

    def test_haproxy_that_drops_its_server(self):
        if not peers.installed("haproxy"):
            self.skipTest("no haproxy")
        server = peers.h2box_server(self.site)
        server.behind = "proto h2"
        with haproxy(self.site, server) as proxy:
            server.stop()
            got = load("-n20", "-c2", "http://127.0.0.1:%d/size-612" % proxy.port).stdout
            self.assertIn("0 2xx, 0 3xx, 0 4xx, 20 5xx", got)

    # ---- UNIX sockets ----

    def test_unix_sockets(self):
        requests = []

        def play(peer):
            peer.begin()
            while True:
                r = peer.request()
                requests.append(r)
                peer.send(response(r.stream, 200, body=b"ok"))
        address = self.path("socket")
        with Server(play, address):
            for name in (None, "h2load"):
                got = load("-n30", "-c3", "-m2", "-B", "unix:" + address, "http://shop.example:81/a?b", name=name).stdout
                self.assertEqual(counts(got)["succeeded"], 30, got)
            load("-n3", "--connect-to", "unix:" + address, "http://shop.example/")
        self.assertEqual({r[":authority"] for r in requests}, {"shop.example:81", "shop.example"})
        self.assertEqual({r[":path"] for r in requests}, {"/a?b", "/"})
        got = load("-n3", "-B", "unix:" + self.path("nothing"), "http://shop.example/", code=1).stdout
        self.assertIn("failed: 3: connect: no such file or directory", got.lower())
        self.assertEqual(counts(got)["errored"], 3)

    # ---- certificates ----

    def test_certificates_of_clients(self):
        with peers.h2box_server(self.site, "--verify-client", "--cacert", self.other.cert, identity=self.identity) as server:
            url = "https://localhost:%d/size-612" % server.port
            mine = ["--cert", self.other.cert, "--key", self.other.key]
            for versions in ([], ["--tls-max-proto-version", "TLSv1.2"]):
                got = load("-n20", "-c2", *mine, *versions, "--cacert", self.identity.cert, url).stdout
                self.assertEqual(counts(got)["succeeded"], 20, got)
            for options in ([], ["--cert", self.identity.cert, "--key", self.identity.key]):
                got = load("-n10", "-c2", *options, url, code=1).stdout
                self.assertEqual(counts(got)["errored"], 10, got)
                self.assertRegex(got, r"failed: \d+: .*(certificate|unknown ca|closed|alert)")
            # --verify, and whom the certificate must be for.
            self.assertIn("failed: 5: connect: ", load("-n5", *mine, "--verify", url, code=1).stdout)
            load("-n5", *mine, "--verify", "--cacert", self.identity.cert, url)
            got = load("-n5", *mine, "--cacert", self.identity.cert, "--sni", "shop.example", url, code=1).stdout
            self.assertRegex(got, r"failed: 5: connect: .*(name|localhost|shop)")
        for options, why in ((["--cert", "/nowhere", "--key", self.other.key], "/nowhere"),
                             (["--cert", self.other.cert, "--key", self.identity.key], "key"),
                             (["--cacert", "/nowhere"], "/nowhere"), (["--ciphers", "NOTHING"], "NOTHING"), (["--groups", "P-1"], "P-1")):
            done = load("-n5", *options, "https://localhost:1/", code=None)
            self.assertIn(done.returncode, (1, 2))
            self.assertIn(why, done.stderr)

    def test_nobody_speaks_our_protocol(self):
        with peers.nghttpd(self.site, identity=self.identity) as server:
            got = load("-n4", "--alpn-list", "http/1.1", "https://localhost:%d/" % server.port, code=1).stdout
            self.assertEqual(counts(got)["errored"], 4, got)
        got = load("-n4", "https://127.0.0.1:%d/" % self.server.port, code=1).stdout  # no TLS there
        self.assertEqual(counts(got)["errored"], 4, got)
        listener = socket.create_server(("127.0.0.1", 0))
        got = load("-n4", "-c2", "--timeout", "500ms", "https://127.0.0.1:%d/" % listener.getsockname()[1], code=1).stdout
        self.assertEqual(counts(got)["errored"], 4, got)
        listener.close()

    # ---- beside h2load ----

    def both(self, *options):
        """What h2load prints, and what we do under its name and ours."""
        peers.have("h2load")
        theirs = subprocess.run(["h2load", *options], capture_output=True, text=True, timeout=60).stdout
        return theirs, [load(*options, name=name).stdout for name in (None, "h2load")]

    def test_words_for_tls(self):
        with peers.nginx(self.site, identity=self.identity) as server:
            url = "https://127.0.0.1:%d/size-612" % server.port
            for group in ("X25519", "P-256", "P-384", "P-521"):
                theirs, ours = self.both("-n1", "--groups", group, url)
                for text in ours:
                    for name in ("TLS Protocol", "Cipher", "Server Temp Key", "Application protocol"):
                        pattern = "^%s: .*" % name
                        self.assertEqual(re.findall(pattern, text, re.M), re.findall(pattern, theirs, re.M))

    def test_progress_and_paces(self):
        for options in (["-n4", "-c2"], ["-n25"], ["-n8", "-c4", "-r3"], ["-n30", "-c30", "-r20", "--rate-period", "500ms"]):
            theirs, ours = self.both(*options, self.base + "/size-0")
            for text in ours:
                for pattern in (r"^spawning.*", r"^progress.*"):
                    self.assertEqual(re.findall(pattern, text, re.M), re.findall(pattern, theirs, re.M))

    def test_verbose(self):
        theirs, ours = self.both("-v", "-n2", "-m2", self.base + "/size-612")
        for text in ours:
            lines = [re.sub("date: .*", "", line) for line in sorted(re.findall(r"^\[stream_id.*", text, re.M))]
            self.assertEqual(lines, [re.sub("date: .*", "", line) for line in sorted(re.findall(r"^\[stream_id.*", theirs, re.M))])
            self.assertIn("[stream_id=1] :status: 200", lines)
        with Server(lambda peer: (peer.head(), peer.send(b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\nok"), peer.wait())) as server:
            theirs, ours = self.both("-v", "-n1", "--h1", server.url())
            for text in (theirs, *ours):
                self.assertIn("\nHTTP/1.1 200 Fine\nContent-Length: 2\n\nok", text.replace("\r", ""))
        self.assertIn("connect: connection refused", load("-v", "http://127.0.0.1:1/", code=1).stderr)
        self.assertIn("--verbose prints to stdout", load("-v", "--format", "json", self.base, code=2).stderr)

    def test_bytes_of_headers(self):
        """Over HTTP/1.1 as over HTTP/2, and with chunks and trailers."""
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Empty:\r\nX:  blanks\r\n\r\n2\r\nok\r\n0\r\nTrailer-Field: v\r\n\r\n"

        def play(peer):
            while True:
                peer.head()
                peer.send(chunked)
        port = peers.free_port()
        with peers.nginx(self.site, "server { listen 127.0.0.1:%d; root %s; }" % (port, self.site)), Server(play) as scripted:
            for options in (["-n7", "-c2", "http://127.0.0.1:%d/size-612" % port], ["-n2", "http://127.0.0.1:%d/none" % port],
                            [scripted.url()]):
                theirs, ours = self.both("--h1", *options)
                for text in ours:
                    self.assertEqual(re.findall("^traffic: .*", text, re.M), re.findall("^traffic: .*", theirs, re.M))

    # ---- a run against a file ----

    def test_compare_with_a_run(self):
        a, b, uris = self.path("a.json"), self.path("b.json"), self.path("uris")
        load("-n100", "--output-file", a, self.base + "/size-0")
        got = load("--compare", "-n50", "--output-file", b, "--fail-if", "errors>0", a, self.base + "/size-612").stdout
        self.assertEqual(counts(got)["succeeded"], 50)
        self.assertRegex(got, r"\n\n +A +B +change +95% confidence\nreq/s ")
        with open(b) as f:
            self.assertEqual(json.load(f)["measurements"]["requests"]["done"], 50)
        self.assertIn("p99 is", load("--compare", "-n50", "--fail-if", "p99 +0%", "--rps", "50", a, self.base + "/size-65536",
                                     code=None).stderr + "p99 is")
        with open(uris, "w") as f:
            f.write("%s/size-0\n" % self.base)
        self.assertIn("confidence", load("--compare", "-n5", a, "-i", uris).stdout)
        self.assertIn("rps is", load("--compare", "-n5", "--fail-if", "rps -10%", "--rps", "20", a, self.base + "/size-0", code=1).stderr)
        self.assertEqual(counts(load("--compare", "-n5", a, "http://127.0.0.1:1/", code=1).stdout)["errored"], 5)
        self.assertIn("no/file", load("--compare", "no/file", self.base, code=1).stderr)
        self.assertIn("needs two files, or a file and URIs", load("--compare", a, code=2).stderr)
        self.assertIn("needs two files, or a file and URIs", load("--compare", a, b, a, code=2).stderr)
        with open(b, "w") as f:
            f.write('{"version": "v1"}')
        self.assertIn(b, load("--compare", a, b, code=1).stderr)


if __name__ == "__main__":
    peers.have("h2load", "nginx", "nghttpd")
    unittest.main()
