#!/usr/bin/env python3
"""Connection without I/O: what is told and sent, what is refused, and callers that come back in the middle.  labels: fast"""
import support
import gc
import threading
import unittest

import h2box
from h2box import (CallError, Connection, DataReceived, ErrorCodes, ProtocolError, RequestReceived, SettingCodes,
                   StreamClosedError, TooManyStreamsError)
from support import Talk

GET = [(":method", "GET"), (":scheme", "http"), (":authority", "host"), (":path", "/p?q")]
POST = [(":method", "POST"), *GET[1:]]
OK = [(":status", "200")]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def pair(seed=None, settings=None, client=None, **options):
    return Talk(Connection(settings=client, **options), Connection(client_side=False, settings=settings, **options), seed)


def kinds(events):
    return [type(e).__name__ for e in events]


class Messages(unittest.TestCase):
    def test_request_and_response(self):
        for seed in (None, 1, 2, 3):
            talk = pair(seed)
            talk.client.send_headers(1, GET, end_stream=True)
            _, told = talk.run()
            request = next(e for e in told if isinstance(e, RequestReceived))
            self.assertEqual(request, (1, [(n.encode(), v.encode()) for n, v in GET], True, "GET", "http", "host", "/p?q"))
            self.assertIn("StreamEnded", kinds(told))
            talk.server.send_headers(1, [*OK, ("X-Name", b"value")])
            talk.server.send_data(1, b"hello ")
            talk.server.send_data(1, memoryview(b"world"), end_stream=True)
            told, server_told = talk.run()
            response = told[kinds(told).index("ResponseReceived")]
            self.assertEqual((response.status, response.headers), (200, [(b":status", b"200"), (b"x-name", b"value")]))
            self.assertEqual(b"".join(e.data for e in told if isinstance(e, DataReceived)), b"hello world")
            self.assertEqual(kinds(told)[-1], "StreamClosed")
            self.assertEqual(kinds(server_told)[-1], "StreamClosed")
            self.assertEqual((talk.client.open_streams, talk.server.open_streams), (0, 0))

    def test_one_call(self):
        talk = pair()
        talk.client.send_message(1, POST, b"body")
        talk.client.send_message(3, GET)
        talk.run()
        talk.server.send_message(1, OK, b"")
        talk.server.send_message(3, OK, b"x" * 200000)
        told, _ = talk.run()
        self.assertEqual([e.stream_id for e in told if isinstance(e, h2box.StreamClosed)], [1])
        self.assertEqual(sum(len(e.data) for e in told if isinstance(e, DataReceived)), 65535)  # the window; nobody gave it back

    def test_interim_push_trailers(self):
        talk = pair(5)
        talk.client.send_headers(1, POST)
        talk.client.send_data(1, b"x")
        talk.client.send_headers(1, [("sum", "1")], end_stream=True)
        _, told = talk.run()
        self.assertEqual([e.headers for e in told if isinstance(e, h2box.TrailersReceived)], [[(b"sum", b"1")]])
        talk.server.send_headers(1, [(":status", "103"), ("link", "</a>")])
        self.assertEqual(talk.server.get_next_available_stream_id(), 2)
        self.assertEqual(talk.server.push_stream(1, None, GET), 2)
        with self.assertRaises(CallError):
            talk.server.push_stream(1, 2, GET)
        self.assertEqual(talk.server.push_stream(1, 4, GET), 4)
        talk.server.send_message(2, OK, b"pushed")
        talk.server.reset_stream(4, ErrorCodes.CANCEL)
        talk.server.send_headers(1, OK)
        talk.server.send_data(1, b"y")
        talk.server.send_headers(1, [("sum", "2")], end_stream=True)
        told, _ = talk.run()
        self.assertEqual([(e.status, e.stream_id) for e in told if isinstance(e, h2box.InformationalResponseReceived)], [(103, 1)])
        self.assertEqual([e[:2] for e in told if isinstance(e, h2box.PushedStreamReceived)], [(2, 1), (4, 1)])
        self.assertEqual([(e.stream_id, e.error_code, e.remote_reset) for e in told if isinstance(e, h2box.StreamReset)], [(4, 8, True)])
        self.assertIn((2, b"pushed", 6, True), told)
        self.assertIn((1, [(b"sum", b"2")]), told)

    def test_flow_control(self):
        """A body waits for the peer's window, and says when it is full and when it has room again."""
        talk = pair()
        talk.client.send_headers(1, POST)
        room = talk.client.local_flow_control_window(1)
        sent = b"z" * room
        talk.client.send_data(1, sent)
        self.assertEqual(talk.client.local_flow_control_window(1), 0)
        got, window, owed = b"", [], 0
        while len(got) < len(sent):
            before = len(got)
            told, server_told = talk.run()
            window += [e for e in told if isinstance(e, h2box.WindowUpdated)]
            for e in server_told:
                if isinstance(e, DataReceived):
                    got += e.data
                    owed += e.flow_controlled_length
            self.assertGreater(len(got), before)
            talk.server.acknowledge_received_data(owed, 1)
            owed = 0
        told, _ = talk.run()
        window += [e for e in told if isinstance(e, h2box.WindowUpdated)]
        self.assertEqual(got, sent)
        self.assertEqual([e.stream_id for e in window], [1])
        self.assertGreaterEqual(window[0].delta, room // 2)
        with self.assertRaises(CallError):
            talk.server.acknowledge_received_data(1, 1)  # more than was told
        talk.server.acknowledge_received_data(0, 1)
        talk.server.acknowledge_received_data(5, 77)  # a stream that is gone owes nothing

    def test_amount(self):
        talk = pair()
        talk.client.send_message(1, POST, b"q" * 60000)
        got = b""
        while data := talk.client.data_to_send(1000):
            self.assertLessEqual(len(data), 1000)
            got += data
        self.assertFalse(talk.client.want_write)
        talk.server.receive_data(got)
        other = pair()
        other.client.send_message(1, POST, b"q" * 60000)
        self.assertEqual(other.client.data_to_send(), got)
        self.assertEqual(other.client.data_to_send(0), b"")

    def test_many_streams(self):
        talk = pair(settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2000})
        talk.run()
        for n in range(1000):
            talk.client.send_message(2 * n + 1, GET)
        talk.run()
        for n in reversed(range(1000)):
            talk.server.send_message(2 * n + 1, OK, b"%d" % n)
        told, _ = talk.run()
        self.assertEqual(sorted(int(e.data) for e in told if isinstance(e, DataReceived)), list(range(1000)))

    def test_room(self):
        talk = pair(settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2})
        talk.run()
        self.assertEqual(talk.client.outbound_room, 2)
        talk.client.send_message(1, GET)
        talk.client.send_message(3, GET)
        with self.assertRaises(TooManyStreamsError):
            talk.client.send_message(5, GET)
        talk.run()
        talk.server.send_message(1, OK)
        told, _ = talk.run()
        self.assertIn((1,), [e for e in told if isinstance(e, h2box.StreamsAvailable)])
        talk.client.send_message(5, GET)

    def test_settings_ping_goaway(self):
        talk = pair(settings={SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
        talk.client.ping(b"12345678")
        told, server_told = talk.run()
        talk.server.ping(b"abcdefgh")
        more, more_server = talk.run()
        told, server_told = told + more, server_told + more_server
        self.assertIn(h2box.RemoteSettingsChanged(({4: 1 << 20, 3: 100},)), told)
        self.assertEqual(kinds(told).count("SettingsAcknowledged"), 1)
        self.assertIn(h2box.PingReceived((b"abcdefgh",)), told)
        self.assertIn(h2box.PingAckReceived((b"12345678",)), told)
        self.assertIn(h2box.PingAckReceived((b"abcdefgh",)), server_told)
        talk.client.send_message(1, GET)
        talk.run()
        talk.server.close_connection(ErrorCodes.ENHANCE_YOUR_CALM, "enough")
        told, server_told = talk.run()
        self.assertIn(h2box.ConnectionTerminated((11, 1, b"enough")), told)
        self.assertEqual([e.stream_id for e in server_told if isinstance(e, h2box.StreamReset)], [1])
        self.assertTrue(talk.server.closed)
        self.assertEqual(talk.server.receive_data(b"whatever"), [])
        talk.client.receive_eof()
        self.assertTrue(talk.client.closed)

    def test_drain(self):
        talk = pair()
        talk.client.send_message(1, GET)
        talk.run()
        talk.server.drain()
        talk.run()
        talk.server.receive_data(b"", now=1e9)  # the second GOAWAY comes after a round trip, or a while
        with self.assertRaises(TooManyStreamsError):
            talk.run()
            talk.client.send_message(3, GET)
        talk.server.send_message(1, OK, b"last")
        told, _ = talk.run()
        self.assertIn((1, b"last", 4, True), told)
        self.assertTrue(talk.server.closed)

    def test_deadline(self):
        server = Connection(False, protocol="h2", now=100.0)
        self.assertGreater(server.deadline, 100.0)
        server.receive_data(PREFACE + bytes.fromhex("000000040000000000"), now=101.0)
        with self.assertRaises(ProtocolError) as caught:  # our SETTINGS are never acknowledged
            server.receive_data(b"", now=server.deadline + 1)
        self.assertEqual(caught.exception.code, ErrorCodes.SETTINGS_TIMEOUT)

    def test_http1(self):
        for seed in (None, 4):
            talk = Talk(Connection(protocol="http/1.1"), Connection(False, secure=True), seed)
            talk.client.send_headers(1, POST)
            talk.client.send_data(1, b"chunk", end_stream=True)
            _, told = talk.run()
            self.assertEqual(talk.server.protocol, "http/1.1")
            request = next(e for e in told if isinstance(e, RequestReceived))
            self.assertEqual((request.method, request.scheme, request.authority), ("POST", "https", "host"))
            talk.server.send_message(1, [*OK, ("content-length", "3")], b"abc")
            told, _ = talk.run()
            self.assertEqual(b"".join(e.data for e in told if isinstance(e, DataReceived)), b"abc")

    def test_http1_pipelining_pauses(self):
        """Input that waits for an answer is kept, within bounds."""
        server = Connection(False, protocol="http/1.1")
        told = server.receive_data(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % 0 * 1000)
        self.assertTrue(server.paused)
        answered = 0
        while True:
            for e in told:
                if isinstance(e, RequestReceived):
                    server.send_message(e.stream_id, [*OK, ("content-length", "0")])
                    answered += 1
            server.data_to_send()
            if not server.pending:
                break
            told = server.receive_data(b"")
        self.assertEqual((answered, server.paused), (1000, False))
        server.receive_data(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        with self.assertRaises(ProtocolError):
            for _ in range(100):
                server.receive_data(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 1000)

    def test_upgrade(self):
        talk = Talk(Connection(protocol="h2c"), Connection(False), 9)
        talk.client.send_message(1, GET)
        talk.run()
        talk.server.send_message(1, OK, b"switched")
        told, _ = talk.run()
        self.assertEqual(b"".join(e.data for e in told if isinstance(e, DataReceived)), b"switched")
        self.assertEqual((talk.client.protocol, talk.server.protocol), ("h2", "h2"))
        self.assertEqual(talk.client.get_next_available_stream_id(), 3)

    def test_names_of_h2(self):
        connection = Connection()
        connection.initiate_connection()
        self.assertTrue(connection.data_to_send().startswith(PREFACE))
        self.assertIs(connection.client_side, True)
        self.assertEqual(repr(h2box.StreamEnded((3,))), "h2box.StreamEnded(stream_id=3)")
        self.assertEqual((ErrorCodes.CANCEL, SettingCodes.MAX_FRAME_SIZE), (8, 5))


class Refusals(unittest.TestCase):
    def test_peer_at_fault(self):
        """An exception that carries the code, the reason, and what was told before; then GOAWAY goes out."""
        server = Connection(False)
        with self.assertRaises(ProtocolError) as caught:
            server.receive_data(PREFACE + bytes.fromhex("000000040000000000" "000004080000000000" "00000000"))
        fault = caught.exception
        self.assertEqual((fault.code, fault.scope), (ErrorCodes.PROTOCOL_ERROR, "connection"))
        self.assertIn("WINDOW_UPDATE", fault.reason)
        self.assertEqual(kinds(fault.events), ["RemoteSettingsChanged"])
        sent = server.data_to_send()
        self.assertIn(fault.reason.encode(), sent)
        self.assertTrue(server.closed)
        self.assertEqual(server.receive_data(b"more"), [])
        with self.assertRaises(ProtocolError):
            Connection(False, protocol="h2").receive_data(b"GET / HTTP/1.1\r\n\r\n")

    def test_messages_that_are_none(self):
        """What would break the protocol, or split a message of HTTP/1.1, never leaves."""
        for protocol in ("h2", "http/1.1"):
            for headers in ([], GET[:2], [*GET, (":status", "200")], [*GET, ("a b", "c")], [*GET, ("a", "b\r\nc: d")], [*GET, ("a", "b\0")],
                            [*GET, ("connection", "close")], [*GET, (":path", "/")], [("a", "b"), *GET], [*GET, ("a\r\n", "b")],
                            [*GET[:3], (":path", "")], [*GET, ("content-length", "x")], [*GET, ("", "x")], [*GET, ("te", "gzip")]):
                connection = Connection(protocol=protocol)
                start = connection.data_to_send()
                with self.subTest(headers=headers, protocol=protocol), self.assertRaises(ProtocolError) as caught:
                    connection.send_message(1, headers)
                self.assertEqual(caught.exception.scope, "caller")
                self.assertEqual(connection.data_to_send(), b"", start)
                connection.send_message(1, GET)

    def test_calls_out_of_order(self):
        talk = pair()
        with self.assertRaises(StreamClosedError):
            talk.server.send_headers(1, OK)
        with self.assertRaises(StreamClosedError):
            talk.client.send_data(1, b"x")
        with self.assertRaises(CallError):
            talk.client.send_headers(5, GET)
        talk.client.send_headers(1, GET, end_stream=True)
        with self.assertRaises(CallError):
            talk.client.send_data(1, b"x")
        with self.assertRaises(CallError):
            talk.client.end_stream(1)
        with self.assertRaises(CallError):
            talk.client.send_headers(1, [("a", "b")], end_stream=True)
        talk.run()
        with self.assertRaises(CallError):
            talk.server.send_data(1, b"x")
        with self.assertRaises(ProtocolError):
            talk.server.send_headers(1, [(":status", "103")], end_stream=True)
        talk.server.send_message(1, OK, b"x" * 100)
        with self.assertRaises(CallError):
            talk.server.send_data(1, b"more")
        talk.run()
        for call in (lambda: talk.server.send_data(1, b"x"), lambda: talk.server.reset_stream(1), lambda: talk.client.end_stream(1),
                     lambda: talk.server.local_flow_control_window(1), lambda: talk.client.send_headers(1, GET),
                     lambda: talk.server.prioritize(1)):
            with self.assertRaises(StreamClosedError):
                call()
        with self.assertRaises(CallError):
            Connection(False).push_stream(1, 4, GET)
        with self.assertRaises(CallError):
            Connection(protocol="http/1.1").ping(b"12345678")
        client = Connection()
        client.ping(b"12345678")
        with self.assertRaises(CallError):
            client.ping(b"12345678")

    def test_wrong_types(self):
        connection = Connection()
        bad = [lambda: connection.receive_data("text"), lambda: connection.receive_data(None), lambda: connection.receive_data(),
               lambda: connection.receive_data(b"", now="soon"), lambda: connection.data_to_send("1"),
               lambda: connection.send_headers("1", GET),
               lambda: connection.send_headers(1, None), lambda: connection.send_headers(1, "ab"),
               lambda: connection.send_headers(1, [("a", 1)]),
               lambda: connection.send_message(1, GET, "text"), lambda: connection.send_data(1, "text"),
               lambda: connection.send_data(1, None),
               lambda: connection.send_data(1, [1, 2]), lambda: connection.send_data(1, iter(b"ab")),
               lambda: connection.send_message(1, GET, {}),
               lambda: connection.send_message(1, GET, 5), lambda: connection.reset_stream(1.5), lambda: connection.ping("12345678"),
               lambda: connection.close_connection("now"), lambda: connection.acknowledge_received_data("1", 1),
               lambda: connection.prioritize(1, "high"), lambda: Connection(settings=[(1, 2)]), lambda: Connection(settings={"a": 1}),
               lambda: Connection(settings={1: "a"}), lambda: Connection(True, "h2"), lambda: Connection(nonsense=1),
               lambda: Connection(protocol=None), lambda: type("Mine", (Connection,), {})]
        for number, call in enumerate(bad):
            with self.subTest(number=number), self.assertRaises(TypeError):
                call()
        for number, call in enumerate([lambda: Connection(protocol="spdy"), lambda: Connection(False, protocol="h2c"),
                                       lambda: Connection(settings={99: 1}), lambda: Connection(settings={2: 2}),
                                       lambda: Connection(now=-1),
                                       lambda: Connection(now=float("nan")), lambda: Connection(connection_window=1),
                                       lambda: connection.ping(b"1"),
                                       lambda: connection.acknowledge_received_data(-1, 1), lambda: connection.prioritize(1, 8),
                                       lambda: connection.receive_data(b"", now=-5.0)]):
            with self.subTest(number=number), self.assertRaises(ValueError):
                call()
        for call in (lambda: connection.end_stream(-1), lambda: connection.end_stream(1 << 32), lambda: connection.data_to_send(-1),
                     lambda: connection.send_headers(1 << 80, GET)):
            with self.assertRaises(OverflowError):
                call()
        connection.send_message(1, GET)  # nothing was harmed


class Comebacks(unittest.TestCase):
    """Python code that runs in the middle of a call, and uses the same connection."""

    def test_iterable_that_sends(self):
        talk = pair()

        def headers():
            talk.client.send_message(1, GET)
            talk.run()
            yield from GET
        with self.assertRaises(ProtocolError):  # a request where trailers are due
            talk.client.send_headers(1, headers(), end_stream=True)  # 1 is taken by then
        talk.run()
        talk.server.send_message(1, OK)
        talk.run()

    def test_promise_that_promises(self):
        talk = pair()
        talk.client.send_message(1, GET)
        talk.run()

        def headers():
            talk.server.push_stream(1, 2, GET)
            yield from GET
        with self.assertRaises(CallError):
            talk.server.push_stream(1, 2, headers())
        self.assertEqual(talk.server.push_stream(1, None, iter(GET)), 4)

    def test_list_that_changes(self):
        """A list that an item's conversion would empty: no Python code runs in between, so it cannot."""
        class Name(str):
            def __hash__(self):
                raise AssertionError

            def encode(self, *_):
                raise AssertionError
        connection = Connection()
        connection.send_message(1, [(Name(n), v) for n, v in GET])

    def test_finalizers(self):
        """A collector that runs amid the making of events would call back into the connection."""
        talk = pair()

        class Loop:
            def __init__(self):
                self.me = self

            def __del__(self):
                talk.client.receive_data(b"")
                talk.server.receive_data(b"")
                talk.server.data_to_send()
        threshold = gc.get_threshold()
        gc.set_threshold(1, 1, 1)
        try:
            for n in range(200):
                Loop()
                talk.client.send_message(2 * n + 1, [*GET, ("n", str(n))])
                talk.run()
                talk.server.send_message(2 * n + 1, OK, b"x" * 100)
                talk.run()
        finally:
            gc.set_threshold(*threshold)
        self.assertTrue(gc.isenabled())

    def test_threads(self):
        """One connection is for one thread; two that use it nevertheless find errors at most."""
        talk = pair(settings={SettingCodes.MAX_CONCURRENT_STREAMS: 1000000})
        talk.run()
        faults = []

        def use():
            for _ in range(300):
                try:
                    talk.client.send_message(talk.client.get_next_available_stream_id(), iter(GET), b"x" * 3000)
                    for event in talk.server.receive_data(talk.client.data_to_send()):
                        if isinstance(event, RequestReceived):
                            talk.server.send_message(event.stream_id, OK, b"y")
                    talk.client.receive_data(talk.server.data_to_send())
                except h2box.H2Error:
                    pass
                except Exception as why:
                    faults.append(why)
        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])

    def test_dropped_in_the_middle(self):
        """Connections that die with bodies queued, lent and announced."""
        for n in range(50):
            talk = pair(n)
            talk.client.send_headers(1, POST)
            talk.client.send_data(1, b"x" * 300000)
            for _ in range(n):
                talk.pass_on("client", "server")
                talk.pass_on("server", "client")
            if n % 3:
                talk.client.reset_stream(1)
            if n % 3 == 2:
                talk.client.data_to_send(7)


support.main()
