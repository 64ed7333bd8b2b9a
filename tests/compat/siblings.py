#!/usr/bin/env python3
"""What one connection does leaves the others of its worker alone: each flood of tests/flows/cve is played, again and
again and several at once, beside connections that ask for files. timeout: 120"""
import glob
import os
import sys
import tempfile
import threading
import time
import unittest

import flow_play
import peers
from flow_script import FOLDER, Flow
from h2_client import Client

ATTACKERS = 2
# A worker shared with a flood answers later, not never: sanitized and on a busy machine it takes its time.
LATEST = 5.0


def floods():
    """Flows of the server role that end their connection, by their bytes alone."""
    flows = [Flow(os.path.relpath(path, FOLDER)) for path in sorted(glob.glob(FOLDER + "/cve/*.flow"))]
    alone = [f for f in flows if f.role == "server" and set(f.sets) <= {"loopback"}
             and not any(kind in ("lock step", "time") for kind, _, _ in f.steps)]
    return [f for f in alone if any(kind == "over" for kind, _, _ in f.steps)]


class Honest(threading.Thread):
    """A connection that asks for one file after another, and notes the longest wait."""

    def __init__(self, port, stop):
        super().__init__()
        self.port, self.stop, self.served, self.longest, self.fault = port, stop, 0, 0.0, None

    def run(self):
        try:
            client = Client(self.port)
            while not self.stop.is_set():
                begun = time.time()
                headers, body = client.response(client.get("/size-16385"))
                self.longest = max(self.longest, time.time() - begun)
                assert headers[":status"] == "200" and body == peers.content(16385)
                self.served += 1
                client.events.clear()
            client.close()
        except Exception as why:  # told by the test: a thread has nobody to tell
            self.fault = repr(why)


class Siblings(unittest.TestCase):
    def test_floods(self):
        flows = floods()
        self.assertGreater(len(flows), 12)
        with tempfile.TemporaryDirectory(prefix="h2box-site-") as folder, \
                peers.h2box_server(peers.make_site(folder + "/site"), "-n1") as server:
            stop, ended, turns = threading.Event(), {}, []
            honest = [Honest(server.port, stop) for _ in range(3)]

            def attack(mine):
                for flow in mine:
                    for _ in range(2):
                        seen = flow_play.play(flow, server.port)
                        ended.setdefault(flow.name, []).append(flow_play.code_name(seen.goaway or 0))

            for index in range(ATTACKERS):
                turns.append(threading.Thread(target=attack, args=(flows[index::ATTACKERS],)))
            for thread in honest + turns:
                thread.start()
            for thread in turns:
                thread.join()
            stop.set()
            for thread in honest:
                thread.join()
            self.assertEqual([h.fault for h in honest], [None] * 3)
            for h in honest:
                self.assertGreater(h.served, 2)
                self.assertLess(h.longest, LATEST)
            for flow in flows:
                self.assertEqual(ended[flow.name], ["ENHANCE_YOUR_CALM"] * 2, flow.name)
            print("%d floods, %d answers beside them, the longest wait %.0f ms" % (
                2 * len(flows), sum(h.served for h in honest), 1000 * max(h.longest for h in honest)))


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv[:1])
