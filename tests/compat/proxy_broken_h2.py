#!/usr/bin/env python3
"""HTTP/2 backends that misbehave: bad frames, RST_STREAM, GOAWAY, wrong lengths, bad fields. Clients see 502, 504 or a cut
answer. timeout: 120"""
import contextlib

from broken import Case, main
from scripted import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PRIORITY, PUSH_PROMISE, RST_STREAM,
                      SETTINGS,
                      WINDOW_UPDATE, block, frame, goaway, literal, response, rst, settings, u32)

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, CALM, H1 = 0, 1, 2, 7, 8, 11, 13
OK = response(1, 200, (("content-length", "6"),), b"whole\n")


def head(fields=(), status=200, end=False, stream=1):
    return response(stream, status, fields, end=end)


def said(*pieces, wait=False, entries=None):
    """Answers the first request of a connection with the pieces; leaves then, or waits until the proxy does."""
    def play(peer):
        peer.begin(**(entries or {}))
        peer.request()
        for piece in pieces:
            peer.send(piece)
        if wait:
            peer.frames_left()
    return play


def case(name, pieces, status, end="whole", wait=True, entries=None, **more):
    Case(name, said(*(pieces if isinstance(pieces, (list, tuple)) else [pieces]), wait=wait, entries=entries), status, end, **more)


def by_turns(first, then=OK):
    """The first connection is answered with `first`, others with `then`."""
    def play(peer):
        peer.begin()
        peer.request()
        peer.send(first if peer.index == 1 else then)
        peer.frames_left()
    return play


case("nothing wrong", OK, 200, body=b"whole\n")
case("DATA in pieces, padded", head() + frame(DATA, PADDED, 1, b"\2who\0\0") + frame(DATA, 0, 1) + frame(DATA, END_STREAM, 1, b"le\n"), 200,
     body=b"whole\n")
case("CONTINUATION", frame(HEADERS, END_STREAM, 1, block(200)) + frame(CONTINUATION, END_HEADERS, 1, literal("x", "y")), 200, body=b"")
case("103 before it", head(status=103) + OK, 200, body=b"whole\n")
case("trailers", head() + frame(DATA, 0, 1, b"whole\n") + frame(HEADERS, END_HEADERS | END_STREAM, 1, literal("x-t", "1")), 200,
     body=b"whole\n")

# ---- ends ---------------------------------------------------------------------------------------------------------------------

for code in (NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, CANCEL, CALM, H1, 0xffffffff):
    case("RST_STREAM %d before an answer" % code, rst(1, code), 502, connections=1)
    case("RST_STREAM %d behind the head" % code, head() + rst(1, code), 200, "cut")
    case("RST_STREAM %d in the content" % code, head() + frame(DATA, 0, 1, b"who") + rst(1, code), 200, "cut", body=b"who")
case("RST_STREAM NO_ERROR behind a whole answer", OK + rst(1, NO_ERROR), 200, body=b"whole\n")
case("RST_STREAM before the content-length is full", head((("content-length", "6"),)) + frame(DATA, 0, 1, b"who") + rst(1, 0), 200, "cut",
     body=b"who")
case("leaves without an answer", b"", 502, wait=False, connections=1)
case("leaves behind the head", head(), 200, "cut", wait=False)
case("leaves in the content", head() + frame(DATA, 0, 1, b"who"), 200, "cut", wait=False, body=b"who")
case("leaves in a frame", head() + frame(DATA, END_STREAM, 1, b"whole\n")[:11], 200, "cut", wait=False)
case("GOAWAY that takes the request", goaway(1) + OK, 200, body=b"whole\n", connections=1)
case("GOAWAY that takes it, and leaves", goaway(1), 502, wait=False, connections=1)
case("GOAWAY in the content", head() + frame(DATA, 0, 1, b"who") + goaway(1) + frame(DATA, END_STREAM, 1, b"le\n"), 200, body=b"whole\n")
case("GOAWAY of an error in the content", head() + frame(DATA, 0, 1, b"who") + goaway(1, PROTOCOL_ERROR), 200, "cut", wait=False)
case("GOAWAY for a stream that never was", goaway(2**31 - 1) + OK, 200, body=b"whole\n")
Case("GOAWAY without the request: sent again", by_turns(goaway(0)), 200, connections=2, body=b"whole\n")
Case("GOAWAY without the POST: sent again", by_turns(goaway(0)), (200, 502), method="POST", content=b"", connections=2)


