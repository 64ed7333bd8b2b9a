#!/usr/bin/env python3
"""A hostile server for our client: every misbehaviour that one can have over HTTP/1.1, and in an Upgrade from there. See
hostility.py for what a case is."""
import gzip

from hostility import case, main
from scripted import response, settings

OK = b"whole\n"
WHOLE = response(1, 200, (("content-length", "6"),), OK)
ZIPPED = gzip.compress(b"text and more of it, " * 500)

# ---- HTTP/1.1 -----------------------------------------------------------------------------------------------------------------


def said(*pieces, wait=False):
    """Waits for one request of HTTP/1.1, then sends the pieces and closes, or waits until the client leaves."""
    def play(peer):
        peer.head()
        for piece in pieces:
            peer.send(piece)
        if wait:
            peer.wait()
    return play


def h1(name, pieces, code, err="", out=b"", wait=False, **more):
    pieces = pieces if isinstance(pieces, (list, tuple)) else [pieces]
    case("h1: " + name, said(*pieces, wait=wait), code, err, out, kind="h1", **more)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"
h1("nothing wrong", LONG + OK, 0, "", OK)
h1("until the end", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + OK, 0, "", OK)
h1("HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\n" + OK, 0, "", OK)
h1("chunks", CHUNKED + b"3\r\nwho\r\n3;x=y\r\nle\n\r\n0\r\nx-t: 1\r\n\r\n", 0, "", OK)
for n in (0, 5, 20, 38):
    h1("cut after %d bytes of the head" % n, LONG[:n], 1, "/x: .+")
h1("cut in the content", LONG + b"who", 1, "/x: .+", b"who")
h1("cut in a chunk", CHUNKED + b"6\r\nwho", 1, "/x: .+", b"who")
h1("cut between chunks", CHUNKED + b"3\r\nwho\r\n", 1, "/x: .+", b"who")
h1("cut before the last chunk ends", CHUNKED + b"6\r\nwhole\n\r\n0\r\n", 1, "/x: .+", OK)
h1("never answers", b"", 1, "timed out", wait=True, args=["-t2s"])
h1("stops", LONG + b"who", 1, "timed out", b"who", wait=True, args=["-t2s"])
h1("content behind the end", LONG + OK + b"more", 0, "", OK)
for name, head in {
        "no version": b"200 OK\r\n\r\n", "another protocol": b"ICY 200 OK\r\n\r\n", "HTTP/2.0": b"HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.9": None,
        "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n", "a status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
        "a status of 99": b"HTTP/1.1 099 OK\r\n\r\n",
        "no colon": b"HTTP/1.1 200 OK\r\nbad\r\n\r\n", "blank before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 6\r\n\r\nwhole\n",
        "a folded line": b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\nContent-Length: 6\r\n\r\nwhole\n",
        "NUL in a value": b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "bare CR": b"HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n", "an empty name": b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 7\r\n\r\nwhole\n",
        "a list of lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 6, 7\r\n\r\nwhole\n",
        "a length below 0": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nwhole\n",
        "a length in hex": b"HTTP/1.1 200 OK\r\nContent-Length: 0x6\r\n\r\nwhole\n",
        "a length past all": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nwhole\n",
        "a length with a sign": b"HTTP/1.1 200 OK\r\nContent-Length: +6\r\n\r\nwhole\n",
        "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\nwhole\n",
        "chunked twice": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n6\r\nwhole\n\r\n0\r\n\r\n",
        "chunked and a length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n6\r\nwhole\n\r\n0\r\n\r\n",
        "a chunk size that is none": CHUNKED + b"xyz\r\nwhole\n\r\n0\r\n\r\n",
        "a chunk size below 0": CHUNKED + b"-6\r\nwhole\n\r\n0\r\n\r\n",
        "a chunk size past all": CHUNKED + b"fffffffffffffffff\r\nwhole\n",
        "a chunk that is longer": CHUNKED + b"3\r\nwhole\n\r\n0\r\n\r\n",
        "a chunk without an end of line": CHUNKED + b"6\r\nwhole\n0\r\n\r\n",
        "a chunk size in two lines": CHUNKED + b"6\nwhole\n\r\n0\r\n\r\n",
        "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "frames of HTTP/2": settings() + WHOLE,
        "junk": bytes(range(256)) * 20}.items():
    if head:
        h1(name, head, 1, "/x: .+", None)
