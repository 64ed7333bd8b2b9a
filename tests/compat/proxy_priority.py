#!/usr/bin/env python3
"""RFC 9218 at the proxy: what a client says of priorities orders the answers to it, and reaches backends as a field only. timeout: 60"""
import os
import tempfile
import threading
import time
import unittest

import h2.events
import h2.settings
import peers
from h2_client import Client
from proxying import PROTOS, Proxy, backend
from scripted import Server, frame, response

PRIORITY_UPDATE = 0x10
WINDOW = 65535  # of the connection


def update(stream, value):
    return frame(PRIORITY_UPDATE, 0, 0, stream.to_bytes(4, "big") + value)


class Priorities(unittest.TestCase):
    def test_an_update_orders_the_answers(self):
        """Two answers share what the connection's window lets through: the first one has it all until the second one is said to
        be urgent."""
        with tempfile.TemporaryDirectory(prefix="h2box-priority-") as folder:
            os.makedirs(os.path.join(folder, "www"), exist_ok=True)
            with open(os.path.join(folder, "www", "big"), "wb") as f:
                f.write(bytes(1 << 20))
            with peers.h2box_server(os.path.join(folder, "www"), "-n1") as server:
                for proto, params in PROTOS.items():
                    with self.subTest(proto), Proxy(backend(server.port, "", *params), "-n1") as proxy:
                        self.order(proxy.port)

    def order(self, port):
        c = Client(port, window=1 << 20)
        try:
            first, second = c.get("/big"), c.get("/big")
            self.data(c, WINDOW)
            time.sleep(0.3)  # both have more
            c.sock.sendall(update(second, b"u=0"))
            c.conn.ping(b"received")  # what comes before its answer was said before
            c.flush()
            while not any(isinstance(e, h2.events.PingAckReceived) for e in c.events):
                self.assertTrue(c.read(auto=False))
            c.events.clear()
            c.conn.increment_flow_control_window(30000)
            c.flush()
            got = self.data(c, 30000)
            self.assertGreater(got.get(second, 0), 2 * got.get(first, 0), got)
        finally:
            c.close()

    def data(self, c, n):
        """Bytes that came, by stream, once they are so many."""
        while True:
            got = {}
            for e in c.events:
                if isinstance(e, h2.events.DataReceived):
                    got[e.stream_id] = got.get(e.stream_id, 0) + len(e.data)
            if sum(got.values()) >= n:
                return got
            self.assertTrue(c.read(auto=False))

    def test_what_a_backend_is_told(self):
        """The field as it came; no PRIORITY_UPDATE, which is between a client and the next hop."""
        kinds, fields, go = [], [], threading.Event()

        def play(peer):
            peer.begin()
            request = peer.request()
            fields.append(request["priority"])
            go.wait(20)
            peer.send(response(request.stream, 200, body=b"done"))
            while True:
                kinds.append(peer.frame()[0])
        with Server(play) as server, Proxy(backend(server.port, "", "proto=h2"), "-n1") as proxy:
            c = Client(proxy.port)
            stream = c.get("/", extra=[("priority", "u=5, i, x=\"y\"")])
            c.sock.sendall(update(stream, b"u=1"))
            c.conn.ping(b"received")
            c.flush()
            while not any(isinstance(e, h2.events.PingAckReceived) for e in c.events):
                self.assertTrue(c.read())
            go.set()
            self.assertEqual(c.response(stream)[1], b"done")
            c.close()
        self.assertEqual(fields, ["u=5, i, x=\"y\""])
        self.assertNotIn(PRIORITY_UPDATE, kinds)


if __name__ == "__main__":
    unittest.main()