def refused_once(peer):
    peer.begin()
    peer.request()
    peer.send(rst(1, REFUSED_STREAM))
    peer.send(response(peer.request().stream, 200, (), b"whole\n"))
    peer.frames_left()


Case("REFUSED_STREAM once: sent again", refused_once, 200, connections=1, body=b"whole\n")
Case("REFUSED_STREAM once for a POST", refused_once, 200, method="POST", content=b"", connections=1, body=b"whole\n")
Case("REFUSED_STREAM once for a POST with content", refused_once, (200, 502), method="POST", content=b"abc")


def always_refused(peer):
    peer.begin()
    with contextlib.suppress(EOFError, OSError):
        while True:
            peer.send(rst(peer.request().stream, REFUSED_STREAM))


Case("REFUSED_STREAM again and again", always_refused, (502, 503), "whole")


def always_goaway(peer):
    peer.begin()
    peer.request()
    peer.send(goaway(0))


Case("GOAWAY again and again", always_goaway, (502, 503), "whole")

# ---- late ---------------------------------------------------------------------------------------------------------------------

case("never answers", b"", 504, connections=1)
case("never answers a POST", b"", 504, method="POST", content=b"abc")
case("half a header block", frame(HEADERS, END_STREAM, 1, block(200)), 504)
case("stops in the content", head() + frame(DATA, 0, 1, b"who"), 200, "cut", body=b"who", late=True)
case("PING in place of an answer", [frame(PING, 0, 0, b"12345678")] * 3, 504)


def mute(peer):
    peer.wait()


Case("says nothing at all", mute, (502, 504), "whole")

# ---- lengths ------------------------------------------------------------------------------------------------------------------

LENGTH = head((("content-length", "6"),))
case("DATA past content-length", LENGTH + frame(DATA, END_STREAM, 1, b"whole\nmore"), 200, "cut")
case("DATA short of content-length", LENGTH + frame(DATA, END_STREAM, 1, b"who"), 200, "cut")
case("no DATA for content-length", head((("content-length", "6"),), end=True), 502)
case("two content-lengths", head((("content-length", "6"), ("content-length", "7"))) + frame(DATA, END_STREAM, 1, b"whole\n"), 502)
case("content-length that is none", head((("content-length", "6x"),)) + frame(DATA, END_STREAM, 1, b"whole\n"), 502)
# What has no content over HTTP/1.1 is whole with its head.
case("204 with DATA", head(status=204) + frame(DATA, END_STREAM, 1, b"x"), 204, ("whole", "cut"), body=b"")
case("HEAD with DATA", head() + frame(DATA, END_STREAM, 1, b"x"), 200, ("whole", "cut"), method="HEAD", body=b"")

# ---- fields -------------------------------------------------------------------------------------------------------------------

for name, fields in {"CR LF": (("x", "a\r\nSet-Cookie: evil=1"),), "LF": (("x", "a\nb"),), "CR": (("x", "a\rb"),), "NUL": (("x", "a\0b"),),
                     "CR LF in a name": (("x: y\r\nset-cookie", "evil=1"),), "colon in a name": (("x:y", "z"),),
                     "blank in a name": (("x y", "z"),),
                     "an upper case name": (("X-Y", "z"),), "an empty name": (("", "z"),), "a blank at the end": (("x", "y "),),
                     "connection": (("connection", "close"),), "transfer-encoding": (("transfer-encoding", "chunked"),),
                     "keep-alive": (("keep-alive", "timeout=5"),), "upgrade": (("upgrade", "x"),), "another :status": ((":status", "201"),),
                     ":path": ((":path", "/"),)}.items():
    case("a field with " + name, head(fields) + frame(DATA, END_STREAM, 1, b"x"), 502, connections=1)
    case("trailers with " + name, head() + frame(DATA, 0, 1, b"whole\n") + frame(HEADERS, END_HEADERS | END_STREAM, 1, block(*fields)), 200,
         "cut")
for name, status in {"no status": None, "status 99": 99, "status 1000": 1000, "status 101": 101, "a status of letters": "abc",
                     "status 20": 20}.items():
    first = literal(":status", str(status)) if status else literal("x", "y")
    case(name, frame(HEADERS, END_HEADERS | END_STREAM, 1, first), 502)
