"""What the tests of our server have in common: a folder that it serves, and curl. Not a test itself."""
import email
import os
import subprocess
import tempfile
import unittest

import peers

TEXT = "".join("line %d of a text that a content coding makes smaller\n" % i for i in range(2000))


def write(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


def old_name(folder):
    """Our program under the name of its predecessor."""
    path = folder + "/bin/nghttpd"
    os.makedirs(folder + "/bin", exist_ok=True)
    os.symlink(os.path.abspath(peers.H2BOX), path)
    return path


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.site = folder.name + "/site"
        os.makedirs(self.site)

    def serve(self, *options, **more):
        server = peers.h2box_server(self.site, *options, **more)
        self.addCleanup(server.__exit__)
        self.base = "http://127.0.0.1:%d" % server.port
        self.port = server.port
        return server

    def curl(self, path, *options, code=0):
        """(status, fields as a message, content), by HTTP/2."""
        with tempfile.NamedTemporaryFile() as head:
            done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--path-as-is", "-D", head.name, *options,
                                   self.base + path], capture_output=True, timeout=60)
            self.assertEqual(done.returncode, code, done.stderr)
            blocks = [b for b in head.read().decode().split("\r\n\r\n") if b]
        first, _, rest = blocks[-1].partition("\r\n")
        return int(first.split()[1]), email.message_from_string(rest), done.stdout
