#!/usr/bin/env python3
"""Nothing is left behind: tracemalloc and RSS over a million header blocks, over connections and servers; counts of references under
Debian's debug interpreter (python3-dbg)."""
import support
import gc
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tracemalloc
import unittest

import h2box
from h2box import Connection, Deflater, Inflater

BLOCKS = 100000 if support.SLOW else 1000000
GET = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"example.org"), (b":path", b"/")]


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def blocks(n, deflater=None, inflater=None):
    """Header blocks that differ, through an encoder and a decoder."""
    deflater, inflater = deflater or Deflater(), inflater or Inflater()
    deflate, inflate = deflater.deflate, inflater.inflate
    for i in range(n):
        inflate(deflate([*GET, (b"x-number", b"%d" % (i % 1000))]))


def broken_blocks(n):
    rnd = random.Random(5)
    for _ in range(n):
        try:
            Inflater().inflate(rnd.randbytes(30))
        except h2box.HPACKError:
            pass
        try:
            Deflater().deflate([("a", "b"), ("c", None)])
        except TypeError:
            pass


def exchange(n, seed=None):
    """Connections that do a bit of everything, and die in the middle of it."""
    for i in range(n):
        talk = support.Talk(Connection(), Connection(False), seed)
        talk.client.send_headers(1, [*GET, ("X-Mixed", "case")], end_stream=True)
        talk.run()
        talk.server.send_headers(1, [(":status", "103")])
        talk.server.push_stream(1, None, GET)
        talk.server.send_message(2, [(":status", "200")], b"pushed")
        talk.server.send_headers(1, [(":status", "200")])
        talk.server.send_data(1, bytes(200000))
        talk.server.send_headers(1, [("a", "b")], end_stream=True)
        talk.client.ping(b"12345678")
        talk.run()
        try:
            talk.client.receive_data(b"\0" * 100)
        except h2box.H2Error:
            pass
        if i % 2:
            talk.client.receive_eof()


def http1(n):
    for _ in range(n):
        server = Connection(False)
        server.receive_data(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabcGET / HTTP/1.1\r\nhost: a\r\n\r\n" * 3)
        server.send_message(1, [(":status", "200")], b"x" * 5000)
        server.data_to_send()
        server.receive_data(b"")


def sockets(n):
    """WebSockets: messages, whole and in parts, and faults."""
    for i in range(n):
        channel = h2box.WebSocket()
        try:
            channel.receive_data(b"\x81\x82abcd\x09\x0b\x01\x80abcd\x80\xfe\x13\x88abcd" + bytes(b"abcd") * 1250)
            channel.receive_data(b"\x89\x81abcd!" + (b"\x88\x80abcd" if i % 2 else b"\x81\x81abcd\xff"))
        except h2box.ProtocolError:
            pass
        channel.send_message("text"), channel.send_message(b"bytes" * 100), channel.ping(b"x"), channel.close(1000, "bye")
        for wrong in (lambda: channel.send_message(5), lambda: channel.send_message("late"), lambda: channel.close(1)):
            try:
                wrong()
            except (TypeError, ValueError, h2box.CallError):
                pass


class Memory(unittest.TestCase):
    def steady(self, work, n):
        """What Python has allocated after many rounds is what it had after some."""
        work(n // 10 or 1)
        gc.collect()
        tracemalloc.start()
        try:
            work(n // 10 or 1)
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            work(n)
            gc.collect()
            return tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()

    def test_traced(self):
        for work, n in ((blocks, 20000), (broken_blocks, 2000), (exchange, 100), (http1, 300), (sockets, 500)):
            with self.subTest(work=work.__name__):
                self.assertLess(self.steady(work, n), 4000)

    def test_a_million_blocks(self):
        deflater, inflater = Deflater(), Inflater()
        blocks(BLOCKS // 20, deflater, inflater)
        before = resident()
        blocks(BLOCKS, deflater, inflater)
        self.assertLess(resident() - before, (16 << 20) if support.SLOW else (4 << 20))

    def test_connections_are_given_back(self):
        exchange(100)
        before = resident()
        exchange(300 if support.SLOW else 2000)
        self.assertLess(resident() - before, (32 << 20) if support.SLOW else (8 << 20))  # the sanitizer keeps what is freed for a while


class References(unittest.TestCase):
    def test_objects_that_were_given(self):
        """Each object that a call was given is held as often as before."""
        name, value, body, headers = b"n" * 50, b"v" * 50, b"b" * 50000, []
        headers += [*GET, (name, value)]
        before = [sys.getrefcount(o) for o in (name, value, body, headers, GET[0], None, True)]
        for _ in range(50):
            talk = support.Talk(Connection(), Connection(False), 1)
            talk.client.send_message(1, headers, body)
            Inflater().inflate(Deflater().deflate(headers))
            talk.run()
            for call in (lambda: talk.client.send_data(1, body), lambda: talk.client.send_message(3, headers + [(1, 2)], body),
                         lambda: talk.client.send_message(9, headers, body), lambda: talk.server.send_message(1, headers, body)):
                try:
                    call()
                except (h2box.H2Error, TypeError):
                    pass
            del talk, call
        gc.collect()
        after = [sys.getrefcount(o) for o in (name, value, body, headers, GET[0], None, True)]
        self.assertEqual(before[:5], after[:5])
        self.assertLess(max(a - b for a, b in zip(after, before)), 20)

    def test_debug_interpreter(self):
        """python3-dbg counts all references there are, and checks objects as they go. The extension is compiled for it, since one
        that is not takes references uncounted."""
        if not shutil.which("python3-dbg") or not shutil.which("gcc"):
            self.skipTest("python3-dbg or gcc is not installed")
        if support.SLOW:
            self.skipTest("it is run where there are no sanitizers (./dev test: release)")
        include = subprocess.run(["python3-dbg-config", "--includes"], capture_output=True, text=True, check=True).stdout.split()
        sources = [f for part in ("core", "python/ext") for f in sorted(glob.glob(os.path.join(support.ROOT, part, "*.c")))]
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(os.path.join(support.ROOT, "python", "h2box"), folder + "/h2box")
            subprocess.run(["gcc", "-std=c17", "-O0", "-shared", "-fPIC", "-fvisibility=hidden", "-I" + support.ROOT, *include, *sources,
                            "-o",
                            folder + "/h2box/_core.abi3.so"], check=True, timeout=120)
            done = subprocess.run(["python3-dbg", "-B", os.path.abspath(__file__), "counts"], capture_output=True, text=True, timeout=120,
                                  env={**os.environ, "H2BOX_PYTHON": folder})
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertEqual(done.stdout.count("steady"), 5)


def counts():
    """Under the debug interpreter: references after many rounds and after few."""
    for work, n in ((blocks, 300), (broken_blocks, 300), (exchange, 10), (http1, 50), (sockets, 50)):
        found = []
        for _ in range(4):
            work(n)
            gc.collect()
            found.append(sys.gettotalrefcount())
        grown = found[3] - found[2], found[2] - found[1]
        assert min(grown) <= 5, (work.__name__, grown)
        print(work.__name__, "steady", grown)


if sys.argv[1:] == ["counts"]:
    counts()
else:
    support.main()
