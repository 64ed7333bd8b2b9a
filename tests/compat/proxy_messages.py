#!/usr/bin/env python3
"""What `h2box proxy` passes on beside requests and answers: interim answers, expectations, trailers; between all versions. timeout: 60"""
import contextlib
import socket
import unittest

import peers
from h2_client import Client
from proxying import Proxy, backend, curl
from scripted import DATA, END_HEADERS, END_STREAM, HEADERS, Server, block, frame

import h2.events


class Asked:
    """What a client saw: interim answers, fields, content, trailers."""

    def __init__(self, interim, fields, body, trailers):
        self.interim, self.fields, self.body, self.trailers = interim, fields, body, trailers


def fields_of(lines):
    return {n.lower(): v.strip() for n, v in (line.split(":", 1) for line in lines)}


def ask_h1(port, sent=b"", fields="", method="GET", wait=False):
    """sent: content as it goes over the wire; wait: for 100, if it comes before the answer."""
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        s.sendall(("%s /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n" % (method, fields)).encode())
        got = b""
        if wait:
            while b"\r\n\r\n" not in got:
                got += s.recv(65536) or b"\r\n\r\n"
        if not wait or got.startswith(b"HTTP/1.1 100"):
            s.sendall(sent)
        while more := s.recv(65536):
            got += more
    interim = []
    while True:
        head, got = got.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        status = int(first.split()[1])
        if status >= 200:
            break
        interim.append((status, fields_of(lines)))
    fields, trailers = {":status": str(status), **fields_of(lines)}, {}
    body = got
    if fields.get("transfer-encoding") == "chunked":
        body = b""
        while True:
            size, got = got.split(b"\r\n", 1)
            n = int(size, 16)
            if not n:
                break
            body, got = body + got[:n], got[n + 2:]
        trailers = fields_of([line for line in got.decode().split("\r\n") if line])
    return Asked(interim, fields, body, trailers)


def ask_h2(port, content=None, fields=(), method="GET", trailers=None, wait=False):
    client = Client(port)
    stream = client.get("/x", method, fields, end=content is None)
    seen = []

    def read():
        if not client.read():
            raise EOFError
        seen.extend(e for e in client.events if getattr(e, "stream_id", None) == stream)
        client.events.clear()

    if wait:
        while not seen:
            read()
    if content is not None and not any(isinstance(e, h2.events.ResponseReceived) for e in seen):
        client.conn.send_data(stream, content, end_stream=trailers is None)
        if trailers:
            client.conn.send_headers(stream, trailers, end_stream=True)
        client.flush()
    while not any(isinstance(e, (h2.events.StreamEnded, h2.events.StreamReset)) for e in seen):
        read()
    client.close()

    def of(kind):
        return [dict(e.headers) for e in seen if isinstance(e, kind)]
    interim = [(int(f.pop(":status")), f) for f in of(h2.events.InformationalResponseReceived)]
    return Asked(interim, of(h2.events.ResponseReceived)[0],
                 b"".join(e.data for e in seen if isinstance(e, h2.events.DataReceived)),
                 (of(h2.events.TrailersReceived) or [{}])[0])


def until_h1(peer):
    first, fields = peer.head()
    return None, {":method": first.split()[0], **fields}


def until_h2(peer, **entries):
    peer.begin(**entries)
    while True:
        kind, flags, stream, payload = peer.frame()
        if kind == HEADERS:
            return stream, dict(peer.decoder.decode(payload))


def tell(peer, stream, status, fields, end=False):
    """A head of either version."""
    if stream:
        peer.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block(status, *fields)))
    else:
        peer.send(b"HTTP/1.1 %d X\r\n%s\r\n" % (status, b"".join(("%s: %s\r\n" % f).encode() for f in fields)))


UNTIL = {"h1": (until_h1, ()), "h2": (until_h2, ("proto=h2",))}