case("103 with END_STREAM", head(status=103, end=True), 502)
case("a flood of 103", [head(status=103)] * 1000 + [OK], 502)
case("64 KiB of fields", [frame(HEADERS, 0, 1, block(200))] + [frame(CONTINUATION, 0, 1, literal("x", "y" * 10000))] * 6 +
     [frame(CONTINUATION, END_HEADERS, 1, literal("x", "y" * 10000))], 502)
case("200 fields", head([("x", "y")] * 200, end=True), 502)
case("CONTINUATION without end", [frame(HEADERS, 0, 1, block(200))] + [frame(CONTINUATION, 0, 1)] * 500, 502)

# ---- frames that end the connection -------------------------------------------------------------------------------------------

for name, bad in {"DATA on stream 0": frame(DATA, 0, 0, b"x"), "DATA before HEADERS": frame(DATA, END_STREAM, 1, b"x"),
                  "HEADERS on stream 0": frame(HEADERS, END_HEADERS, 0, block(200)),
                  "HEADERS on a stream nobody opened": head(stream=5), "HEADERS on an even stream": head(stream=2),
                  "DATA on a stream nobody opened": frame(DATA, 0, 5, b"x"),
                  "padding past the frame": frame(DATA, PADDED, 1, b"\xffx"), "a frame too long": frame(DATA, 0, 1, b"x" * 20000),
                  "SETTINGS of 5 bytes": frame(SETTINGS, 0, 0, b"12345"), "SETTINGS on a stream": frame(SETTINGS, 0, 1),
                  "a bad window": settings(window=2**31),
                  "WINDOW_UPDATE of 0": frame(WINDOW_UPDATE, 0, 0, u32(0)),
                  "a window past all": frame(WINDOW_UPDATE, 0, 0, u32(2**31 - 1)) * 2,
                  "PING of 7 bytes": frame(PING, 0, 0, b"1234567"), "RST_STREAM of 3 bytes": frame(RST_STREAM, 0, 1, b"123"),
                  "RST_STREAM of an idle stream": rst(9, CANCEL),
                  "GOAWAY of 4 bytes": frame(GOAWAY, 0, 0, b"1234"), "CONTINUATION alone": frame(CONTINUATION, END_HEADERS, 1, block(200)),
                  "a frame in a header block": frame(HEADERS, 0, 1, block(200)) + frame(PING, 0, 0, b"12345678"),
                  "bad HPACK": frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"),
                  "an index of no entry": frame(HEADERS, END_HEADERS, 1, b"\xfe"),
                  "PUSH_PROMISE of an odd stream": frame(PUSH_PROMISE, END_HEADERS, 1, u32(3) + block()),
                  "HTTP/1.1": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "PRIORITY of 4 bytes": frame(PRIORITY, 0, 1, b"1234"),
                  "a flood of PING": frame(PING, 0, 0, b"12345678") * 50000, "a flood of SETTINGS": settings() * 50000,
                  "empty DATA without end": head() + frame(DATA, 0, 1) * 50000}.items():
    case(name, bad, 200 if "empty" in name else 502, "cut" if "empty" in name else "whole")
    if not name.startswith(("DATA before", "empty", "HEADERS on an even")):
        case(name + ", in the content", head() + frame(DATA, 0, 1, b"who") + bad, 200, "cut")


def preface_of_http1(peer):
    peer.more()
    peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


Case("a backend that speaks HTTP/1.1", preface_of_http1, 502)


def whole_or_less(got, _):
    """Whether the window has grown in time is chance; what came in it goes on to the client."""
    return None if (len(got.body) == 200 * 16384) == (got.end == "whole") else "%s, %d bytes" % (got.end, len(got.body))


case("DATA that heeds no window", head() + frame(DATA, 0, 1, b"x" * 16384) * 199 + frame(DATA, END_STREAM, 1, b"x" * 16384), 200,
     ("cut", "whole"), check=whole_or_less)
case("many SETTINGS acknowledged that nobody sent", [frame(SETTINGS, ACK)] * 3 + [OK], (200, 502))

if __name__ == "__main__":
    main("proto=h2")
