#!/usr/bin/env python3
"""Our server with several workers while everything changes: files, connections, its own life. For ThreadSanitizer, which
hears every thread of it, and for what must hold anyway. labels: threads"""
import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import peers
from h2_client import Client

SECONDS = 3  # of load while files change: their checks are repeated once a second
WORKERS = "-n4"
NAMES = ["small-%d" % i for i in range(20)] + ["big-%d" % i for i in range(4)]


def version(name, n):
    """Content that says by its length and by each of its bytes which version it is."""
    return bytes([n % 256]) * ((200000 if name.startswith("big") else 700) + n)


def replace(path, data):
    with open(path + ".new", "wb") as f:
        f.write(data)
    os.rename(path + ".new", path)


class Background(threading.Thread):
    """Calls `turn` until it is stopped; what went wrong in it comes out of stop()."""

    def __init__(self, turn):
        super().__init__()
        self.turn, self.ending, self.why, self.turns = turn, threading.Event(), None, 0
        self.start()

    def run(self):
        try:
            while not self.ending.is_set():
                self.turn(self.turns)
                self.turns += 1
        except Exception as why:  # told in stop()
            self.why = why

    def stop(self):
        self.ending.set()
        self.join()
        if self.why:
            raise self.why
        return self.turns


def load(port, names, *options):
    return subprocess.Popen(["h2load", "-t1", *options, *["http://127.0.0.1:%d/%s" % (port, name) for name in names]],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def counts(output):
    """{"total": n, "succeeded": n, ..., "2xx": n}"""
    found = re.search(r"^requests: .*$", output, re.M)[0] + re.search(r"^status codes: .*$", output, re.M)[0]
    return {what: int(n) for n, what in re.findall(r"(\d+) (\w+)", found)}


class Churn(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="h2box-churn-")
        self.addCleanup(folder.cleanup)
        self.site = folder.name
        for name in NAMES:
            replace(os.path.join(self.site, name), version(name, 1))

    def change(self, turn):
        """New versions; files that are written in place and cut, that come and go."""
        for name in NAMES[turn % 3::3]:
            replace(os.path.join(self.site, name), version(name, turn % 250 + 1))
        with open(os.path.join(self.site, "in-place"), "wb") as f:
            f.write(bytes(300000 if turn % 2 else 3))
        fleeting = os.path.join(self.site, "fleeting")
        if turn % 2:
            replace(fleeting, b"here")
        elif os.path.exists(fleeting):
            os.remove(fleeting)
        time.sleep(0.02)

    def fetch(self, port, turn):
        """One connection, all files: each is one of its versions, whole."""
        c = Client(port)
        streams = [(name, c.get("/" + name)) for name in NAMES + ["fleeting"]]
        for name, stream in streams:
            try:
                headers, body = c.response(stream)
            except ConnectionResetError as why:
                raise AssertionError("%s: reset %s" % (name, why)) from None
            if name == "fleeting":
                self.assertIn((headers[":status"], body[:4]), [("200", b"here"), ("404", b"<htm")])
            else:
                self.assertEqual(headers[":status"], "200")
                self.assertTrue(body == version(name, body[0]), "%s: %d bytes of a mixture" % (name, len(body)))
        c.close()

    def vanish(self, port, turn):
        """A connection that asks for what is cut meanwhile, and leaves in one of three ways."""
        c = Client(port)
        c.get("/in-place")
        if turn % 3:
            c.read()
        if turn % 3 == 2:
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        c.close()

    def test_files_change_while_they_are_served(self):
        with peers.h2box_server(self.site, WORKERS) as server:
            loads = [load(server.port, NAMES, "-c30", "-m20", "-D%d" % SECONDS),
                     load(server.port, NAMES[:3], "-c100", "-m1", "-n%d" % 3000)]
            others = [Background(self.change), Background(lambda turn: self.fetch(server.port, turn)),
                      Background(lambda turn: self.vanish(server.port, turn))]
            outputs = [one.communicate(timeout=60)[0] for one in loads]
            turns = [one.stop() for one in others]
            self.assertTrue(all(turns), turns)
            for output in outputs:
                n = counts(output)
                self.assertGreater(n["2xx"], 100, output)
                self.assertEqual((n["failed"], n["errored"], n["4xx"], n["5xx"]), (0, 0, 0, 0), output)
            self.assertEqual(server.stop(), 0, server.output[-2000:])

    def test_stop_under_load(self):
        """TERM while requests come: what was begun is answered, whatever the workers were at."""
        for options in ([WORKERS], [WORKERS, "-v"], [WORKERS, "-m", "2"]):
            with peers.h2box_server(self.site, *options) as server:
                loads = [load(server.port, NAMES, "-c20", "-m10", "-D5"), load(server.port, NAMES, "-c40", "-m1", "-D5")]
                time.sleep(0.4)
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(server.process.wait(30), 0, server.output[-2000:])
                for one in loads:
                    one.terminate()
                    one.communicate(timeout=20)

    def test_cut_under_load(self):
        """The second TERM does not wait for streams that stand still."""
        with peers.h2box_server(self.site, WORKERS) as server:
            stalled = [Client(server.port, window=0) for _ in range(20)]
            for c in stalled:
                c.get("/big-0")
                c.read()
            busy = load(server.port, NAMES, "-c20", "-m10", "-D5")
            time.sleep(0.2)
            for _ in range(2):
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.1)
            self.assertEqual(server.process.wait(10), 1, server.output[-2000:])
            busy.terminate()
            busy.communicate(timeout=20)
            for c in stalled:
                c.close()

    def test_stop_at_once(self):
        """TERM as soon as it listens, with connections that have said nothing, or half a preface."""
        with contextlib.ExitStack() as at_end:
            servers = [at_end.enter_context(peers.h2box_server(self.site, WORKERS)) for _ in range(4)]
            for server in servers:
                silent = [at_end.enter_context(socket.create_connection(("127.0.0.1", server.port), 10)) for _ in range(10)]
                for s in silent[::2]:
                    s.sendall(b"PRI * HTTP/2")
                server.process.send_signal(signal.SIGTERM)
            for server in servers:
                self.assertEqual(server.process.wait(30), 0, server.output[-2000:])


if __name__ == "__main__":
    peers.have("h2load")
    unittest.main(verbosity=2)
