#!/usr/bin/env python3
"""Our client and our server on bad networks (H2BOX_FAULT), at both ends at once: every byte comes, or it is said. timeout: 120"""
import os
import subprocess
import tempfile
import unittest

import peers

# Words, and how big a body may be for the time it takes.
NETWORKS = [("sndbuf=4096,rcvbuf=4096", 1 << 20), ("eagain=30", 1 << 20), ("write=300,read=500,eagain=30", 1 << 20),
            ("sndbuf=4096,rcvbuf=4096,eagain=30,write=3000", 1 << 20), ("write=1", 16385), ("write=1,read=1,eagain=30", 612)]


def with_fault(words, seed=1):
    return {**os.environ, "H2BOX_FAULT": "%s,seed=%d" % (words, seed)}


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        cls.site = peers.make_site(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def client(self, env, *args):
        return subprocess.run([peers.H2BOX, "client", *args], capture_output=True, timeout=60, env=env)

    def same(self, done, n, what):
        self.assertEqual(done.returncode, 0, (what, done.stderr))
        self.assertEqual(peers.digest(done.stdout), peers.digest(peers.content(n)), what)

    def test_downloads(self):
        for words, n in NETWORKS:
            with peers.h2box_server(self.site, "-n1", env=with_fault(words, 99)) as server:
                for seed in (1, 2, 3):
                    done = self.client(with_fault(words, seed), "http://127.0.0.1:%d/size-%d" % (server.port, n))
                    self.same(done, n, (words, seed))
                self.assertEqual(server.stop(), 0, server.output)

    def test_uploads(self):
        """To a peer that sends them back, the only one that does; exchange.faults has both ends bad."""
        with peers.nghttpd(self.site, "--echo-upload") as server:
            for words, n in NETWORKS:
                for seed in (1, 2, 3):
                    done = self.client(with_fault(words, seed), "-d", self.site + "/size-%d" % n,
                                       "http://127.0.0.1:%d/up" % server.port)
                    self.same(done, n, (words, seed))

    def test_a_server_that_breaks_off(self):
        for n in (1, 50, 5000, 70000, 500000):
            with peers.h2box_server(self.site, "-n1", env=with_fault("reset=%d,eagain=20" % n)) as server:
                for seed in (1, 2, 3):
                    done = self.client(with_fault("eagain=20", seed), "http://127.0.0.1:%d/size-%d" % (server.port, 1 << 20))
                    self.assertEqual(done.returncode, 1, (n, seed))
                    self.assertIn(b"h2box client: ", done.stderr)
                    self.assertLess(len(done.stdout), n)
                    self.assertTrue(peers.content(1 << 20).startswith(done.stdout), (n, seed))
                self.assertEqual(server.stop(), 0, server.output)

    def test_a_client_that_breaks_off(self):
        with peers.h2box_server(self.site, "-n1") as server:
            url = "http://127.0.0.1:%d/size-%d" % (server.port, 1 << 20)
            for n in (1, 24, 50, 60, 100):
                for seed in (1, 2, 3):
                    done = self.client(with_fault("reset=%d,eagain=20" % n, seed), url)
                    self.assertEqual(done.returncode, 1, (n, seed))
                    self.assertIn(b"h2box client: ", done.stderr)
            self.same(self.client(None, url), 1 << 20, "after all those")
            self.assertEqual(server.stop(), 0, server.output)


if __name__ == "__main__":
    peers.have("nghttpd")
    unittest.main(verbosity=2)
