#!/usr/bin/env python3
"""The two examples of the 2014 README, as they stand in examples/ but for the server's port; what docs/python.md shows.  labels: fast"""
import support
import doctest
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import peers


def example(name):
    with open(os.path.join(support.HERE, "examples", name)) as f:
        return f.read()


class Examples(unittest.TestCase):
    def test_hpack(self):
        done = subprocess.run([sys.executable, "-B", "-c", example("hpack.py")], capture_output=True, text=True, timeout=60,
                              env=support.python_environment())
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout, "b'408294e703626172400362617a0362757a'\n[(b'foo', b'bar'), (b'baz', b'buz')]\n")

    def test_server(self):
        peers.have("curl", "nghttp", "openssl")
        identity, port = peers.Identity(), peers.free_port()
        self.addCleanup(identity.folder.cleanup)
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(identity.cert, folder + "/server.crt")
            shutil.copy(identity.key, folder + "/server.key")
            text = example("server.py")
            self.assertEqual(text.count("8443"), 1)
            command = [sys.executable, "-B", "-W", "ignore::DeprecationWarning", "-c", text.replace("8443", str(port))]
            with peers.Running(command, port, env=support.python_environment(), cwd=folder) as server:
                url = "https://127.0.0.1:%d/" % port
                for version, words in (("--http2", b"HTTP/2 200"), ("--http1.1", b"HTTP/1.1 200 OK")):
                    got = subprocess.run(["curl", "-ski", version, url], capture_output=True, timeout=60).stdout
                    self.assertTrue(got.startswith(words), got)
                    self.assertIn(b"content-type: text/plain", got)
                    self.assertTrue(got.endswith(b"nghttp2-python FTW"), got)
                talk = subprocess.run(["nghttp", "-nv", url], capture_output=True, text=True, timeout=60).stdout
                for words in (":path: /css/bootstrap.css", ":path: /js/bootstrap.js", "recv PUSH_PROMISE frame",
                              "recv DATA frame <length=3,", "recv DATA frame <length=10,", "recv DATA frame <length=18,"):
                    self.assertIn(words, talk)
                self.assertEqual(server.stop(), 0, server.output)
                self.assertEqual(server.output, "")

    def test_docs(self):
        """What stands behind >>> in docs/python.md comes out as shown."""
        failed, tried = doctest.testfile(os.path.join(support.ROOT, "docs", "python.md"), module_relative=False)
        self.assertEqual(failed, 0)
        self.assertGreater(tried, 10)


support.main()
