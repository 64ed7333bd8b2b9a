#!/usr/bin/env python3
"""Inputs for the fuzzers that play HTTP/2, made of all flows, and their dictionary: they follow the flows and the lists
in core/ by themselves.

    seeds.py FUZZER FOLDER      writes FOLDER/FLOW for each flow that fits, and FOLDER.dict; nothing for other fuzzers
"""
import os
import re
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
from flow_script import CODES, FRAMES, PREFACE, SETTINGS, Fault, Flow, all_flows, frame, sent, words

# Enough to begin with. Programs stay short, for speed: their moves make floods and long content out of a few bytes.
MOST, MOST_OF_PROGRAM = 40000, 3000

with open(os.path.join(HERE, "h2_game.def")) as f:
    MOVES = {row[1]: int(row[2], 0) for row in re.finditer(r"GAME_MOVE\((\w+), (0x\w+),", f.read())}
ALL_OUTPUT = bytes([MOVES["OUTPUT"] | 0x40, 0])


# ---- bytes of the peer ------------------------------------------------------------------------------------------------

def after_preface(flow):
    data = flow.bytes()
    return data[len(PREFACE):] if data.startswith(PREFACE) else None


def frames_only(flow):
    data = flow.bytes()
    return data[len(PREFACE):] if data.startswith(PREFACE) else data


def chunks(flow):
    """Input of h2_fuzz: a byte of length that also says whether output follows, and the chunk."""
    out = bytes([(1 if flow.role == "server" else 0) | 128])
    for _, _, data in flow.steps:
        while data:
            out += bytes([min(len(data), 253)]) + data[:253]
            data = data[253:]
    return out


def cuts(flow):
    data = after_preface(flow) if flow.role == "server" else flow.bytes()
    if data is None:
        return bytes([129, 7]) + flow.bytes()
    return bytes([1 if flow.role == "server" else 0, 7]) + data


# ---- programs ---------------------------------------------------------------------------------------------------------

STATUSES = ["200", "204", "304", "404", "500", "206", "421"]
METHODS = ["GET", "POST", "HEAD", "CONNECT"]


# The bits of h2_game.c's second byte.
SWITCHES = {"padding": 1, "held_max": 2, "obey_priority": 4, "discard_max": 8, "encoder_table_cap": 16,
            "peer_streams": 32, "ENABLE_PUSH": 128}


def body(text):
    """The byte that says most of what a flow says of a body."""
    at = text.find(" body")
    if at < 0:
        return 0
    rest = text[at:]
    zeros = re.search(r"zeros (\d+)", rest)
    size = 1 if not zeros else 2 if int(zeros[1]) <= 3000 else 3
    return size | (4 if "step=" in rest else 0) | (8 if " later" in rest else 0) | (16 if "fail=" in rest else 0)


