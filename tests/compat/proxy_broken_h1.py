#!/usr/bin/env python3
"""HTTP/1.1 backends that misbehave in every way one can: clients of the proxy see 502, 504 or a cut answer, never one that looks
whole. timeout: 120"""
import socket
import struct
import time

import backends
from broken import Case, main
from scripted import response, settings

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"
CLOSE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nwhole\n"
ZERO_LINGER = struct.pack("ii", 1, 0)


def said(*pieces, wait=False):
    """Answers each request with the pieces, closes then, or waits until the proxy leaves."""
    def play(peer):
        backends.read_request(peer)
        for piece in pieces:
            peer.send(piece)
        if wait:
            peer.wait()
    return play


def reset(*pieces):
    """The same, ended by RST."""
    def play(peer):
        backends.read_request(peer)
        for piece in pieces:
            peer.send(piece)
        if pieces:
            time.sleep(0.2)  # RST may overtake what was sent
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ZERO_LINGER)
    return play


def cut_off(*pieces):
    """The same over TLS, ended without close_notify: anybody on the way can do that (RFC 9112 section 9.8)."""
    def play(peer):
        peer.cut = True
        said(*pieces)(peer)
    return play


def case(name, pieces, status, end="whole", wait=False, **more):
    Case(name, said(*(pieces if isinstance(pieces, (list, tuple)) else [pieces]), wait=wait), status, end, **more)


