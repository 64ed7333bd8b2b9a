"""Plays the peer's side of a server flow against a server on loopback, and notes what came back. Not a test itself."""
import os
import select
import socket
import sys
import time

import hpack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import flow_script
from flow_script import ACK, CODE_NAMES, END_HEADERS, END_STREAM, FRAMES, PADDED, PREFACE, PRIORITY

# Seconds. A server that lives acknowledges a PING at once: that bound only ends a play that went wrong. An answer and
# a close may be owed by nobody, so they are not waited for long; who sees a difference plays again with more patience.
PROBE, ANSWER, QUIET = 5, 0.4, 0.25
TYPES = {number: name for name, number in FRAMES.items()}


def code_name(code):
    return CODE_NAMES.get(code, "0x%x" % code)


def cut(stream):
    """Frames at the head of some bytes: [(type, flags, id, payload)], and the rest."""
    frames, at = [], 0
    while len(stream) - at >= 9:
        length = int.from_bytes(stream[at:at + 3], "big")
        if len(stream) - at < 9 + length:
            break
        stream_id = int.from_bytes(stream[at + 5:at + 9], "big") & 0x7fffffff
        frames.append((stream[at + 3], stream[at + 4], stream_id, bytes(stream[at + 9:at + 9 + length])))
        at += 9 + length
    return frames, stream[at:]


def can_probe(stream):
    """Whether a PING may follow these bytes: the preface is there, no frame and no header block is unfinished."""
    if not stream.startswith(PREFACE):
        return False
    frames, rest = cut(stream[len(PREFACE):])
    in_block = False
    for kind, flags, _, _ in frames:
        if TYPES.get(kind) in ("HEADERS", "PUSH_PROMISE", "CONTINUATION"):
            in_block = not flags & END_HEADERS
    return not rest and not in_block


class Seen:
    """What a server did, frame by frame."""

    def __init__(self):
        self.goaway = None  # the code
        self.closed = False
        self.foreign = None  # the first line of what is not HTTP/2
        self.settings = False
        self.resets, self.answers, self.ended = {}, {}, set()
        self.settings_acks, self.pings, self.log = 0, [], []
        self.decoder = hpack.Decoder()
        self.decoder.max_allowed_table_size = 1 << 20
        self.block, self.rest = b"", b""

    def over(self):
        return self.closed or self.foreign is not None or self.goaway not in (None, 0)

    def feed(self, data):
        self.rest += data
        if not self.settings and self.rest[:5] in (b"HTTP/", b"<html"):
            self.foreign = self.rest.split(b"\r\n")[0].decode(errors="replace")
            return
        frames, self.rest = cut(self.rest)
        for one in frames:
            self.frame(*one)

    def frame(self, kind, flags, stream, payload):
        name = TYPES.get(kind, "0x%02x" % kind)
        self.log.append("%s id=%d flags=%d length=%d" % (name, stream, flags, len(payload)))
        if name in ("HEADERS", "CONTINUATION"):
            self.headers(name, flags, stream, payload)
        elif name == "RST_STREAM":
            self.resets[stream] = code_name(int.from_bytes(payload, "big"))
            self.log[-1] += " " + self.resets[stream]
        elif name == "GOAWAY":
            code = int.from_bytes(payload[4:8], "big")
            self.goaway = self.goaway or code
            self.log[-1] += " %s %r" % (code_name(code), payload[8:])
        elif name == "SETTINGS":
            self.settings = True
            self.settings_acks += flags & ACK
        elif name == "PING" and flags & ACK:
            self.pings.append(payload)
        if name in ("HEADERS", "DATA") and flags & END_STREAM:
            self.ended.add(stream)

    def headers(self, name, flags, stream, payload):
        if name == "HEADERS" and flags & PADDED:
            payload = payload[1:len(payload) - payload[0]]
        if name == "HEADERS" and flags & PRIORITY:
            payload = payload[5:]
        self.block += payload
        if not flags & END_HEADERS:
            return
        try:
            found = dict(self.decoder.decode(self.block))
        except hpack.HPACKError as why:
            found = {":status": "undecodable (%s)" % why}
        self.block = b""
        self.answers.setdefault(stream, str(found.get(":status")))
        self.log[-1] += " %s" % found


class Connection:
    def __init__(self, port, seen):
        self.seen = seen
        self.out = b""
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def wait(self, holds, seconds):
        """Reads, and writes what is to be written, until holds(), the end of the connection, or the end of the time."""
        end = time.monotonic() + seconds
        while True:
            self.write()
            # What has come is read before anything is judged: a GOAWAY may stand before the close.
            while self.read():
                pass
            if self.seen.over() or (holds() and not self.out):
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            select.select([self.socket], [self.socket] if self.out else [], [], left)

    def write(self):
        try:
            while self.out:
                self.out = self.out[self.socket.send(self.out):]
        except BlockingIOError:
            pass
        except OSError:
            self.out = b""  # the reading side tells what the server said before it closed

    def read(self):
        if self.seen.closed:
            return False
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self.seen.feed(data)
        else:
            self.seen.closed = True
        return bool(data)


def wait_for(connection, text, patience):
    """What a `<` line says must have come before the flow goes on: its answers, its GOAWAY, its SETTINGS. Nothing else
    is waited for, so that the server has what follows at once, as our own connection has."""
    seen, word = connection.seen, text.split()
    if word[0] == "SETTINGS" and "ACK" not in word:
        connection.wait(lambda: seen.settings, ANSWER * patience)
    elif word[0] in ("HEADERS", "DATA") and "END_STREAM" in word:
        stream = int(word[1])
        connection.wait(lambda: stream in seen.ended or stream in seen.resets, ANSWER * patience)
    elif word[0] == "GOAWAY" and word[-1] != "NO_ERROR":
        connection.wait(seen.over, ANSWER * patience)


def play(flow, port, fates=(), patience=1):
    """Seen, after the whole flow. `fates`: streams that something must become of: an answer or a reset."""
    seen = Seen()
    connection = Connection(port, seen)
    pending = b""
    with connection.socket:
        for kind, text, data in flow.steps:
            pending += data
            if kind in ("begin", "<", "over"):
                connection.out += pending
                pending = b""
                connection.write()
            if kind == "begin":
                connection.wait(lambda: seen.settings, ANSWER * patience)
            elif kind == "<":
                wait_for(connection, text, patience)
        connection.out += pending
        if can_probe(flow.bytes()):
            # Twice: a server may send its acknowledgement before the frames that it queued earlier.
            for opaque in (b"probe--1", b"probe--2"):
                connection.out += flow_script.frame(FRAMES["PING"], 0, 0, opaque)
                connection.wait(lambda: opaque in seen.pings, PROBE)
            connection.wait(lambda: all(s in seen.answers or s in seen.resets for s in fates), ANSWER * patience)
        else:
            connection.wait(lambda: False, QUIET * patience)
        if seen.goaway == 0:
            connection.wait(lambda: False, QUIET * patience)
    return seen
