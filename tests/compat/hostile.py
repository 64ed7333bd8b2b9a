#!/usr/bin/env python3
"""A hostile server for our client: every misbehaviour that one can have over HTTP/2. See hostility.py for what a case is."""
import gzip
import os
import zlib

from hostility import case, main
from scripted import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PUSH_PROMISE, SETTINGS,
                      WINDOW_UPDATE, block,
                      frame, goaway, literal, number, response, rst, settings, u32)

OK = b"whole\n"


def asked(*pieces, wait=True, **entries):
    """Waits for one request, then sends the pieces (functions get the request), and waits for the client to leave."""
    def play(peer):
        peer.begin(**entries)
        r = peer.request()
        for piece in pieces:
            if callable(piece):
                piece = piece(r)
            peer.send(piece)
        if wait:
            peer.wait()
    return play


def raw(*pieces, wait=False):
    """Sends bytes at once, without reading."""
    def play(peer):
        for piece in pieces:
            peer.send(piece)
        if wait:
            peer.wait()
        else:
            peer.sock.shutdown(1)
            peer.wait()
    return play


def flood(make, head=b""):
    """Sends make(n) without end, until the client leaves; the answer is never finished."""
    def play(peer):
        peer.begin()
        r = peer.request()
        peer.send(head)
        n = 0
        while True:
            peer.send(b"".join(make(n + i, r.stream) for i in range(64)))
            n += 64
    return play


WHOLE = response(1, 200, (("content-length", "6"),), OK)
HEAD = frame(HEADERS, END_HEADERS, 1, block(200))
LENGTH10 = frame(HEADERS, END_HEADERS, 1, block(200, ("content-length", "10")))
GZIP = frame(HEADERS, END_HEADERS, 1, block(200, ("content-encoding", "gzip")))
TEXT = b"text and more of it, " * 500
ZIPPED = gzip.compress(TEXT)

case("nothing wrong", asked(WHOLE), 0, "", OK)



def cut(n):
    def play(peer):
        peer.begin()
        peer.request()
        peer.send(WHOLE[:n])
    return play


# Cut anywhere: what came of the body is shown, and never called whole.
BODY_AT = len(WHOLE) - len(OK)
for n in range(0, len(WHOLE), 3):
    case("cut after %d bytes" % n, cut(n), 1, r"/x: .+\n", OK[:max(0, n - BODY_AT)])
for name, sent in (("nothing", b""), ("half a frame head", b"\0\0\0\4"), ("half of SETTINGS", b"\0\0\6\4\0\0\0\0\0\0\3")):
    case("cut: " + name, raw(sent), 1, "closed by the peer|ends inside|was cut")
case("HTTP/1.1 where HTTP/2 is expected", raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), 1, r"/x: .+\n")
case("random bytes", raw(os.urandom(4096)), 1, r"/x: .+\n")
case("a TLS alert in the clear", raw(b"\x15\x03\x01\x00\x02\x02\x46"), 1, r"/x: .+\n")

# Late, or never.
case("no SETTINGS ever", lambda p: p.wait(), 1, "timed out|SETTINGS", args=["-t500ms"])
case("no answer", asked(), 1, "/x: timed out", args=["-t300ms"])
case("an answer that stops", asked(HEAD, frame(DATA, 0, 1, b"part")), 1, "/x: timed out", b"part", args=["-t2s"])
case("bytes in drops", asked(HEAD, *[frame(DATA, END_STREAM if i == 5 else 0, 1, OK[i:i + 1]) for i in range(6)]), 0, "", OK)
case("no streams allowed", lambda p: (p.begin(streams=0), p.wait()), 1, "timed out", args=["-t300ms"])
case("the run's time", asked(), 1, "the run has had its --max-time", args=["--max-time=300ms"])

# Lengths that lie, codings that do not hold.
case("less than content-length", asked(LENGTH10, frame(DATA, END_STREAM, 1, OK)), 1, "less DATA than content-length|content-length", None)
case("more than content-length", asked(LENGTH10, frame(DATA, END_STREAM, 1, OK * 2)), 1, "content-length", None)
case("content-length twice, different", asked(frame(HEADERS, END_HEADERS, 1, block(200, ("content-length", "6"), ("content-length", "7"))),
                                              frame(DATA, END_STREAM, 1, OK)), 1, "content-length")
