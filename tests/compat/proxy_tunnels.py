#!/usr/bin/env python3
"""What goes both ways through `h2box proxy`: WebSockets between all versions, CONNECT with half-closed ends, and what is held until
somebody agrees. timeout: 120"""
import contextlib
import os
import socket
import threading
import unittest

import echoes
import peers
from h2_client import Client
from proxying import Proxy, backend, curl
from scripted import Server, response, until_headers

import h2.events
import h2.settings


def connect(port):
    return socket.create_connection(("127.0.0.1", port), 20)


def until(sock, end):
    got = b""
    while end not in got:
        more = sock.recv(65536)
        if not more:
            raise EOFError(got)
        got += more
    return got


def rest_of(sock):
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while more := sock.recv(65536):
            got += more
    return got


KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ("GET /chat?x=1 HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: " + KEY + "\r\nSec-WebSocket-Protocol: chat\r\n\r\n")


class Http1:
    """A WebSocket by hand over HTTP/1.1."""

    def __init__(self, port):
        self.sock = connect(port)
        self.sock.sendall((UPGRADE % "websocket").encode())
        head, self.data = until(self.sock, b"\r\n\r\n").split(b"\r\n\r\n", 1)
        self.status = int(head.split()[1])
        self.head = head.decode().lower()

    def take(self, n):
        while len(self.data) < n:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError
            self.data += more
        out, self.data = self.data[:n], self.data[n:]
        return out

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        self.sock.close()


class Http2:
    """The same over HTTP/2."""

    def __init__(self, port):
        self.client = Client(port)
        while not any(isinstance(e, h2.events.RemoteSettingsChanged) for e in self.client.events):
            self.client.read()
        assert self.client.conn.remote_settings[h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL] == 1
        self.stream = self.client.get("/chat?x=1", "CONNECT", [(":protocol", "websocket"), ("sec-websocket-version", "13"),
                                                                ("sec-websocket-protocol", "chat")], end=False)
        self.data, self.at = b"", 0
        self.status = None
        while not self.status:
            self.more()

    def more(self):
        if not self.client.read():
            raise EOFError
        for e in self.client.events:
            if getattr(e, "stream_id", None) != self.stream:
                continue
            if isinstance(e, h2.events.ResponseReceived):
                self.status = int(dict(e.headers)[":status"])
                self.head = repr(e.headers)
            if isinstance(e, h2.events.DataReceived):
                self.data += e.data
            if isinstance(e, h2.events.StreamReset) and (e.error_code or not self.status):
                raise ConnectionResetError(e.error_code)
        self.client.events.clear()

    def take(self, n):
        while len(self.data) < n:
            self.more()
        out, self.data = self.data[:n], self.data[n:]
        return out

    def send(self, data):
        while data:
            room = min(self.client.conn.local_flow_control_window(self.stream), 16384)
            if not room:
                self.more()
                continue
            self.client.conn.send_data(self.stream, data[:room])
            data = data[room:]
            self.client.flush()

    def close(self):
        self.client.close()


FRONTS = {"h1": Http1, "h2": Http2}
BACKS = {"h1": (echoes.over_h1, ()), "h2": (echoes.over_h2, ("proto=h2",))}


