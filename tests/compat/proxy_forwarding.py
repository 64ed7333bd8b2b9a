#!/usr/bin/env python3
"""What RFC 9110 and RFC 9112 ask of those in the middle: Max-Forwards, Via and Date, peers of HTTP/1.0, answers that break off, targets of
a forward proxy. timeout: 60"""
import socket
import struct
import tempfile
import threading
import time
import unittest

import h2.config
import h2.connection
import h2.errors
import h2.events

from proxying import Proxy, backend
from scripted import Accepting

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
ANSWERS = {b"/old": b"HTTP/1.0 200 OK\r\n\r\nhello", b"/cut": CHUNKED,
           b"/dated": b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nok"}
USUAL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WHOLE, CUT = "whole", "cut"


class Backend(Accepting):
    """Answers one request by its path, keeps its head, and closes."""

    def __init__(self):
        self.heads, self.broken = [], threading.Event()
        super().__init__(seconds=None)

    def serve(self, peer, _):
        with peer:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                came = peer.recv(65536)
                if not came:
                    return
                head += came
            self.heads.append(head.decode().split("\r\n"))
            if head.startswith(b"CONNECT"):
                self.tunnel(peer)
                return
            target = head.split(b" ")[1]
            peer.sendall(ANSWERS.get(target, USUAL))

    def tunnel(self, peer):
        """Breaks it off once it has read "reset", and sees whether the other end does."""
        if "hang.test" not in self.heads[-1][0]:
            peer.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
        try:
            while came := peer.recv(100):
                if b"reset" in came:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
        except ConnectionResetError:
            self.broken.set()


class Forwarding(unittest.TestCase):
    def setUp(self):
        self.backend = Backend()
        self.addCleanup(self.backend.close)

    def start(self, *options):
        proxy = Proxy("-n1", *options)
        self.addCleanup(proxy.__exit__, None)
        return proxy.port

    def behind(self, *options):
        return self.start(backend(self.backend.port), *options)

    def ask(self, port, method="GET", target="/", version="1.1", fields=(), close=True):
        """(status, fields, content, how it ended)."""
        lines = ["%s %s HTTP/%s" % (method, target, version), "Host: front.test", *fields, *(["Connection: close"] if close else [])]
        self.backend.heads.clear()
        with socket.create_connection(("127.0.0.1", port), 20) as s:
            s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            came, end = b"", WHOLE
            try:
                while chunk := s.recv(65536):
                    came += chunk
            except ConnectionResetError:
                end = CUT
        if end == CUT: # and of what came before, the reset takes back what it likes
            return None, {}, b"", end
        head, _, content = came.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        return int(lines[0].split(" ")[1]), dict(line.lower().split(": ", 1) for line in lines[1:]), content, end

    def seen(self, name):
        """The values of a field that the backend was sent."""
        return [line.split(": ", 1)[1] for line in self.backend.heads[0][1:] if line.lower().startswith(name + ":")]

    def test_max_forwards(self):
        port = self.behind()
        for method, status in (("TRACE", 501), ("OPTIONS", 200)):
            self.assertEqual(self.ask(port, method, fields=["Max-Forwards: 0"])[0], status)
            self.assertEqual(self.backend.heads, [])
            self.assertEqual(self.ask(port, method, fields=["Max-Forwards: 10"])[0], 200)
            self.assertEqual(self.seen("max-forwards"), ["9"])
        self.ask(port, fields=["Max-Forwards: 0"])
        self.assertEqual(self.seen("max-forwards"), ["0"])  # of other methods it is nobody's business

    def test_via_names_the_version(self):
        port = self.behind()
        for version, target, answer in (("1.0", "/", "1.1 h2box"), ("1.1", "/", "1.1 h2box"), ("1.1", "/old", "1.0 h2box")):
            with self.subTest(version=version, target=target):
                fields = self.ask(port, target=target, version=version)[1]
                self.assertEqual(self.seen("via"), [version + " h2box"])
                self.assertEqual(fields["via"], answer)

    def test_date(self):
        port = self.behind()
        self.assertRegex(self.ask(port)[1]["date"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d gmt$")
        self.assertEqual(self.ask(port, target="/dated")[1]["date"], "x")

    def test_http10_learns_of_a_cut(self):
        """The end of the connection is the end of content without a length: of half an answer it must not look like that."""
        port = self.behind()
        status, fields, content, end = self.ask(port, target="/old", version="1.0", close=False)
        self.assertEqual((status, content, end), (200, b"hello", WHOLE))
        self.assertNotIn("transfer-encoding", fields)
        self.assertEqual(self.ask(port, target="/cut", version="1.0", close=False)[3], CUT)

    def connect(self, port):
        s = socket.create_connection(("127.0.0.1", port), 20)
        self.addCleanup(s.close)
        s.sendall(b"CONNECT far.test:443 HTTP/1.1\r\nHost: far.test:443\r\n\r\n")
        came = b""
        while not came.endswith(b"hello"):
            came += s.recv(100)
        return s

    def test_a_broken_tunnel_is_broken_at_both_ends(self):
        port = self.behind("-s")
        s = self.connect(port)
        s.sendall(b"reset")
        with self.assertRaises(ConnectionResetError):
            s.recv(100)
        s = self.connect(port)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
        self.assertTrue(self.backend.broken.wait(20))

    def ask_h2(self, port, fields, content=None):
        """The status and the code of the stream's end, over HTTP/2."""
        c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, validate_outbound_headers=False))
        c.initiate_connection()
        c.send_headers(1, fields, end_stream=content is None)
        if content:
            c.send_data(1, content)
        status = None
        with socket.create_connection(("127.0.0.1", port), 20) as s:
            while True:
                s.sendall(c.data_to_send())
                for event in c.receive_data(s.recv(65536)):
                    if isinstance(event, h2.events.ResponseReceived):
                        status = int(dict(event.headers)[b":status"])
                    if isinstance(event, h2.events.StreamReset):
                        return status, event.error_code
                    if isinstance(event, h2.events.StreamEnded):
                        return status, None

    def test_a_broken_tunnel_over_http2(self):
        fields = [(":method", "CONNECT"), (":authority", "far.test:443")]
        self.assertEqual(self.ask_h2(self.behind("-s"), fields, b"reset"), (200, h2.errors.ErrorCodes.CONNECT_ERROR))

    def test_schemes_of_others(self):
        port = self.start("-s")
        for scheme, status in (("http", 200), ("foo", 400)):
            fields = [(":method", "GET"), (":scheme", scheme), (":authority", "127.0.0.1:%d" % self.backend.port), (":path", "/")]
            self.assertEqual(self.ask_h2(port, fields), (status, None))

    def test_a_tunnel_that_ends_is_not_broken(self):
        s = self.connect(self.behind("-s"))
        s.shutdown(socket.SHUT_WR)
        self.assertEqual(s.recv(100), b"")
        time.sleep(0.1)
        self.assertFalse(self.backend.broken.is_set())

    def test_silence_in_tunnels(self):
        port = self.behind("-s", "--backend-read-timeout=1s")
        s = self.connect(port)
        for _ in range(5): # what the client says keeps it open, too
            time.sleep(0.3)
            s.sendall(b"x")
        self.assertEqual(s.recv(100), b"")
        s = socket.create_connection(("127.0.0.1", port), 20)
        self.addCleanup(s.close)
        s.sendall(b"CONNECT hang.test:443 HTTP/1.1\r\nHost: hang.test:443\r\n\r\n")
        self.assertIn(b" 504 ", s.recv(1000))

    def test_a_forward_proxy_is_no_origin(self):
        here = "http://127.0.0.1:%d" % self.backend.port
        for port in (self.behind("-s"), self.start("-s")):
            for method, target in (("GET", "/x"), ("OPTIONS", "*")):
                self.assertEqual(self.ask(port, method, target)[0], 400)
                self.assertEqual(self.backend.heads, [])
            self.assertEqual(self.ask(port, target=here + "/x")[0], 200)
            self.assertEqual(self.ask(port, "OPTIONS", here)[0], 200)
        self.assertEqual(self.backend.heads[0][0], "OPTIONS * HTTP/1.1")

    def test_ports_of_origins(self):
        """RFC 9110 section 9.3.6: a proxy does not go anywhere, and says which option lets it."""
        with tempfile.TemporaryDirectory() as folder:
            errors, port = folder + "/errors", self.backend.port
            proxy = self.start("-s", "--errorlog-file=" + errors)
            for at in 1, 25, 110, 1023:
                for method, target in (("CONNECT", "127.0.0.1:%d" % at), ("POST", "http://127.0.0.1:%d/" % at)):
                    self.assertEqual(self.ask(proxy, method, target)[0], 403)
            self.assertEqual(self.ask_h2(proxy, [(":method", "CONNECT"), (":authority", "127.0.0.1:25")], b"x")[0], 403)
            self.assertEqual(self.ask(proxy, target="http://127.0.0.1:%d/" % port)[0], 200)
            with open(errors) as f:
                said = f.read()
            self.assertIn("403: the origin's port is not in --origin-ports (CONNECT 127.0.0.1:25)", said)
            self.assertIn("(POST http://127.0.0.1:25/)", said)
        for ports, status in (("any", 200), ("1-1023,%d" % port, 200), ("80,443", 403), ("1-%d" % (port - 1), 403)):
            proxy = self.start("-s", "--origin-ports=" + ports)
            self.assertEqual(self.ask(proxy, target="http://127.0.0.1:%d/" % port)[0], status, ports)
        # 81 is allowed, and nobody is there.
        self.assertEqual(self.ask(self.start("-s", "--origin-ports=81"), "CONNECT", "127.0.0.1:81")[0], 502)

    def test_ports_are_up_to_proxies_behind(self):
        self.assertEqual(self.ask(self.behind("-s", "--origin-ports=80"), target="http://far.test:25/")[0], 200)
        self.assertEqual(self.backend.heads[0][0], "GET http://far.test:25/ HTTP/1.1")

    def test_redirect_of_the_server_as_a_whole(self):
        port = self.start(backend(self.backend.port, "/", "redirect-if-not-tls"))
        status, fields, *_ = self.ask(port, "OPTIONS", "*")
        self.assertEqual((status, fields["location"]), (308, "https://front.test"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
