#!/usr/bin/env python3
"""The frame log of our client beside that of nghttp: one scripted server plays the same frames of every kind to both,
and their logs must say the same, line by line."""
import re
import socket
import subprocess
import threading
import unittest

import peers


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def u32(n):
    return n.to_bytes(4, "big")


def literal(name, value, never=False):
    return bytes([0x10 if never else 0, len(name)]) + name + bytes([len(value)]) + value


# Written to the client once its request has come on stream s.
def script(s, port):
    ok = b"\x88"
    promise = b"\x82\x86" + literal(b":path", b"/pushed") + literal(b":authority", b"127.0.0.1:%d" % port)
    return [
        frame(4, 0, 0, b"\0\3" + u32(100) + b"\0\4" + u32(70000) + b"\0\5" + u32(20000)),
        frame(4, 1, 0),
        frame(6, 0, 0, b"\x00\x01\x02\x03\xfc\xfd\xfe\xff"),
        frame(2, 0, 99, u32(0x80000007) + b"\x0f"),
        frame(8, 0, 0, u32(12345)),
        frame(8, 0, s, u32(1)),
        frame(0x16, 0x5a, 0, b"whatever"),
        frame(10, 0, 0, b"\0\x10http://127.0.0.1" + b'h2=":443"'),
        frame(5, 4, s, u32(2) + promise),
        frame(1, 4, 2, ok),
        frame(3, 0, 2, u32(8)),
        frame(1, 4 | 8, s, b"\x05" + ok + literal(b"set-cookie", b"a=b", never=True) + literal(b"x", b"y z") + bytes(5)),
        frame(0, 0, s, b"hello\n"),
        frame(0, 8, s, b"\x03padded\n" + bytes(3)),
        frame(0, 0, s),
        frame(7, 0, 0, u32(0x7fffffff) + u32(0) + b"bye bye"),
        frame(1, 5, s, literal(b"x-end", b"1")),
    ]


class Peer:
    """One connection: reads the request, plays the script, waits until the client leaves."""

    def __init__(self, play):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, args=(play,))
        self.thread.start()

    def serve(self, play):
        s, _ = self.listener.accept()
        s.settimeout(20)
        data = b""
        stream = 0
        try:
            while not stream:
                data += s.recv(65536)
                rest = data[24:]
                while len(rest) >= 9 and len(rest) >= 9 + int.from_bytes(rest[:3], "big"):
                    if rest[3] == 1:
                        stream = int.from_bytes(rest[5:9], "big")
                    rest = rest[9 + int.from_bytes(rest[:3], "big"):]
            s.sendall(b"".join(play(stream, self.port)))
            while s.recv(65536):
                pass
        except OSError:
            pass
        s.close()

    def close(self):
        self.thread.join()
        self.listener.close()


def log_of(args, play):
    peer = Peer(play)
    done = subprocess.run([*args, "http://127.0.0.1:%d/" % peer.port], capture_output=True, timeout=30)
    peer.close()
    return done.stdout.decode(errors="replace")


def received(log):
    """The records of what was received, without times and without our choice of stream."""
    log = re.sub(r"\[ *\d+\.\d{3}\]", "[T]", log)
    log = re.sub(r"127.0.0.1:\d+", "HOST", log)
    log = re.sub(r"stream_id=(1|13)\b", "stream_id=S", log)
    records = re.split(r"\n(?=\[T\])", log.strip())
    return [r for r in records if r.startswith("[T] recv") or "INVALID" in r]


class Log(unittest.TestCase):
    maxDiff = None

    def test_received_frames_read_as_in_nghttp(self):
        ours = received(log_of([peers.H2BOX, "client", "-v"], script))
        theirs = received(log_of(["nghttp", "-v", "--no-dep"], script))
        # nghttp 1.52 shows no frames of a kind that it does not know.
        ours = [r for r in ours if "extension(" not in r]
        self.assertEqual(len(ours), len(theirs), "\n".join(ours))
        self.assertEqual(ours, theirs)

    def test_what_nghttp_does_not_show(self):
        log = log_of([peers.H2BOX, "client", "-vv"], script)
        self.assertIn("recv extension(0x16) frame <length=8, flags=0x5a, stream_id=0>\n", log)
        self.assertRegex(log, r"recv \(stream_id=1, length=6, srecv=\d+, crecv=\d+\) DATA\n")
        self.assertRegex(log, r"recv \(stream_id=1, sensitive\) set-cookie: a=b\n")

    def test_faults_are_marked(self):
        for play, line in ((lambda s, _: [frame(4, 0, 0), frame(8, 0, 0, u32(0))],
                            "[INVALID; error=WINDOW_UPDATE by 0] recv WINDOW_UPDATE frame"),
                           (lambda s, _: [frame(4, 0, 0), frame(1, 5, 99, b"\x88")],
                            "[INVALID; error=HEADERS on an idle stream] recv HEADERS frame"),
                           (lambda s, _: [frame(4, 0, 0), frame(1, 5, s, b"\x88" + literal(b"Upper", b"1"))],
                            "[INVALID; error="),
                           (lambda s, _: [frame(4, 0, 0, b"\0\2" + u32(7))], "[INVALID; error=setting out of range]"),
                           (lambda s, _: [frame(6, 0, 0, b"short")], "[INVALID; error=")):
            self.assertIn(line, log_of([peers.H2BOX, "client", "-nv"], play))

    def test_sent_frames_with_padding(self):
        ours = log_of([peers.H2BOX, "client", "-nv", "-b8"], script)
        theirs = log_of(["nghttp", "-nv", "--no-dep", "-b8"], script)
        for log in (ours, theirs):
            self.assertRegex(log, r"send HEADERS frame <length=\d+, flags=0x[02]d, stream_id=\d+>\n +; END_STREAM \| "
                                  r"END_HEADERS \| PADDED(?: \| PRIORITY)?\n +\(padlen=8")

    def test_hexdump(self):
        log = log_of([peers.H2BOX, "client", "-n", "--hexdump"], lambda s, _: [frame(4, 0, 0), frame(1, 5, s, b"\x88")])
        self.assertIn("00000000  00 00 00 04 00 00 00 00  00 00 00 01 01 05 00 00  |................|\n", log)


if __name__ == "__main__":
    peers.have("nghttp")
    unittest.main(verbosity=2)