class WebSockets(unittest.TestCase):
    def pairs(self):
        for front, client in FRONTS.items():
            for back, (play, params) in BACKS.items():
                yield "%s to %s" % (front, back), client, play, params

    def test_echo(self):
        content = os.urandom(100000)
        for name, client, play, params in self.pairs():
            seen = []
            with self.subTest(name), Server(play(seen)) as server, Proxy(backend(server.port, "", *params)) as proxy:
                ws = client(proxy.port)
                self.assertEqual(ws.status, 101 if client is Http1 else 200)
                for opcode, payload in (echoes.TEXT, b"hello"), (echoes.BINARY, content), (echoes.CLOSE, b""):
                    sender = threading.Thread(target=ws.send, args=(echoes.message(opcode, payload, masked=True),))
                    if client is Http1:
                        sender.start()  # its echo comes meanwhile
                    else:
                        sender.run()
                    self.assertEqual(echoes.take_message(ws.take), (opcode, payload))
                    if sender.ident:
                        sender.join()
                if client is Http1:
                    self.assertIn("sec-websocket-accept: " + echoes.accept_of(KEY).lower(), ws.head)
                    self.assertIn("upgrade: websocket", ws.head)
                ws.close()
                fields = seen[0][1]
                if play is echoes.over_h1:
                    self.assertEqual(seen[0][0], "GET /chat?x=1 HTTP/1.1")
                    self.assertEqual((fields["upgrade"], fields["connection"].lower()), ("websocket", "upgrade"))
                else:
                    self.assertEqual((fields[":method"], fields[":protocol"], fields[":path"]), ("CONNECT", "websocket", "/chat?x=1"))
                    self.assertNotIn("sec-websocket-key", fields)
                self.assertEqual(fields["sec-websocket-protocol"], "chat")

    def test_our_client(self):
        for words in [], ["--http1.1"]:
            for play, params in BACKS.values():
                with self.subTest("%s %s" % (words, params)), Server(play([])) as server:
                    with Proxy(backend(server.port, "", *params)) as proxy:
                        out, _ = peers.client(*words, "ws://127.0.0.1:%d/chat" % proxy.port, stdin=b"one\ntwo\n")
                        self.assertEqual(out, b"one\ntwo\n")

    def test_a_key_that_was_not_read(self):
        for name, client, play, params in self.pairs():
            if play is echoes.over_h2:
                continue
            with self.subTest(name), Server(play([], accept=lambda key: echoes.accept_of("x" + key))) as server:
                with Proxy(backend(server.port, "", *params)) as proxy:
                    ws = client(proxy.port)
                    self.assertEqual(ws.status, 502)
                    ws.close()

    def test_one_that_is_refused(self):
        for name, client, play, params in self.pairs():
            def refuse_h1(peer):
                peer.head()
                peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n")
                peer.wait()

            def refuse_h2(peer):
                stream, _ = until_headers(peer, connect=1)
                peer.send(response(stream, 403, [("content-length", "3")], b"no\n"))
                peer.frames_left()
            with self.subTest(name), Server(refuse_h1 if play is echoes.over_h1 else refuse_h2) as server:
                with Proxy(backend(server.port, "", *params)) as proxy:
                    ws = client(proxy.port)
                    self.assertEqual(ws.status, 403)
                    self.assertEqual(ws.take(3), b"no\n")
                    ws.close()

    def test_a_backend_without_rfc_8441(self):
        """HTTP/2 without ENABLE_CONNECT_PROTOCOL cannot be asked."""
        def play(peer):
            peer.begin()
            peer.frames_left()
        for client in FRONTS.values():
            with Server(play) as server, Proxy(backend(server.port, "", "proto=h2")) as proxy:
                ws = client(proxy.port)
                self.assertIn(ws.status, (501, 502))
                ws.close()

    def test_an_end_without_close(self):
        """Either side leaves: the other one is told."""
        for name, client, play, params in self.pairs():
            left = threading.Event()

            def watch(peer, play=play, left=left):
                try:
                    play([])(peer)
                finally:
                    left.set()
            with self.subTest(name), Server(watch) as server, Proxy(backend(server.port, "", *params)) as proxy:
                ws = client(proxy.port)
                ws.send(echoes.message(echoes.TEXT, b"x", masked=True))
                echoes.take_message(ws.take)
                ws.close()
                self.assertTrue(left.wait(10))