case("content-length that is none", asked(response(1, 200, (("content-length", "6x"),), OK)), 1, "content-length")
case("content-length past all", asked(response(1, 200, (("content-length", "99999999999999999999999"),), OK)), 1, "content-length")
case("gzip", asked(GZIP, frame(DATA, END_STREAM, 1, ZIPPED)), 0, "", TEXT)
case("gzip in two members", asked(GZIP, frame(DATA, 0, 1, ZIPPED), frame(DATA, END_STREAM, 1, ZIPPED)), 0, "", TEXT * 2)
for n in (1, 10, 11, len(ZIPPED) // 2, len(ZIPPED) - 8, len(ZIPPED) - 1):
    case("gzip cut after %d" % n, asked(GZIP, frame(DATA, END_STREAM, 1, ZIPPED[:n])), 1, "the content coding ends too early", None)
case("gzip with a wrong sum", asked(GZIP, frame(DATA, END_STREAM, 1, ZIPPED[:-8] + b"\0" * 8)), 1, "the content coding is broken", None)
case("gzip and something behind", asked(GZIP, frame(DATA, END_STREAM, 1, ZIPPED + b"junk")), 1, "the content coding is broken", None)
case("gzip that is none", asked(GZIP, frame(DATA, END_STREAM, 1, b"plain")), 1, "the content coding is broken")
case("gzip thrown away is checked too", asked(GZIP, frame(DATA, END_STREAM, 1, ZIPPED[:-1])), 1, "the content coding ends too early",
     args=["-n"])
case("deflate", asked(response(1, 200, (("content-encoding", "deflate"),), zlib.compress(TEXT))), 0, "", TEXT)
case("deflate without its wrapper", asked(response(1, 200, (("content-encoding", "deflate"),), zlib.compress(TEXT)[2:-4])), 0, "", TEXT)
case("a coding that we do not know", asked(response(1, 200, (("content-encoding", "br"),), OK)), 0, "its content coding is not known", OK)
BOMB = gzip.compress(b"\0" * (64 << 20), 9)
case("a gzip bomb is a long body", asked(GZIP, *[frame(DATA, 0, 1, BOMB[i:i + 16384]) for i in range(0, len(BOMB), 16384)],
                                         frame(DATA, END_STREAM, 1)), 0, "", args=["-n"], seconds=20)

# Resets.
for code, name in ((1, "PROTOCOL_ERROR"), (2, "INTERNAL_ERROR"), (8, "CANCEL"), (11, "ENHANCE_YOUR_CALM"), (0xdead, "unknown code")):
    case("reset by %s" % name, asked(rst(1, code)), 1, "/x: reset by the server: " + name)
case("reset in the middle", asked(HEAD, frame(DATA, 0, 1, b"part"), rst(1, 2)), 1, "reset by the server: INTERNAL_ERROR", b"part")
case("reset without error before the end", asked(HEAD, frame(DATA, 0, 1, b"part"), rst(1, 0)), 1, "/x: .+", b"part")
case("reset behind a whole answer", asked(WHOLE, rst(1, 0)), 0, "", OK)


def refused(times):
    def play(peer):
        peer.begin()
        for _ in range(times):
            peer.send(rst(peer.request().stream, 7))
        r = peer.request()
        peer.send(response(r.stream, 200, (), OK))
        peer.wait()
    return play


case("refused once", refused(1), 0, "", OK, connections=1)
case("refused always", lambda p: (p.begin(), [p.send(rst(p.request().stream, 7)) for _ in range(100)]), 1, "not processed by the server",
     connections=1)
case("refused after it began", asked(HEAD, frame(DATA, 0, 1, b"part"), rst(1, 7)), 1, "not processed|REFUSED", b"part")


# GOAWAY.
def goaway_first(peer):
    peer.begin()
    r = peer.request()
    if peer.index == 1:
        peer.send(goaway(0))
    else:
        peer.send(response(r.stream, 200, (), OK))
        peer.wait()


case("GOAWAY before the request, then an answer", goaway_first, 0, "", OK, connections=2)
case("GOAWAY always", asked(goaway(0), wait=False), 1, "not processed by the server", connections=2)
case("GOAWAY and the answer", asked(goaway(1), WHOLE), 0, "", OK, connections=1)
case("GOAWAY and no answer", asked(goaway(1), wait=False), 1, "/x: .+")
case("GOAWAY with an error", asked(goaway(0, 11, b"\x1b]0;x\x07go away")), 1,
     r"the server ends the connection: ENHANCE_YOUR_CALM: \\x1b\]0;x\\x07go away\n",
     connections=1)
case("GOAWAY that takes back what it said", asked(goaway(1), goaway(5), WHOLE), 1, "GOAWAY", None)
case("GOAWAY on a stream", asked(frame(GOAWAY, 0, 1, u32(0) * 2)), 1, "GOAWAY|stream")


def one_each(peer):
    """A server that answers one request on each connection, as one that restarts all the time."""
    peer.begin()
    r = peer.request()
    peer.send(goaway(r.stream), response(r.stream, 200, (), b"x"))


case("GOAWAY after each answer", one_each, 0, "", b"x" * 5, args=["-m5"], connections=5)
case("closes after each answer", lambda p: (p.begin(streams=1), p.send(response(p.request().stream, 200, (), b"x"))), 1, None, None,
     args=["-m4", "-M1"])

# Frames that break the rules.
BAD = {
    "DATA before the answer": (frame(DATA, 0, 1, b"early"), "DATA before"),
    "DATA on stream 0": (frame(DATA, 0, 0, b"x"), "stream"),
    "DATA on an idle stream": (frame(DATA, 0, 7, b"x"), "idle"),
    "HEADERS on stream 0": (frame(HEADERS, END_HEADERS, 0, block(200)), "stream"),
    "HEADERS on an even stream": (frame(HEADERS, END_HEADERS, 2, block(200)), "idle|stream"),
    "an answer without a status": (frame(HEADERS, END_HEADERS | END_STREAM, 1, literal("x", "y")), "status"),
    "two statuses": (frame(HEADERS, END_HEADERS | END_STREAM, 1, block(200, 200)), "status|twice|pseudo"),
    "a status that is none": (frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(":status", "2xx")), "status"),
    "a request's field in an answer": (frame(HEADERS, END_HEADERS | END_STREAM, 1, block(200, (":path", "/"))), "pseudo|path"),
    "an unknown pseudo-header field": (frame(HEADERS, END_HEADERS | END_STREAM, 1, block(200, (":x", "/"))), "pseudo"),
    "a pseudo-header field at the end": (frame(HEADERS, END_HEADERS | END_STREAM, 1, literal("a", "b") + block(200)), "pseudo"),
    "upper case in a name": (frame(HEADERS, END_HEADERS | END_STREAM, 1, block(200, ("Bad", "1"))), "name"),
    "a connection field": (frame(HEADERS, END_HEADERS | END_STREAM, 1, block(200, ("connection", "close"))), "connection"),
    "a line break in a value": (frame(HEADERS, END_HEADERS | END_STREAM, 1, block(200, ("x", "a\r\nb: c"))), "value"),
    "NUL in a value": (frame(HEADERS, END_HEADERS | END_STREAM, 1, block(200, ("x", "a\0b"))), "value"),
    "HPACK: an index that is not there": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\x80\x01"), "."),
    "HPACK: a string that is cut": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\0\x05ab"), "."),
    "HPACK: a number without end": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff" + b"\xff" * 20), "."),
    "HPACK: bad Huffman": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\0\x01x\x84\xff\xff\xff\xff"), "."),
    "HPACK: a table over the limit": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xe1\xff\x7f" + block(200)), "table"),
    "a frame inside a header block": (frame(HEADERS, 0, 1, block(200)) + frame(PING, 0, 0, bytes(8)), "CONTINUATION|block"),
    "CONTINUATION of nothing": (frame(CONTINUATION, END_HEADERS, 1, b""), "CONTINUATION"),
    "a frame over the size": (frame(DATA, 0, 1, bytes(16385)), "SETTINGS_MAX_FRAME_SIZE"),
    "padding longer than its frame": (HEAD + frame(DATA, PADDED, 1, b"\xffabc"), "padding|Pad"),
    "SETTINGS of 5 bytes": (frame(SETTINGS, 0, 0, bytes(5)), "."),
    "SETTINGS with a payload and ACK": (frame(SETTINGS, ACK, 0, bytes(6)), "."),
    "ENABLE_PUSH from a server": (settings(push=1), "."),
    "a window over 2^31": (settings(window=1 << 31), "."),
    "a frame size of 1": (settings(frame=1), "."),
    "WINDOW_UPDATE by 0": (frame(WINDOW_UPDATE, 0, 0, u32(0)), "WINDOW_UPDATE by 0"),
    "a connection window over 2^31": (frame(WINDOW_UPDATE, 0, 0, u32(0x7fffffff)), "window"),
    "PING of 7 bytes": (frame(PING, 0, 0, bytes(7)), "."),
    "PING on a stream": (frame(PING, 0, 1, bytes(8)), "."),
    "RST_STREAM of an idle stream": (rst(9, 8), "idle"),
    "RST_STREAM of stream 0": (rst(0, 8), "."),
    "PRIORITY on stream 0": (frame(2, 0, 0, bytes(5)), "."),
    "DATA behind the end": (WHOLE + frame(DATA, 0, 1, b"more"), None),
    "trailers that do not end": (HEAD + frame(HEADERS, END_HEADERS, 1, literal("x", "y")), "."),
    "trailers with a status": (HEAD + frame(HEADERS, END_HEADERS | END_STREAM, 1, block(200)), "pseudo|trailer|status"),
}
for name, (sent, why) in BAD.items():
    if why:
        case(name, asked(sent), 1, r"(?i)/x: .*(" + why + ")")
    else:  # the answer was whole
        case(name, asked(sent), 0, "", None)

