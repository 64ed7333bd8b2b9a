#!/usr/bin/env python3
"""The load generator with servers that do not answer, reset, break the rules or go away: its result comes, in time, and every
request is in it once. labels: threads"""
import json
import os
import re
import socket
import tempfile
import time
import unittest

from loads import counts, load
from scripted import DATA, HEADERS, Server, frame, goaway, literal, response, rst


def silent(peer):
    peer.wait()


def greets(peer):
    """SETTINGS, and no answer ever."""
    peer.begin()
    peer.frames_left()


def answers(most=1 << 30, then=None, **entries):
    """Answers so many requests of a connection, then does something else, once."""
    def play(peer):
        peer.begin(**entries)
        for n in range(most):
            r = peer.request()
            peer.send(response(r.stream))
        then(peer)
    return play


def each(answer):
    def play(peer):
        peer.begin(streams=100)
        while True:
            answer(peer, peer.request())
    return play


class Faults(unittest.TestCase):
    def run_with(self, play, *options, code=1, seconds=10, **more):
        """The counts and all that was said; the sum must be right."""
        with Server(play, seconds=20, **more) as server:
            begun = time.time()
            done = load(*options, server.url(), code=code)
            self.assertLess(time.time() - begun, seconds)
            self.connections = server.count
        got = counts(done.stdout)
        self.assertEqual(got["done"] + got["errored"], got["total"], done.stdout)
        self.assertNotRegex(done.stdout + done.stderr, r"[\x00-\x09\x0b-\x1f\x7f]")
        return got, done.stdout

    # ---- servers that do not answer ----

    def test_active_timeout(self):
        for play in (silent, greets):
            got, text = self.run_with(play, "-n20", "-c2", "-m3", "-T", "500ms")
            self.assertEqual((got["done"], got["errored"], got["timeout"]), (0, 20, 20), text)
            self.assertIn("the connection's time is up", text)

    def test_inactivity_timeout(self):
        got, text = self.run_with(greets, "-n20", "-c2", "-m3", "-N", "300ms")
        self.assertEqual((got["errored"], got["timeout"]), (20, 20), text)
        got, text = self.run_with(answers(3, lambda peer: peer.frames_left()), "-n10", "-c1", "-N", "2s")
        self.assertEqual((got["done"], got["errored"], got["timeout"]), (3, 7, 7), text)

    def test_what_goes_on_is_not_inactive(self):
        def slow(peer, r):
            for _ in range(4):
                time.sleep(0.6)
                peer.send(frame(6, 0, 0, b"12345678"))  # a PING
            peer.send(response(r.stream))
        got, text = self.run_with(each(slow), "-n1", "-N", "2s", code=0)
        self.assertEqual(got["succeeded"], 1, text)

    def test_timeout_of_a_request(self):
        def odd(peer, r):
            if r.stream % 4 == 1:
                peer.send(response(r.stream))
        got, text = self.run_with(each(odd), "-n10", "-m2", "--timeout", "2s")
        self.assertGreaterEqual(got["timeout"], 1, text)
        self.assertGreaterEqual(got["done"], 5, text)
        self.assertEqual(got["timeout"], got["errored"], text)
        self.assertIn("no answer in time", text)

    def test_timeout_of_a_connection(self):
        listener = socket.socket()  # its queue is full: SYNs are not answered
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        full = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", port))
            full.append(s)
        begun = time.time()
        done = load("-n4", "-c2", "--timeout", "500ms", "http://127.0.0.1:%d/" % port, code=1)
        self.assertLess(time.time() - begun, 8)
        got = counts(done.stdout)
        self.assertEqual((got["done"], got["errored"]), (0, 4), done.stdout)
        self.assertIn("failed: 4: connect: ", done.stdout)
        for s in (*full, listener):
            s.close()

    def test_end_of_time_with_silent_servers(self):
        with Server(greets) as server:
            done = load("-D1", "-c3", "-m2", server.url(), code=1)
        got = counts(done.stdout)
        self.assertEqual((got["total"], got["done"], got["errored"]), (0, 0, 0), done.stdout)
        self.assertIn("unanswered at the end: 6 requests", done.stdout)

    # ---- servers that reset and end ----

    def test_every_stream_is_reset(self):
        for code, name in ((2, "INTERNAL_ERROR"), (8, "CANCEL"), (0xbad, "unknown code")):
            got, text = self.run_with(each(lambda peer, r: peer.send(rst(r.stream, code))), "-n50", "-c2", "-m5")
            self.assertEqual((got["done"], got["errored"], got["timeout"]), (0, 50, 0), text)
            self.assertIn("failed: 50: reset by the server: " + name, text)

    def test_refused_streams_are_sent_again_within_bounds(self):
        seen = set()

        def once(peer, r):
            again = (peer.index, r[":path"], r["x-n"]) in seen
            seen.add((peer.index, r[":path"], r["x-n"]))
            peer.send(response(r.stream) if again else rst(r.stream, 7))
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as f:
            f.write('{"path": "/", "headers": {"x-n": "${n}"}}\n')
            f.flush()
            got, text = self.run_with(each(lambda peer, r: peer.send(rst(r.stream, 7))), "-n5", "-m2")
            self.assertEqual((got["done"], got["errored"]), (0, 5), text)
            self.assertIn("45 requests sent again", text)
            self.assertIn("failed: 5: not processed by the server", text)
        seen.clear()
        count = [0]

        def second(peer, r):
            count[0] += 1
            peer.send(response(r.stream) if count[0] % 2 == 0 else rst(r.stream, 7))
        got, text = self.run_with(each(second), "-n20", code=0)
        self.assertEqual(got["succeeded"], 20, text)
        self.assertIn("20 requests sent again", text)

    def test_reset_after_the_answer_began(self):
        def play(peer, r):
            peer.send(response(r.stream, 200, body=b"half", end=False), rst(r.stream, 2))
        got, text = self.run_with(each(play), "-n4", "-m2")
        self.assertEqual((got["done"], got["errored"], got["succeeded"]), (0, 4, 0), text)

    def test_goaway_every_hundred(self):
        def play(peer):
            peer.begin(streams=100)
            for _ in range(100):
                r = peer.request()
                peer.send(response(r.stream))
            peer.send(goaway(r.stream))
            peer.frames_left()
        got, text = self.run_with(play, "-n1000", "-c2", "-m7", "-t2", code=0)
        self.assertEqual((got["succeeded"], got["errored"]), (1000, 0), text)
        self.assertIn("after GOAWAY", text)
        again = int(re.search(r"(\d+) again", text).group(1))
        self.assertTrue(7 <= again <= 10, text)
        self.assertEqual(self.connections, again + 2, text)

    def test_goaway_with_an_error(self):
        got, text = self.run_with(answers(5, lambda peer: (peer.send(goaway(9, 11)), peer.frames_left())), "-n20", "-m2", "-N", "2s")
        self.assertGreaterEqual(got["done"], 5, text)
        self.assertIn("ENHANCE_YOUR_CALM", text)

    def test_connections_that_are_cut(self):
        def cut(peer):
            peer.sock.close()
        got, text = self.run_with(answers(5, cut), "-n12", "-m1", "--reconnect", "never")
        self.assertEqual((got["done"], got["errored"]), (5, 7), text)
        got, text = self.run_with(answers(5, cut), "-n12", "-m1", "--reconnect", "always", code=None)
        self.assertGreaterEqual(got["done"], 10, text)

    def test_nothing_but_connections(self):
        """Accepted and closed at once, again and again: an end in bounded time."""
        got, text = self.run_with(lambda peer: None, "-n10", "-c2", "-m2")
        self.assertEqual((got["done"], got["errored"]), (0, 10), text)
        got, text = self.run_with(lambda peer: None, "-n2", "-c2", "--reconnect", "always", seconds=40)
        self.assertEqual(got["errored"], 2, text)

    # ---- rules that are broken ----

    def test_malformed(self):
        plays = {
            "no frames at all": lambda peer: (peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), peer.wait()),
            "DATA on an idle stream": lambda peer: (peer.begin(), peer.request(), peer.send(frame(DATA, 0, 77, b"x")), peer.wait()),
            "HPACK that ends early": lambda peer: (peer.begin(), peer.send(frame(HEADERS, 5, peer.request().stream, b"\x82\x7f")),
                                                   peer.wait()),
            "an index of nothing": lambda peer: (peer.begin(), peer.send(frame(HEADERS, 5, peer.request().stream, b"\xff\xff\x03")),
                                                 peer.wait()),
            "SETTINGS of 5 bytes": lambda peer: (peer.begin(), peer.request(), peer.send(frame(4, 0, 0, b"12345")), peer.wait()),
            "a frame too large": lambda peer: (peer.begin(), peer.send(frame(DATA, 0, peer.request().stream, bytes(16385))), peer.wait()),
            "an unasked push": lambda peer: (peer.begin(), peer.send(frame(5, 4, peer.request().stream, b"\0\0\0\2\x82")), peer.wait()),
        }
        for name, play in plays.items():
            with self.subTest(name):
                got, text = self.run_with(play, "-n6", "-m2")
                self.assertEqual((got["done"], got["errored"]), (0, 6), text)
                self.assertRegex(text, r"\nfailed: \d+: ")

    def test_malformed_messages(self):
        answers_ = {
            "no status": lambda r: frame(HEADERS, 5, r.stream, b"\0\1a\1b"),
            "status of letters": lambda r: frame(HEADERS, 5, r.stream, literal(":status", "abc")),
            "upper case": lambda r: response(r.stream, 200, [("A", "b")]),
            "connection": lambda r: response(r.stream, 200, [("connection", "close")]),
            "less than content-length": lambda r: response(r.stream, 200, [("content-length", "5")], b"abc"),
        }
        for name, answer in answers_.items():
            with self.subTest(name):
                got, text = self.run_with(each(lambda peer, r: peer.send(answer(r))), "-n6", "-m2")
                self.assertEqual((got["done"], got["errored"]), (0, 6), text)

    def test_http1_malformed(self):
        for bytes_ in (b"HTTP/1.1 2000 Odd\r\n\r\n", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", b"\0\0\0\0",
                       b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"):
            def play(peer):
                peer.head()
                peer.send(bytes_)
                peer.wait()
            got, text = self.run_with(play, "--h1", "-n6", "-m2")
            self.assertEqual((got["done"], got["errored"]), (0, 6), text)

    def test_http1_silence_and_ends(self):
        def silent_after(peer):
            for _ in range(3):
                peer.head()
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            peer.wait()
        got, text = self.run_with(silent_after, "--h1", "-n10", "-m2", "-N", "2s")
        self.assertEqual((got["done"], got["timeout"]), (3, 7), text)

        def close_delimited(peer):
            peer.head()
            peer.send(b"HTTP/1.0 200 OK\r\n\r\nall until the end")
        got, text = self.run_with(close_delimited, "--h1", "-n5", code=0)
        self.assertEqual(got["succeeded"], 5, text)
        self.assertEqual(self.connections, 5)

    def test_a_server_that_only_counts(self):
        """Thousands of kinds of resets are a few lines."""
        n = [0]

        def play(peer, r):
            n[0] += 1
            peer.send(goaway(2**31 - 1, n[0]), response(r.stream))
        got, text = self.run_with(each(play), "-n200", "-m1", "-N", "2s", code=None)
        self.assertLess(text.count("\nfailed: "), 40, text)

    # ---- partial results ----

    def test_output_file_when_all_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            path, page = folder + "/r.json", folder + "/r.html"
            load("-n5", "--output-file", path, "--report", page, "http://127.0.0.1:1/", code=1)
            with open(path) as f:
                self.assertEqual(json.load(f)["measurements"]["requests"]["errored"], 5)
            self.assertGreater(os.path.getsize(page), 1000)
            self.assertIn("errored", load("--merge", path, path, code=1).stdout)
            self.assertIn("errors", load("--compare", path, path, code=None).stdout)

    def test_output_that_cannot_be_written(self):
        with Server(answers()) as server:
            for option in ("--output-file", "--report", "--log-file"):
                done = load("-n3", option, "/nowhere/x", server.url(), code=1)
                self.assertIn("/nowhere/x: No such file or directory", done.stderr)
                if option != "--log-file":
                    self.assertEqual(counts(done.stdout)["succeeded"], 3)


if __name__ == "__main__":
    unittest.main()
