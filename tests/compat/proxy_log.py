#!/usr/bin/env python3
"""The access log of `h2box proxy` beside that of nghttpx: the same requests, the same lines. timeout: 60"""
import contextlib
import os
import re
import signal
import tempfile
import unittest

import peers
from backends import Watched, ask_h1
from configured import wait_for
from proxying import PROTOS, Proxy, backend, curl
from scripted import Server

# What is the same for the same request, on any connection.
SAME = ("$remote_addr|$request|$status|$body_bytes_sent|$http_user_agent|${http_x_some}|$http_missing|$alpn|$tls_cipher|$tls_protocol|"
        "$tls_sni|$tls_session_reused|$tls_client_subject_name|$tls_client_issuer_name|$tls_client_serial|$tls_client_fingerprint_sha1|"
        "$tls_client_fingerprint_sha256|$backend_host|$backend_port|$method|$path|$path_without_query|$protocol_version|$unknown|$$x")
# What differs, by its shape.
SHAPES = "$time_local|$time_iso8601|$remote_port|$server_port|$request_time|$pid|$tls_session_id"
SHAPE = (r"\d\d/\w\w\w/\d{4}:\d\d:\d\d:\d\d \+0000\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\|\d+\|\d+\|\d+\.\d{3}\|\d+\|(-|[0-9a-f]+)")
QUIET = ["--errorlog-file=/dev/null"]


