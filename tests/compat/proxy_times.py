#!/usr/bin/env python3
"""Times, rates and caps of `h2box proxy` toward clients, each with an option that must show; and who comes through other proxies: the PROXY
protocol before it, CONNECT behind it. timeout: 60"""
import base64
import contextlib
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import peers
from h2_client import Client
from proxying import Proxy, backend, curl
from scripted import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, SETTINGS, Peer, Server, block, frame,
                      settings, until_headers)

def telling(seen):
    """Answers each request with its first line; seen collects their fields."""
    def play(peer):
        with contextlib.suppress(EOFError):
            while True:
                first, fields = peer.head()
                seen.append(fields)
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(first), first.encode()))
    return play


class Fronts(unittest.TestCase):
    def setUp(self):
        self.seen = []
        self.server = Server(telling(self.seen))
        self.addCleanup(self.server.__exit__)

    def start(self, *words, **more):
        proxy = Proxy(backend(self.server.port), "-n1", *words, **more)
        self.addCleanup(proxy.__exit__)
        return proxy

    def connect(self, proxy):
        sock = socket.create_connection(("127.0.0.1", proxy.port), 20)
        self.addCleanup(sock.close)
        return sock

    def ask(self, sock, fields=""):
        sock.sendall(("GET / HTTP/1.1\r\nHost: a\r\n%s\r\n" % fields).encode())
        return sock.recv(65536)

    def ends_after(self, sock):
        begin = time.time()
        while sock.recv(65536):
            pass
        return time.time() - begin


class Times(Fronts):
    def test_kept_connections(self):
        """HTTP/1.1 has one time between requests, HTTP/2 another."""
        proxy = self.start("--frontend-keep-alive-timeout=500ms", "--frontend-http2-idle-timeout=60s")
        sock, client = self.connect(proxy), Client(proxy.port)
        self.ask(sock)
        client.response(client.get("/"))
        self.assertTrue(0.3 < self.ends_after(sock) < 15)
        client.response(client.get("/"))
        client.close()
        proxy = self.start("--frontend-keep-alive-timeout=60s", "--frontend-http2-idle-timeout=500ms")
        client = Client(proxy.port)
        client.response(client.get("/"))
        got = client.sock.recv(9)  # python3-h2 wants nothing behind a GOAWAY, not even the PING that comes
        self.assertEqual(got[3], 7, got)
        client.close()

    def test_heads_that_do_not_end(self):
        proxy = self.start("--frontend-header-timeout=500ms")
        sock = self.connect(proxy)
        sock.sendall(b"GET / HTTP/1.1\r\nHost: ")
        self.assertTrue(0.3 < self.ends_after(sock) < 15)

    def test_content_that_stops(self):
        proxy = self.start("--frontend-stream-read-timeout=500ms")
        sock = self.connect(proxy)
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx")
        self.assertTrue(self.ends_after(sock) < 15)

    def test_settings_that_are_not_acknowledged(self):
        proxy = self.start("--frontend-http2-settings-timeout=500ms")
        sock = self.connect(proxy)
        sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        self.assertTrue(0.3 < self.ends_after(sock) < 15)


class Windows(unittest.TestCase):
    def test_a_window_that_stays_shut(self):
        """A backend that reads its socket, opens no window and says nothing: the client is not left with it."""
        def play(peer):
            until_headers(peer)
            with contextlib.suppress(EOFError):
                while True:
                    peer.frame()

        for option, status in (("--backend-read-timeout=500ms", b" 504"), ("--backend-stream-write-timeout=500ms", b" 502")):
            with self.subTest(option), Server(play) as server, Proxy(backend(server.port, "", "proto=h2"), "-n1", option) as proxy:
                got = curl("-i", "-H", "Expect:", "--data-binary", "@-", proxy.url(), code=None, stdin=bytes(1 << 20))
                self.assertIn(status, got.split(b"\r\n")[0])