h1("a head without end", [b"HTTP/1.1 200 OK\r\n"] + [b"x: " + b"y" * 8000 + b"\r\n"] * 40, 1, "/x: .+")
h1("a line without end", [b"HTTP/1.1 200 OK\r\nx: "] + [b"y" * 8000] * 40, 1, "/x: .+")
h1("fields without end", [b"HTTP/1.1 200 OK\r\n"] + [b"x: y\r\n" * 1000] * 10, 1, "/x: .+")
h1("a flood of 1xx", [b"HTTP/1.1 103 Early\r\nx: y\r\n\r\n"] * 1000 + [LONG + OK], 1, "too many interim|/x: .+")
h1("a few 1xx", [b"HTTP/1.1 102 Wait\r\n\r\n"] * 50 + [LONG + OK], 0, "", OK)
h1("101 that nobody asked for", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + settings(), 1, "/x: .+")
h1("204 with content", b"HTTP/1.1 204 None\r\nContent-Length: 6\r\n\r\n" + OK, 0, None, b"")
h1("gzip that is cut", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % (len(ZIPPED) - 9) + ZIPPED[:-9], 1,
   "the content coding ends too early", None)
h1("redirects in a circle", b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 1, "the redirects go in a circle",
   args=["-L"])
h1("escapes in a reason", b"HTTP/1.1 200 \x1b[2J\r\nContent-Length: 6\r\n\r\n" + OK, None, None, None)


def one_answer(peer):
    peer.head()
    peer.send(LONG + OK)


case("h1: closes after each answer", one_answer, 0, "", OK * 3, args=["-m3"], kind="h1", connections=3)
case("h1: says close", lambda p: (p.head(), p.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n" + OK), p.wait()), 0,
     "", OK * 2,
     args=["-m2"], kind="h1", connections=2)


def cut_by_somebody(peer):
    """TLS ends without close_notify: content that goes until the end may not be whole."""
    peer.cut = True
    peer.head()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + OK)


case("h1: TLS that is cut", cut_by_somebody, 1, "was cut", OK, kind="h1 in TLS")

# ---- Upgrade ------------------------------------------------------------------------------------------------------------------

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


def upgrade(name, pieces, code, err="", out=b"", **more):
    def play(peer):
        _, fields = peer.head()
        assert fields["upgrade"] == "h2c" and "http2-settings" in fields
        for piece in pieces:
            peer.send(piece)
        peer.wait()
    case("upgrade: " + name, play, code, err, out, args=["-u"] + more.pop("args", []), kind="upgrade", **more)


upgrade("nothing wrong", [SWITCH + settings() + WHOLE], 0, "", OK)
upgrade("refused", [LONG + OK], 1, "the server did not upgrade to HTTP/2", None)
upgrade("refused by an error", [b"HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n"], 1, "the server did not upgrade to HTTP/2")
upgrade("to another protocol", [b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + settings() + WHOLE], 1,
        "/x: .+", None)
upgrade("without Upgrade", [b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\n\r\n" + settings() + WHOLE], 1, "/x: .+", None)
upgrade("no SETTINGS behind it", [SWITCH + WHOLE], 1, "/x: .+", None)
upgrade("HTTP/1.1 behind it", [SWITCH + LONG + OK], 1, "/x: .+", None)
upgrade("nothing behind it", [SWITCH], 1, "/x: timed out", args=["-t2s"])
upgrade("junk", [bytes(range(256))], 1, "/x: .+")


if __name__ == "__main__":
    main()
