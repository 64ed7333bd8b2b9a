#!/usr/bin/env python3
"""Random bytes and random calls through Python: exceptions of ours at most, whatever comes. H2BOX_SEED plays another game."""
import support
import os
import random
import time
import unittest

import h2box
from h2box import Connection, H2Error

SEED = int(os.environ.get("H2BOX_SEED", "1"))
SECONDS = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")]
OK = [(":status", "200")]


def frame(rnd):
    """A frame that is often nearly right."""
    kind = rnd.choice((0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, rnd.randrange(256)))
    payload = rnd.choice((b"", rnd.randbytes(4), rnd.randbytes(8), bytes.fromhex("828684410161"), rnd.randbytes(rnd.randrange(40)),
                          bytes(6),
                          bytes.fromhex("000300000064"), b"x" * 1000))
    length = len(payload) if rnd.random() < 0.97 else rnd.randrange(1 << 24)
    return (length.to_bytes(3, "big") + bytes((kind, rnd.choice((0, 1, 4, 5, 8, 0x24, rnd.randrange(256)))))
            + rnd.choice((0, 1, 1, 3, 5, 2, rnd.randrange(1 << 31))).to_bytes(4, "big") + payload)


def line(rnd):
    return rnd.choice((b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
                       b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n",
                       b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", b"0\r\n\r\n", rnd.randbytes(9),
                       b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
                        b"http2-settings: AAMAAABk\r\n\r\n" + PREFACE,
                       b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
                       b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n",
                       PREFACE, frame(rnd), b"\r\n", b"HTTP/1.0 404 No\r\n\r\n"))


def value(rnd):
    """An argument that may be of any type."""
    return rnd.choice((1, 3, 2, 0, -1, 1 << 40, None, "x", b"x", b"y" * 70000, bytearray(b"z"), 1.5, GET, OK, [("a", "b")], [("A", 1)], (),
                       {}, "a\r\nb",
                       [(":status", "103")], [*GET, ("x", "y" * 5000)], [("\ud800", "")], True, object(), memoryview(b"abcd")[::2]))


METHODS = [name for name in vars(Connection) if not name.startswith("_") and callable(getattr(Connection, name))]
LIKELY = {"send_headers": lambda r: (r.choice((1, 3, 5, 2)), r.choice((GET, OK, [("t", "u")])), r.random() < 0.5),
          "send_message": lambda r: (r.choice((1, 3, 5)), r.choice((GET, OK)), b"m" * r.choice((0, 5, 100000))),
          "send_data": lambda r: (r.choice((1, 3, 2)), b"d" * r.choice((0, 7, 40000)), r.random() < 0.3),
          "push_stream": lambda r: (1, None, GET), "reset_stream": lambda r: (r.choice((1, 3)), r.randrange(20)),
          "acknowledge_received_data": lambda r: (r.choice((1, 100, 1000)), r.choice((1, 3))), "ping": lambda r: (b"12345678",),
          "receive_eof": lambda r: (r.random() < 0.5,), "close_connection": lambda r: (r.randrange(20),
                                                                                       r.choice((None, "why", b"\xff" * 500)))}


def call(rnd, connection):
    name = rnd.choice(METHODS)
    if name in ("close_connection", "receive_eof", "drain") and rnd.random() < 0.9:
        return
    if rnd.random() < 0.7:
        arguments = LIKELY.get(name, lambda r: ())(rnd)
    else:
        arguments = [value(rnd) for _ in range(rnd.randrange(4))]
    try:
        result = getattr(connection, name)(*arguments)
    except (H2Error, TypeError, ValueError, OverflowError, BufferError):
        return
    if name == "receive_data":
        for event in result:
            repr(event)
    for word in ("pending", "paused", "closed", "want_write", "deadline", "outbound_room", "open_streams", "protocol"):
        getattr(connection, word)


class Fuzz(unittest.TestCase):
    def play(self, make, sentence, start=b""):
        rnd = random.Random(SEED)
        end, games = time.monotonic() + SECONDS, 0
        while time.monotonic() < end:
            games += 1
            connection, now = make(rnd), 1.0
            data = start
            for _ in range(rnd.randrange(1, 40)):
                now += rnd.choice((0, 0.001, 1, 100))
                try:
                    connection.receive_data(data, now)
                except H2Error as fault:
                    self.assertTrue(fault.reason)
                    connection.data_to_send()
                    break
                data = sentence(rnd)
                if rnd.random() < 0.1:
                    data = data[:rnd.randrange(len(data) + 1)]
                for _ in range(rnd.randrange(4)):
                    call(rnd, connection)
                connection.data_to_send(rnd.choice((None, 0, 1, 10, 100000)))
        self.assertGreater(games, 10)

    def test_server(self):
        self.play(lambda rnd: Connection(False, protocol=rnd.choice(("any", "h2")), now=0), frame,
                  PREFACE + bytes.fromhex("000000040000000000"))

    def test_client(self):
        def make(rnd):
            connection = Connection(protocol=rnd.choice(("any", "h2", "h2c")), now=0)
            for n in range(rnd.randrange(3)):
                try:
                    connection.send_headers(2 * n + 1, GET, rnd.random() < 0.5)
                except H2Error:
                    pass
            return connection
        self.play(make, frame, bytes.fromhex("000000040000000000"))

    def test_http1(self):
        self.play(lambda rnd: Connection(rnd.random() < 0.5, protocol=rnd.choice(("http/1.1", "any")), now=0), line)

    def test_two_that_talk(self):
        """Both sides ours, with random calls, and a byte changed now and then."""
        rnd = random.Random(SEED)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            sides = [Connection(now=0), Connection(False, now=0)]
            for turn in range(rnd.randrange(2, 60)):
                source, target = sides[turn % 2], sides[1 - turn % 2]
                for _ in range(rnd.randrange(5)):
                    call(rnd, source)
                data = bytearray(source.data_to_send(rnd.choice((None, 50, 1 << 20))))
                if data and rnd.random() < 0.02:
                    data[rnd.randrange(len(data))] ^= 1 << rnd.randrange(8)
                try:
                    for event in target.receive_data(data, turn / 100):
                        if isinstance(event, h2box.DataReceived) and rnd.random() < 0.8:
                            target.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                except H2Error:
                    pass

    def test_websocket(self):
        """Frames that are often right; whole, and cut anywhere, they tell the same."""
        rnd = random.Random(SEED)
        end, kinds = time.monotonic() + SECONDS / 2, set()
        while time.monotonic() < end:
            data = b""
            for _ in range(rnd.randrange(1, 8)):
                n = rnd.choice((0, 1, 2, 5, 125, 126, 127, 300))
                first = rnd.choice((0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a, 0x88, rnd.randrange(256)))
                data += bytes((first, 0x80 | n)) if n < 126 else bytes((first, 0xfe)) + n.to_bytes(2, "big")
                payload = rnd.choice((bytes(n), b"\x03\xe8" + b"x" * n, rnd.randbytes(n)))[:n]
                data += bytes(4) + payload if rnd.random() < 0.97 else rnd.randbytes(9)
            told = []
            for size in (len(data), rnd.randrange(1, 9)):
                channel, events = h2box.WebSocket(max_message=400), []
                try:
                    for at in range(0, len(data), size):
                        events += channel.receive_data(data[at:at + size])
                except h2box.ProtocolError as fault:
                    events += [*fault.events, (fault.code, fault.reason)]
                told.append(events)
                kinds |= {type(e) for e in events}
            self.assertEqual(told[0], told[1], data)
        self.assertEqual(len(kinds), 5)


support.main()
