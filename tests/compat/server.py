#!/usr/bin/env python3
"""Our server with the clients that people use: nghttp, curl, python3-h2, h2load. labels: threads"""
import email.utils
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import h2.events

import peers
from h2_client import Client


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        cls.site = peers.make_site(cls.folder.name + "/site", big=True)
        with open(cls.folder.name + "/secret", "w") as f:
            f.write("outside\n")
        os.makedirs(cls.site + "/sub/deep")
        for name in ("sub/a b.txt", "sub/deep/index.html", "page.css"):
            with open(os.path.join(cls.site, name), "w") as f:
                f.write("here: %s\n" % name)
        os.mkfifo(cls.site + "/fifo")
        cls.server = peers.h2box_server(cls.site, "-n2")
        cls.base = "http://127.0.0.1:%d" % cls.server.port

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.folder.cleanup()
        assert code == 0, (code, cls.server.output[-3000:])

    def curl(self, path, *options):
        done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--path-as-is", "-o", "-", "-w",
                               "\n%{http_code}|%{http_version}|%{content_type}|%{redirect_url}", *options, self.base + path],
                              capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        body, _, line = done.stdout.rpartition(b"\n")
        code, version, kind, redirect = line.decode().split("|")
        self.assertEqual(version, "2")
        return int(code), body, kind, redirect

    def test_bodies_come_whole(self):
        for n in peers.SIZES + [peers.BIG]:
            code, body, _, _ = self.curl("/size-%d" % n)
            self.assertEqual((code, len(body)), (200, n))
            self.assertEqual(peers.digest(body), peers.digest(peers.content(n)), n)

    def test_nghttp_gets_a_hundred_at_once(self):
        done = subprocess.run(["nghttp", "-n", "-s", "-m100", self.base + "/size-65536"], capture_output=True, timeout=60,
                              text=True)
        rows = [line for line in done.stdout.splitlines() if line.endswith("/size-65536") and " 200 " in line]
        self.assertEqual(len(rows), 100, done.stdout + done.stderr)

    def test_h2load_many_connections(self):
        done = subprocess.run(["h2load", "-n2000", "-c50", "-m20", self.base + "/size-612"], capture_output=True,
                              timeout=60, text=True)
        self.assertIn("2000 succeeded, 0 failed, 0 errored", done.stdout)
        self.assertIn("(1224000) data", done.stdout)

    def test_one_stalled_stream_holds_up_nobody(self):
        c = Client(self.server.port, window=0)
        c.conn.increment_flow_control_window(1 << 24)
        stalled = c.get("/size-65536")
        streams = [c.get("/size-65535") for _ in range(99)]
        for s in streams:
            c.conn.increment_flow_control_window(70000, s)
        c.flush()
        for s in streams:
            headers, body = c.response(s)
            self.assertEqual(headers[":status"], "200")
            self.assertEqual(body, peers.content(65535))
        self.assertFalse(any(isinstance(e, h2.events.DataReceived) and e.stream_id == stalled and e.data
                             for e in c.events))
        c.conn.increment_flow_control_window(70000, stalled)
        c.flush()
        self.assertEqual(c.response(stalled)[1], peers.content(65536))
        c.close()

    def test_headers_of_a_file(self):
        c = Client(self.server.port)
        headers, _ = c.response(c.get("/page.css"))
        self.assertEqual(list(headers), [":status", "server", "cache-control", "date", "content-length", "last-modified",
                                         "etag", "content-type"])
        self.assertEqual(headers["content-type"], "text/css")
        self.assertEqual(headers["cache-control"], "max-age=3600")
        self.assertEqual(headers["content-length"], "15")
        mtime = os.stat(self.site + "/page.css").st_mtime
        self.assertEqual(headers["last-modified"], email.utils.formatdate(int(mtime), usegmt=True))
        now = email.utils.parsedate_to_datetime(headers["date"]).timestamp()
        self.assertLess(abs(now - time.time()), 5)
        head, body = c.response(c.get("/page.css", method="HEAD"))
        self.assertEqual(body, b"")
        self.assertEqual({k: v for k, v in head.items() if k != "date"},
                         {k: v for k, v in headers.items() if k != "date"})
        same, body = c.response(c.get("/page.css", extra=[("if-modified-since", headers["last-modified"])]))
        self.assertEqual((same[":status"], body, "content-length" in same), ("304", b"", False))
        old, _ = c.response(c.get("/page.css", extra=[("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")]))
        self.assertEqual(old[":status"], "200")
        c.close()

    def test_paths(self):
        self.assertEqual(self.curl("/")[:3], (200, b"<html><title>index</title></html>\n", "text/html"))
        self.assertEqual(self.curl("/?q=1")[0], 200)
        self.assertEqual(self.curl("/sub/a%20b.txt")[:2], (200, b"here: sub/a b.txt\n"))
        self.assertEqual(self.curl("/sub/../index.html")[0], 200)
        self.assertEqual(self.curl("/sub/deep/")[1], b"here: sub/deep/index.html\n")
        code, _, _, redirect = self.curl("/sub/deep?x=1")
        self.assertEqual((code, redirect), (301, self.base + "/sub/deep/?x=1"))
        for path in ("/missing", "/sub/", "/%2e%2e/secret", "/../secret", "/..%2fsecret", "/a\\b", "/%00", "/fifo",
                     "/sub/deep/index.html/", "/%zz", "/" + "a" * 5000):
            self.assertEqual(self.curl(path)[0], 404, path)

    def test_methods(self):
        code, body, kind, _ = self.curl("/index.html", "-X", "DELETE")
        self.assertEqual((code, kind), (405, "text/html; charset=UTF-8"))
        self.assertIn(b"Method Not Allowed", body)
        with tempfile.NamedTemporaryFile() as f:
            f.write(peers.content(3 << 20))
            f.flush()
            self.assertEqual(self.curl("/index.html", "--data-binary", "@" + f.name)[0], 405)

    def test_a_file_that_shrinks_resets_its_stream(self):
        path = self.site + "/shrinks"
        with open(path, "wb") as f:
            f.write(peers.content(8 << 20))
        c = Client(self.server.port)
        stream = c.get("/shrinks")
        while not any(isinstance(e, h2.events.DataReceived) for e in c.events):
            c.read(auto=False)
        os.truncate(path, 1000)
        c.conn.increment_flow_control_window(1 << 24)
        c.conn.increment_flow_control_window(1 << 24, stream)
        c.flush()
        with self.assertRaises(ConnectionResetError):
            c.response(stream)
        self.assertEqual(c.response(c.get("/index.html"))[0][":status"], "200")
        c.close()

    def test_a_changed_file_is_seen(self):
        path = self.site + "/changes"
        for text in ("first\n", "the second\n"):
            with open(path + ".new", "w") as f:
                f.write(text)
            os.rename(path + ".new", path)
            end = time.time() + 10
            while self.curl("/changes")[1] != text.encode():
                self.assertLess(time.time(), end, "still the old content")
                time.sleep(0.2)

    def test_http1_is_served(self):
        with socket.create_connection(("127.0.0.1", self.server.port), 10) as s:
            s.sendall(b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            data = b""
            while chunk := s.recv(4096):
                data += chunk
        self.assertTrue(data.startswith(b"HTTP/1.1 404 Not Found\r\n"), data)


class Alone(unittest.TestCase):
    """Servers with options of their own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        self.addCleanup(folder.cleanup)
        self.site = peers.make_site(folder.name, big=True)

    def test_drain_finishes_what_is_open(self):
        """TERM in the middle of a slow download: it comes whole, new connections are refused, exit code 0."""
        with peers.h2box_server(self.site, "-n2") as server:
            url = "http://127.0.0.1:%d/size-%d" % (server.port, 1 << 20)
            slow = subprocess.Popen(["curl", "-sS", "--http2-prior-knowledge", "--limit-rate", "500k", url],
                                    stdout=subprocess.PIPE)
            start = slow.stdout.read(1000)
            server.process.send_signal(signal.SIGTERM)
            with self.assertRaises(OSError):
                end = time.time() + 10
                while time.time() < end: # refused as soon as the listeners are closed
                    socket.create_connection(("127.0.0.1", server.port), 1).close()
                    time.sleep(0.05)
            self.assertIsNone(server.process.poll())
            self.assertEqual(peers.digest(start + slow.stdout.read()), peers.digest(peers.content(1 << 20)))
            self.assertEqual((slow.wait(20), server.process.wait(20)), (0, 0), server.output)

    def test_goaway_comes_in_two_phases(self):
        with peers.h2box_server(self.site, "-n1") as server:
            s = socket.create_connection(("127.0.0.1", server.port), 10)
            s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5))
            s.recv(100)
            server.process.send_signal(signal.SIGTERM)
            data = b""
            while chunk := s.recv(4096):
                data += chunk
            s.close()
            first = data.index(b"\x00\x00\x08\x07" + bytes(5) + b"\x7f\xff\xff\xff" + bytes(4))
            ping = data.index(b"\x00\x00\x08\x06" + bytes(5))
            last = data.index(b"\x00\x00\x08\x07" + bytes(5) + bytes(8))
            self.assertTrue(first < ping < last, data.hex())
            self.assertEqual(server.process.wait(20), 0)

    def test_second_signal_cuts(self):
        server = peers.h2box_server(self.site, "-n1")
        with server:
            c = Client(server.port, window=0)
            c.get("/size-1048576")
            c.read()
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            self.assertIsNone(server.process.poll())
            server.process.send_signal(signal.SIGINT)
            self.assertEqual(server.process.wait(10), 1)
            self.assertIn("h2box server: stopped while requests were open", server.output)
            c.close()

    def test_verbose_log(self):
        with peers.h2box_server(self.site, "-v", "-n1") as server:
            subprocess.run(["nghttp", "-n", "http://127.0.0.1:%d/" % server.port], check=True, timeout=20)
            server.stop()
            log = server.output
        for line in ("IPv4: listen 127.0.0.1:%d" % server.port, "send SETTINGS frame <length=", "recv HEADERS frame <length=",
                     "recv (stream_id=13) :method: GET", "          ; Open new stream", "send HEADERS frame <length=",
                     "          ; First response header", "          :status: 200", "send DATA frame <length=34, flags=0x01",
                     "stream_id=13 closed", "recv GOAWAY frame <length=8", "closed"):
            self.assertIn(line, log)
        self.assertRegex(log, r"\[id=\d+\] \[ +\d+\.\d{3}\] send SETTINGS")

    def test_small_buffers_and_faults(self):
        for fault in ("sndbuf=4096,rcvbuf=4096", "write=1", "write=100,eagain=30,seed=7"):
            with peers.h2box_server(self.site, env={"H2BOX_FAULT": fault}) as server:
                url = "http://127.0.0.1:%d/size-" % server.port
                for n in (612, 65535, 1 << 20) if "write=1" != fault else (612, 16385):
                    body = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", url + str(n)], check=True,
                                          capture_output=True, timeout=60).stdout
                    self.assertEqual(peers.digest(body), peers.digest(peers.content(n)), (fault, n))

    def test_options_towards_peers(self):
        for options in (["-b", "255"], ["-c", "0"], ["-c", "65536", "--encoder-header-table-size", "0"],
                        ["-w", "10", "-W", "20"], ["-m", "1"]):
            with peers.h2box_server(self.site, *options) as server:
                done = subprocess.run(["nghttp", "-ns", "-m20", "-M1", "http://127.0.0.1:%d/size-65535" % server.port],
                                      capture_output=True, text=True, timeout=30)
                self.assertEqual(done.stdout.count(" 200  63K /size-65535"), 20, (options, done.stdout, done.stderr))

    def test_what_cannot_be_served(self):
        run = lambda *a: subprocess.run([peers.H2BOX, "server", *a], capture_output=True, text=True, timeout=20)
        done = run("--no-tls", "-d", "/nowhere/at/all", "0")
        self.assertEqual((done.returncode, done.stderr.count("h2box server: /nowhere/at/all: ")), (1, 1), done.stderr)
        with socket.socket() as busy:
            busy.bind(("127.0.0.1", 0))
            busy.listen()
            done = run("--no-tls", "-d", self.site, "-a", "127.0.0.1", str(busy.getsockname()[1]))
        self.assertEqual(done.returncode, 1)
        self.assertIn("address already in use", done.stderr)
        for args in (["--no-tls", "70000"], ["--no-tls", "x"], ["8080", "key"], ["--no-tls"], ["--no-tls", "-w31", "0"]):
            done = run(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertTrue(done.stderr.startswith("h2box server: "), done.stderr)

    def test_a_second_server_is_told(self):
        with peers.h2box_server(self.site) as server:
            done = subprocess.run([peers.H2BOX, "server", "--no-tls", "-d", self.site, "-a", "127.0.0.1", str(server.port)],
                                  capture_output=True, text=True, timeout=20)
            self.assertEqual((done.returncode, done.stderr), (1, "h2box server: listen 127.0.0.1 port %d: address already "
                                                              "in use\n" % server.port))

    def test_many_updates_are_honest(self):
        """A client that updates both windows every 4 KiB gets its 100 MB."""
        with peers.h2box_server(self.site, "-n1") as server:
            s = socket.create_connection(("127.0.0.1", server.port), 20)
            frame = lambda kind, flags, stream, payload=b"": (len(payload).to_bytes(3, "big") + bytes([kind, flags]) +
                                                              stream.to_bytes(4, "big") + payload)
            path = b"/size-%d" % peers.BIG
            s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) +
                      frame(1, 5, 1, b"\x82\x86\x41\x01a\x04" + bytes([len(path)]) + path))
            update = frame(8, 0, 0, (4096).to_bytes(4, "big")) + frame(8, 0, 1, (4096).to_bytes(4, "big"))
            got = due = 0
            while got < peers.BIG:
                head = s.recv(9, socket.MSG_WAITALL)
                n = int.from_bytes(head[:3], "big")
                s.recv(n, socket.MSG_WAITALL) if n else b""
                self.assertNotEqual(head[3], 7, "GOAWAY after %d bytes" % got)
                if head[3] == 0:
                    got += n
                    due += n
                    while due >= 4096:
                        s.sendall(update)
                        due -= 4096
            s.close()

    def test_unix_socket(self):
        path = self.site + "/socket"
        server = peers.Running([peers.H2BOX, "server", "--no-tls", "-d", self.site, "-a", "unix:" + path, "-n4", "0"])
        with server:
            end = time.time() + 10
            while not os.path.exists(path) and time.time() < end:
                time.sleep(0.05)
            done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--unix-socket", path, "http://a/index.html"],
                                  capture_output=True, timeout=10)
            self.assertEqual((done.returncode, done.stdout), (0, b"<html><title>index</title></html>\n"), done.stderr)
            self.assertEqual(server.stop(), 0, server.output)

    def test_a_directory_without_an_authority(self):
        os.makedirs(self.site + "/sub")
        with peers.h2box_server(self.site, "-n1", "-v") as server:
            s = socket.create_connection(("127.0.0.1", server.port), 10)
            s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5) +
                      b"\0\0\x08\1\5\0\0\0\1" + b"\x82\x86\x04\x04/sub")
            end = time.time() + 10
            while "send DATA" not in server.output and time.time() < end:
                time.sleep(0.05)
            s.close()
            self.assertIn("location: /sub/\n", server.output)

    def test_clients_that_vanish(self):
        with peers.h2box_server(self.site, "-n2") as server:
            def vanish(i):
                c = Client(server.port)
                c.get("/size-%d" % peers.BIG)
                c.read()
                if i % 2: # RST instead of FIN
                    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                c.close()
            threads = [threading.Thread(target=vanish, args=(i,)) for i in range(40)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            c = Client(server.port)
            self.assertEqual(c.response(c.get("/"))[0][":status"], "200")
            c.close()
            self.assertEqual(server.stop(), 0, server.output[-2000:])


if __name__ == "__main__":
    peers.have("nghttp", "curl", "h2load")
    unittest.main(verbosity=2)
