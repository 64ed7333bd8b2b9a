#!/usr/bin/env python3
"""Each allocation refused in turn, once and from there on: MemoryError or an end of the connection, and no crash, whatever is refused."""
import support
import sys
import unittest

import h2box
from h2box import Connection, Deflater, H2Error, HPACKError, Inflater

try:
    import _testcapi
except ImportError:
    print("this Python has no _testcapi")
    sys.exit(77)

GET = [(":method", "GET"), (":scheme", "http"), (":authority", "host"), (":path", "/"), ("X-Upper", "v" * 40)]
OK = [(":status", "200"), ("server", "me")]
PIECE, PING = b"d" * 70000, b"12345678"


def hpack():
    deflater, inflater = Deflater(), Inflater()
    for n in range(3):
        inflater.inflate(deflater.deflate([*GET, ("n", "1" * n)]), sensitive=True)
    deflater.get_hd_table()


def http2():
    client, server = Connection(), Connection(False)
    client.send_headers(1, GET)
    client.send_data(1, PIECE)
    client.send_headers(1, [("sum", "1")], end_stream=True)
    client.send_message(3, GET, b"small")
    for turn in range(4):
        told = server.receive_data(client.data_to_send())
        for event in told:
            if type(event) is h2box.DataReceived:
                server.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if turn == 0:
            server.send_headers(3, [(":status", "103")])
            server.push_stream(3, None, GET)
            server.send_message(2, OK, b"pushed")
            server.send_headers(3, OK)
            server.send_data(3, PIECE)
            server.end_stream(3)
            server.ping(PING)
        client.receive_data(server.data_to_send(30000))
    client.reset_stream(1, 8)
    server.receive_data(client.data_to_send())
    server.close_connection(0, "bye")
    client.receive_data(server.data_to_send())
    client.receive_eof()


def http1():
    server = Connection(False)
    request = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc"
    server.receive_data(request * 2 + b"GET / HT")
    server.send_message(1, OK, PIECE)
    server.data_to_send()
    server.receive_data(b"TP/1.1\r\nhost: a\r\n\r\n")


class Refused(unittest.TestCase):
    def refuse(self, work, stop):
        """Runs work with the n-th allocation refused, for each n, until one run does not come that far."""
        work()
        ends = set()
        for n in range(100000):
            _testcapi.set_nomemory(n, stop(n))
            try:
                work()
                end = "done"
            except MemoryError:
                end = "refused"
            except (H2Error, HPACKError):
                end = "over"
            except BaseException as why:
                end = type(why).__name__
            finally:
                _testcapi.remove_mem_hooks()
            ends.add(end)
            if end == "done" and n > self.most:
                break
        return ends

    most = 600 if support.SLOW else 2500

    def test_each(self):
        for work in (hpack, http2, http1):
            for stop in (lambda n: n + 1, lambda n: 0):
                with self.subTest(work=work.__name__):
                    ends = self.refuse(work, stop)
                    self.assertLessEqual(ends, {"done", "refused", "over"})
                    self.assertIn("refused", ends)
                    work()

    def test_output_is_not_lost_in_part(self):
        """What data_to_send had taken when memory was refused cannot be sent any more: the connection is over, and says so."""
        refused = 0
        for n in range(40):
            client, server = Connection(), Connection(False)
            server.receive_data(client.data_to_send())
            client.receive_data(server.data_to_send())
            for stream in range(1, 101, 2):
                client.send_headers(stream, GET)
                client.send_data(stream, PIECE[:300])
            _testcapi.set_nomemory(n, n + 1)
            try:
                client.data_to_send()
            except MemoryError:
                refused += 1
            else:
                continue
            finally:
                _testcapi.remove_mem_hooks()
            self.assertEqual(client.data_to_send(), b"")
            with self.assertRaisesRegex(H2Error, "out of memory"):
                client.receive_data(b"")
            self.assertTrue(client.closed)
        self.assertGreater(refused, 0)


support.main()