class Program:
    """A flow as moves: `>` lines as they are, `do` lines as the calls that come next to them."""

    def __init__(self, flow):
        server = flow.role == "server"
        self.ids, self.opened = [], -1
        ours = (16 if "ENABLE_CONNECT_PROTOCOL" in flow.sets else 0) | (32 if "MAX_CONCURRENT_STREAMS" in flow.sets else 0)
        ours |= (2 if "INITIAL_WINDOW_SIZE" in flow.sets else 0) | (8 if "HEADER_TABLE_SIZE" in flow.sets else 0)
        ours |= (64 if "MAX_HEADER_LIST_SIZE" in flow.sets else 0) | (128 if "MAX_FRAME_SIZE" in flow.sets else 0)
        more = sum(bit for name, bit in SWITCHES.items() if name in flow.sets)
        self.out = bytes([ours, more, 0, 4 | 8])
        for kind, text, data in flow.steps:
            self.step(kind, text, data, server)

    def step(self, kind, text, data, server):
        if data:
            for at in range(0, len(data), 60000):
                piece = data[at:at + 60000]
                self.out += bytes([MOVES["RAW"]]) + struct.pack(">H", len(piece)) + piece
        if kind == ">" and server and text.startswith("HEADERS ") and text.split()[1].isdigit():
            self.learn(int(text.split()[1]))
        if kind == "<":
            self.out += ALL_OUTPUT
        elif kind == "time":
            self.move("TIME", max(int(text[1:]) - 1, 1).bit_length())
        elif kind == "event" and text.startswith("PUSH "):
            self.learn(int(text.split()[1]))
        elif kind == "do":
            self.call(text.split(" -> ")[0])

    def learn(self, stream):
        if stream not in self.ids:
            self.ids.append(stream)

    def which(self, stream):
        return (len(self.ids) - 1 - self.ids.index(stream)) % 250 if stream in self.ids else 0

    def move(self, name, *rest, flags=0):
        self.out += bytes([MOVES[name] | flags, *rest])

    def call(self, text):
        word = words(text)
        verb, rest = word[0], word[1:]
        stream = self.which(int(rest[0])) if rest and rest[0].isdigit() else 0
        if verb == "open":
            self.opened += 2
            self.learn(self.opened)
            self.move("OPEN", METHODS.index(rest[0]) if rest[0] in METHODS else 0, body(text))
        elif verb == "reply":
            self.move("REPLY", stream, STATUSES.index(rest[1]) if rest[1] in STATUSES else 0, body(text))
        elif verb == "push":
            self.move("PUSH", stream, 2)
            self.learn(2 + 2 * sum(not i % 2 for i in self.ids))
        elif verb == "trailers":
            self.move("TRAILERS", stream, 1)
        elif verb == "credit":
            self.move("CREDIT", stream, 255)
        elif verb == "reset":
            self.move("CANCEL", stream, CODES.get(rest[1], 8))
        elif verb == "prioritize":
            self.move("PRIORITIZE", stream, int(rest[1]))
        elif verb in ("altsvc", "origin"):
            self.move("ADVERTISE", 2, flags=0x20 if verb == "origin" else 0)
        elif verb == "close":
            self.move("CLOSE", CODES.get(rest[0], 0))
        elif verb in ("wake", "inform"):
            self.move(verb.upper(), stream)
        elif verb in ("drain", "eof", "ping"):
            self.move("OUR_PING" if verb == "ping" else verb.upper())
        else:
            raise Fault("do %s: no move stands for it" % verb)


def program_of(role):
    return lambda flow: Program(flow).out if flow.role == role else None


# Moves that no flow makes: switches, then move, flags and what follows. Long ways through flow control and pushes.
FULL = ("DATA", 0x40, 0, 255)
ALL = ("OUTPUT", 0x40, 0)
PROGRAMS = {
    "h2_server": {
        "upload": ((0, 0, 0, 4), ("BLOCK", 0, 0, 1), FULL, FULL, FULL, ("CREDIT", 0, 0, 255), ALL, FULL, FULL),
        "upload-held": ((3, 2, 0, 4), ("BLOCK", 0, 0, 1), FULL, FULL, ("CREDIT", 0, 0, 255), ALL, FULL),
        "upload-too-much": ((3, 2, 0, 4), ("BLOCK", 0, 0, 1), FULL, FULL, FULL, FULL, FULL, ALL),
        "upload-unwanted": ((3, 8, 0, 4), ("BLOCK", 0, 0, 1), ("REPLY", 0, 0, 3, 1), ALL, FULL, ALL),
    },
    "h2_client": {
        "pushes": ((32, 0, 0, 4), ("OPEN", 0, 0, 0), ("PROMISE", 0, 0, 0), ("PROMISE", 0, 1, 0), ("PROMISE", 0, 2, 0),
                   ("BLOCK", 0, 0, 0), ("BLOCK", 0, 1, 0), ("BLOCK", 0, 2, 0), ALL),
        "pushes-off": ((0, 128, 0, 12), ("RAW", 0, 0, 9, *frame(4, 0, 0, b"")), ("OPEN", 0, 0, 0), ("PROMISE", 0, 0, 0), ALL,
                       ("ACK", 0), ("PROMISE", 0, 0, 0), ALL),
        "pushes-late": ((0, 0, 0, 4), ("OPEN", 0, 0, 0), ("DRAIN", 0), ALL, ("PROMISE", 0, 0, 0), ALL),
        "download": ((0, 0, 0, 6), ("OPEN", 0, 0, 0), ALL, ("BLOCK", 0, 0, 0), FULL, FULL, FULL, FULL, FULL, ALL, FULL),
        "websocket": ((0, 0, 0, 4), ("SETTING", 0, 8, 0, 1), ("OPEN", 0, 7, 9), ALL, ("BLOCK", 0, 0, 0), FULL, ALL),
        "websocket-early": ((0, 0, 0, 12), ("OPEN", 0, 7, 0), ("SETTING", 0, 8, 0, 1), ("OPEN", 0, 7, 0), ALL),
        "websocket-refused": ((0, 0, 0, 4), ("OPEN", 0, 7, 0), ALL),
    },
}