class Upgrades(unittest.TestCase):
    """Other tokens than websocket pass between HTTP/1.1 and HTTP/1.1 alone."""

    OTHER = (UPGRADE % "other/1").encode()

    def test_one_that_is_taken(self):
        seen = []

        def play(peer):
            seen.append(peer.head())
            peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other/1\r\n\r\nhello")
            peer.send(peer.take(5)[::-1])
        with Server(play) as server, Proxy(backend(server.port)) as proxy, connect(proxy.port) as s:
            s.sendall(self.OTHER + b"12345")
            got = until(s, b"hello")
            self.assertIn(b"HTTP/1.1 101 ", got)
            self.assertIn(b"\r\nupgrade: other/1\r\n", got.lower())
            self.assertTrue((got + rest_of(s)).endswith(b"hello54321"))
        self.assertEqual((seen[0][0], seen[0][1]["upgrade"]), ("GET /chat?x=1 HTTP/1.1", "other/1"))

    def test_one_that_is_not(self):
        """It is a request as any: over HTTP/1.1 as the backend chooses, over HTTP/2 always. The connection goes on."""
        def over_h1(peer):
            seen.append(peer.head()[1])
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
            peer.wait()

        def over_h2(peer):
            peer.begin()
            for _ in range(2):
                r = peer.request()
                seen.append(dict(r.fields))
                peer.send(response(r.stream, 200, [("content-length", "3")], b"ok\n"))
            peer.frames_left()
        for play, params in (over_h1, ()), (over_h2, ("proto=h2",)):
            seen = []
            with self.subTest(params), Server(play) as server, Proxy(backend(server.port, "", *params)) as proxy, connect(proxy.port) as s:
                for _ in range(2):
                    s.sendall(self.OTHER)
                    self.assertRegex(until(s, b"ok\n"), rb"^HTTP/1.1 200 OK\r\n")
                self.assertEqual(len(seen), 2)
                self.assertNotIn(":protocol", seen[0])
                self.assertEqual(seen[0].get(":method", "GET"), "GET")

    def test_a_websocket_that_is_not(self):
        """200 with content: a page for a client over HTTP/1.1; over HTTP/2 it would be a tunnel, so it is 502."""
        def play(peer):
            peer.head()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
            peer.wait()
        with Server(play) as server, Proxy(backend(server.port)) as proxy:
            ws = Http1(proxy.port)
            self.assertEqual((ws.status, ws.take(3)), (200, b"ok\n"))
            ws.close()
            ws = Http2(proxy.port)
            self.assertEqual(ws.status, 502)
            ws.close()

    def test_http2_is_none(self):
        """A tunnel that speaks HTTP/2 to a backend would pass by all rules ("h2c smuggling")."""
        seen = []

        def play(peer):
            seen.append(peer.head())
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
        for token in "h2", "HTTP/2.0", "h2c, other", "other, h2c":
            with Server(play) as server, Proxy(backend(server.port), identity=peers.Identity()) as proxy:
                got = curl("--http1.1", "-H", "Connection: Upgrade", "-H", "Upgrade: " + token, proxy.url())
                self.assertEqual(got, b"ok\n")
        self.assertFalse([fields for _, fields in seen if "upgrade" in fields])

    def test_http2_is_none_by_extended_connect(self):
        """RFC 8441 names protocols as Upgrade does: the same over HTTP/2 is refused before a backend sees it."""
        seen = []

        def over_h1(peer):
            seen.append(peer.head())
            peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            peer.wait()

        def over_h2(peer):
            seen.append(until_headers(peer, connect=1))
        for play, params in (over_h1, ()), (over_h2, ("proto=h2",)):
            with Server(play) as server, Proxy(backend(server.port, "", *params)) as proxy:
                client = Client(proxy.port)
                while not client.conn.remote_settings.enable_connect_protocol:
                    client.read()
                for token in "h2c", "H2C", "h2", "HTTP/2.0", "http/1.1":
                    stream = client.get("/", "CONNECT", [(":protocol", token)], end=False)
                    self.assertEqual(client.response(stream)[0][":status"], "501")
                client.close()
        self.assertEqual(seen, [])

    def test_101_that_nobody_asked_for(self):
        def play(peer):
            peer.head()
            peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
            peer.wait()
        with Server(play) as server, Proxy(backend(server.port)) as proxy:
            for words in ["--http1.1"], ["--http2-prior-knowledge"]:
                got = curl(*words, "-o", "/dev/null", "-w", "%{http_code}", proxy.url())
                self.assertEqual(got, b"502")


