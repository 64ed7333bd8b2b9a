#!/usr/bin/env python3
"""h2box with one allocation of each of its loops refused: it says so and ends, or goes on as if nothing had been. timeout: 120"""
import os
import re
import subprocess
import tempfile
import time
import unittest

import peers

# All of the first, when everything begins, and some of those of requests. The last is beyond what either side asks for.
REFUSED = [*range(1, 31), 33, 37, 42, 48, 55, 63, 72, 82, 93, 105, 118, 5000]


class Refusal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        cls.site = peers.make_site(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def fetch(self, port, env=None):
        """True when everything came; else one or the other side must have said so."""
        urls = ["http://127.0.0.1:%d/size-%d" % (port, n) for n in (612, 65536, 1 << 20)]
        done = subprocess.run([peers.H2BOX, "client", *urls], capture_output=True, timeout=20, env=env)
        err = done.stderr.decode(errors="replace")
        if done.returncode == 0:
            whole = len(done.stdout) == 612 + 65536 + (1 << 20)
            self.assertTrue(whole or b"503 Service Unavailable" in done.stdout, (len(done.stdout), err))
            return whole
        self.assertEqual(done.returncode, 1, err)
        self.assertIn("h2box client: ", err)
        return False

    def serve(self, env):
        """A server that listens, or that has ended."""
        server = peers.Running([peers.H2BOX, "server", "--no-tls", "-n1", "-d", self.site, "-a", "127.0.0.1", "0"], env=env)
        end = time.time() + 20
        while time.time() < end and server.process.poll() is None:
            if found := re.search(r"listen 127\.0\.0\.1:(\d+)\n", server.output):
                server.port = int(found[1])
                break
            time.sleep(0.01)
        return server

    def test_server(self):
        served, ended = 0, 0
        for n in REFUSED:
            with self.subTest(alloc=n), self.serve({"H2BOX_FAULT": "alloc=%d" % n}) as server:
                if server.port is None:
                    self.assertEqual(server.process.wait(20), 1, server.output)
                    self.assertRegex(server.output, r"(?m)^h2box server: .*(memory|threads)")
                    ended += 1
                    continue
                lost = [self.fetch(server.port) for _ in range(3)].count(False)
                # One refusal is the end of one connection at most; the last number is beyond all.
                self.assertLessEqual(lost, n < 5000)
                self.assertEqual(server.stop(), 0, server.output)
                served += 1
        self.assertGreater(served, 30)
        self.assertGreater(ended, 0)

    def test_client(self):
        came, said = 0, 0
        with peers.h2box_server(self.site) as server:
            for n in REFUSED:
                with self.subTest(alloc=n):
                    whole = self.fetch(server.port, {**os.environ, "H2BOX_FAULT": "alloc=%d" % n})
                    self.assertTrue(whole or n < 5000)
                    came += whole
                    said += not whole
        self.assertGreater(came, 0)
        self.assertGreater(said, 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