# Floods.
case("a flood of PING", flood(lambda n, s: frame(PING, 0, 0, n.to_bytes(8, "big"))), 1, "/x: .+", seconds=20)
case("a flood of SETTINGS", flood(lambda n, s: settings(window=65535)), 1, "/x: .+", seconds=20)
case("a flood of empty DATA", flood(lambda n, s: frame(DATA, 0, s), HEAD), 1, "/x: .+", seconds=20)
case("a flood of WINDOW_UPDATE", flood(lambda n, s: frame(WINDOW_UPDATE, 0, 0, u32(1))), 1, "/x: .+", seconds=20)
case("a flood of unknown frames", flood(lambda n, s: frame(0x77, 0, 0, b"?")), 1, "/x: .+", seconds=20)
case("a flood of ALTSVC", flood(lambda n, s: frame(10, 0, 0, b"\0\1ax")), 1, "/x: .+", seconds=20)
case("a flood of PRIORITY", flood(lambda n, s: frame(2, 0, s, bytes(5))), 1, "/x: .+", seconds=20)
case("a flood of 1xx", flood(lambda n, s: frame(HEADERS, END_HEADERS, s, block(103, ("link", "</a>")))), 1,
     "/x: too many interim responses", seconds=20)
case("a few 1xx", asked(*[frame(HEADERS, END_HEADERS, 1, block(102))] * 50, WHOLE), 0, "", OK)
case("1xx that ends the stream", asked(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(103))), 1, "/x: .+")
case("a flood of CONTINUATION", flood(lambda n, s: frame(CONTINUATION, 0, s, b""), frame(HEADERS, 0, 1, b"")), 1, "/x: .+", seconds=20)
case("headers without end", flood(lambda n, s: frame(CONTINUATION, 0, s, block(("x%d" % n, "y" * 100))), frame(HEADERS, 0, 1, block(200))),
     1, "/x: .+",
     seconds=20)