class Logs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-proxy-log-")
        cls.identity, cls.client = peers.Identity(), peers.Identity()
        cls.server = peers.h2box_server(peers.make_site(cls.folder.name), "-n1", "--echo-upload")

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.folder.cleanup()

    @contextlib.contextmanager
    def proxy(self, program, *options, tls=False, backend=None, log_format=SAME):
        port, path = peers.free_port(), tempfile.mktemp(dir=self.folder.name)
        args = [*program, "-f127.0.0.1,%d%s" % (port, "" if tls else ";no-tls"), "-b127.0.0.1,%d" % (backend or self.server.port), *QUIET,
                "--accesslog-file=" + path, *options]
        if log_format:
            args += ["--accesslog-format=" + log_format]
        if tls:
            args += [self.identity.key, self.identity.cert]
        with peers.Running(args, port, env={"TZ": "UTC"}) as running:
            running.base = "%s://127.0.0.1:%d" % ("https" if tls else "http", port)
            running.access = path
            yield running

    def lines(self, running, n):
        def text():
            if not os.path.exists(running.access):
                return None
            with open(running.access) as f:
                got = f.read().splitlines()
            return got if len(got) >= n else None
        return wait_for(text)

    OURS, THEIRS = [peers.H2BOX, "proxy", "-n1"], ["nghttpx", "--conf=/dev/null"]

    def both(self, ask, *options, n, **more):
        """The lines of both after ask(base), which makes n requests."""
        got = []
        for program in self.OURS, self.THEIRS:
            with self.proxy(program, *options, **more) as running:
                ask(running.base)
                got.append([line.replace("127.0.0.1:%d" % running.port, "PROXY") for line in self.lines(running, n)])
        return got

    WORDS = ["-A", "agent \"quoted\" \\ \u00e4", "-H", "X-Some: thing", "-o", "/dev/null"]

    def requests(self, *words, head=True):
        def ask(base):
            curl(*words, *self.WORDS, base + "/size-612?a=b&c=%20d")
            if head:
                curl(*words, *self.WORDS, "-I", base + "/size-612")
            curl(*words, *self.WORDS, base + "/no%22thing")
            curl(*words, *self.WORDS, "--data-binary", "x" * 5000, "-H", "Expect:", base + "/")
        return ask

    def test_in_the_clear(self):
        for words in ["--http1.0"], ["--http1.1"], ["--http2-prior-knowledge"]:
            with self.subTest(words):
                ours, theirs = self.both(self.requests(*words), n=4)
                self.assertEqual(ours, theirs)

    def test_over_tls(self):
        for words in (["--http1.1"], ["--http2"], ["--http2", "--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"],
                      ["--http2", "--connect-to", "localhost:443:127.0.0.1:PORT"]):
            with self.subTest(words):
                def ask(base, words=words):
                    if "PORT" not in words[-1]:
                        return self.requests(*words)(base)
                    port = base.rsplit(":", 1)[1]
                    curl("--http2", "--resolve", "localhost:%s:127.0.0.1" % port, *self.WORDS, "https://localhost:%s/size-1" % port)
                n = 1 if "PORT" in words[-1] else 4
                ours, theirs = self.both(ask, "--tls13-ciphers=TLS_AES_128_GCM_SHA256", tls=True, n=n)
                ours, theirs = ([re.sub(r"localhost:\d+", "localhost", line) for line in lines] for lines in (ours, theirs))
                self.assertEqual(ours, theirs)

    def test_certificates_of_clients(self):
        def ask(base):
            curl("--http2", "--cert", self.client.cert, "--key", self.client.key, *self.WORDS, base + "/size-1")
        ours, theirs = self.both(ask, "--tls13-ciphers=TLS_AES_128_GCM_SHA256", "--verify-client",
                                 "--verify-client-cacert=" + self.client.cert,
                                 tls=True, n=1)
        self.assertEqual(ours, theirs)

    def test_nobody_behind(self):
        gone = peers.free_port()
        pages = self.folder.name + "/page"
        with open(pages, "w") as f:
            f.write("sorry\n")
        # Of an answer of its own to HEAD nghttpx tells the bytes of a page that it has not sent.
        ours, theirs = self.both(self.requests("--http1.1", head=False), "--error-page=*=" + pages, n=3, backend=gone)
        self.assertEqual(ours, theirs)

    def test_the_default(self):
        ours, theirs = self.both(self.requests("--http2-prior-knowledge"), n=4, log_format=None)
        ours, theirs = ([re.sub(r"\[.*?\]", "[time]", line) for line in lines] for lines in (ours, theirs))
        self.assertEqual(ours, theirs)

    def test_shapes(self):
        def ask(base):
            curl(*self.WORDS, base + "/size-1")
        for got in self.both(ask, n=1, tls=True, log_format=SHAPES):
            self.assertRegex(got[0], "^" + SHAPE + "$")
        with self.proxy(self.OURS, log_format=SHAPES) as running:  # nghttpx 1.52 ends when it is to tell a session there is not
            ask(running.base)
            self.assertRegex(self.lines(running, 1)[0], "^" + SHAPE + "$")

    def test_forward_proxies(self):
        """Whole URIs are told as such, and the authority of CONNECT."""
        with Proxy("-s") as far:
            def ask(base):
                for words in [], ["-p"]:
                    curl("--noproxy", "", "-x", base, *words, *self.WORDS, "http://127.0.0.1:%d/size-612?a=b" % self.server.port)
                curl("--http2-prior-knowledge", *self.WORDS, "-H", "Host: 127.0.0.1:%d" % self.server.port, base + "/size-1")
            ours, theirs = self.both(ask, "-s", n=3, backend=far.port)
            self.assertEqual(sorted(ours), sorted(theirs))

    def test_early(self):
        """The line comes with the answer's beginning: nothing of its content is written yet."""
        with self.proxy(self.OURS, "--accesslog-write-early", log_format="$status $body_bytes_sent $path") as running:
            curl("-o", "/dev/null", running.base + "/size-65536")
            self.assertEqual(self.lines(running, 1), ["200 0 /size-65536"])

    def test_answers_of_its_own(self):
        for kind in "healthmon", "api":
            port = peers.free_port()

            def ask(base, port=port):
                peers.wait_port(port, self.server.process)
                curl("-o", "/dev/null", "http://127.0.0.1:%d/x" % port)
                curl("-o", "/dev/null", base + "/size-1")
            ours, theirs = self.both(ask, "-f127.0.0.1,%d;no-tls;%s" % (port, kind), n=2, log_format="$status $request $backend_host")
            self.assertEqual(ours, theirs)
        self.assertEqual(ours, theirs)


class Complaints(unittest.TestCase):
    def test_once(self):
        """A request that is given up has one line in the error log, and none of what ends with it."""
        for behind, play in (("h1", lambda peer: (peer.head(), peer.wait())), ("h2", lambda peer: (peer.begin(), peer.frames_left()))):
            with Server(play) as server, Watched(backend(server.port, "", *PROTOS[behind]), "--backend-read-timeout=300ms") as proxy:
                self.assertEqual(ask_h1(proxy.port).status, 504)
                proxy.stop(signal.SIGQUIT)
                lines = [x for x in proxy.output.splitlines() if "(GET /)" in x]
                self.assertEqual(len(lines), 1, lines)
                self.assertIn("504: the backend said nothing in time", lines[0])


if __name__ == "__main__":
    peers.have("curl", "nghttpx")
    unittest.main()
