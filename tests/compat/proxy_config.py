#!/usr/bin/env python3
"""The proxy's configuration: --check, messages and exit codes by both names, beside Debian's nghttpx where that can be compared.
timeout: 120"""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

import peers

SOURCE = os.environ.get("H2BOX_SOURCE_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
CLEAR = "--frontend=127.0.0.1,3000;no-tls"


def run(argv, **more):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, **more)
    return done.returncode, done.stdout, done.stderr


class Config(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-config-")
        cls.key, cls.cert = cls.path("server.key"), cls.path("server.crt")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", cls.key,
                        "-out", cls.cert,
                        "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
        cls.nghttpx = cls.path("nghttpx")
        os.symlink(peers.H2BOX, cls.nghttpx)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def file(self, text, name="proxy.conf"):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def new(self, *words):
        return run([peers.H2BOX, "proxy", *words])

    def old(self, *words):
        return run([self.nghttpx, "--conf=/dev/null", *words])

    def effective(self, *words):
        """What --check writes, as (name, value) pairs in order."""
        code, out, err = self.new("--check", *words)
        self.assertEqual(code, 0, err)
        return [tuple(line.split("=", 1)) for line in out.split("\n") if line and not line.startswith("#")]

    # ---- --check ----

    def test_check_reads_back_as_the_same(self):
        calls = [[CLEAR],
                 ["-s", CLEAR],
                 ["--client-proxy", "-b", "127.0.0.1,8443", "--backend-http-proxy-uri=http://u:p@127.0.0.1:3128"],
                 ["--http2-bridge", self.key, self.cert, "--subcert=%s:%s" % (self.key, self.cert), "--verify-client",
                  "--npn-list=http/1.1,h2-14,h2"],
                 [CLEAR, "-b", "127.0.0.1,1;/a:example.org;proto=h2;tls;sni=x;fall=1;rise=2;weight=3;group=g;group-weight=4;"
                  "read-timeout=1m;dnf",
                  "-b", "[::1],2;;affinity=cookie;affinity-cookie-name=n;affinity-cookie-path=/;affinity-cookie-secure=no",
                  "-b", "unix:/run/x;/u;redirect-if-not-tls"],
                 [CLEAR, "--frontend-http2-window-bits=20", "--stream-write-timeout=1500ms", "-c7", "--accesslog", "--syslog",
                  "--single-thread"],
                 [CLEAR, "--add-request-header=a: b=c#d", "--add-response-header=x:", "--altsvc=h2,443,,,ma=3; persist=1",
                  "--server-name=a  b",
                  "--accesslog-format=$remote_addr \"${time_local}\" = #", "--forwarded-by=_x", "--add-forwarded=by,for",
                  "--log-level=INFO"]]
        for words in calls:
            with self.subTest(words):
                code, first, err = self.new("--check", *words)
                self.assertEqual(code, 0, err)
                code, second, err = self.new("--check", "--conf", self.file(first))
                self.assertEqual((code, err), (0, ""))
                self.assertEqual(first, second)

    def test_check_shows_what_is_in_effect(self):
        have = dict(self.effective(CLEAR, "--conf", self.file("workers=2\npadding=8\nhost-rewrite=yes\nno-via=no\nbackend=10.0.0.1,80\n"),
                                   "--workers=3"))
        self.assertEqual(have["workers"], "3")
        self.assertEqual(have["padding"], "8")
        self.assertEqual(have["host-rewrite"], "yes")
        self.assertEqual(have["no-via"], "no")
        self.assertEqual(have["backend"], "10.0.0.1,80;/;proto=http/1.1")
        self.assertNotIn("conf", have)

    def test_modes(self):
        for words, front, back, proxy in ((["--http2-bridge", self.key, self.cert], "*,3000", ";proto=h2;tls", "no"),
                                          (["--http2-bridge", "--frontend-no-tls"], "*,3000;no-tls", ";proto=h2;tls", "no"),
                                          (["--http2-bridge", "--frontend-no-tls", "--backend-no-tls"], "*,3000;no-tls", ";proto=h2", "no"),
                                          (["--client"], "*,3000;no-tls", ";proto=h2;tls", "no"),
                                          (["-p"], "*,3000;no-tls", ";proto=h2;tls", "yes"),
                                          (["-p", "--backend-no-tls"], "*,3000;no-tls", ";proto=h2", "yes"),
                                          (["-s", "--frontend-no-tls"], "*,3000;no-tls", None, "yes")):
            with self.subTest(words):
                have = dict(self.effective(*words))
                self.assertEqual(have["frontend"], front)
                self.assertEqual(have.get("backend"), back and "127.0.0.1,80;/" + back)
                self.assertEqual(have["http2-proxy"], proxy)

    def test_the_sample_is_right(self):
        sample = os.path.join(SOURCE, "docs/examples/proxy.conf")
        code, _, err = self.new("--check", "--conf", sample)
        self.assertEqual((code, err), (0, ""))
        # What is commented out is right, too.
        with open(sample) as f:
            text = re.sub(r"(?m)^#([a-z0-9-]+=)", r"\1", f.read())
        text = text.replace("include=/etc/h2box/backends.conf", "include=" + self.file("backend=127.0.0.1,1;/more\n", "more.conf"))
        text = text.replace("/etc/ssl/private/server.key", self.key).replace("/etc/ssl/certs/server.crt", self.cert)
        code, out, err = self.new("--check", "--conf", self.file(text))
        self.assertEqual((code, err), (0, ""))
        self.assertIn("backend=127.0.0.1,1;/more;proto=http/1.1\n", out)
        with open(os.path.join(SOURCE, "cmake/install.cmake")) as f:
            self.assertIn("docs/examples/proxy.conf", f.read())

    def test_debians_own_file(self):
        theirs = "/etc/nghttpx/nghttpx.conf"
        if not os.path.exists(theirs):
            self.skipTest("nghttp2-proxy is not installed")
        code, out, err = run([self.nghttpx, "--check"])  # the default place
        self.assertEqual((code, err), (0, ""))
        self.assertIn("frontend=127.0.0.1,3000;no-tls\n", out)
        code, again, err = self.new("--check", "--conf", theirs)
        self.assertEqual((code, err), (0, ""))

    # ---- mistakes ----

    def test_mistakes_in_files(self):
        for text, says in (("workers=2\n\nbackend=127.0.0.1,80;;bogus\n", ":3: backend: bogus: unknown parameter"),
                           ("backend=127.0.0.1\n", ":1: backend: '127.0.0.1': HOST,PORT or unix:PATH is expected"),
                           ("frontend=*,1;quic\n", ":1: frontend: quic: there is no HTTP/3"),
                           ("nosuch=1\n", ":1: nosuch: there is no such option"),
                           ("workers\n", ":1: NAME=VALUE is expected"),
                           ("workers =1\n", ":1: no blanks are expected"),
                           ("padding=300\n", ":1: padding: '300' is not accepted: an integer from 0 to 256"),
                           ("read-timeout=1\n", ":1: read-timeout: there is no such option"),
                           ("error-page=200=/x\n", ":1: error-page: '200=/x': CODE=FILE is expected"),
                           ("add-request-header=x\n", ":1: add-request-header: 'x': NAME:VALUE is expected"),
                           ("psk-secrets=/x\n", ":1: psk-secrets is refused: there are no pre-shared keys"),
                           (1000 * "subcert=k:c\n", ":1000: subcert: given more than 999 times"),
                           ("include=/nonexistent\n", ":1: include: /nonexistent: No such file or directory")):
            with self.subTest(text):
                name = self.file(text)
                code, _, err = self.new("--conf", name)
                self.assertEqual(code, 2)
                self.assertTrue(err.startswith("h2box proxy: " + name + says), err)
                code, _, err = run([self.nghttpx, "--conf", name])
                self.assertEqual(code, 255)
                self.assertTrue(err.startswith("nghttpx: " + name + says), err)

    def test_mistakes_of_a_whole(self):
        for words, says in ((["-f127.0.0.1,3000"], "needs a key and a certificate"),
                            ([CLEAR, self.key], "KEY and CERT are expected together"),
                            ([CLEAR, "-b127.0.0.1,1;/x"], "one is expected for what fits no other pattern"),
                            ([CLEAR, "-ba,1;/;affinity=ip", "-bb,1;/;affinity=cookie;affinity-cookie-name=n"],
                             "pattern /: affinity is not the same"),
                            ([CLEAR, "--error-page=*=/nonexistent"], "/nonexistent"),
                            (["-f127.0.0.1,3000", self.cert, self.key], "TLS for frontends"),
                            (["-f127.0.0.1,3000", self.key, "/nonexistent"], "TLS for frontends: /nonexistent: ")):
            with self.subTest(words):
                code, _, err = self.new("--check", *words)
                self.assertEqual(code, 2)
                self.assertIn(says, err)

    def test_what_has_no_effect_is_told_once(self):
        text = ("frontend=127.0.0.1,1;no-tls\nno-ocsp=yes\nno-kqueue=yes\nno-kqueue=yes\nworkers=1\n"
                "frontend-quic-debug-log=no\nnpn-list=h2\n")
        code, out, err = self.new("--check", "--conf", self.file(text))
        self.assertEqual(code, 0)
        lines = [line.split("proxy.conf:")[1] for line in err.split("\n") if line]
        self.assertEqual(lines, ["2: no-ocsp has no effect: there is no OCSP stapling",
                                 "3: no-kqueue has no effect: Linux has none",
                                 "7: npn-list is deprecated: use --alpn-list"])

    def test_files_that_are_none(self):
        """A FIFO that nobody writes, a directory: told, and not waited for; what comes through a pipe is read."""
        fifo, folder = os.path.join(self.folder.name, "fifo"), self.folder.name
        os.mkfifo(fifo)
        self.addCleanup(os.unlink, fifo)
        inner = self.file("include=%s\n" % fifo)
        for words, says in ((["--conf", fifo], fifo + ": nothing comes from whoever should write it"),
                            (["--conf", inner], inner + ":1: include: %s: nothing comes" % fifo),
                            (["--conf", folder], folder + ": Is a directory"),
                            (["-f127.0.0.1,3000", fifo, self.cert], "TLS for frontends: %s: a file is expected, not a FIFO" % fifo),
                            (["-f127.0.0.1,3000", self.key, folder], "TLS for frontends: %s: a file is expected, not a directory" % folder),
                            ([CLEAR, "-ba,1;;tls", "--cacert", fifo], "TLS for backends: %s: a file is expected, not a FIFO" % fifo),
                            (["-f127.0.0.1,3000", "--private-key-passwd-file", fifo, self.key, self.cert], fifo + ": holds no password"),
                            ([CLEAR, "--error-page=404=" + fifo], fifo + ": not a regular file")):
            with self.subTest(words):
                code, _, err = self.new("--check", *words)
                self.assertEqual(code, 2)
                self.assertIn(says, err)
        done = subprocess.run([peers.H2BOX, "proxy", "--check", "--conf", "/dev/stdin"], input=b"frontend=127.0.0.1,1;no-tls\n",
                              capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_a_missing_file(self):
        code, _, err = self.new("--check", CLEAR, "--conf=/nonexistent/x")
        self.assertEqual((code, err), (2, "h2box proxy: /nonexistent/x: No such file or directory\n"))
        code, _, err = run([self.nghttpx, "--check", CLEAR, "--conf=/nonexistent/x"])
        self.assertEqual((code, err), (0, "nghttpx: /nonexistent/x: No such file or directory\n"))

    def test_encrypted_keys(self):
        locked = self.path("locked.key")
        subprocess.run(["openssl", "pkcs8", "-topk8", "-in", self.key, "-out", locked, "-passout", "pass:open", "-v2", "aes-256-cbc"],
                       check=True,
                       capture_output=True)
        words = ["--check", "-f127.0.0.1,3000", locked, self.cert]
        self.assertEqual(self.new(*words)[0], 2)
        self.assertEqual(self.new(*words, "--private-key-passwd-file", self.file("open\n", "password"))[0], 0)
        code, _, err = self.new(*words, "--private-key-passwd-file", self.file("shut\n", "password"))
        self.assertEqual(code, 2)
        self.assertIn("password", err)

    # ---- every option, and the other nghttpx ----

    def test_every_option_is_known(self):
        with open(os.path.join(SOURCE, "tests/compat/options/nghttpx.tsv")) as f:
            names = [line.split("\t")[0] for line in f if not line.startswith("#")]
        self.assertGreater(len(names), 210)
        for name in sorted(set(names) - {"help", "version", "conf", "include"}):
            _, _, err = self.new("--conf", self.file("%s=\n" % name))
            self.assertNotIn("no such option", err, name)

    def test_exit_codes_as_debians(self):
        theirs = shutil.which("nghttpx")
        if not theirs:
            self.skipTest("nghttp2-proxy is not installed")
        with socket.socket() as s: # so that theirs cannot serve, should it accept something
            s.bind(("127.0.0.1", 0))
            s.listen()
            front = "--frontend=127.0.0.1,%d;no-tls" % s.getsockname()[1]
            for words in (["--bogus"], ["--workers"], ["--version"], ["--workers=abc", front], ["-b127.0.0.1,80;;bogus", front],
                          ["-b127.0.0.1,80;/a", front], ["-b127.0.0.1", front], ["-b127.0.0.1,0", front],
                          ["-b127.0.0.1,80;/;weight=300", front],
                          ["-b127.0.0.1,80;/;affinity=cookie", front],
                          ["-b127.0.0.1,1;/;read-timeout=1s", "-b127.0.0.1,2;/;read-timeout=2s", front],
                          ["-b127.0.0.1,1;/;group=a;group-weight=2", "-b127.0.0.1,2;/;group=a;group-weight=3", front],
                          ["-f127.0.0.1,1;quic"],
                          ["-f127.0.0.1,1;foo"], ["-f127.0.0.1,1;api;healthmon"], ["-f127.0.0.1,1"], ["--error-page=300=/x", front],
                          ["--add-request-header=x", front], ["--forwarded-by=x", front], ["--altsvc=h2", front],
                          ["--tls-min-proto-version=x", front], ["--psk-secrets=/x", front], ["--conf=" + self.file("nosuch=1\n")],
                          ["--conf=" + self.file("workers\n", "two.conf")]):
                with self.subTest(words):
                    first = [] if words[0].startswith("--conf") else ["--conf=/dev/null"]
                    code, _, err = run([theirs, *first, *words])
                    mine, _, said = run([self.nghttpx, "--check", *first, *words])
                    self.assertEqual(mine, code, said + err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