class Caps(Fronts):
    def test_requests_of_a_connection(self):
        proxy = self.start("--frontend-max-requests=3")
        sock = self.connect(proxy)
        for last in False, False, True:
            self.assertEqual(b"connection: close" in self.ask(sock).lower(), last)
        self.assertEqual(sock.recv(1), b"")

    def test_requests_of_an_http2_connection(self):
        """GOAWAY with the last one, a second GOAWAY that names it, and nothing is lost: those on their way are answered."""
        proxy = self.start("--frontend-max-requests=3")
        sock = self.connect(proxy)
        asking = b"".join(frame(HEADERS, END_HEADERS | END_STREAM, stream, block((":method", "GET"), (":scheme", "http"), (":path", "/"),
                                                                             (":authority", "a"))) for stream in (1, 3, 5, 7, 9))
        sock.sendall(PREFACE + settings() + frame(SETTINGS, ACK) + asking)
        peer, answered, last = Peer(sock, 0), [], []
        with contextlib.suppress(EOFError):
            while True:
                kind, flags, stream, payload = peer.frame()
                if kind == PING and not flags & ACK:
                    sock.sendall(frame(PING, ACK, 0, payload))
                if kind == GOAWAY:
                    last.append(int.from_bytes(payload[:4], "big"))
                if kind in (HEADERS, DATA) and flags & END_STREAM:
                    answered.append(stream)
        self.assertEqual((sorted(answered), last), ([1, 3, 5, 7, 9], [2**31 - 1, 9]))

    def test_requests_of_h2load(self):
        """A client that opens connections anew as it is told to loses no request."""
        proxy = self.start("--frontend-max-requests=7")
        done = subprocess.run([peers.H2BOX, "load", "-n300", "-c4", "-m3", proxy.url()], capture_output=True, timeout=60, text=True)
        self.assertIn("300 succeeded", done.stdout, done.stderr)

    def test_fields_of_requests(self):
        proxy = self.start("--max-request-header-fields=10", "--request-header-field-buffer=2K")
        for words in ["--http1.1"], ["--http2-prior-knowledge"]:
            def status(*fields, words=words):
                extra = [w for f in fields for w in ("-H", f)]
                return curl(*words, "-o", "/dev/null", "-w", "%{http_code}", *extra, proxy.url(), code=None)
            self.assertEqual(status(*["X-%d: 1" % i for i in range(5)]), b"200")
            self.assertEqual(status(*["X-%d: 1" % i for i in range(20)]), b"431")
            self.assertEqual(status("X: " + "y" * 1000), b"200")
            self.assertIn(status("X: " + "y" * 5000), (b"431", b"000"))

    def test_fields_of_answers(self):
        def play(peer):
            peer.head()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(20)) + b"\r\n")
        for most, code in (("15", b"502"), ("30", b"200")):
            with Server(play) as server, Proxy(backend(server.port), "--max-response-header-fields=" + most) as proxy:
                self.assertEqual(curl("-o", "/dev/null", "-w", "%{http_code}", proxy.url()), code)

    def come(self, proxy):
        for _ in range(100):
            sock = self.connect(proxy)
            with contextlib.suppress(OSError):
                if b"200" in self.ask(sock):
                    return sock
            time.sleep(0.05)
        return self.fail("nobody can come any more")

    def test_connections_of_a_worker(self):
        proxy = self.start("--worker-frontend-connections=2")
        held = [self.come(proxy) for _ in range(2)]  # who looked whether it listens may still be there
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(self.ask(self.connect(proxy)), b"")
        held[0].close()
        self.come(proxy)

    def test_streams_of_a_client(self):
        proxy = self.start("--frontend-http2-max-concurrent-streams=7")
        client = Client(proxy.port)
        client.response(client.get("/"))
        self.assertEqual(client.conn.remote_settings.max_concurrent_streams, 7)
        client.close()


