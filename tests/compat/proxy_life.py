#!/usr/bin/env python3
"""The life of `h2box proxy`: signals, logs that are moved away, pid file, background. timeout: 120"""
import contextlib
import os
import re
import resource
import select
import signal
import socket
import stat
import subprocess
import threading
import unittest

import peers
from configured import Life, backend_line, can_connect, text_of, wait_for
from proxying import curl
from scripted import Server


class Ends(Life):
    SIZE = 300000

    def setUp(self):
        self.go = threading.Event()

        def play(peer):
            peer.head()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.SIZE, bytes(100000))
            self.go.wait(30)
            peer.send(bytes(self.SIZE - 100000))
        self.half = Server(play)
        self.addCleanup(self.half.__exit__)
        self.addCleanup(self.go.set)

    def slow(self, proxy, h2):
        """A download that has begun, and goes on when `go` is set."""
        words = ["curl", "-sS", "--max-time", "60", "--http2-prior-knowledge" if h2 else "--http1.1", proxy.url("/")]
        curl_ = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertEqual(len(curl_.stdout.read(50000)), 50000)
        return curl_

    def test_quit_waits_for_what_is_under_way(self):
        proxy = self.start(backend_line(self.half.port))
        running = [self.slow(proxy, h2) for h2 in (False, True)]
        idle = socket.create_connection(("127.0.0.1", proxy.own))
        proxy.process.send_signal(signal.SIGQUIT)
        wait_for(lambda: not can_connect(proxy.own))
        self.assertIsNone(proxy.process.poll())
        self.go.set()
        for curl_ in running:
            self.assertEqual(len(curl_.stdout.read()), self.SIZE - 50000)
            self.assertEqual(curl_.wait(60), 0)
            curl_.stdout.close()
        self.assertEqual(proxy.process.wait(20), 0)
        idle.close()

    def test_quit_has_a_limit(self):
        def play(peer):
            peer.head()
            peer.wait()
        with Server(play) as server:
            proxy = self.start(backend_line(server.port), "worker-process-grace-shutdown-period=500ms")
            with socket.create_connection(("127.0.0.1", proxy.own)) as s:
                s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                wait_for(lambda: server.count)
                proxy.process.send_signal(signal.SIGQUIT)
                self.assertEqual(proxy.process.wait(20), 0)

    def test_term_does_not_wait(self):
        for signo in signal.SIGTERM, signal.SIGINT:
            proxy = self.start(backend_line(self.half.port))
            curl_ = self.slow(proxy, True)
            self.assertEqual(proxy.stop(signo), 0)
            curl_.stdout.read()
            self.assertNotEqual(curl_.wait(30), 0)
            curl_.stdout.close()


class Logs(Life):
    def test_they_can_be_moved_away(self):
        access, errors = self.folder.name + "/access.log", self.folder.name + "/error.log"
        proxy = self.start(backend_line(self.one), backend_line(peers.free_port(), ";/gone"), "accesslog-file=" + access,
                           "errorlog-file=" + errors,
                           "accesslog-format=$status $path", "workers=1")
        curl(proxy.url("/name"))
        curl(proxy.url("/gone"))

        wait_for(lambda: text_of(access) == "200 /name\n502 /gone\n")
        wait_for(lambda: " 502: " in text_of(errors))
        for path in access, errors:
            os.rename(path, path + ".1")
        proxy.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: os.path.exists(access) and os.path.exists(errors))
        curl(proxy.url("/size-1"))
        curl(proxy.url("/gone"))
        wait_for(lambda: text_of(access) == "200 /size-1\n502 /gone\n")
        wait_for(lambda: " 502: " in text_of(errors))
        self.assertEqual(text_of(access + ".1"), "200 /name\n502 /gone\n")

    def test_fifos_that_nobody_reads(self):
        """Neither the start nor USR1 waits for a reader."""
        port, fifo = peers.free_port(), self.folder.name + "/fifo"
        os.mkfifo(fifo)
        self.addCleanup(os.unlink, fifo)
        for option in "--accesslog-file", "--errorlog-file":
            done = subprocess.run([peers.H2BOX, "proxy", "-f127.0.0.1,%d;no-tls" % port, option, fifo], capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertIn((option[2:] + " " + fifo + ": nobody reads this FIFO").encode(), done.stderr)
        access, errors = self.folder.name + "/access-of-old", self.folder.name + "/errors-of-old"
        proxy = self.start(backend_line(self.one), "accesslog-file=" + access, "errorlog-file=" + errors, "accesslog-format=$path")
        for path in access, errors:
            os.rename(path, path + ".1")
            os.mkfifo(path)
        proxy.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: "accesslog-file %s stays as it is: nobody reads this FIFO" % access in text_of(errors + ".1"))
        self.assertIn("errorlog-file %s stays" % errors, text_of(errors + ".1"))
        curl(proxy.url("/name"))
        wait_for(lambda: text_of(access + ".1") == "/name\n")
        reader = os.open(access, os.O_RDONLY | os.O_NONBLOCK)
        proxy.process.send_signal(signal.SIGUSR1)
        fds = "/proc/%d/fd/" % proxy.process.pid
        wait_for(lambda: access in [os.readlink(fds + fd) for fd in os.listdir(fds)])
        curl(proxy.url("/size-1"))
        self.assertTrue(select.select([reader], [], [], 20)[0])
        self.assertEqual(os.read(reader, 100), b"/size-1\n")
        os.close(reader)

    def test_syslog(self):
        """Whether anybody reads it or not, requests are served."""
        proxy = self.start(backend_line(self.one), backend_line(peers.free_port(), ";/gone"), "accesslog-syslog=yes", "errorlog-syslog=yes",
                           "syslog-facility=local3", "log-level=INFO")
        self.assertEqual(curl(proxy.url("/name")), b"one")
        self.assertIn(b"502", curl(proxy.url("/gone")))
        self.assertEqual(proxy.stop(), 0)
        self.assertEqual(proxy.output, "")


