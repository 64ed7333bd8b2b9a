#!/usr/bin/env python3
"""Every byte that a backend of HTTP/1.1 is sent for requests of either version, beside what Debian's nghttpx sends for the same
ones. timeout: 60"""
import os
import re
import shutil
import unittest

import peers
from backends import OK, Frames, Watched, head_frames, talk
from proxying import backend
from scripted import DATA, END_HEADERS, END_STREAM, HEADERS, Server, block, frame

NGHTTPX = shutil.which("nghttpx", path=os.environ.get("PATH", "") + ":/usr/sbin")


def h1(*lines, content=b""):
    return ("\r\n".join([*lines, "", ""])).encode() + content


def h2(method, path, *fields, content=None, trailers=None):
    head = [(":method", method), (":scheme", "http"), (":authority", "a.test:8080"), (":path", path), *fields]
    out = [head_frames(1, head, content is None)]
    if content is not None:
        out.append(frame(DATA, 0 if trailers else END_STREAM, 1, content))
    if trailers:
        out.append(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(*trailers)))
    return out


HOST, CLOSE = "Host: a.test:8080", "Connection: close"



def drop(name):
    return lambda text: re.sub(rb"(?m)^%s: [^\r]*\r\n" % name, b"", text)


def framing_last(text):
    head, blank, content = text.partition(b"\r\n\r\n")
    framing = re.search(rb"\r\nTransfer-Encoding: chunked", head)
    return head.replace(framing[0], b"") + framing[0] + blank + content if framing else text


def append(line):
    return lambda text: text.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n", 1)


# What differs on purpose, as what has to be done to the text of nghttpx to have ours.
DIFFERENCES = {
    "name": lambda text: re.sub(rb"(Via: .*) nghttpx\r", rb"\1 h2box\r", text),
    # Connection is about the client's connection, and ours to backends are kept; what it names ends here (RFC 9110 section 7.6.1).
    "connection": drop(b"Connection"), "x-hop": drop(b"X-Hop"), "upgrade": drop(b"Upgrade"),
    # We write the framing that we chose ourselves, behind the fields that came.
    "framing": framing_last,
    # We take no coding but chunked, and say so to nobody for somebody else; trailers are passed on, which has to be said in Connection as
    # well (RFC 9110 section 10.1.4).
    "te": drop(b"Te"), "te named": append(b"Connection: TE"),
    # RFC 9110 section 8.6: a POST without content says that there is none.
    "length": append(b"Content-Length: 0"),
    # RFC 9110 section 6.5.1: fields of framing do not come behind the content.
    "trailers": drop(b"Content-Length"),
}
H1 = ("connection", "framing")

