#!/usr/bin/env python3
"""The proxy on bad networks on both sides (H2BOX_FAULT): every byte passes, or its loss is told. timeout: 60"""
import os
import tempfile
import unittest

import peers
from backends import Watched
from faults import NETWORKS
from proxying import PROTOS, VERSIONS, backend, curl


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        cls.site = peers.make_site(cls.folder.name)
        cls.server = peers.h2box_server(cls.site, "-n1", "--echo-upload")

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.folder.cleanup()

    def proxies(self, words):
        """A proxy with that network, to backends of either version."""
        os.environ["H2BOX_FAULT"] = words + ",seed=5"
        try:
            return [Watched(backend(self.server.port, "", *params)) for params in PROTOS.values()]
        finally:
            del os.environ["H2BOX_FAULT"]

    def test_all_of_it(self):
        for words, n in NETWORKS:
            for proxy in self.proxies(words):
                with proxy:
                    for version, how in VERSIONS.items():
                        with self.subTest(words, version=version):
                            self.assertEqual(curl(*how, proxy.url("/size-%d" % n)), peers.content(n))
                            # Each byte that is written alone comes back as a frame of its own, and of those LIMIT_SMALL_BURST are
                            # too many.
                            sent = peers.content(min(n, 6000) if "write=1," in words + "," else n)
                            self.assertEqual(curl(*how, "-H", "Expect:", "--data-binary", "@-", proxy.url("/"), stdin=sent), sent)

    def test_breaks(self):
        """Either side breaks off after so many bytes: nobody takes for whole what is not."""
        whole = peers.content(1 << 20)
        for after in (50, 500, 5000, 70000, 500000):
            for proxy in self.proxies("reset=%d,eagain=20" % after):
                with proxy:
                    for version, how in VERSIONS.items():
                        with self.subTest(after, version=version):
                            got = curl(*how, "-w", "%{stderr}%{http_code} %{exitcode}", proxy.url("/size-%d" % (1 << 20)), code=None)
                            self.assertNotEqual(len(got), len(whole))
                            self.assertTrue(whole.startswith(got) or b"50" in got[:200], got[:200])


if __name__ == "__main__":
    unittest.main()