class Rates(Fronts):
    def test_downloads_are_slowed(self):
        with tempfile.TemporaryDirectory() as folder:
            with peers.h2box_server(peers.make_site(folder), "-n1") as server:
                with Proxy(backend(server.port), "--write-rate=200K", "--write-burst=20K") as proxy:
                    for words in ["--http1.1"], ["--http2-prior-knowledge"]:
                        begin = time.time()
                        self.assertEqual(curl(*words, proxy.url("/size-65536")), peers.content(65536))
                        self.assertGreater(time.time() - begin, 0.15)

    def test_uploads_are_slowed(self):
        with tempfile.TemporaryDirectory() as folder:
            with peers.h2box_server(folder, "-n1", "--echo-upload") as server:
                with Proxy(backend(server.port), "--read-rate=100K", "--read-burst=10K") as proxy:
                    begin = time.time()
                    sent = peers.content(65536)
                    self.assertEqual(curl("--http1.1", "--data-binary", "@-", "-H", "Expect:", proxy.url(), stdin=sent), sent)
                    self.assertGreater(time.time() - begin, 0.3)

    def several(self, words, count, urls, stdin=None):
        """What they all got, and when each was done: they begin at the same time."""
        begin, done = time.time(), []
        runs = [subprocess.Popen(["curl", "-sSk", "--max-time", "40", *words[i % len(words)], urls[i % len(urls)]], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE) for i in range(count)]
        readers = [threading.Thread(target=lambda run=run: done.append((run.communicate(stdin)[0], time.time() - begin)))
                   for run in runs]
        for thread in readers:
            thread.start()
        for thread in readers:
            thread.join()
        return [got for got, _ in done], [when for _, when in done]

    def test_a_worker_is_slowed(self):
        """Six clients of three kinds together get what one would get; none waits until the others have all."""
        ways = [["--http1.1"], ["--http2-prior-knowledge"], ["--http2"]]
        with tempfile.TemporaryDirectory() as folder, peers.h2box_server(peers.make_site(folder), "-n1") as server:
            tls, identity = "-f127.0.0.1,%d" % peers.free_port(), peers.Identity()
            with Proxy(backend(server.port), "-n1", tls, *peers.key_and_cert(identity), "--worker-write-rate=200K",
                       "--worker-write-burst=20K") as proxy:
                secure = tls.replace("-f127.0.0.1,", "https://127.0.0.1:") + "/size-65536"
                got, when = self.several(ways, 6, [proxy.url("/size-65536")] * 2 + [secure])
                self.assertEqual(got, [peers.content(65536)] * 6)
                self.assertGreater(max(when), 1.7)  # 364 KiB at 200 KiB a second
                self.assertGreater(min(when), 0.6 * max(when))

    def test_a_worker_is_slowed_in_reading(self):
        with tempfile.TemporaryDirectory() as folder, peers.h2box_server(folder, "-n1", "--echo-upload") as server:
            with Proxy(backend(server.port), "-n1", "--worker-read-rate=200K", "--worker-read-burst=20K") as proxy:
                sent = peers.content(65536)
                send = ["--data-binary", "@-", "-H", "Expect:"]
                got, when = self.several([["--http1.1", *send], ["--http2-prior-knowledge", *send]], 4, [proxy.url()], sent)
                self.assertEqual(got, [sent] * 4)
                self.assertGreater(max(when), 1.1)


V2 = b"\r\n\r\n\0\r\nQUIT\n"