class Messages(unittest.TestCase):
    def each(self, play, check):
        """play(until, peer, seen) serves the one request of check(front, port, seen)."""
        for name, (until, params) in UNTIL.items():
            for front in "h1", "h2":
                seen = []
                with self.subTest("%s to %s" % (front, name)):
                    with Server(lambda peer, until=until, seen=seen: play(until, peer, seen)) as server:
                        with Proxy(backend(server.port, "", *params)) as proxy:
                            check(front, proxy.port, seen)

    def test_early_hints(self):
        def play(until, peer, seen):
            stream, _ = until(peer)
            tell(peer, stream, 103, [("link", "</a.css>; rel=preload"), ("x-early", "1")])
            tell(peer, stream, 103, [("link", "</b.css>; rel=preload")])
            tell(peer, stream, 200, [("content-length", "0"), ("x-late", "1")], end=True)
            peer.wait()

        def check(front, port, seen):
            got = ask_h1(port) if front == "h1" else ask_h2(port)
            self.assertEqual([status for status, _ in got.interim], [103, 103])
            self.assertEqual(got.interim[0][1]["link"], "</a.css>; rel=preload")
            self.assertEqual((got.interim[0][1]["x-early"], got.fields["x-late"], got.fields[":status"]), ("1", "1", "200"))
        self.each(play, check)

    def test_expectations(self):
        """The backend's own 100 is what the client gets; without one, nothing is sent before the client chooses to."""
        def play(until, peer, seen):
            stream, fields = until(peer)
            seen.append(fields.get("expect"))
            tell(peer, stream, 100, [])
            if stream:
                body = b""
                while True:
                    kind, flags, _, payload = peer.frame()
                    if kind == DATA:
                        body += payload
                        if flags & END_STREAM:
                            break
                seen.append(body)
            else:
                seen.append(peer.take(5))
            tell(peer, stream, 200, [("content-length", "0")], end=True)
            peer.wait()

        def check(front, port, seen):
            if front == "h1":
                got = ask_h1(port, b"hello", "Expect: 100-continue\r\nContent-Length: 5\r\n", "POST", wait=True)
            else:
                got = ask_h2(port, b"hello", [("expect", "100-continue"), ("content-length", "5")], "POST", wait=True)
            self.assertEqual([status for status, _ in got.interim], [100])
            self.assertEqual(seen, ["100-continue", b"hello"])
        self.each(play, check)

    def test_expectations_that_fail(self):
        def play(until, peer, seen):
            stream, fields = until(peer)
            seen.append(fields.get("expect"))
            tell(peer, stream, 417, [("content-length", "0")], end=True)
            peer.wait()
            seen.append(b"hello" in peer.data)

        def check(front, port, seen):
            if front == "h1":
                got = ask_h1(port, b"hello", "Expect: 100-continue\r\nContent-Length: 5\r\n", "POST", wait=True)
            else:
                got = ask_h2(port, b"hello", [("expect", "100-continue"), ("content-length", "5")], "POST", wait=True)
            self.assertEqual(got.fields[":status"], "417")
            self.assertEqual(got.interim, [])
        self.each(play, check)

    def test_trailers(self):
        """Of requests and of answers."""
        def play(until, peer, seen):
            stream, _ = until(peer)
            if stream:
                ended = False
                while not ended:
                    kind, flags, at, payload = peer.frame()
                    ended = at == stream and flags & END_STREAM and kind in (DATA, HEADERS)
                seen.append(dict(peer.decoder.decode(payload)))
                peer.send(frame(HEADERS, END_HEADERS, stream, block(200, ("trailer", "x-sum"))), frame(DATA, 0, stream, b"answer"),
                          frame(HEADERS, END_HEADERS | END_STREAM, stream, block(("x-sum", "42"), ("x-second", "2"))))
            else:
                got = b""
                while b"0\r\n" not in got or not got.endswith(b"\r\n\r\n"):
                    got += peer.take(1)
                seen.append(fields_of(got.split(b"0\r\n", 1)[1].decode().strip().split("\r\n")))
                peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
                          b"6\r\nanswer\r\n0\r\nX-Sum: 42\r\nX-Second: 2\r\n\r\n")
            peer.wait()

        def check(front, port, seen):
            if front == "h1":
                got = ask_h1(port, b"5\r\nhello\r\n0\r\nX-Up: 7\r\n\r\n", "TE: trailers\r\nTransfer-Encoding: chunked\r\n", "POST")
            else:
                got = ask_h2(port, b"hello", [("te", "trailers")], "POST", trailers=[("x-up", "7")])
            self.assertEqual(got.body, b"answer")
            self.assertEqual(got.trailers, {"x-sum": "42", "x-second": "2"})
            self.assertEqual(seen, [{"x-up": "7"}])
        self.each(play, check)

    def test_trailers_by_curl(self):
        def play(peer):
            with contextlib.suppress(EOFError):
                while True:
                    peer.head()
                    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n0\r\nX-Sum: 42\r\n\r\n")
        with Server(play) as server, Proxy(backend(server.port)) as proxy:
            for words in ["--http1.1"], ["--http2-prior-knowledge"]:
                self.assertIn(b"x-sum: 42", curl(*words, "-i", proxy.url()).lower())

    def test_interims_to_an_old_client(self):
        """HTTP/1.0 knows none (RFC 9110 section 15.2)."""
        def play(peer):
            peer.head()
            peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
            peer.wait()
        with Server(play) as server, Proxy(backend(server.port)) as proxy:
            got = curl("--http1.0", "-i", proxy.url())
            self.assertNotIn(b" 103", got)
            self.assertTrue(got.endswith(b"ok\n"))


if __name__ == "__main__":
    peers.have("curl")
    unittest.main()
