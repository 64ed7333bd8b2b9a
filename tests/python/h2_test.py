#!/usr/bin/env python3
"""Connection beside python3-h2, both ways round, with the bytes between them cut anywhere."""
import support
import sys
import unittest

import h2box
from support import Talk

try:
    import h2.config
    import h2.connection
    import h2.errors
    import h2.events
    import h2.exceptions
    import h2.settings
except ImportError:
    print("python3-h2 is not installed (./dev setup installs it)")
    sys.exit(77)

GET = [(":method", "GET"), (":scheme", "http"), (":authority", "host"), (":path", "/")]
POST = [(":method", "POST"), *GET[1:]]
OK = [(":status", "200"), ("server", "test")]


def theirs(client):
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=client, header_encoding=None))
    connection.initiate_connection()
    return connection


def both(seed):
    """Each of the two as client, the other as server."""
    yield Talk(theirs(True), h2box.Connection(False), seed)
    yield Talk(h2box.Connection(), theirs(False), seed)


def of(events, name):
    """Events of that name, whoever's they are."""
    return [e for e in events if type(e).__name__ == name]


class Exchange(unittest.TestCase):
    def test_requests(self):
        for seed in range(8):
            for talk in both(seed):
                for n in range(5):
                    stream = talk.client.get_next_available_stream_id()
                    talk.client.send_headers(stream, [*POST, ("n", str(n)), ("authorization", "secret")])
                    talk.client.send_data(stream, b"up%d" % n)
                    talk.client.send_data(stream, b"", end_stream=True)
                _, told = talk.run()
                requests = of(told, "RequestReceived")
                self.assertEqual([dict(e.headers)[b"n"] for e in requests], [b"%d" % n for n in range(5)])
                self.assertEqual(b"".join(e.data for e in of(told, "DataReceived")), b"up0up1up2up3up4")
                for e in requests:
                    talk.server.send_headers(e.stream_id, OK)
                    talk.server.send_data(e.stream_id, b"down%d" % e.stream_id, end_stream=True)
                told, _ = talk.run()
                self.assertEqual([dict(e.headers)[b"server"] for e in of(told, "ResponseReceived")], [b"test"] * 5)
                self.assertEqual([b"".join(e.data for e in of(told, "DataReceived") if e.stream_id == n) for n in (1, 3, 5, 7, 9)],
                                 [b"down%d" % n for n in (1, 3, 5, 7, 9)])
                self.assertEqual(len(of(told, "StreamEnded")), 5)

    def test_interim_trailers_push(self):
        for seed in range(4):
            for talk in both(seed):
                stream = talk.client.get_next_available_stream_id()
                talk.client.send_headers(stream, GET, end_stream=True)
                talk.run()
                talk.server.send_headers(stream, [(":status", "103"), ("link", "</x>")])
                talk.server.push_stream(stream, 2, GET)
                talk.server.send_headers(2, OK, end_stream=True)
                talk.server.send_headers(stream, OK)
                talk.server.send_data(stream, b"x")
                talk.server.send_headers(stream, [("sum", "1")], end_stream=True)
                told, _ = talk.run()
                self.assertEqual(len(of(told, "InformationalResponseReceived")), 1)
                self.assertEqual([(e.parent_stream_id, e.pushed_stream_id) for e in of(told, "PushedStreamReceived")], [(stream, 2)])
                self.assertEqual([e.headers for e in of(told, "TrailersReceived")], [[(b"sum", b"1")]])

    def test_resets_pings_settings_goaway(self):
        for talk in both(3):
            stream = talk.client.get_next_available_stream_id()
            talk.client.send_headers(stream, POST)
            talk.client.ping(b"12345678")
            told, server_told = talk.run()
            self.assertEqual([e.ping_data for e in of(told, "PingAckReceived")], [b"12345678"])
            self.assertEqual(len(of(server_told, "PingReceived")), 1)
            self.assertEqual(len(of(talk.events["client"], "SettingsAcknowledged")), 1)
            talk.client.reset_stream(stream, 8)
            _, told = talk.run()
            self.assertEqual([(e.stream_id, e.error_code) for e in of(told, "StreamReset")], [(stream, 8)])
            talk.server.close_connection(11, additional_data=b"calm")
            told, _ = talk.run()
            self.assertEqual([(e.error_code, e.additional_data) for e in of(told, "ConnectionTerminated")], [(11, b"calm")])

    def test_large_bodies(self):
        """1 MiB each way, over windows of 64 KiB, given back as it comes."""
        body = bytes(range(256)) * 4096
        for talk in both(None):
            ours, side = (talk.server, "server") if isinstance(talk.server, h2box.Connection) else (talk.client, "client")
            stream = talk.client.get_next_available_stream_id()
            talk.client.send_headers(stream, POST, end_stream=side == "server")
            talk.run()
            if side == "server":
                talk.server.send_headers(stream, OK)
            other = "client" if side == "server" else "server"
            sent, got = 0, b""
            while len(got) < len(body):
                room = ours.local_flow_control_window(stream)
                if room and sent < len(body):
                    ours.send_data(stream, body[sent:sent + room])
                    sent += len(body[sent:sent + room])
                before = len(talk.events[other])
                talk.run()
                for e in of(talk.events[other][before:], "DataReceived"):
                    got += e.data
                    talk.sides[other].acknowledge_received_data(e.flow_controlled_length, stream)
            self.assertEqual(got, body)

    def test_change_of_their_settings(self):
        talk = Talk(theirs(True), h2box.Connection(False), 2)
        talk.client.update_settings({h2.settings.SettingCodes.HEADER_TABLE_SIZE: 100, h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 10})
        talk.client.send_headers(1, GET, end_stream=True)
        _, told = talk.run()
        self.assertIn({1: 100, 4: 10}, [e.changed_settings for e in of(told, "RemoteSettingsChanged")])
        talk.server.send_message(1, OK, b"0123456789abcdef")
        told, _ = talk.run()
        self.assertEqual(b"".join(e.data for e in of(told, "DataReceived")), b"0123456789")
        talk.client.increment_flow_control_window(100, 1)
        told, _ = talk.run()
        self.assertEqual(b"".join(e.data for e in of(told, "DataReceived")), b"abcdef")


support.main()
