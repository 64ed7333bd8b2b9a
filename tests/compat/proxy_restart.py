#!/usr/bin/env python3
"""10,000 requests while their backend is killed and started again: each is answered, and what fails is 502 or 503. timeout: 60"""
import collections
import re
import signal
import subprocess
import tempfile
import time
import unittest

import peers
from backends import ASK, OK, Watched, read_request
from proxying import PROTOS, VERSIONS, backend
from scripted import Server, response

REQUESTS, CLIENTS, SECONDS = 2500, 5, 5


def load(proxy, version):
    how = ["--h1"] if version == "h1" else []
    return subprocess.Popen([peers.H2BOX, "load", "-n%d" % REQUESTS, "-c%d" % CLIENTS, "--rps=%d" % (REQUESTS // CLIENTS // SECONDS), *how,
                             proxy.url("/size-612")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Restart(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="h2box-restart-")
        self.addCleanup(folder.cleanup)
        self.site, self.port = peers.make_site(folder.name + "/site"), peers.free_port()
        self.folder = folder.name

    def serve(self):
        return peers.h2box_server(self.site, "-n1", port=self.port)

    def test_kills(self):
        """Each pair of versions has a quarter of them."""
        server = self.serve()
        proxies = {name: Watched(backend(self.port, "", *params), "--backend-max-backoff=200ms",
                                 "--accesslog-file=%s/%s" % (self.folder, name),
                                 "--accesslog-format=$status") for name, params in PROTOS.items()}
        loads = [load(proxy, version) for proxy in proxies.values() for version in VERSIONS]
        for _ in range(3):
            time.sleep(0.8)
            server.stop(signal.SIGKILL)
            server.log.close()
            time.sleep(0.4)
            server = self.serve()
        for done in loads:
            out = done.communicate(timeout=50)[0]
            self.assertEqual(done.returncode, 0, out)
            total, answered, good, failed = (int(re.search(r"(\d+) %s[,\n]" % word, out)[1]) for word
                                             in ("total", "done", "succeeded", "failed"))
            self.assertEqual((total, answered, good + failed), (REQUESTS,) * 3, out)
            self.assertIn(" 0 errored, 0 timeout", out)
            self.assertGreater(good, REQUESTS // 10, out)
        for name, proxy in proxies.items():
            for ask in ASK.values():
                self.assertEqual(ask(proxy.port, path="/size-612").body, peers.content(612))
            proxy.__exit__(None)
            with open("%s/%s" % (self.folder, name)) as f:
                statuses = collections.Counter(f.read().split())
            self.assertEqual(sum(statuses.values()), 2 * REQUESTS + 2)
            self.assertLessEqual(set(statuses), {"200", "502", "503"})
            self.assertGreater(statuses["502"] + statuses["503"], 0)
            print("%s: %s" % (name, dict(statuses)))
        server.__exit__()

    def log(self, proxy, pattern, seconds=20):
        """Waits until the error log has it."""
        end = time.time() + seconds
        while not (found := re.search(pattern, proxy.output)):
            self.assertLess(time.time(), end, proxy.output)
            time.sleep(0.05)
        return found

    def test_backoff(self):
        """It is left alone for longer each time, up to a limit, and is tried again then."""
        with Watched(backend(self.port), "--backend-max-backoff=400ms") as proxy:
            self.assertEqual(ASK["h1"](proxy.port).status, 502)
            self.log(proxy, r"WARN .*Could not connect 1 times in a row; sleep for 0\.\d+ seconds")
            begun = time.time()
            while "connect 2 times" not in proxy.output:
                self.assertEqual(ASK["h1"](proxy.port).status, 502)
                self.assertLess(time.time(), begun + 20, proxy.output)
                time.sleep(0.02)
            self.assertGreater(time.time() - begun, 0.25)
            with self.serve():
                begun = time.time()
                while ASK["h1"](proxy.port, path="/size-1").status != 200:
                    self.assertLess(time.time(), begun + 20, proxy.output)
                    time.sleep(0.02)

    def test_reasons(self):
        """What a client is told of a backend that fails, the log explains."""
        def play(peer):
            r = read_request(peer)
            peer.send(b"junk\r\n\r\n" if r.target == "/junk" else b"")
            if r.target == "/late":
                peer.wait()
        with Server(play) as server, Watched(backend(server.port, "", "read-timeout=500ms")) as proxy:
            for path, status in (("/late", 504), ("/junk", 502), ("/gone", 502)):
                self.assertEqual(ASK["h1"](proxy.port, path=path).status, status)
                self.log(proxy, r"WARN .*%d: .*, backend 127\.0\.0\.1 \(GET %s\)" % (status, path))

    def test_slow_pages(self):
        """Whoever asks for them takes no backend out of service, whatever version it speaks; nghttpx 1.52 counts them neither."""
        def h1(peer):
            while True:
                r = read_request(peer)
                if r.target == "/fast":
                    peer.send(OK)

        def h2(peer):
            peer.begin()
            while True:
                stream = peer.request()
                if stream[":path"] == "/fast":
                    peer.send(response(stream.stream, body=b"ok\n"))
        ours, theirs = {}, {"name": "nghttpx", "conf": "/dev/null"}
        for more in (ours, theirs) if peers.installed("nghttpx") else (ours,):
            for play, params in (h1, ()), (h2, ("proto=h2",)):
                with self.subTest(params=params, **more), Server(play) as server:
                    with Watched(backend(server.port, "", "fall=1", *params), "--backend-read-timeout=300ms", **more) as proxy:
                        for _ in range(3):
                            self.assertIn(ASK["h1"](proxy.port, path="/slow").status, (502, 504) if more else (504,))
                        self.assertEqual(ASK["h1"](proxy.port, path="/fast").status, 200)
                        self.assertNotRegex(proxy.output, "is out|offline")

    def test_fall_and_rise(self):
        """Out after so many failures, in again by itself after so many connections, and another takes its requests meanwhile."""
        with self.serve() as other:
            down = peers.free_port()
            with Watched(backend(down, "", "fall=2", "rise=2"), backend(other.port), "--backend-max-backoff=200ms") as proxy:
                begun = time.time()
                while "is out" not in proxy.output:
                    self.assertEqual(ASK["h1"](proxy.port, path="/size-1").status, 200)
                    self.assertLess(time.time(), begun + 20, proxy.output)
                    time.sleep(0.02)
                self.log(proxy, r"WARN .*Backend 127\.0\.0\.1:%d failed 2 times in a row and is out" % down)
                self.port = down
                with self.serve():
                    self.log(proxy, r"NOTICE .*Backend 127\.0\.0\.1:%d took 2 connections in a row and is in" % down)
                    for _ in range(4):
                        self.assertEqual(ASK["h1"](proxy.port, path="/size-1").status, 200)


if __name__ == "__main__":
    unittest.main()
