#!/usr/bin/env python3
"""--frontend-http2-dump-request-header and -response-header of `h2box proxy`: what is in these files, beside nghttpx's, and whose they
are. timeout: 60
labels: threads"""
import contextlib
import os
import re
import signal
import stat
import subprocess
import tempfile
import unittest

import peers
from configured import CLEAR, Configured, backend_line, wait_for
from proxying import Proxy, backend, curl
from scripted import Server

ANSWER = (b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
          b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDate: Sat, 28 Nov 2026 19:29:59 GMT\r\nX-Odd: \xe9\tz\r\nSet-Cookie: a=1\r\n"
          b"Set-Cookie: b=2\r\nTrailer: x-t\r\n\r\n3\r\nabc\r\n0\r\nX-T: u\r\n\r\n")
WHAT = "request", "response"


def answering(peer):
    with contextlib.suppress(EOFError):
        while True:
            peer.head()
            peer.send(ANSWER)


def messages(text):
    """The fields of each message, as sets of lines."""
    return [sorted(m.split(b"\n")) for m in text.split(b"\n\n")[:-1]]


class Dumps(unittest.TestCase):
    def setUp(self):
        self.server = Server(answering)
        self.addCleanup(self.server.__exit__)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.paths = [self.folder + "/" + what for what in WHAT]
        self.options = ["frontend-http2-dump-%s-header=%s" % pair for pair in zip(WHAT, self.paths)]
        self.words = ["--" + option for option in self.options]

    def read(self, n, paths=None):
        """What stands in both files once there are so many messages."""
        def text(path):
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as f:
                got = f.read()
                return got if got.count(b"\n\n") >= n else None
        return [wait_for(lambda path=path: text(path)) for path in paths or self.paths]

    def ask(self, url):
        curl("--http1.1", url + "unseen")
        for words in (["-H", "X-A: b", "-H", "Cookie: a=b; c=d"], ["-d", "x=y", "-H", "X-Latin: \u00e9"], ["-I"]):
            curl("--http2-prior-knowledge", *words, url + "seen?a=b")
        subprocess.run(["nghttp", "-n", "--no-push", "-Hcookie: a=b", "-Hcookie: c=d", "--trailer=x-q: 1", "-d/etc/hostname",
                        url + "seen"], check=True, timeout=30)

    def test_as_nghttpx(self):
        got = []
        for program in [peers.H2BOX, "proxy", "-n1"], ["nghttpx", "--conf=/dev/null"]:
            port = peers.free_port()
            args = [*program, "-f127.0.0.1,%d;no-tls" % port, "--errorlog-file=/dev/null", "--accesslog-file=/dev/null",
                    backend(self.server.port), "--no-via", "--no-server-rewrite", *self.words]
            with peers.Running(args, port):
                self.ask("http://127.0.0.1:%d/" % port)
                texts = [re.sub(rb"127\.0\.0\.1:\d+", b"HOST", text) for text in self.read(4)]
            for path in self.paths:
                os.unlink(path)
            got.append([messages(text) for text in texts])
            self.assertNotIn(b"unseen", texts[0])
            self.assertNotIn(b"Early", texts[1])
            self.assertTrue(texts[0].startswith(b":method: GET\n"), texts[0])
            self.assertTrue(texts[1].startswith(b":status: 200\n"), texts[1])
        self.assertEqual(got[0], got[1])
        self.assertIn(b"cookie: a=b", got[0][0][3])
        self.assertIn(b"x-odd: \xe9\tz", got[0][1][0])

    def test_files(self):
        """Appended to, readable by their owner alone, opened anew by USR1, by their new names after a reload; none of it at a check."""
        done = subprocess.run([peers.H2BOX, "proxy", "--check", "-f127.0.0.1,1;no-tls", *self.words], capture_output=True, text=True,
                              timeout=30)
        self.assertEqual((done.returncode, done.stderr, os.listdir(self.folder)), (0, "", []))
        for option in self.options:
            self.assertIn(option + "\n", done.stdout)
        with open(self.paths[1], "w") as f:
            f.write("before\n\n")
        first = [CLEAR, backend_line(self.server.port), "workers=2", *self.options]
        with Configured(first) as proxy:
            curl("--http2-prior-knowledge", proxy.url("/1"))
            self.assertIn(b":path: /1\n", self.read(1)[0])
            self.assertEqual(self.read(2, self.paths[1:])[0][:20], b"before\n\n:status: 200")
            self.assertEqual(stat.S_IMODE(os.stat(self.paths[0]).st_mode), 0o600)
            for path in self.paths:
                os.rename(path, path + ".old")
            proxy.process.send_signal(signal.SIGUSR1)
            wait_for(lambda: all(map(os.path.exists, self.paths)))
            curl("--http2-prior-knowledge", proxy.url("/2"))
            self.assertIn(b":path: /2\n", self.read(1)[0])
            other = [option + ".new" for option in self.options]
            proxy.reload([*first[:3], other[0], self.options[1]])
            curl("--http2-prior-knowledge", proxy.url("/3"))
            self.assertIn(b":path: /3\n", self.read(1, [self.paths[0] + ".new"])[0])
            self.read(2, self.paths[1:])
            proxy.reload(first[:3])
            curl("--http2-prior-knowledge", proxy.url("/4"))
            os.mkfifo(self.folder + "/fifo")
            proxy.reload([*first[:3], self.options[0].partition("=")[0] + "=" + self.folder + "/fifo"], "stays as it is")
            self.assertIn("fifo: nobody reads this FIFO", proxy.output)
        self.assertEqual(self.read(1, [self.paths[0] + ".new"])[0].count(b"\n\n"), 1)

    def test_all_are_there(self):
        """Many at once by all workers, the last ones too when it ends."""
        with Proxy(backend(self.server.port), "-n2", *self.words) as proxy:
            done = subprocess.run([peers.H2BOX, "load", "-n2000", "-c8", "-m4", proxy.url("/many")], capture_output=True, text=True,
                                  timeout=50)
            self.assertIn("2000 succeeded", done.stdout)
        requests, answers = (messages(text) for text in self.read(2000))
        self.assertEqual((len(requests), len(answers)), (2000, 2000))
        self.assertEqual(len(set(map(tuple, requests))), 1)
        self.assertEqual(len(set(map(tuple, answers))), 1)


if __name__ == "__main__":
    peers.have("curl", "nghttpx", "nghttp")
    unittest.main()
