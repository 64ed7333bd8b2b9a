"""What our server writes to its access log, and how it goes to the background. labels: threads"""
import os
import re
import signal
import socket
import subprocess
import time
import unittest

import h2.events

import peers
from h2_client import Client
from serving import Case, write


class Logs(Case):
    LINE = (r'^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "(\S+ \S+) HTTP/2\.0" (\d{3}) (\d+) '
            r'"([^"]*)" "([^"]*)"$')

    def read(self, path, lines):
        end = time.time() + 10
        while time.time() < end:
            with open(path) as f:
                got = f.read().splitlines()
            if len(got) >= lines:
                break
            time.sleep(0.05)
        self.assertEqual(len(got), lines, got[-3:])
        return [re.match(self.LINE, line).groups() if re.match(self.LINE, line) else line for line in got]

    def test_lines(self):
        log = self.folder + "/access"
        write(self.site, "f", peers.content(100000))
        server = self.serve("-n1", "--access-log", log)
        self.curl("/f", "-H", 'User-Agent: a "b" \\c', "-e", "http://here/")
        self.curl("/f", "-r", "0-9", "-A", "x")
        self.curl("/none", "-A", "x")
        self.curl("/f", "-X", "DELETE", "-A", "x")
        self.curl("/f", "-I", "-A", "x")
        self.curl("/.hidden", "-A", "x")
        got = self.read(log, 6)
        self.assertEqual(got[0], ("GET /f", "200", "100000", "http://here/", "a \\x22b\\x22 \\x5cc"))
        self.assertEqual([g[:3] for g in got[1:4]], [("GET /f", "206", "10"), ("GET /none", "404", got[2][2]),
                                                     ("DELETE /f", "405", got[3][2])])
        self.assertEqual([g[:3] for g in got[4:]], [("HEAD /f", "200", "0"), ("GET /.hidden", "404", got[5][2])])
        os.rename(log, log + ".1")
        self.curl("/f", "-A", "between")
        self.read(log + ".1", 7)
        server.process.send_signal(signal.SIGUSR1)
        end = time.time() + 10
        while not os.path.exists(log) and time.time() < end:
            time.sleep(0.02)
        self.curl("/f", "-A", "after")
        self.assertEqual(self.read(log, 1)[0][4], "after")
        self.assertEqual(server.stop(), 0, server.output)

    def test_a_peer_of_an_odd_name(self):
        """Over a UNIX socket a peer's address is a path that it has chosen."""
        log, here = self.folder + "/access", self.folder + "/here"
        with peers.Running([peers.H2BOX, "server", "--no-tls", "-a", "unix:" + here, "-d", self.site, "--access-log", log, "0"]) as server:
            end = time.time() + 20
            while not os.path.exists(here) and time.time() < end:
                time.sleep(0.02)
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(self.folder + "/me\n::1 - - \x1b[2J")
                s.connect(here)
                s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" b"\0\0\6\1\5\0\0\0\1\x82\x84\x86\x41\1a")
                time.sleep(0.2)
            self.assertEqual(server.stop(), 0, server.output)
        with open(log) as f:
            lines = f.readlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("/me\\x0a::1 - - \\x1b[2J - - [", lines[0])

    def test_what_is_refused(self):
        """Over HTTP/1.1 a request that is none has a line, too."""
        log = self.folder + "/access"
        server = self.serve("-n1", "--access-log", log)
        post = b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        for sent in (b"\x16\x03\x01\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\nbad name: 1\r\n\r\n",
                     b"GET /b HTTP/3.1\r\n\r\n", post):
            with socket.create_connection(("127.0.0.1", self.port)) as s:
                s.sendall(sent)
                while s.recv(1000):
                    pass
        got = [re.sub(r"\[.*?\] ", "", line) for line in self.read(log, 4)]
        self.assertEqual(got[:3], ['127.0.0.1 - - "- - HTTP/1.1" 400 0 "-" "-"', '127.0.0.1 - - "GET /a HTTP/1.1" 400 0 "-" "x"',
                                   '127.0.0.1 - - "GET /b HTTP/1.1" 505 0 "-" "-"'])
        self.assertIn('"POST /p HTTP/1.1" 405 ', got[3])  # it was answered before
        self.assertEqual(server.stop(), 0, server.output)

    def test_under_load(self):
        log = self.folder + "/access"
        write(self.site, "f", b"x" * 612)
        server = self.serve("-n2", "--access-log", log)
        done = subprocess.run(["h2load", "-n5000", "-c20", "-m10", self.base + "/f"], capture_output=True, timeout=60, text=True)
        self.assertIn("5000 succeeded", done.stdout)
        self.assertEqual(server.stop(), 0, server.output)
        for line in self.read(log, 5000):
            self.assertEqual(line[:3], ("GET /f", "200", "612"))

    def test_a_stream_that_is_cut(self):
        log = self.folder + "/access"
        write(self.site, "f", peers.content(1 << 20))
        server = self.serve("-n1", "--access-log", log)
        c = Client(self.port)
        stream = c.get("/f")
        while not any(isinstance(e, h2.events.DataReceived) for e in c.events):
            c.read(auto=False)
        c.close()
        got = self.read(log, 1)[0]
        self.assertEqual(got[:2], ("GET /f", "200"))
        self.assertLess(int(got[2]), 1 << 20)
        self.assertEqual(server.stop(), 0, server.output)

    def test_stdout(self):
        write(self.site, "f", b"x")
        server = self.serve("-n1", "--access-log", "-")
        self.curl("/f")
        server.stop()
        self.assertRegex(server.output, r'"GET /f HTTP/2.0" 200 1 "-" "curl/')


class Background(Case):
    def test_daemon(self):
        write(self.site, "f", b"content")
        port, log = peers.free_port(), self.folder + "/access"
        done = subprocess.run([peers.H2BOX, "server", "--no-tls", "-D", "-d", "site", "-a", "127.0.0.1", "-n1", "--access-log", "access",
                               str(port)], capture_output=True, text=True, timeout=30, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        pid = int(re.search(r"^pid (\d+)$", done.stdout, re.M)[1])
        try:
            self.base = "http://127.0.0.1:%d" % port
            self.assertEqual(self.curl("/f")[2], b"content")
            self.assertEqual(os.readlink("/proc/%d/cwd" % pid), "/")
            self.assertEqual(os.readlink("/proc/%d/fd/1" % pid), "/dev/null")
        finally:
            os.kill(pid, signal.SIGTERM)
        end = time.time() + 20
        while time.time() < end and not (os.path.exists(log) and os.path.getsize(log)):
            time.sleep(0.05)
        with open(log) as f:
            self.assertIn("GET /f", f.read())

    def test_it_cannot_start(self):
        done = subprocess.run([peers.H2BOX, "server", "--no-tls", "-D", "-d", "/none", "-a", "127.0.0.1", "0"], capture_output=True,
                              text=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout.count("pid")), (1, 0))
        self.assertIn("/none: no such file or directory", done.stderr)


if __name__ == "__main__":
    peers.have("curl", "h2load")
    unittest.main(verbosity=2)