case("an HPACK bomb", asked(frame(HEADERS, END_HEADERS | END_STREAM, 1,
                                  block(200) + b"\x40" + number(1) + b"b" + number(3000) + b"v" * 3000 +
                                  b"\xbe" * 12000)), 1, "/x: .+")
case("a thousand fields", asked(response(1, 200, [("x%d" % n, "y") for n in range(1000)], OK)), 1, "/x: .+", None)
case("a long field", asked(frame(HEADERS, 0, 1, block(200, ("x", "y" * 100000))[:16000]), *[frame(CONTINUATION, 0, 1, b"y" * 16000)] * 5,
                           frame(CONTINUATION, END_HEADERS, 1, b"y" * 4000)), 1, "/x: .+")

# Pushes.
PROMISE = b"\x82\x86" + literal(":path", "/p")


def promise(r, authority=None, method=b"\x82", extra=b""):
    return frame(PUSH_PROMISE, END_HEADERS, 1, u32(2) + method + b"\x86" + literal(":path", "/p") +
                 literal(":authority", authority or r[":authority"]) + extra)


case("a push is not shown", asked(promise, response(2, 200, (), b"pushed"), WHOLE), 0, "", OK)
case("a push for another authority", asked(lambda r: promise(r, "bank.test"), response(2, 200, (), b"pushed"), WHOLE), 0, "", OK)
case("a push of a POST", asked(lambda r: promise(r, None, b"\x83"), WHOLE), None, None, None)
case("a push with content", asked(lambda r: promise(r, extra=literal("content-length", "5")), WHOLE), None, None, None)
case("a push although --no-push", asked(promise, response(2, 200, (), b"pushed"), WHOLE), 1, "(?i)push", None, args=["--no-push"])
case("a push on an odd stream", asked(lambda r: frame(PUSH_PROMISE, END_HEADERS, 1,
                                                      u32(3) + PROMISE + literal(":authority", r[":authority"]))), 1, "/x: .+")