def by_hand(switches, *moves):
    return bytes(switches) + b"".join(bytes([MOVES[name] | flags, *rest]) for name, flags, *rest in moves)


# ---- dictionaries ------------------------------------------------------------------------------------------------------

def frame_words():
    """A head, and a short payload, for each kind of frame; an entry for each setting; fields."""
    lengths = {"PRIORITY": 5, "PING": 8, "GOAWAY": 8}
    found = [PREFACE, sent("SETTINGS"), sent("SETTINGS ACK"), sent('PING "12345678"'), sent("HEADERS 1 | @get")]
    for name, kind in FRAMES.items():
        for stream in (0, 1, 3):
            for flags in (0, 1, 5, 13):
                found.append(frame(kind, flags, stream, bytes(lengths.get(name, 4))))
                found.append(frame(kind, flags, stream, b""))
    found += [struct.pack(">HI", number, value) for number in SETTINGS.values() for value in (0, 1, 0x7fffffff)]
    found += [bytes.fromhex(text) for text in ("828684", "838684", "4101 61", "88", "3fe11f", "20", "be", "4082")]
    return found


def dictionary(found):
    return "".join('"%s"\n' % "".join("\\x%02x" % byte for byte in word) for word in dict.fromkeys(found))


# Those that play HTTP/1.1, and Upgrade to HTTP/2.
HTTP1 = {"h1_server": "server", "h1_client": "client"}


def http1_words():
    return [word.encode() for word in (
            "HTTP/1.1", "HTTP/1.0", "Host: a\r\n", "GET / ", "POST / ", "CONNECT a:1 ", "OPTIONS * ", "HEAD / ", "Content-Length: ",
            "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "Connection: Upgrade, HTTP2-Settings\r\n",
            "Upgrade: h2c\r\n", "Upgrade: websocket\r\n", "HTTP2-Settings: AAMAAABk\r\n", "Expect: 100-continue\r\n", "\r\n\r\n",
            "0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 101 x\r\n", "HTTP/1.1 100 x\r\n\r\n", "HTTP/1.1 304 x\r\n",
            "Trailer: x\r\n", "TE: trailers\r\n", "Keep-Alive: x\r\n")]


def http1_of(role):
    """Input of the fuzzers of HTTP/1.1: a byte that chooses, one that cuts, and what the peer sends."""
    return lambda flow: bytes([flow.start != "h1", 7]) + flow.bytes() if flow.role == role else None


FUZZERS = {"h2": (chunks, frame_words), "h2_cut": (cuts, frame_words), "h2_frame": (frames_only, frame_words),
           "h2_server": (program_of("server"), frame_words), "h2_client": (program_of("client"), frame_words),
           **{name: (http1_of(role), http1_words) for name, role in HTTP1.items()}}


def main():
    name, folder = sys.argv[1:]
    if name not in FUZZERS:
        return
    make, find_words = FUZZERS[name]
    most = MOST_OF_PROGRAM if name in PROGRAMS else MOST
    os.makedirs(folder, exist_ok=True)
    for path in all_flows():
        flow = Flow(path)
        data = make(flow) if (flow.start == "h2") == (name not in HTTP1) else None
        if data and len(data) <= most:
            with open(os.path.join(folder, path.replace("/", "-")[:-len(".flow")]), "wb") as f:
                f.write(data)
    for title, program in PROGRAMS.get(name, {}).items():
        with open(os.path.join(folder, "program-" + title), "wb") as f:
            f.write(by_hand(*program))
    with open(folder + ".dict", "w") as f:
        f.write(dictionary(find_words()))


main()