class Connect(unittest.TestCase):
    def counting(self, peer):
        """An origin that reads to the end and then tells how much it was."""
        n = 0
        with contextlib.suppress(EOFError):
            while True:
                peer.data = b""
                peer.more()
                n += len(peer.data)
        peer.send(b"%d bytes\n" % n)

    def proxies(self):
        direct = Proxy("-s")
        self.addCleanup(direct.__exit__)
        yield "direct", direct
        for name, params in (("h1", ()), ("h2", ("proto=h2",))):
            near = Proxy("-s", backend(direct.port, "", *params))
            self.addCleanup(near.__exit__)
            yield name, near

    def test_half_closed_by_the_client(self):
        content = os.urandom(500000)
        for name, proxy in self.proxies():
            with self.subTest(name), Server(self.counting) as origin:
                with connect(proxy.port) as s:
                    s.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n" % origin.port)
                    self.assertIn(b" 200", until(s, b"\r\n\r\n"))
                    s.sendall(content)
                    s.shutdown(socket.SHUT_WR)
                    self.assertEqual(rest_of(s), b"500000 bytes\n")
                out, _ = peers.client("--connect", "127.0.0.1:%d" % origin.port, proxy.url("/"), stdin=content)
                self.assertEqual(out, b"500000 bytes\n")

    def test_half_closed_by_the_origin(self):
        """It says something, ends its side, and still reads."""
        got = []

        def play(peer):
            peer.send(b"first\n")
            peer.sock.shutdown(socket.SHUT_WR)
            peer.wait()
            got.append(peer.data)
        for name, proxy in self.proxies():
            got.clear()
            with self.subTest(name), Server(play) as origin, connect(proxy.port) as s:
                s.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n" % origin.port)
                head = until(s, b"\r\n\r\n")
                data = head.split(b"\r\n\r\n", 1)[1]
                while more := s.recv(1000):
                    data += more
                self.assertEqual(data, b"first\n")
                with contextlib.suppress(OSError):
                    s.sendall(b"and more\n")
                    s.shutdown(socket.SHUT_WR)

    def test_bytes_before_the_answer(self):
        """Bytes behind a CONNECT that is not answered yet are held; when it is refused nobody sees them."""
        for status, kept in ((b"200 OK", True), (b"403 Forbidden", False)):
            early, late = [], []

            def play(peer, status=status, early=early, late=late):
                peer.head()
                peer.sock.settimeout(0.3)
                with contextlib.suppress(TimeoutError):
                    peer.more()
                early.append(peer.data)
                peer.sock.settimeout(20)
                peer.send(b"HTTP/1.1 " + status + (b"\r\n\r\n" if status[:1] == b"2" else b"\r\nContent-Length: 0\r\n\r\n"))
                if status[:1] == b"2":
                    late.append(peer.take(29))
                    peer.send(b"bye\n")
                else:
                    peer.wait()
                    late.append(peer.data)
            with self.subTest(status), Server(play) as server, Proxy("-s", backend(server.port)) as proxy:
                with connect(proxy.port) as s:
                    s.sendall(b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\nGET /secret HTTP/1.1\r\nHost: b\r\n\r\n")
                    got = until(s, b"\r\n\r\n")
                    self.assertIn(b" " + status[:3], got)
                    if kept:
                        self.assertTrue((got + rest_of(s)).endswith(b"bye\n"))
                proxy.stop()
            self.assertEqual(early, [b""])
            self.assertEqual(late, [b"GET /secret HTTP/1.1\r\nHost: b"] if kept else [b""])


if __name__ == "__main__":
    unittest.main()