case("a push twice on a stream", asked(promise, promise), 1, "/x: .+")
case("a push that fails is no failure", asked(promise, rst(2, 2), WHOLE), 0, "/p: reset by the server", OK)
case("a flood of pushes", flood(lambda n, s: frame(PUSH_PROMISE, END_HEADERS, s, u32(2 + 2 * n) + PROMISE + literal(":authority", "a"))), 1,
     "/x: .+", seconds=20)
case("a push that never comes", asked(promise, WHOLE), 0, "/p: timed out", OK, args=["-t2s"])

# Redirects.


def redirects(to, status=302):
    def play(peer):
        peer.begin()
        n = 0
        while True:
            r = peer.request()
            n += 1
            peer.send(response(r.stream, status, (("location", to(n, r)),), b"moved"))
    return play


case("a redirect to itself", redirects(lambda n, r: "/x"), 1, "the redirects go in a circle", args=["-L"])
case("redirects in a circle", redirects(lambda n, r: "/%d" % (n % 3)), 1, "the redirects go in a circle", args=["-L"])
case("redirects without end", redirects(lambda n, r: "/%d" % n), 1, "too many redirects", args=["-L"])
case("a redirect to a file", redirects(lambda n, r: "file:///etc/passwd"), 1, "its redirect leads to no address", args=["-L"])
case("a redirect to nowhere", redirects(lambda n, r: "http://127.0.0.1:1/"), 1,
     "connect 127.0.0.1:1: connection refused|from https to http", args=["-L"])
case("a redirect with a password", redirects(lambda n, r: "http://user:secret@127.0.0.1/"), 1, "its redirect leads to no address",
     args=["-L"])
case("a long redirect", redirects(lambda n, r: "/" + "x" * 60000), None, None, None, args=["-L"])

# Pages.
HTML = ("content-type", "text/html")


def page(body, *fields):
    def play(peer):
        peer.begin(streams=1000)
        while True:
            r = peer.request()
            peer.send(response(r.stream, 200, (HTML, *fields) if r[":path"] == "/x" else (), body if r[":path"] == "/x" else b""))
    return play


case("a page with a million links", page(b"".join(b"<img src=%d>" % n for n in range(300000))), 0, "", args=["-an"], seconds=30)
case("a page that is deep", page(b"<b>" * 200000 + b"</i>" * 200000), 0, "", args=["-an"], seconds=20)
case("a page of junk", page(os.urandom(100000)), 0, "", args=["-an"])
case("a page that is a bomb", page(gzip.compress(b"<p>" * (10 << 20), 9), ("content-encoding", "gzip")), 0, "", args=["-an"], seconds=30)
case("a page that names itself", page(b"<img src=/x><img src=x><img src='?'>"), 0, "", args=["-an"])


def hidden(peer):
    peer.begin()
    while True:
        peer.send(response(peer.request().stream, 200, (), b"planted"))


case("a name that is hidden", hidden, 1, "would be hidden", args=["-O"], path="/.bashrc")
case("a name that is an option", hidden, 1, "would be hidden", args=["-O"], path="/-rf")

if __name__ == "__main__":
    main()
