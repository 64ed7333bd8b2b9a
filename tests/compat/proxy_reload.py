#!/usr/bin/env python3
"""`h2box proxy` reads its configuration again: under load, with other backends, certificates and frontends, and a bad one. timeout: 120
labels: threads"""
import contextlib
import http.client
import os
import shutil
import signal
import socket
import ssl
import threading
import time
import unittest

import peers
from configured import CLEAR, Life, backend_line, can_connect, frontend, load, wait_for
from proxying import curl
from scripted import Server


class Reloads(Life):
    def test_other_backends(self):
        proxy = self.start(backend_line(self.one))
        self.assertEqual(curl(proxy.url("/name")), b"one")
        proxy.reload([CLEAR, backend_line(self.two)])
        self.assertEqual(curl(proxy.url("/name")), b"two")
        with socket.create_connection(("127.0.0.1", proxy.own), 20) as s:  # a connection of before is told the new, too
            s.sendall(b"GET /name HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertIn(b"200 OK", s.recv(4096))
            proxy.reload([CLEAR, backend_line(self.one)])
            s.sendall(b"GET /name HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            got = b""
            while more := s.recv(4096):
                got += more
        self.assertTrue(got.endswith(b"one"), got)

    def test_rates_of_a_worker(self):
        """A client of before gets them, too, and is free again."""
        before = [CLEAR, backend_line(self.one), "workers=1"]
        proxy = self.start(*before[1:])
        client = http.client.HTTPConnection("127.0.0.1", proxy.own, timeout=20)
        self.addCleanup(client.close)

        def took(meanwhile=lambda: None):
            begin = time.time()
            client.request("GET", "/size-65536")
            meanwhile()
            self.assertEqual(client.getresponse().read(), peers.content(65536))
            return time.time() - begin
        took()
        proxy.reload([*before, "worker-write-rate=100K", "worker-write-burst=8K"])
        self.assertGreater(took(), 0.5)
        proxy.reload([*before, "worker-write-rate=1K", "worker-write-burst=1K"])
        took(lambda: proxy.reload(before))  # else it would take a minute

    def test_none_is_lost_under_load(self):
        for words in ["-m8"], ["--h1"]:
            for params in "", ";;proto=h2":
                with self.subTest("%s %s" % (words, params)):
                    proxy = self.start("workers=2", backend_line(self.one, params))
                    run = load(proxy.url("/size-612"), "-n", "2000", "-c", "8", *words)
                    for i in range(4):
                        proxy.reload(["workers=2", CLEAR, backend_line((self.two, self.one)[i % 2], params)])
                    out, _ = run.communicate(timeout=100)
                    self.assertRegex(out, r"2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored", out + proxy.output)

    def test_one_that_is_sent_again(self):
        """Its kept connection ends after the reload: it goes to where the new configuration says."""
        arrived, reloaded = threading.Event(), threading.Event()

        def play(peer):
            with contextlib.suppress(EOFError):
                peer.head()
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")
                peer.head()
                arrived.set()
                reloaded.wait(20)
        with Server(play) as server:
            proxy = self.start(backend_line(server.port), "workers=1")
            self.assertEqual(curl(proxy.url("/name")), b"old")
            got = []
            second = threading.Thread(target=lambda: got.append(curl(proxy.url("/name"))))
            second.start()
            self.assertTrue(arrived.wait(20))
            proxy.reload([CLEAR, "workers=1", backend_line(self.two)])
            self.assertEqual(curl(proxy.url("/name")), b"two")  # the worker has it
            reloaded.set()
            second.join()
        self.assertEqual(got, [b"two"])

    def test_from_the_clear_to_tls(self):
        identity = peers.Identity()
        proxy = self.start(backend_line(self.one))
        keys = ["private-key-file=" + identity.key, "certificate-file=" + identity.cert]
        self.assertEqual(curl(proxy.url("/name")), b"one")
        proxy.reload([frontend(), backend_line(self.one), *keys])
        wait_for(lambda: curl(proxy.url("/name", "https"), code=None) == b"one")
        proxy.reload([CLEAR, backend_line(self.one)])
        wait_for(lambda: curl(proxy.url("/name"), code=None) == b"one")

    def test_a_bad_file(self):
        proxy = self.start(backend_line(self.one))
        proxy.reload([CLEAR, "no-such-thing=1"], r"stays as it is \(revision 1\)")
        self.assertRegex(proxy.output, r"proxy\.conf:2: .*no-such-thing")
        proxy.reload([CLEAR, "backend=127.0.0.1"], r"stays as it is")
        proxy.reload([frontend(), backend_line(self.one)], r"stays as it is")  # there is no certificate
        self.assertEqual(curl(proxy.url("/name")), b"one")
        proxy.reload([CLEAR, backend_line(self.two)], r"revision 2")
        self.assertEqual(curl(proxy.url("/name")), b"two")

    def test_frontends_come_and_go(self):
        proxy = self.start(backend_line(self.one))
        other = peers.free_port()
        more = "frontend=127.0.0.1,%d;no-tls" % other
        proxy.reload([CLEAR, more, backend_line(self.one)])
        wait_for(lambda: can_connect(other))
        self.assertEqual(curl("http://127.0.0.1:%d/name" % other), b"one")
        proxy.reload([more, backend_line(self.one)])
        wait_for(lambda: not can_connect(proxy.own))
        self.assertEqual(curl("http://127.0.0.1:%d/name" % other), b"one")

    def test_a_frontend_that_cannot_be(self):
        proxy = self.start(backend_line(self.one))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            line = "frontend=127.0.0.1,%d;no-tls" % taken.getsockname()[1]
            proxy.reload([CLEAR, line, backend_line(self.two)], r"in use(?s:.*)stays as it is")
        self.assertEqual(curl(proxy.url("/name")), b"one")

    def test_certificates(self):
        first, second = peers.Identity(), peers.Identity()
        lines = [frontend(), backend_line(self.one), "private-key-file=%s" % first.key, "certificate-file=%s" % first.cert]
        proxy = self.start(*lines)

        def shown():
            return ssl.get_server_certificate(("127.0.0.1", proxy.own)).strip()
        with open(first.cert) as a, open(second.cert) as b:
            before, after = a.read().strip(), b.read().strip()
        self.assertEqual(shown(), before)
        shutil.copy(second.key, first.key)
        shutil.copy(second.cert, first.cert)
        proxy.reload(lines)
        self.assertEqual(shown(), after)
        with open(first.key, "w") as f:
            f.write("no key\n")
        proxy.reload(lines, r"stays as it is")
        self.assertEqual(shown(), after)
        self.assertEqual(curl("-k", proxy.url("/name", "https")), b"one")

    def test_the_access_log_moves(self):
        """Every line of the load is in one of the files, whole; one that cannot be opened changes nothing."""
        logs = [self.folder.name + "/access-%d" % i for i in range(3)]
        lines = [CLEAR, "workers=2", "accesslog-format=$status $path"]
        proxy = self.start(*lines, backend_line(self.one), "accesslog-file=" + logs[0])
        run = load(proxy.url("/size-612"), "-n", "2000", "-c", "8", "-m8")
        for i in range(1, 7):
            proxy.reload([*lines, backend_line((self.one, self.two)[i % 2]), "accesslog-file=" + logs[i % 3]])
        out, _ = run.communicate(timeout=100)
        self.assertIn("2000 succeeded", out)
        proxy.reload([*lines, backend_line(self.two), "accesslog-file=" + self.folder.name],
                     r"accesslog-file .*: Is a directory(?s:.*)stays as it is")
        proxy.reload([*lines, backend_line(self.two), "accesslog-file=" + logs[0], "errorlog-file=" + self.folder.name],
                     r"errorlog-file .*: Is a directory(?s:.*)stays as it is")
        self.assertEqual(curl(proxy.url("/name")), b"one")
        proxy.reload([*lines, backend_line(self.two)])
        self.assertEqual(curl(proxy.url("/name")), b"two")  # not logged
        self.assertEqual(proxy.stop(), 0)
        got = []
        for path in logs:
            with open(path) as f:
                got += f.read().splitlines()
        self.assertEqual(sorted(got), ["200 /name"] + ["200 /size-612"] * 2000)

    def test_includes(self):
        proxy = self.start(backend_line(self.one))
        more = proxy.folder.name + "/more.conf"
        with open(more, "w") as f:
            f.write("server-name=included\n")
        proxy.reload(["include=" + more, CLEAR, backend_line(self.one)])
        self.assertIn(b"server: included", curl("-i", proxy.url("/name")).lower())


class Workers(Life):
    def threads(self, proxy, n):
        """Waits until it has n."""
        wait_for(lambda: len(os.listdir("/proc/%d/task" % proxy.process.pid)) == n)

    def change(self, proxy, n, *lines):
        proxy.reload([*(lines or [CLEAR]), "workers=%d" % n, backend_line(self.one)])

    def start_with(self, n):
        proxy = self.start("workers=%d" % n, backend_line(self.one))
        proxy.said("listen on")  # by all
        curl(proxy.url("/name"))
        return proxy, len(os.listdir("/proc/%d/task" % proxy.process.pid)) - n

    ASK = b"GET /name HTTP/1.1\r\nHost: a\r\n\r\n"

    def connections(self, proxy, n):
        """So many, each of which has had an answer, of any worker."""
        proxy.said("listen on")
        held = [socket.create_connection(("127.0.0.1", proxy.own), 20) for _ in range(n)]
        for s in held:
            s.sendall(self.ASK)
            self.assertIn(b" 200 ", s.recv(4096))
        return held

    def test_they_come_and_go_under_load(self):
        for words in ["-m8"], ["--h1"]:
            with self.subTest(words):
                proxy, others = self.start_with(2)
                run = load(proxy.url("/size-612"), "-n", "3000", "-c", "12", *words)
                for n in 4, 1, 3, 7, 2:
                    self.change(proxy, n)
                    proxy.said(r"workers: %d, before" % n)
                out, _ = run.communicate(timeout=100)
                self.assertRegex(out, r"3000 total, 3000 started, 3000 done, 3000 succeeded, 0 failed, 0 errored", out + proxy.output)
                self.threads(proxy, 2 + others)
                self.assertEqual(curl(proxy.url("/name")), b"one")

    def test_connections_of_those_that_leave(self):
        """Each has one more answer, of the new configuration, and is told that it is the last one."""
        proxy, others = self.start_with(4)
        held = self.connections(proxy, 12) + [socket.create_connection(("127.0.0.1", proxy.own), 20) for _ in range(12)]
        proxy.reload([CLEAR, "workers=1", backend_line(self.two), "server-name=after"])
        proxy.said(r"workers: 1, before 4")
        last = 0
        for s in held:
            s.sendall(self.ASK)
            got = s.recv(4096).lower()
            while not got.endswith(b"two"):
                more = s.recv(4096)
                self.assertTrue(more, got)
                got += more
            last += b"connection: close" in got
            self.assertIn(b"server: after", got)
        self.assertGreater(last, 0)
        self.threads(proxy, 1 + others)
        for s in held:
            s.close()

    def test_handshakes_under_way(self):
        identity = peers.Identity()
        lines = [frontend(), "private-key-file=" + identity.key, "certificate-file=" + identity.cert]
        proxy = self.start(*lines, "workers=3", backend_line(self.one))
        held = [socket.create_connection(("127.0.0.1", proxy.own), 20) for _ in range(12)]
        self.change(proxy, 2, *lines)
        self.change(proxy, 1, *lines)
        trust = ssl.create_default_context(cafile=identity.cert)
        trust.check_hostname = False
        for s in held:
            with trust.wrap_socket(s) as tls:
                tls.sendall(b"GET /name HTTP/1.0\r\n\r\n")
                got = b""
                while more := tls.recv(4096):
                    got += more
                self.assertTrue(got.endswith(b"one"), got)

    def test_a_limit_for_those_that_leave(self):
        proxy = self.start("workers=3", backend_line(self.one))
        held = self.connections(proxy, 16)
        proxy.reload([CLEAR, "workers=1", backend_line(self.one), "worker-process-grace-shutdown-period=300ms"])
        proxy.said(r"connections are cut")
        for s in held:
            s.close()
        self.assertEqual(curl(proxy.url("/name")), b"one")

    def test_the_end_while_some_leave(self):
        for signo in signal.SIGQUIT, signal.SIGTERM:
            proxy = self.start("workers=4", backend_line(self.one))
            held = self.connections(proxy, 16)
            self.change(proxy, 2)
            self.assertEqual(proxy.stop(signo), 0)
            for s in held:
                s.close()

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_more_for_another_user(self):
        """Who was root cannot add sockets to an address: what is there is shared."""
        lines = [CLEAR, "user=nobody"]
        proxy = self.start(*lines, "workers=2", backend_line(self.one))
        proxy.said("listen on")
        os.chmod(proxy.folder.name, 0o755)
        self.change(proxy, 5, *lines)
        proxy.said(r"workers: 5, before 2")
        for _ in range(20):
            self.assertEqual(curl(proxy.url("/name")), b"one")

    def test_reloads_beside_the_api(self):
        api = peers.free_port()
        lines = [CLEAR, "frontend=127.0.0.1,%d;no-tls;api" % api]
        proxy = self.start(*lines, "workers=2", backend_line(self.one))
        codes = []

        def replace():
            for _ in range(10):
                codes.append(curl("--data-binary", backend_line(self.two), "-o", "/dev/null", "-w", "%{http_code}",
                                  "http://127.0.0.1:%d/api/v1beta1/backendconfig" % api))
        threads = [threading.Thread(target=replace) for _ in range(3)]
        for t in threads:
            t.start()
        for n in 3, 1, 4, 2:
            self.change(proxy, n, *lines)
        for t in threads:
            t.join()
        self.assertEqual(codes, [b"200"] * 30)
        self.change(proxy, 1, *lines)
        wait_for(lambda: curl(proxy.url("/name")) == b"one")

    def test_an_address_twice(self):
        proxy = self.start("workers=2", backend_line(self.one))
        proxy.reload([CLEAR, CLEAR + ";api", backend_line(self.two)], r"two frontends have this address(?s:.*)stays as it is")
        self.assertEqual(curl(proxy.url("/name")), b"one")


if __name__ == "__main__":
    peers.have("curl")
    unittest.main()
