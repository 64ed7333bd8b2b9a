"""Our server over TLS: certificates, clients that show theirs, resumption, versions. By curl and openssl. labels: threads"""
import os
import re
import signal
import subprocess
import time
import unittest

import peers
from serving import Case, old_name, write


class Secure(Case):
    def make_identity(self, name, names="DNS:localhost,IP:127.0.0.1"):
        key, cert = self.folder + "/%s.key" % name, self.folder + "/%s.crt" % name
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                        cert, "-days", "2", "-subj", "/CN=" + name, "-addext", "subjectAltName=" + names], check=True, capture_output=True,
                       timeout=30)
        return key, cert

    def start(self, *options, files=(), name=None):
        port = peers.free_port()
        args = [name] if name else [peers.H2BOX, "server"]
        server = peers.Running([*args, "-d", self.site, "-a", "127.0.0.1", "-n1", *options, str(port), *files], port)
        self.addCleanup(server.__exit__)
        self.url = "https://127.0.0.1:%d" % port
        self.port = port
        return server

    def get(self, *options, path="/f"):
        done = subprocess.run(["curl", "-sS", "--http2", "-w", "|%{http_version}", *options, self.url + path], capture_output=True,
                              timeout=30)
        return done.returncode, done.stdout

    def presented(self, *options):
        """SHA-256 of the certificate that the server shows."""
        shown = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.port, *options], stdin=subprocess.DEVNULL,
                               capture_output=True, timeout=30)
        return self.fingerprint(shown.stdout)

    def fingerprint(self, pem):
        done = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=pem, capture_output=True, timeout=30,
                              check=True)
        return done.stdout.decode().strip().rpartition("=")[2]

    def setUp(self):
        super().setUp()
        write(self.site, "f", b"content")

    def test_a_certificate_for_this_run(self):
        server = self.start()
        end = time.time() + 10
        while "SHA-256" not in server.output and time.time() < end:
            time.sleep(0.02)
        said = re.search(r"SHA-256 ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})$", server.output, re.M)
        self.assertEqual(said[1], self.presented())
        self.assertIn("PORT KEY CERT", server.output)
        self.assertEqual(self.get("-k"), (0, b"content|2"))
        self.assertEqual(self.get()[0], 60) # nobody vouches for it
        self.assertEqual(server.stop(), 0, server.output)

    def test_one_of_ours_and_its_successor(self):
        key, cert = self.make_identity("first")
        server = self.start(files=(key, cert))
        self.assertEqual(self.get("--cacert", cert), (0, b"content|2"))
        before = self.presented()
        next_key, next_cert = self.make_identity("second")
        os.replace(next_key, key)
        server.process.send_signal(signal.SIGHUP) # they do not belong together: the old ones stay
        end = time.time() + 10
        while "does not belong" not in server.output and time.time() < end:
            time.sleep(0.02)
        self.assertIn("does not belong", server.output)
        self.assertEqual(self.presented(), before)
        os.replace(next_cert, cert)
        server.process.send_signal(signal.SIGHUP)
        end = time.time() + 10
        while self.presented() == before and time.time() < end:
            time.sleep(0.02)
        self.assertEqual(self.get("--cacert", cert), (0, b"content|2"))
        self.assertEqual(server.stop(), 0, server.output)

    def test_names_choose_certificates(self):
        """RFC 6066 section 3: each client sees the certificate of the name it asks for."""
        first, second = self.make_identity("first", "DNS:a.example"), self.make_identity("second", "DNS:*.b.example")
        server = self.start(files=first + second)
        due = []
        for _, cert in (first, second):
            with open(cert, "rb") as f:
                due.append(self.fingerprint(f.read()))
        for name, which in (("a.example", 0), ("x.b.example", 1), ("X.B.Example", 1), ("b.example", 0), ("elsewhere.example", 0)):
            self.assertEqual(self.presented("-servername", name), due[which], name)
        self.assertEqual(self.presented("-noservername"), due[0])
        self.assertEqual(server.stop(), 0, server.output)
        for words in (first + second[:1], first[:1]):
            done = subprocess.run([peers.H2BOX, "server", "-d", self.site, "0", *words], capture_output=True, timeout=30)
            self.assertEqual((done.returncode, b"KEY without CERT" in done.stderr), (2, True), done.stderr)

    def test_how_many_certificates(self):
        first, last = self.make_identity("first", "DNS:a.example"), self.make_identity("last", "DNS:b.example")
        self.start(files=first * 64 + last)
        with open(last[1], "rb") as f:
            self.assertEqual(self.presented("-servername", "b.example"), self.fingerprint(f.read()))
        done = subprocess.run([peers.H2BOX, "server", "-d", self.site, "0", *(first * 1001)], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^h2box server: more than 1000 certificates\n$")

    def test_origins(self):
        self.start("--origin", "https://One.example/", "--origin", "https://two.example:8443")
        done = subprocess.run([peers.H2BOX, "client", "-nvk", self.url + "/f"], capture_output=True, text=True, timeout=20)
        said = done.stdout.partition("ORIGIN frame")[2].partition("[  ")[0]
        self.assertIn("https://one.example", said)
        self.assertIn("https://two.example:8443", said)
        self.assertEqual(self.get("-k"), (0, b"content|2"))
        self.assertEqual(self.get("-k", "--http1.1"), (0, b"content|1.1"))
        for wrong in ("http://one.example", "https://one.example/path", "one.example", "https://" + 250 * "a"):
            done = subprocess.run([peers.H2BOX, "server", "--origin", wrong, "0"], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2, (wrong, done.stderr))
            self.assertIn("--origin '%s': " % wrong, done.stderr)

    def test_clients_are_verified(self):
        """With --cacert not any certificate will do, and the client is told which alert it got (RFC 8446 section 6.2)."""
        key, cert = self.make_identity("server")
        known_key, known = self.make_identity("known")
        other_key, other = self.make_identity("other")
        server = self.start("-V", "--cacert", known, files=(key, cert))
        self.assertEqual(self.get("-k", "--cert", known, "--key", known_key), (0, b"content|2"))
        self.assertNotEqual(self.get("-k", "--cert", other, "--key", other_key)[0], 0)
        for options, alert in ((["-cert", other, "-key", other_key], "alert unknown ca"), ([], "alert certificate required")):
            done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.port, "-alpn", "h2", "-ign_eof", *options],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
            self.assertIn(alert, done.stderr.decode())
        self.assertEqual(server.stop(), 0, server.output)
        done = subprocess.run([peers.H2BOX, "server", "-d", self.site, "--cacert", known, "0"], capture_output=True, timeout=30)
        self.assertEqual((done.returncode, b"--cacert needs --verify-client" in done.stderr), (2, True), done.stderr)

    def test_clients_show_a_certificate(self):
        key, cert = self.make_identity("server")
        server = self.start("-V", files=(key, cert))
        my_key, my_cert = self.make_identity("client")
        self.assertEqual(self.get("-k", "--cert", my_cert, "--key", my_key), (0, b"content|2"))
        self.assertNotEqual(self.get("-k")[0], 0)
        self.assertNotEqual(self.get("-k", "--tls-max", "1.2")[0], 0)
        self.assertEqual(server.stop(), 0, server.output)

    def test_groups_and_versions(self):
        self.start("--groups", "P-384", "--tls-min-proto-version", "TLSv1.3")
        self.assertEqual(self.get("-k"), (0, b"content|2"))
        self.assertEqual(self.get("-k", "--curves", "P-384"), (0, b"content|2"))
        self.assertNotEqual(self.get("-k", "--curves", "X25519")[0], 0)
        self.assertNotEqual(self.get("-k", "--tls-max", "1.2")[0], 0)

    def test_bodies(self):
        big = peers.content(3000000)
        write(self.site, "big", big)
        self.start("--echo-upload", "--index")
        for options, due in (([], big), (["-r", "1000000-2999999"], big[1000000:])):
            code, body = self.get("-k", *options, path="/big")
            self.assertEqual((code, peers.digest(body[:-2])), (0, peers.digest(due)))
        path = write(self.folder, "up", big)
        code, body = self.get("-k", "--data-binary", "@" + path, path="/")
        self.assertEqual((code, peers.digest(body[:-2])), (0, peers.digest(big)))

    def test_as_before(self):
        """The options of nghttpd as its users write them, over TLS, under its name."""
        key, cert = self.make_identity("server")
        types = write(self.folder, "types", "text/x-mine mine\n")
        write(self.site, "g.mine", b"content")
        write(self.site, "index.html", b"index")
        name = old_name(self.folder)
        server = self.start("-v", "-n2", "-c4096", "-b10", "-m50", "-w16", "-W16", "-e", "-p/=/f", "--trailer=x: y", "--color", "--hexdump",
                            "--echo-upload", "--early-response", "--no-content-length", "--mime-types-file=" + types,
                            "--dh-param-file=/none", "--ktls", "--no-rfc7540-pri", "--groups=X25519:P-256",
                            "--encoder-header-table-size=4K", "-a127.0.0.1", files=(key, cert), name=name)
        done = subprocess.run(["nghttp", "-nv", self.url + "/", self.url + "/g.mine"], capture_output=True, text=True, timeout=30)
        for text in ("content-type: text/x-mine", "PUSH_PROMISE", "x: y", "The negotiated protocol: h2", "server: nghttpd "):
            self.assertIn(text, done.stdout)
        self.assertEqual(server.stop(), 0, server.output[-2000:])
        self.assertRegex(server.output, r"\[id=.*SSL/TLS handshake completed\nThe negotiated protocol: h2\n\[id=.*send SETTINGS")
        for text in ("nghttpd: --dh-param-file", "nghttpd: --ktls", "IPv4: listen 127.0.0.1:", "[id=1] ", "\x1b[", "00000000  "):
            self.assertIn(text, server.output)
        for args in ([], ["8080"], ["x", key, cert], ["8080", key], ["-D", "--no-tls", "0"], ["0", "/none", "/none"]):
            done = subprocess.run([name, *args], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 1, (args, done.stderr))
            self.assertTrue(done.stderr.startswith("nghttpd: "), done.stderr)
        kept = self.start("--no-tls", "-p", "nothing", "--mime-types-file=/none", name=name)
        self.assertIn("nghttpd: --push 'nothing'", kept.output)
        self.assertIn("nghttpd: --mime-types-file /none: ", kept.output)


if __name__ == "__main__":
    peers.have("nghttp", "curl", "openssl")
    unittest.main(verbosity=2)