class Process(Life):
    def test_pid_file_and_descriptors(self):
        path = self.folder.name + "/pid"
        proxy = self.start(backend_line(self.one), "pid-file=" + path, "rlimit-nofile=500")
        wait_for(lambda: os.path.exists(path))
        with open(path) as f:
            self.assertEqual(int(f.read()), proxy.process.pid)
        self.assertEqual(resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)[0], 500)
        os.unlink(path)
        os.mkfifo(path)  # what is not ours stays, and nobody waits for it
        self.assertEqual(proxy.stop(), 0)
        self.assertTrue(os.path.exists(path))
        os.unlink(path)

    def test_pid_files_that_are_none(self):
        folder, link = self.folder.name + "/pid-folder", self.folder.name + "/pid-link"
        os.mkdir(folder)
        for path in folder, "/dev/null", self.folder.name + "/no/such/folder":
            proxy = self.start(backend_line(self.one), "pid-file=" + path)
            proxy.said("pid-file %s: " % path)
            self.assertEqual(proxy.stop(), 0)
        self.assertEqual(os.listdir(folder), [])
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        os.symlink(self.folder.name + "/pid-target", link)
        proxy = self.start(backend_line(self.one), "pid-file=" + link)
        wait_for(lambda: text_of(link) == "%d\n" % proxy.process.pid)
        self.assertEqual(proxy.stop(), 0)
        self.assertFalse(os.path.lexists(link) or os.path.lexists(self.folder.name + "/pid-target"))

    def test_background(self):
        path, port = self.folder.name + "/daemon-pid", peers.free_port()
        args = [peers.H2BOX, "proxy", "-D", "--pid-file", path, "-f127.0.0.1,%d;no-tls" % port, "-b127.0.0.1,%d" % self.one,
                "-b127.0.0.1,%d;/gone" % peers.free_port(), "--errorlog-file", self.folder.name + "/daemon-errors"]
        done = subprocess.run(args, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path) as f:
            pid = int(f.read())
        try:
            self.assertEqual(curl("http://127.0.0.1:%d/name" % port), b"one")
            self.assertEqual(os.readlink("/proc/%d/cwd" % pid), "/")
            self.assertIn(b"502", curl("http://127.0.0.1:%d/gone" % port))
            wait_for(lambda: " 502: " in text_of(self.folder.name + "/daemon-errors"))
        finally:
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(path))
        busy = socket.create_server(("127.0.0.1", port))
        done = subprocess.run(args, capture_output=True, timeout=60)
        busy.close()
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_a_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            words = ["-f127.0.0.1,%d;no-tls" % taken.getsockname()[1]]
            done = subprocess.run([peers.H2BOX, "proxy", *words], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"address already in use", done.stderr)

    def test_many_workers(self):
        proxy = self.start("workers=3", backend_line(self.one))
        got = []
        threads = [threading.Thread(target=lambda: got.append(curl(proxy.url("/name")))) for _ in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(got, [b"one"] * 12)


if __name__ == "__main__":
    peers.have("curl")
    unittest.main()
