#!/usr/bin/env python3
"""Our client over HTTP/1.1, by Upgrade, and over TLS, with the servers that people run."""
import json
import os
import re
import ssl
import subprocess
import tempfile
import unittest

import peers
from scripted import Server


def out_of(*args, **more):
    return peers.client(*args, **more)[0]


class Versions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        os.chmod(cls.folder.name, 0o755)
        cls.site = peers.make_site(cls.folder.name + "/site")
        with open(cls.site + "/page.html", "w") as f:
            f.write("<link rel=stylesheet href=size-612><img src=size-16385>")
        cls.cert, cls.key = cls.folder.name + "/c.pem", cls.folder.name + "/k.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", cls.key,
                        "-out", cls.cert, "-days", "3", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                       check=True, capture_output=True)
        cls.nghttpd = peers.nghttpd(cls.site, "--echo-upload")
        port = peers.free_port()
        cls.nghttpx = peers.Running(["nghttpx", "-f127.0.0.1,%d;no-tls" % port, "-b127.0.0.1,%d;;proto=h2" % cls.nghttpd.port, "--no-ocsp"],
                                    port)
        port = peers.free_port()
        cls.secure = peers.Running(["nghttpd", "-d", cls.site, "-a", "127.0.0.1", str(port), cls.key, cls.cert], port)
        port = peers.free_port()
        cls.old = peers.Running(["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-cert", cls.cert, "-key", cls.key, "-WWW",
                                 "-quiet"], port,
                                cwd=cls.site)
        cls.all = [cls.nghttpd, cls.nghttpx, cls.secure, cls.old]

    @classmethod
    def tearDownClass(cls):
        for s in cls.all:
            s.stop()
        cls.folder.cleanup()

    def url(self, server, path="/", scheme="http"):
        return "%s://127.0.0.1:%d%s" % (scheme, server.port, path)

    # ---- HTTP/1.1 and Upgrade

    def test_http1(self):
        for n in peers.SIZES:
            body = out_of("--http1.1", self.url(self.nghttpx, "/size-%d" % n))
            self.assertEqual(peers.digest(body), peers.digest(peers.content(n)), n)
        self.assertEqual(len(out_of("--http1.1", "-m20", self.url(self.nghttpx, "/size-65535"))), 20 * 65535)

    def test_upgrade(self):
        for n in peers.SIZES:
            body = out_of("-u", self.url(self.nghttpx, "/size-%d" % n))
            self.assertEqual(peers.digest(body), peers.digest(peers.content(n)), n)
        self.assertEqual(len(out_of("-u", "-m20", self.url(self.nghttpx, "/size-65535"))), 20 * 65535)

    def test_uploads(self):
        for how in (["-u"], ["--http1.1"], ["--http1.1", "--no-content-length"]):
            for n in (0, 612, 1 << 20):
                with open("%s/size-%d" % (self.site, n), "rb") as f:
                    self.assertEqual(out_of(*how, "-d", f.name, self.url(self.nghttpx, "/up")), f.read(), (how, n))

    def test_upgrade_reads_as_in_nghttp(self):
        def blocks(log):
            log = re.sub(r"\[ *\d+\.\d{3}\]", "[T]", log.decode().replace("\r\n", "\n"))
            log = re.sub(r"http2-settings: .*", "http2-settings: X", log)
            log = re.sub(r"user-agent: .*", "user-agent: X", log)
            log = re.sub(r"accept-encoding: .*\n|priority: .*\n", "", log)
            return log[:log.index("[T] HTTP Upgrade success")]
        for more in ([], ["-d", self.site + "/size-612"]):
            args = ["-nvu", *more, self.url(self.nghttpx)]
            theirs = subprocess.run(["nghttp", *args], capture_output=True, timeout=20).stdout
            self.assertEqual(blocks(out_of(*args)), blocks(theirs))

    def test_a_server_without_upgrade(self):
        out, err = peers.client("-u", self.url(self.nghttpd), code=1)
        self.assertEqual(out, b"")
        self.assertRegex(err, "/: .+")

    def test_pages_and_archives_over_http1(self):
        name = self.folder.name + "/a.har"
        out_of("-an", "--http1.1", "--har", name, self.url(self.nghttpx, "/page.html"))
        with open(name) as f:
            entries = json.load(f)["log"]["entries"]
        self.assertEqual([e["request"]["url"].split("/")[-1] for e in entries], ["page.html", "size-612", "size-16385"])
        self.assertEqual({e["request"]["httpVersion"] for e in entries}, {"HTTP/1.1"})
        events = [json.loads(line) for line in out_of("--json", "--http1.1", self.url(self.nghttpx)).splitlines()]
        heads = [e for e in events if e["event"] == "head"]
        self.assertEqual([e["dir"] for e in heads], ["send", "recv"])
        self.assertTrue(heads[0]["head"].startswith("GET / HTTP/1.1\r\n"))

    def test_expect_continue_over_http1(self):
        with open(self.site + "/size-65536", "rb") as f:
            self.assertEqual(out_of("--http1.1", "--expect-continue", "-d", f.name, self.url(self.nghttpx, "/up")), f.read())

    # ---- TLS

    def test_trust(self):
        url = self.url(self.secure, "/size-612", "https")
        for args in (["-k"], ["-y"], ["--cacert", self.cert]):
            self.assertEqual(out_of(*args, url), peers.content(612))
        self.assertEqual(out_of("--cacert", self.cert, "--resolve", "localhost:%d:127.0.0.1" % self.secure.port,
                                "https://localhost:%d/size-1" % self.secure.port), peers.content(1))
        _, err = peers.client(url, code=1)
        self.assertIn("self-signed", err)
        # The name must fit as well; that of -H host counts in place of the URI's.
        _, err = peers.client("--cacert", self.cert, "-H", "host: other.test", url, code=1)
        self.assertRegex(err, "name|other.test")
        _, err = peers.client("--cacert", "/nowhere", url, code=1)
        self.assertIn("/nowhere", err)

    def test_under_the_old_name_distrust_is_a_warning(self):
        nghttp = self.folder.name + "/nghttp"
        os.symlink(os.path.abspath(peers.H2BOX), nghttp)
        url = self.url(self.secure, "/size-612", "https")
        done = subprocess.run([nghttp, url], capture_output=True, timeout=20)
        self.assertEqual((done.returncode, done.stdout), (0, peers.content(612)))
        self.assertIn(b"warning: ", done.stderr)
        done = subprocess.run([nghttp, "-y", url], capture_output=True, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        # That name stands for HTTP/2 alone.
        done = subprocess.run([nghttp, "-y", self.url(self.old, "/size-612", "https")], capture_output=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"HTTP/2 protocol was not selected", done.stderr)

    def test_what_was_agreed_on(self):
        out = out_of("-nvk", self.url(self.secure, "/", "https"))
        self.assertRegex(out, rb"^\[ *\d+\.\d+\] Connected\nThe negotiated protocol: h2\n\[ *\d+\.\d+\] send SETTINGS")
        event = json.loads(out_of("--json", "-k", self.url(self.secure, "/", "https")).splitlines()[-1])
        self.assertEqual(event["event"], "closed")

    def test_http1_when_the_server_has_nothing_better(self):
        # openssl's own server tells no length: what it sends ends with the connection.
        out = out_of("-kv", self.url(self.old, "/size-612", "https"))
        self.assertIn(b"The negotiated protocol: none, so http/1.1\n", out)
        self.assertTrue(out.endswith(peers.content(612)))

    def test_sessions_are_resumed(self):
        def play(peer):
            peer.head()
            peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            peer.wait()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.maximum_version = version
            with Server(play, context=context) as server:
                out = out_of("--json", "-k", "-m3", server.url("/", "https"))
            events = [json.loads(line) for line in out.splitlines()]
            self.assertEqual([e["resumed"] for e in events if e["event"] == "connected"], [False, True, True], version)

    def test_key_log(self):
        log = self.folder.name + "/keys"
        subprocess.run([peers.H2BOX, "client", "-nk", self.url(self.secure, "/", "https")], env={**os.environ, "SSLKEYLOGFILE": log},
                       timeout=20, check=True)
        with open(log) as f:
            self.assertRegex(f.read(), r"(?m)^(CLIENT_TRAFFIC_SECRET_0|CLIENT_RANDOM) [0-9a-fA-F]{64} [0-9a-fA-F]+$")

    def test_client_certificates(self):
        port = peers.free_port()
        with peers.Running(["nghttpd", "-d", self.site, "-a", "127.0.0.1", "--verify-client", str(port), self.key, self.cert], port):
            url = "https://127.0.0.1:%d/size-1" % port
            self.assertEqual(out_of("-k", "--cert", self.cert, "--key", self.key, url), peers.content(1))
            self.assertTrue(peers.client("-k", url, code=1)[1])
        peers.client("--cert", self.cert, "https://a/", code=2)


if __name__ == "__main__":
    peers.have("nghttp", "nghttpd", "nghttpx", "openssl")
    unittest.main(verbosity=2)
