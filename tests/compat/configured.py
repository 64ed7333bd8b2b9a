"""A proxy of ours that lives by its configuration file. Not a test itself."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import peers


def wait_for(what, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        got = what()
        if got:
            return got
        time.sleep(0.02)
    raise AssertionError("it does not come: %s" % what)


def text_of(path):
    with contextlib.suppress(OSError), open(path) as f:
        return f.read()
    return ""


class Configured(peers.Running):
    """`h2box proxy --conf FILE`; lines of the file may name {port}, a port that is free."""

    def __init__(self, lines, *options, name=None):
        self.folder = tempfile.TemporaryDirectory(prefix="h2box-configured-")
        self.conf = self.folder.name + "/proxy.conf"
        port = peers.free_port()
        self.own = port
        self.write(lines)
        super().__init__([*([name] if name else [peers.H2BOX, "proxy"]), "--conf", self.conf, *options], port)

    def write(self, lines):
        with open(self.conf + ".new", "w") as f:
            f.write("\n".join(lines).replace("{port}", str(self.own)) + "\n")
        os.rename(self.conf + ".new", self.conf)

    def said(self, pattern, seconds=20):
        """Waits until that is in what it printed."""
        try:
            return wait_for(lambda: re.search(pattern, self.output), seconds)
        except AssertionError as e:
            raise AssertionError("%r is not in %s" % (pattern, self.output)) from e

    def reload(self, lines, pattern=None):
        before = len(self.output)
        self.write(lines)
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: re.search(pattern or r"read again", self.output[before:]))

    def url(self, path="/", scheme="http"):
        return "%s://127.0.0.1:%d%s" % (scheme, self.own, path)

    def __exit__(self, *_):
        code = self.stop() if self.process.poll() is None else 0
        said = self.output
        self.log.close()
        self.folder.cleanup()
        assert code == 0, (code, said)


def load(url, *words):
    """A load in the background: finish() tells its figures."""
    return subprocess.Popen([peers.H2BOX, "load", *words, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def frontend(*params):
    return "frontend=127.0.0.1,{port}" + "".join(";" + p for p in params)


CLEAR = frontend("no-tls")


def backend_line(port, rest=""):
    return "backend=127.0.0.1,%d%s" % (port, rest)


def can_connect(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    return False


class Life(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-life-")
        cls.sites = []
        for name in "one", "two":
            site = peers.make_site(os.path.join(cls.folder.name, name))
            with open(site + "/name", "w") as f:
                f.write(name)
            cls.sites.append(peers.h2box_server(site, "-n1"))
        cls.one, cls.two = (server.port for server in cls.sites)

    @classmethod
    def tearDownClass(cls):
        for server in cls.sites:
            server.__exit__()
        cls.folder.cleanup()

    def start(self, *lines, options=(), name=None):
        clear = [] if any(line.startswith("frontend") for line in lines) else [CLEAR]
        proxy = Configured([*clear, *lines], *options, name=name)
        self.addCleanup(proxy.__exit__)
        return proxy
