#!/usr/bin/env python3
"""Deflater and Inflater: RFC 7541 appendix C, the stories of other encoders, python3-hpack both ways, and what is refused.  labels: fast"""
import support
import random
import unittest

from h2box import Deflater, H2Error, HDTableEntry, HPACKError, Inflater

import nghttp2


def fields(text):
    """Lines of `name: value`; a name may begin with a colon."""
    return [tuple(p.strip().encode() for p in (line[:line.index(":", 1)], line[line.index(":", 1) + 1:]))
            for line in text.strip().split("\n")]


def table(text):
    return [HDTableEntry((name, value, len(name) + len(value) + 32)) for name, value in fields(text)] if text else []


GET = ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com"
GET_2 = GET + "\ncache-control: no-cache"
GET_3 = ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value"
A, C, K = ":authority: www.example.com", "cache-control: no-cache", "custom-key: custom-value"
DATE, LATER = "date: Mon, 21 Oct 2013 20:13:21 GMT", "date: Mon, 21 Oct 2013 20:13:22 GMT"
AT, PRIVATE = "location: https://www.example.com", "cache-control: private"
REPLY = "\n".join((":status: 302", PRIVATE, DATE, AT))
REPLY_2 = "\n".join((":status: 307", PRIVATE, DATE, AT))
COOKIE = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
REPLY_3 = "\n".join((":status: 200", PRIVATE, LATER, AT, "content-encoding: gzip", COOKIE))
# RFC 7541 appendix C: section, table size, then for each block: wire, fields, the table after it.
APPENDIX = [
    ("C.2.1", 4096, [("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header", "custom-key: custom-header")]),
    ("C.2.2", 4096, [("040c2f73616d706c652f70617468", ":path: /sample/path", "")]),
    ("C.2.3", 4096, [("100870617373776f726406736563726574", "password: secret", "")]),
    ("C.2.4", 4096, [("82", ":method: GET", "")]),
    ("C.3", 4096, [("828684410f7777772e6578616d706c652e636f6d", GET, A),
                   ("828684be58086e6f2d6361636865", GET_2, C + "\n" + A),
                   ("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", GET_3, "\n".join((K, C, A)))]),
    ("C.4", 4096, [("828684418cf1e3c2e5f23a6ba0ab90f4ff", GET, A),
                   ("828684be5886a8eb10649cbf", GET_2, C + "\n" + A),
                   ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", GET_3, "\n".join((K, C, A)))]),
    ("C.5", 256, [("4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470"
                   "733a2f2f7777772e6578616d706c652e636f6d", REPLY, "\n".join((AT, DATE, PRIVATE, ":status: 302"))),
                  ("4803333037c1c0bf", REPLY_2, "\n".join((":status: 307", AT, DATE, PRIVATE))),
                  ("88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f"
                   "5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31", REPLY_3,
                   "\n".join((COOKIE, "content-encoding: gzip", LATER)))]),
    ("C.6", 256, [("488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
                   REPLY, "\n".join((AT, DATE, PRIVATE, ":status: 302"))),
                  ("4883640effc1c0bf", REPLY_2, "\n".join((":status: 307", AT, DATE, PRIVATE))),
                  ("88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672"
                   "c1ab270fb5291f9587316065c003ed4ee5b1063d5007", REPLY_3, "\n".join((COOKIE, "content-encoding: gzip", LATER)))]),
]


class Appendix(unittest.TestCase):
    def test_decode(self):
        for section, size, blocks in APPENDIX:
            inflater = Inflater(size)
            if size != 4096:
                inflater = Inflater()
                inflater.inflate(bytes.fromhex("3fe101"))  # RFC 7541 section 6.3: the encoder's table has 256 bytes
            for wire, text, after in blocks:
                with self.subTest(section=section, wire=wire):
                    self.assertEqual(inflater.inflate(bytes.fromhex(wire)), fields(text))
                    self.assertEqual(inflater.get_hd_table(), table(after))

    def test_encode(self):
        """Requests come out byte for byte as in C.4; the responses use the freedom that an encoder has, and are read back."""
        deflater = Deflater()
        for wire, text, after in APPENDIX[5][2]:
            self.assertEqual(deflater.deflate(fields(text)).hex(), wire)
            self.assertEqual(deflater.get_hd_table(), table(after))
        deflater, inflater = Deflater(256), Inflater()
        for _, text, _ in APPENDIX[7][2]:
            self.assertEqual(inflater.inflate(deflater.deflate(fields(text))), fields(text))
            self.assertEqual(inflater.get_hd_table(), deflater.get_hd_table())

    def test_never_indexed(self):
        """C.2.3: the field is told as never to be indexed, and goes out likewise."""
        wire = bytes.fromhex("100870617373776f726406736563726574")
        self.assertEqual(Inflater().inflate(wire, sensitive=True), [(b"password", b"secret", True)])
        again = Deflater().deflate([("password", "secret", True)])
        self.assertEqual(Inflater().inflate(again, sensitive=True), [(b"password", b"secret", True)])
        self.assertEqual(Inflater().inflate(Deflater().deflate([("a", "b", False)]), sensitive=True), [(b"a", b"b", False)])


class Stories(unittest.TestCase):
    def test_decode(self):
        for folder in ("go-hpack", "nghttp2", "nghttp2-change-table-size"):
            for number in support.stories(folder)[::3 if support.SLOW else 1]:
                inflater, size = Inflater(), 4096
                for seqno, wire, headers, changed in support.story(folder, number):
                    if changed is not None and changed != size:
                        size = changed
                        inflater.change_table_size(size)
                    self.assertEqual(inflater.inflate(wire), headers, (folder, number, seqno))

    def test_round_trip(self):
        for number in support.stories("raw-data")[::4 if support.SLOW else 1]:
            for size in (4096, 0, 16384):
                deflater, inflater = Deflater(size), Inflater()
                deflater.change_table_size(size)
                inflater.change_table_size(size)
                for seqno, _, headers, _ in support.story("raw-data", number):
                    self.assertEqual(inflater.inflate(deflater.deflate(headers)), headers, (number, seqno, size))
                self.assertEqual(inflater.get_hd_table(), deflater.get_hd_table())

    def test_beside_python_hpack(self):
        """Both decode what the other encodes, with the table changed on the way."""
        try:
            import hpack
        except ImportError:
            self.skipTest("python3-hpack is not installed")
        for number in support.stories("raw-data")[::3]:
            ours, theirs, our_decoder, their_decoder = Deflater(), hpack.Encoder(), Inflater(), hpack.Decoder()
            for at, (seqno, _, headers, _) in enumerate(support.story("raw-data", number)):
                if at % 20 == 19:
                    size = (at * 37) % 4096
                    ours.change_table_size(size)
                    theirs.header_table_size = size
                    our_decoder.change_table_size(size)
                    their_decoder.max_allowed_table_size = size
                self.assertEqual(their_decoder.decode(ours.deflate(headers), raw=True), headers, (number, seqno))
                self.assertEqual(our_decoder.inflate(theirs.encode(headers)), headers, (number, seqno))


class Arguments(unittest.TestCase):
    def test_shapes(self):
        expected = [(b"a", b"1"), (b"b", b"2")]
        for headers in (expected, tuple(expected), [("a", "1"), ("b", "2")], [["a", b"1"], [b"b", "2"]], {"a": "1", "b": "2"},
                        iter(expected), (pair for pair in expected)):
            self.assertEqual(Inflater().inflate(Deflater().deflate(headers)), expected)
        self.assertEqual(Deflater().deflate([]), b"")
        self.assertEqual(Inflater().inflate(b""), [])
        for data in (bytearray(b"\x82"), memoryview(b"\x82")):
            self.assertEqual(Inflater().inflate(data), [(b":method", b"GET")])
        many = [(b"x%d" % i, b"y") for i in range(1000)]
        self.assertEqual(Inflater().inflate(Deflater().deflate(many)), many)

    def test_wrong_types(self):
        deflater, inflater = Deflater(), Inflater()
        for headers in (None, 1, "ab", b"ab", [1], ["ab"], [("a",)], [("a", 1)], [(1, "a")], [("a", None)], [("a", "b", 1)],
                        [("a", "b", True, 1)], [("a", bytearray(b"b"))], [["a", "b", True]], [b"ab"], object()):
            with self.subTest(headers=headers), self.assertRaises(TypeError):
                deflater.deflate(headers)
        for data in (None, 1, "82", [0x82]):
            with self.subTest(data=data), self.assertRaises(TypeError):
                inflater.inflate(data)
        for size in (None, "1", 1.0):
            with self.assertRaises(TypeError):
                deflater.change_table_size(size)
            with self.assertRaises(TypeError):
                Inflater(size)
        for size in (-1, 1 << 21, 1 << 70):
            with self.assertRaises((ValueError, OverflowError)):
                inflater.change_table_size(size)
        with self.assertRaises(UnicodeEncodeError):
            deflater.deflate([("a", "\ud800")])
        self.assertEqual(deflater.deflate([(":method", "GET")]), b"\x82")  # nothing was harmed

    def test_iterables_that_raise_or_come_back(self):
        deflater = Deflater()

        def broken():
            yield ("a", "b")
            raise KeyError("mine")

        def nested():
            yield ("a", "b")
            deflater.deflate([("c", "d")])
            yield ("e", "f")
        with self.assertRaises(KeyError):
            deflater.deflate(broken())
        block = deflater.deflate(nested())
        self.assertEqual([e.name for e in deflater.get_hd_table()], [b"e", b"a", b"c"])
        self.assertTrue(block)

    def test_no_subclass(self):
        for kind in (Deflater, Inflater):
            with self.assertRaises(TypeError):
                type("Mine", (kind,), {})

    def test_old_names(self):
        self.assertIs(nghttp2.HDDeflater, Deflater)
        self.assertIs(nghttp2.HDInflater, Inflater)
        self.assertEqual(nghttp2.HDDeflater(nghttp2.DEFLATE_MAX_HEADER_TABLE_SIZE).get_hd_table(), [])


class Faults(unittest.TestCase):
    def test_reasons(self):
        for wire, words in (("80", "index"), ("be", "index"), ("40", "end"), ("4001", "end"), ("ffffffffffffffff7f", "integer"),
                            ("00016181ff", "Huffman"), ("3fe1ff03", "size"), ("823f01", "size")):
            with self.subTest(wire=wire):
                inflater = Inflater()
                with self.assertRaises(HPACKError) as caught:
                    inflater.inflate(bytes.fromhex(wire))
                fault = caught.exception
                self.assertEqual((fault.code, fault.scope), (9, "connection"))
                self.assertEqual(str(fault), fault.reason)
                self.assertTrue(fault.reason)
                self.assertIsInstance(fault, H2Error)
                with self.assertRaises(HPACKError):  # out of step for good
                    inflater.inflate(b"\x82")

    def test_bomb(self):
        """a byte a field, 2 KiB each: it is not decoded to the end, and the list is refused."""
        inflater = Inflater()
        inflater.inflate(Deflater().deflate([("a", "x" * 2000)]))
        with self.assertRaises(HPACKError) as caught:
            inflater.inflate(b"\xbe" * 40)
        self.assertEqual(caught.exception.scope, "stream")
        self.assertEqual(inflater.inflate(b"\xbe")[0][0], b"a")  # in step
        with self.assertRaises(HPACKError):
            inflater.inflate(b"\xbe" * 100000)
        self.assertEqual(len(Inflater(max_list_size=1 << 20).inflate(b"\x82" * 20000)), 20000)

    def test_random_bytes(self):
        rnd = random.Random(7541)
        for _ in range(3000 if support.SLOW else 20000):
            inflater = Inflater(rnd.choice((0, 64, 4096)))
            for _ in range(3):
                try:
                    for name, value in inflater.inflate(rnd.randbytes(rnd.randrange(60))):
                        self.assertIs(type(name), bytes)
                        self.assertIs(type(value), bytes)
                except HPACKError:
                    pass


support.main()
