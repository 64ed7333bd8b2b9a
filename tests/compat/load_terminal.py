#!/usr/bin/env python3
"""The load generator on a terminal: the live line, Ctrl-C, and the word of caution before servers that may not be ours, which are
never reached: a network namespace has none. labels: threads"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

import peers
from loads import counts, load

ELSEWHERE = "http://192.0.2.1/"  # TEST-NET-1: nobody's (RFC 5737)
CAUTION = "192.0.2.1 is neither this machine nor in a private network"


class Terminal:
    """The load generator with stdout, stderr or both on a terminal; what it prints there, and on a pipe."""

    def __init__(self, *options, out=True, err=True, alone=False, columns=0):
        self.near, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        # alone: without any network, so that nothing leaves.
        command = (["unshare", "--user", "--map-root-user", "--net"] if alone else []) + [peers.H2BOX, "load", *options]
        self.process = subprocess.Popen(command, stdin=far, stdout=far if out else subprocess.PIPE, stderr=far if err else subprocess.PIPE,
                                        start_new_session=True)
        os.close(far)
        self.shown = ""

    def read(self, seconds=20, until=None):
        """What is on the terminal, until a pattern comes or the program has ended."""
        end = time.time() + seconds
        while time.time() < end and not (until and re.search(until, self.shown)):
            if select.select([self.near], [], [], 0.1)[0]:
                try:
                    more = os.read(self.near, 65536)
                except OSError:  # the other side is closed
                    break
                self.shown += more.decode()
        return self.shown

    def end(self, code):
        self.read()
        out, err = self.process.communicate(timeout=20)
        os.close(self.near)
        assert self.process.returncode == code, (self.process.returncode, self.shown, out, err)
        return ((out or b"") + (err or b"")).decode()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)


def namespaces():
    return subprocess.run(["unshare", "--user", "--map-root-user", "--net", "true"], capture_output=True).returncode == 0


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        cls.site = peers.make_site(cls.folder.name + "/site")
        cls.server = peers.h2box_server(cls.site)
        cls.url = "http://127.0.0.1:%d/size-612" % cls.server.port

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def test_live_line(self):
        t = Terminal("-n600", "-c2", "--rps", "150", self.url, columns=120)
        t.end(0)
        lines = re.findall(r"\r\x1b\[K *(\d+)%  (\d+)/600 done  (\d+) req/s  p50 (\S+)  p99 (\S+)  0 errors  ETA (\S+)", t.shown)
        self.assertGreater(len(lines), 4, t.shown)
        done = [int(line[1]) for line in lines]
        self.assertEqual(done, sorted(done))
        self.assertTrue(any(200 < int(line[2]) < 400 for line in lines), lines)
        self.assertNotIn("progress:", t.shown)
        # The line is gone before the result stands.
        self.assertRegex(t.shown, r"\r\x1b\[K\r\nfinished in ")
        self.assertEqual(counts(t.shown)["succeeded"], 600)

    def test_live_line_of_a_duration(self):
        for columns in (0, 40, 10):  # it keeps to a narrow terminal
            t = Terminal("-D1", "-c2", "--rps", "50", self.url, columns=columns)
            t.end(0)
            lines = re.findall(r"\r\x1b\[K( *\d+%[^\r]*)", t.shown)
            self.assertGreater(len(lines), 1, t.shown)
            self.assertRegex(lines[-1] + "done", r"^ *\d+%  \d+ *done")
            self.assertTrue(all(len(line) < (columns or 80) for line in lines), lines)

    def test_no_live_line_in_a_pipe(self):
        t = Terminal("-n100", "-c2", "--rps", "100", self.url, out=False)
        text = t.end(0)
        self.assertEqual(t.shown, "")
        self.assertEqual(re.findall(r"progress: (\d+)% done", text), [str(n) for n in range(10, 101, 10)])
        t = Terminal("-n100", "-c2", "--format", "json", "--rps", "100", self.url)
        t.end(0)
        self.assertNotIn("\x1b", t.shown)

    def test_ctrl_c(self):
        for options in (["-D30"], ["-n1000000", "-m10"], ["-D30", "-r1", "-c9"], ["-D30", "--warm-up-time", "20"]):
            t = Terminal(*options, "-t1", self.url)
            t.read(until=r"ETA|Application")
            time.sleep(0.7)
            t.interrupt()
            begun = time.time()
            t.end(1 if "--warm-up-time" in options else 0)
            self.assertLess(time.time() - begun, 5)
            self.assertIn("interrupted: these are the results so far", t.shown)
            if "--warm-up-time" not in options:
                self.assertGreater(counts(t.shown)["done"], 0, t.shown)

    def test_ctrl_c_keeps_the_files(self):
        path = self.folder.name + "/part.json"
        t = Terminal("-D30", "--output-file", path, self.url)
        t.read(until="ETA")
        time.sleep(0.7)
        t.interrupt()
        t.end(0)
        self.assertGreater(counts(load("--merge", path).stdout)["done"], 0)


class Caution(unittest.TestCase):
    def setUp(self):
        if not namespaces():
            self.skipTest("no network namespaces")

    def test_countdown(self):
        begun = time.time()
        t = Terminal(ELSEWHERE, alone=True)
        t.end(1)
        self.assertGreater(time.time() - begun, 2.9)
        self.assertIn(CAUTION, t.shown)
        self.assertEqual(re.findall(r"beginning in (\d) s \(Ctrl-C to stop\)", t.shown), ["3", "2", "1"])
        self.assertIn("failed: 1: connect: ", t.shown)

    def test_ctrl_c_in_the_countdown(self):
        t = Terminal(ELSEWHERE, alone=True)
        t.read(until="beginning in 3 s")
        t.interrupt()
        t.end(-signal.SIGINT)
        self.assertNotIn("starting benchmark", t.shown)

    def test_the_word_is_on_stderr(self):
        t = Terminal(ELSEWHERE, out=False, alone=True)
        out = t.end(1)
        self.assertIn(CAUTION, t.shown)
        self.assertNotIn(CAUTION, out)
        begun = time.time()
        t = Terminal(ELSEWHERE, err=False, alone=True)  # in a pipe: no countdown
        err = t.end(1)
        self.assertLess(time.time() - begun, 2.5)
        self.assertIn(CAUTION, err)
        self.assertNotIn("beginning in", err + t.shown)
        self.assertNotIn(CAUTION, t.shown)

    def test_yes_and_what_is_near(self):
        for options in (["--yes", ELSEWHERE], ["http://127.0.0.1:1/"], ["http://[::1]:1/"], ["http://10.1.2.3/"], ["http://192.168.0.1/"],
                        ["http://172.31.0.1/"], ["http://[fd00::1]/"], ["http://[fe80::1]/"], ["--connect-to", "127.0.0.1:1", ELSEWHERE],
                        ["-B", "unix:/nowhere", ELSEWHERE]):
            t = Terminal(*options, alone=True)
            t.end(1)
            self.assertNotIn("denial-of-service", t.shown, options)

    def test_where_it_goes_counts(self):
        for options in (["--connect-to", "192.0.2.1", "http://127.0.0.1/"], ["http://172.32.0.1/"], ["http://[2001:db8::1]/"],
                        ["http://11.0.0.1/"],
                        ["http://[::ffff:192.0.2.1]/"]):
            t = Terminal(*options, alone=True, err=False)
            self.assertIn("denial-of-service", t.end(1), options)


if __name__ == "__main__":
    peers.have("unshare")
    unittest.main()
