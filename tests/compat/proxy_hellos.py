#!/usr/bin/env python3
"""Hellos of TLS as no client sends them: each is answered, or its connection ends, and others are served. timeout: 60"""
import contextlib
import os
import socket
import ssl
import unittest

import peers
from backends import Watched, recorder
from proxying import backend, curl
from scripted import Server

SERVER_NAME, GROUPS, SIGNATURES, ALPN, EARLY_DATA, PSK, KEY_SHARE = 0, 10, 13, 16, 42, 41, 51


def u16(n):
    return (n & 0xffff).to_bytes(2, "big")


def vector(data):
    return u16(len(data)) + data


def hello():
    """What Python's client sends first: all before its extensions, and these."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["h2", "http/1.1"])
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    body = out.read()[9:]
    at = 35 + body[34]
    at += 2 + int.from_bytes(body[at:at + 2], "big")
    at += 1 + body[at]
    rest, extensions = body[at + 2:], []
    while rest:
        n = int.from_bytes(rest[2:4], "big")
        extensions.append((int.from_bytes(rest[:2], "big"), rest[4:4 + n]))
        rest = rest[4 + n:]
    return body[:at], extensions


def records(message, cut=16384):
    return b"".join(b"\x16\x03\x01" + vector(message[i:i + cut]) for i in range(0, len(message), cut))


class Hellos(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.before, cls.usual = hello()
        cls.identity = peers.Identity()

    @classmethod
    def tearDownClass(cls):
        cls.identity.folder.cleanup()

    def build(self, *extensions, instead=(), cut=16384, length=None):
        """A hello with these besides, or in place of those of the types `instead`."""
        all_of_them = vector(b"".join(u16(t) + vector(x) for t, x in [*(x for x in self.usual if x[0] not in instead), *extensions]))
        body = self.before + all_of_them
        return records(b"\x01" + (length or len(body)).to_bytes(3, "big") + body, cut)

    def name(self, *names):
        return self.build((SERVER_NAME, vector(b"".join(b"\0" + vector(n) for n in names))), instead=[SERVER_NAME])

    def alpn(self, protocols):
        return self.build((ALPN, vector(protocols)), instead=[ALPN])

    def first(self, port, sent):
        """The type of the record that comes back for it; None: the connection ends, or waits for more."""
        with socket.create_connection(("127.0.0.1", port), 10) as s, contextlib.suppress(ConnectionError):
            s.sendall(sent)
            s.shutdown(socket.SHUT_WR)
            return (s.recv(1) or [None])[0]

    def test_hellos(self):
        served, alert = 22, 21
        unknown = [(0x5000 + i, b"") for i in range(3000)]
        change, empty, warning = b"\x14\x03\x03\0\1\1", b"\x16\x03\x03\0\0", b"\x15\x03\x03\0\2\1\x5a"
        data = b"\x17\x03\x03\x40\0" + bytes(16384)
        cases = {
            "the usual": (self.build(), served),
            "in small records": (self.build(cut=20), served),
            "extensions that nobody knows": (self.build(*unknown), served),
            "more than a record of them": (self.build(*unknown, *unknown), None),
            "one of 60,000 bytes": (self.build((0x5000, bytes(60000))), None),
            "longer than it is": (self.build(length=0xffffff) + b"\x16\x03\x01\x40\0" + bytes(16384), None),
            "4,000 protocols, of them none": (self.alpn(b"\2aa" * 4000), alert),
            "4,000 protocols and h2": (self.alpn(b"\2aa" * 4000 + b"\2h2"), served),
            "a protocol without a name": (self.alpn(b"\0"), alert),
            "no protocol": (self.alpn(b""), alert),
            "a protocol cut": (self.alpn(b"\xffh2"), alert),
            "6,000 groups": (self.build((GROUPS, vector(b"\0\x99" * 6000)), instead=[GROUPS]), served),
            "300 shares": (self.build((KEY_SHARE, vector((b"\0\x99" + vector(bytes(32))) * 300)), instead=[KEY_SHARE]), served),
            "1,500 tickets, few proofs": (self.build((PSK, vector((vector(b"z") + bytes(4)) * 1500) + vector((b"\x20" + bytes(32)) * 9))),
                                          alert),
            "early data": (self.build((EARLY_DATA, b"")) + data * 20, served),
            "data behind it": (self.build() + data * 20, served),
            "twice": (self.build() * 2, served),
            "ChangeCipherSpec first": (change * 10000, None),
            "ChangeCipherSpec behind it": (self.build() + change * 10000, served),
            "empty records first": (empty * 10000, None),
            "empty records behind it": (self.build() + empty * 10000, served),
            "warnings first": (warning * 10000, None),
            "warnings behind it": (self.build() + warning * 10000, served),
            "a name list that is cut": (self.build((SERVER_NAME, b"\xff\xff\0\0\x09localhost"), instead=[SERVER_NAME]), alert),
            "two names": (self.name(b"localhost", b"other"), served),
            "noise": (b"\x16\x03\x01\x40\0" + os.urandom(50000), None),
        }
        for n in (b"127.0.0.1", b"::1", b"", b"local\0host", b"a" * 255, b"a" * 300, b"a" * 12000, b"a\r\nX: y", b"\xff\xfe",
                  b"*.localhost", b"\x1b[31m"):
            cases["the name %r" % n[:20]] = self.name(n), served
        with Server(recorder([])) as server, Watched(backend(server.port), identity=self.identity) as proxy:
            for name, (sent, wanted) in cases.items():
                with self.subTest(name):
                    self.assertEqual(self.first(proxy.port, sent), wanted)
            self.assertEqual(curl(proxy.url()), b"ok\n")

    def test_hellos_half_said(self):
        """Hundreds of them take little, and who says all is served."""
        whole = self.build()
        with Server(recorder([])) as server, Watched(backend(server.port), identity=self.identity) as proxy:
            before, held = proxy.peak(), []
            for i in range(400):
                held.append(socket.create_connection(("127.0.0.1", proxy.port), 10))
                held[-1].sendall((whole, whole[:-1], b"")[i % 3])
            self.assertEqual(curl(proxy.url()), b"ok\n")
            self.assertLess(proxy.peak() - before, 80 << 20)
            for s in held:
                s.close()


if __name__ == "__main__":
    unittest.main()