# A request, and how nghttpx differs beyond its name and (from HTTP/1.1) Connection and the place of the framing.
CASES = {
    "GET": (h1("GET /x?y=z HTTP/1.1", HOST, CLOSE),),
    "fields in their order": (h1("GET / HTTP/1.1", HOST, "x-b: 1", "X-A: 2", "x-b: 3", "accept: */*", "user-agent: u", CLOSE),),
    "blanks around a value": (h1("GET / HTTP/1.1", "host:a.test:8080", "x:   y \t z  ", "empty:", CLOSE),),
    "names in Title-Case": (h1("GET / HTTP/1.1", HOST, "x-LONG-name_of-MINE: 1", "etag: x", "dnt: 1", "te-x: 1", CLOSE),),
    "bytes above ASCII": (b"GET / HTTP/1.1\r\nHost: a.test:8080\r\nx: \xe4\xff\r\nConnection: close\r\n\r\n",),
    "of the connection": (h1("GET / HTTP/1.1", HOST, "Keep-Alive: 5", "Proxy-Connection: x", "Connection: close, x-hop", "X-Hop: 1",
                             "Upgrade: y"), "x-hop", "upgrade"),
    "TE: trailers": (h1("GET / HTTP/1.1", HOST, "TE: trailers", "Connection: close, TE"), "te named"),
    "TE: gzip": (h1("GET / HTTP/1.1", HOST, "TE: gzip", "Connection: close, TE"), "te"),
    "whole URI": (h1("GET http://b.test/x HTTP/1.1", HOST, CLOSE),),
    "HTTP/1.0": (h1("GET / HTTP/1.0", HOST),),
    "HTTP/1.0 without Host": (h1("GET / HTTP/1.0"),),
    "OPTIONS *": (h1("OPTIONS * HTTP/1.1", HOST, CLOSE),),
    "content with a length": (h1("POST / HTTP/1.1", HOST, "Content-Length: 5", CLOSE, content=b"hello"),),
    "no content": (h1("POST / HTTP/1.1", HOST, "Content-Length: 0", CLOSE),),
    "chunks": (h1("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", CLOSE, content=b"2;x\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),),
    "trailers": (h1("POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", "Trailer: x-t", CLOSE,
                    content=b"5\r\nhello\r\n0\r\nx-t: 1\r\nContent-Length: 9\r\n\r\n"), "trailers"),
    "cookies": (h1("GET / HTTP/1.1", HOST, "Cookie: a=1; b=2", "Cookie: c=3", CLOSE),),
    "forwarded before": (h1("GET / HTTP/1.1", HOST, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "Via: 1.0 foo",
                            "Forwarded: for=x", CLOSE),),
    "Expect": (h1("POST / HTTP/1.1", HOST, "Expect: 100-continue", "Content-Length: 5", CLOSE, content=b"hello"),),
    "GET of HTTP/2": (h2("GET", "/x?y=z", ("x-b", "1"), ("accept", "*/*"), ("x-b", "2")),),
    "cookies of HTTP/2": (h2("GET", "/", ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3; d=4")),),
    "te of HTTP/2": (h2("GET", "/", ("te", "trailers")), "te named"),
    "content of HTTP/2": (h2("POST", "/", content=b"hello"),),
    "content of HTTP/2 with a length": (h2("POST", "/", ("content-length", "5"), content=b"hello"),),
    "no content of HTTP/2": (h2("POST", "/", content=b""),),
    "POST of HTTP/2 without content": (h2("POST", "/"), "length"),
    "trailers of HTTP/2": (h2("POST", "/", ("trailer", "x-t"), content=b"hello", trailers=[("x-t", "1")]),),
    "host of HTTP/2": (h2("GET", "/", ("host", "a.test:8080")),),
    "OPTIONS * of HTTP/2": (h2("OPTIONS", "*"),),
}


def keeper(seen):
    """A backend that keeps all bytes of a request."""
    def play(peer):
        while True:
            while b"\r\n\r\n" not in peer.data:
                peer.more()
            head = peer.data.partition(b"\r\n\r\n")[0]
            content = 0
            if (length := re.search(rb"\r\nContent-Length: (\d+)", head)):
                content = int(length[1])
            whole = peer.take(len(head) + 4 + content)
            if b"\r\nTransfer-Encoding: chunked" in head:
                while not re.search(rb"\r\n0\r\n(?:[^\r]+\r\n)*\r\n\Z", whole):
                    whole += peer.take(1)
            seen.append(whole)
            peer.send(OK)
    return play


def collect(proxy_of):
    """What a backend is sent for each case."""
    seen, out = [], {}
    with Server(keeper(seen), seconds=20) as server, proxy_of(server) as proxy:
        for name, (sent, *_) in CASES.items():
            if isinstance(sent, bytes):
                talk(proxy.port, sent)
            else:
                with Frames(proxy.port) as c:
                    c.send(*sent)
                    c.answer()
            out[name] = [x.replace(b":%d" % server.port, b":PORT") for x in seen]
            seen.clear()
    return out


class Theirs(peers.Running):
    def __init__(self, server):
        port = peers.free_port()
        super().__init__([NGHTTPX, "--conf=/dev/null", "--workers=1", "-f127.0.0.1,%d;no-tls" % port, "-b127.0.0.1,%d" % server.port], port)


@unittest.skipUnless(NGHTTPX, "no nghttpx")
class Bytes(unittest.TestCase):
    def test_beside_nghttpx(self):
        ours, theirs = collect(lambda s: Watched(backend(s.port))), collect(Theirs)
        for name, (sent, *differences) in CASES.items():
            with self.subTest(name):
                want = theirs[name]
                self.assertEqual(len(want), 1)
                text = want[0]
                for difference in ("name", *(H1 if isinstance(sent, bytes) else ("framing",)), *differences):
                    text = DIFFERENCES[difference](text)
                self.assertEqual(ours[name], [text])


if __name__ == "__main__":
    unittest.main()
