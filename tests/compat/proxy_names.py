#!/usr/bin/env python3
"""A forward proxy whose name server answers for some names and not for others. The name server is ours, and /etc/resolv.conf
that of the proxy's own mount namespace."""
import os
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from configured import wait_for
from proxying import Proxy
from scripted import Server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
INTO = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


def may_unshare():
    done = subprocess.run(["unshare", "-m", "mount", "--bind", "/etc/hostname", "/etc/resolv.conf"], capture_output=True, timeout=60)
    return done.returncode == 0


class NameServer:
    """127.0.0.1 for names that begin with "good", and not a word of others."""

    def __init__(self):
        self.asked, self.address = [], "127.53.%d.%d" % (os.getpid() >> 8 & 255, os.getpid() & 255)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((self.address, 53))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            query, client = self.sock.recvfrom(512)
            if not query:
                return
            name = query[13:13 + query[12]]
            end = query.index(0, 12) + 5
            self.asked.append(query[12:end - 5])
            if name.startswith(b"good"):
                is_a = query[end - 4:end - 2] == b"\0\1"
                answer = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1" if is_a else b""
                self.sock.sendto(query[:2] + b"\x81\x80\0\1\0" + bytes([is_a]) + bytes(4) + query[12:end] + answer, client)

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", (self.address, 53))
        self.thread.join()
        self.sock.close()


@unittest.skipUnless(shutil.which("unshare") and may_unshare(), "may not mount a resolv.conf of its own: only root may")
class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.names = NameServer()
        cls.conf = tempfile.NamedTemporaryFile("w", prefix="h2box-resolv-")
        cls.conf.write("nameserver %s\noptions timeout:20\n" % cls.names.address)  # and twice, by default
        cls.conf.flush()
        cls.origin = Server(lambda peer: (peer.head(), peer.send(OK)))

    @classmethod
    def tearDownClass(cls):
        cls.origin.__exit__()
        cls.names.stop()
        cls.conf.close()

    def start(self, *words):
        proxy = Proxy("-n1", "-s", *words, before=["unshare", "-m", "sh", "-c", INTO, self.conf.name])
        self.addCleanup(proxy.__exit__)
        return proxy

    def ask(self, proxy, host, source="127.0.0.1"):
        """A connection on which a GET for the host is under way."""
        s = socket.create_connection(("127.0.0.1", proxy.port), 60, source_address=(source, 0))
        self.addCleanup(s.close)
        s.sendall(b"GET http://%s:%d/ HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (host, self.origin.port, host))
        return s

    def answer(self, s):
        got = b""
        while piece := s.recv(65536):
            got += piece
        return int(got.split(b" ", 2)[1])

    def test_a_limit(self):
        """Two tries, the second with twice the time: no answer in 600 ms."""
        proxy, begun = self.start("--dns-lookup-timeout=200ms", "--dns-max-try=2"), time.monotonic()
        self.assertEqual(self.answer(self.ask(proxy, b"limit.example")), 502)
        self.assertGreaterEqual(time.monotonic() - begun, 0.6)
        wait_for(lambda: "502: the name servers do not answer in time (GET http://limit.example" in proxy.output)
        self.assertGreaterEqual(sum(b"limit" in name for name in self.names.asked), 3)  # A and AAAA, and again
        self.assertEqual(self.answer(self.ask(proxy, b"good.example")), 200)

    def test_names_that_nobody_answers_for(self):
        """Who asks for many of them waits; others do not, nor he himself for what needs no name server."""
        proxy = self.start()
        waiting = [self.ask(proxy, b"silent%d.example" % i) for i in range(8 + 64)]
        wait_for(lambda: sum(b"silent" in name for name in self.names.asked) >= 8)
        # One of 256 networks shares the line of that client: two of three do not.
        others = [self.ask(proxy, b"good%d.example" % i, "127.0.0.%d" % (2 + i)) for i in range(3)]
        wait_for(lambda: len(select.select(others, [], [], 0)[0]) >= 2)
        for s in select.select(others, [], [], 0)[0]:
            self.assertEqual(self.answer(s), 200)
        self.assertEqual(self.answer(self.ask(proxy, b"127.0.0.1")), 200)
        self.assertEqual(self.answer(self.ask(proxy, b"another.example")), 503)
        wait_for(lambda: "(GET http://another.example" in proxy.output)
        self.assertEqual(select.select(waiting, [], [], 0)[0], [])


if __name__ == "__main__":
    unittest.main()