class ProxyProtocol(Fronts):
    def test_both_versions(self):
        proxy = self.start("--add-x-forwarded-for", frontend=";proxyproto")
        four = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1") + struct.pack(">HH", 4567, 443)
        six = socket.inet_pton(socket.AF_INET6, "2001:db8::7") * 2 + struct.pack(">HH", 4567, 443)
        for head, told in ((b"PROXY TCP4 192.0.2.7 198.51.100.1 4567 443\r\n", "192.0.2.7"),
                           (b"PROXY TCP6 2001:db8::7 2001:db8::1 4567 443\r\n", "2001:db8::7"), (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
                           (V2 + b"\x21\x11" + struct.pack(">H", len(four)) + four, "192.0.2.7"),
                           (V2 + b"\x21\x21" + struct.pack(">H", len(six)) + six, "2001:db8::7"), (V2 + b"\x20\0\0\0", "127.0.0.1")):
            with self.subTest(head):
                self.seen.clear()
                sock = self.connect(proxy)
                sock.sendall(head)
                self.assertIn(b"200 OK", self.ask(sock))
                self.assertEqual(self.seen[0]["x-forwarded-for"], told)
        for head in b"PROXY TCP4 nonsense\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n":
            with self.subTest(head), contextlib.suppress(ConnectionResetError):
                sock = self.connect(proxy)
                sock.sendall(head)
                self.assertEqual(sock.recv(1000), b"")

    def test_before_tls(self):
        proxy = self.start("--add-x-forwarded-for", frontend=";proxyproto", identity=peers.Identity())
        self.assertIn(b"GET", curl("--haproxy-protocol", proxy.url()))
        self.assertEqual(self.seen[0]["x-forwarded-for"], "127.0.0.1")

    def test_the_option_of_before(self):
        proxy = self.start("--accept-proxy-protocol")
        self.assertIn(b"GET", curl("--haproxy-protocol", "--http2-prior-knowledge", proxy.url()))


class Through(unittest.TestCase):
    """--backend-http-proxy-uri: HTTP/2 backends are reached through a tunnel."""

    def play(self, peer):
        first, fields = peer.head()
        self.asked.append((first, fields.get("proxy-authorization")))
        host, port = first.split()[1].rsplit(":", 1)
        with socket.create_connection((host, int(port))) as far:
            peer.send(b"HTTP/1.1 200 OK\r\n\r\n")

            def down():
                with contextlib.suppress(OSError):
                    while data := far.recv(65536):
                        peer.send(data)
                    peer.sock.shutdown(socket.SHUT_RDWR)
            thread = threading.Thread(target=down, daemon=True)
            thread.start()
            with contextlib.suppress(EOFError):
                while True:
                    if peer.data:
                        far.sendall(peer.data)
                    peer.data = b""
                    peer.more()
            far.shutdown(socket.SHUT_RDWR)
            thread.join()

    def test_tunnels(self):
        self.asked, identity = [], peers.Identity()
        with tempfile.TemporaryDirectory() as folder, Server(self.play) as tunnel:
            site = peers.make_site(folder)
            uri = "--backend-http-proxy-uri=http://joe:p%%40ss@127.0.0.1:%d" % tunnel.port
            for params, who in ((), None), (("tls",), identity):
                with peers.h2box_server(site, "-n1", identity=who) as server:
                    with Proxy(backend(server.port, "", "proto=h2", *params), "-k", uri) as proxy:
                        self.assertEqual(curl(proxy.url("/size-65536")), peers.content(65536))
                    self.assertEqual(self.asked.pop(), ("CONNECT 127.0.0.1:%d HTTP/1.1" % server.port,
                                                        "Basic " + base64.b64encode(b"joe:p@ss").decode()))
                    with Proxy(backend(server.port, "", *params), "-k", uri) as proxy:  # not for HTTP/1.1
                        self.assertEqual(curl(proxy.url("/size-612")), peers.content(612))
                    self.assertEqual(self.asked, [])

    def test_one_that_refuses(self):
        def play(peer):
            peer.head()
            peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        with Server(play) as tunnel:
            with Proxy(backend(1, "", "proto=h2"), "--backend-http-proxy-uri=http://127.0.0.1:%d" % tunnel.port) as proxy:
                self.assertEqual(curl("-o", "/dev/null", "-w", "%{http_code}", proxy.url()), b"502")


class Debug(Fronts):
    def test_frames_are_shown(self):
        proxy = self.start("-o")
        curl("--http2-prior-knowledge", proxy.url())
        for frame in "recv SETTINGS frame", "recv HEADERS frame", "send HEADERS frame", "send DATA frame", ":status: 200":
            self.assertIn(frame, proxy.output)


if __name__ == "__main__":
    peers.have("curl")
    unittest.main()