case("nothing wrong", LONG + b"whole\n", 200, body=b"whole\n")
case("chunks", CHUNKED + b"3\r\nwho\r\n3;x=y\r\nle\n\r\n0\r\nx-t: 1\r\n\r\n", 200, body=b"whole\n")
case("until the end", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole\n", 200, body=b"whole\n")
case("until the end, HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\nwhole\n", 200, body=b"whole\n")
case("a few 1xx", [b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n"] * 5 + [CLOSE], 200, body=b"whole\n")
case("HEAD with a length", LONG, 200, method="HEAD", body=b"")
case("HEAD with content", LONG + b"whole\n", 200, method="HEAD", body=b"")
case("304 with a length", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n", 304, body=b"")

# ---- cut ----------------------------------------------------------------------------------------------------------------------

for n in (0, 5, 15, 37):
    case("cut after %d bytes of the head" % n, LONG[:n], 502, connections=1)
case("cut before the content", LONG, 200, "cut")
case("cut in the content", LONG + b"who", 200, "cut", body=b"who")
case("cut in much content", b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 299999, 200, "cut")
case("cut in a chunk", CHUNKED + b"6\r\nwho", 200, "cut", body=b"who")
case("cut in a chunk's size", CHUNKED + b"3\r\nwho\r\n3", 200, "cut", body=b"who")
case("cut between chunks", CHUNKED + b"3\r\nwho\r\n", 200, "cut", body=b"who")
case("cut before the first chunk", CHUNKED, 200, "cut", body=b"")
case("cut before the last chunk ends", CHUNKED + b"6\r\nwhole\n\r\n0\r\n", 200, "cut", body=b"whole\n")
case("cut in the trailers", CHUNKED + b"6\r\nwhole\n\r\n0\r\nx-t: ", 200, "cut", body=b"whole\n")
case("cut after 103", b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n", 502, connections=1)
Case("RST without an answer", reset(), 502, connections=1)
Case("RST in the content", reset(LONG + b"who"), 200, "cut", body=b"who")
Case("RST in a chunk", reset(CHUNKED + b"6\r\nwho"), 200, "cut", body=b"who")
Case("RST in content until the end", reset(b"HTTP/1.1 200 OK\r\n\r\nwho"), 200, "cut", body=b"who")

for name, head in {"content until the end": b"HTTP/1.1 200 OK\r\n\r\n", "content with a length": LONG,
                   "chunks": CHUNKED + b"3\r\n"}.items():
    Case("TLS cut in " + name, cut_off(head + b"who"), 200, "cut", tls=True)
Case("TLS that ends with its content", said(b"HTTP/1.1 200 OK\r\n\r\nwho"), 200, body=b"who", tls=True)

# ---- late ---------------------------------------------------------------------------------------------------------------------

case("never answers", b"", 504, wait=True, connections=1)
case("never answers a POST", b"", 504, wait=True, method="POST", content=b"abc", connections=1)
case("half a head and no more", LONG[:20], 504, wait=True, connections=1)
case("103 and no more", b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n", 504, wait=True, connections=1)
case("stops in the content", LONG + b"who", 200, "cut", wait=True, body=b"who", late=True)
case("stops in a chunk", CHUNKED + b"6\r\nwho", 200, "cut", wait=True, body=b"who", late=True)
case("stops in content until the end", b"HTTP/1.1 200 OK\r\n\r\nwho", 200, "cut", wait=True, body=b"who", late=True)

# ---- heads that are none ------------------------------------------------------------------------------------------------------

for name, head in {
        "no version": b"200 OK\r\n\r\n", "another protocol": b"ICY 200 OK\r\n\r\n", "HTTP/2.0": b"HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/0.9": b"hello\r\n",
        "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n", "a status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
        "a status of 99": b"HTTP/1.1 099 OK\r\n\r\n",
        "no colon": b"HTTP/1.1 200 OK\r\nbad\r\n\r\n", "blank before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 6\r\n\r\nwhole\n",
        "a folded line": b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\nContent-Length: 6\r\n\r\nwhole\n",
        "NUL in a value": b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "bare CR": b"HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n",
        "CR that would split": b"HTTP/1.1 200 OK\r\nLocation: /\r\rSet-Cookie: x=y\r\n\r\n",
        "bare LF that would split": b"HTTP/1.1 200 OK\r\nLocation: /\nSet-Cookie: x=y\r\nContent-Length: 6\r\n\r\nwhole\n",
        "bare LF as the end": b"HTTP/1.1 200 OK\nContent-Length: 6\n\nwhole\n", "CR LF CR in front": b"\r\n\rHTTP/1.1 200 OK\r\n\r\n",
        "an empty name": b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "a blank in a name": b"HTTP/1.1 200 OK\r\na b: x\r\n\r\n",
        "a name of HTTP/2": b"HTTP/1.1 200 OK\r\n:status: 201\r\n\r\n",
        "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 7\r\n\r\nwhole\n",
        "a list of lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 6, 7\r\n\r\nwhole\n",
        "a length below 0": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nwhole\n",
        "a length in hex": b"HTTP/1.1 200 OK\r\nContent-Length: 0x6\r\n\r\nwhole\n",
        "a length with a sign": b"HTTP/1.1 200 OK\r\nContent-Length: +6\r\n\r\nwhole\n",
        "a length past all": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nwhole\n",
        "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\nwhole\n",
        "chunked twice": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n6\r\nwhole\n\r\n0\r\n\r\n",
        "chunked and a length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n6\r\nwhole\n\r\n0\r\n\r\n",
        "101 that nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nbytes",
        "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "frames of HTTP/2": settings() + response(1, 200, (), b"x"),
        "junk": bytes(range(256)) * 20,
        "TLS": b"\x15\x03\x03\x00\x02\x02\x46", "64 KiB of one line": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70000 + b"\r\n\r\n",
        "64 KiB of lines": b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: " % i + b"y" * 1000 + b"\r\n" for i in range(70)) + b"\r\n",
        "200 fields": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"Content-Length: 0\r\n\r\n"}.items():
    case(name, head, 502, connections=1)
case("a head without end", [b"HTTP/1.1 200 OK\r\n"] + [b"x: " + b"y" * 8000 + b"\r\n"] * 40, 502)
case("a reason without end", [b"HTTP/1.1 200 "] + [b"y" * 8000] * 40, 502)
case("fields without end", [b"HTTP/1.1 200 OK\r\n"] + [b"x: y\r\n" * 1000] * 10, 502)
case("a flood of 1xx", [b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n"] * 1000 + [CLOSE], 502)
case("100 fields", b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: y\r\n" % i for i in range(100)) + b"Content-Length: 0\r\n\r\n", 200)

# ---- content ------------------------------------------------------------------------------------------------------------------

for name, rest in {"a chunk size that is none": b"xyz\r\nwhole\n\r\n0\r\n\r\n", "a chunk size below 0": b"-6\r\nwhole\n\r\n0\r\n\r\n",
                   "a chunk size past all": b"fffffffffffffffff\r\nwhole\n", "a chunk that is longer": b"3\r\nwhole\n\r\n0\r\n\r\n",
                   "a chunk without an end of line": b"6\r\nwhole\n0\r\n\r\n", "a chunk size with bare LF": b"6\nwhole\n\r\n0\r\n\r\n",
                   "a chunk size in hex digits with 0x": b"0x6\r\nwhole\n\r\n0\r\n\r\n",
                   "a blank before a chunk size": b" 6\r\nwhole\n\r\n0\r\n\r\n",
                   "an endless extension": b"6;" + b"x" * 100000,
                   "trailers that would split": b"6\r\nwhole\n\r\n0\r\nx: a\rb\r\n\r\n"}.items():
    case(name, CHUNKED + rest, (200, 502), "cut")
case("204 with content", b"HTTP/1.1 204 None\r\n\r\nwhole\n", 204, body=b"")


def nothing_of_another(got, _server):
    return "the second answer is told: %r" % got if b"evil" in got.body or "x-evil" in got.fields else None


case("content behind the end", LONG + b"whole\nmore", 200, body=b"whole\n")
case("two answers to one request", [LONG + b"whole\n" + b"HTTP/1.1 200 OK\r\nX-Evil: 1\r\nContent-Length: 4\r\n\r\nevil"], 200, wait=True,
     body=b"whole\n",
     check=nothing_of_another)


if __name__ == "__main__":
    main()
