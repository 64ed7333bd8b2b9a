"""Flows (docs/tests.md) read by Python: what the peer of a .flow sends, as bytes, and the lines between.

A second reading of the language, beside tests/flows/*.c: compat/flow_peers.py plays the bytes against other servers,
fuzz/flow_seeds.py makes inputs of them. Names and numbers come from the lists in core/. Not a test itself."""
import os
import re
import struct

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDER = os.path.join(ROOT, "tests", "flows")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
FLAGS = {"END_STREAM": END_STREAM, "ACK": ACK, "END_HEADERS": END_HEADERS, "PADDED": PADDED, "PRIORITY": PRIORITY}
RESERVED = 0x80000000


def read_list(name, macro):
    """{NAME: number} of the rows of core/NAME.def."""
    with open(os.path.join(ROOT, "core", name + ".def")) as f:
        return {row[1]: int(row[2], 0) for row in re.finditer(macro + r"\((\w+), (\d\w*),", f.read())}


FRAMES = read_list("h2_frame", "H2_FRAME")
SETTINGS = read_list("h2_setting", "H2_SETTING")
CODES = read_list("h2_code", "H2_CODE")
CODE_NAMES = {number: name for name, number in CODES.items()}
BLOCKS = ("HEADERS", "PUSH_PROMISE", "CONTINUATION")
NO_STREAM = ("SETTINGS", "PING", "GOAWAY", "ORIGIN", "PRIORITY_UPDATE")


class Fault(Exception):
    """A line that cannot be read."""


def all_flows():
    """Paths below tests/flows, in order."""
    found = []
    for folder, _, names in os.walk(FOLDER):
        found += [os.path.relpath(os.path.join(folder, name), FOLDER) for name in names if name.endswith(".flow")]
    return sorted(found)


# ---- words ----------------------------------------------------------------------------------------------------------

WORD = re.compile(r'\s*("(?:\\.|[^"\\])*"|\S+)')
ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\(.)|\{(\d+)(?::([0-9a-fA-F]+))?\}", re.S)
LETTERS = {"n": b"\n", "r": b"\r", "t": b"\t"}


def words(text):
    return WORD.findall(text)


def unescape(text):
    """Bytes of a text with \\xNN, \\n and {N:HEX} in it."""
    out, at = b"", 0
    for found in ESCAPE.finditer(text):
        out += text[at:found.start()].encode()
        at = found.end()
        byte, letter, times, what = found.groups()
        if byte is not None:
            out += bytes([int(byte, 16)])
        elif letter is not None:
            out += LETTERS.get(letter, letter.encode())
        else:
            out += (bytes([int(what, 16)]) if what else b"a") * int(times)
    return out + text[at:].encode()


def quoted(word):
    if len(word) < 2 or word[0] != '"' or word[-1] != '"':
        raise Fault("a quoted text is missing: %s" % word)
    return unescape(word[1:-1])


def number(word, turn):
    return 1 + 2 * turn + int(word[1:] or "0", 0) if word[0] == "$" else int(word, 0)


def code(word, turn):
    return CODES[word] if word in CODES else number(word, turn)


def raw(rest):
    """Hex digits, and quoted text between them."""
    return b"".join(quoted(word) if word[0] == '"' else bytes.fromhex(word) for word in rest)


# ---- header blocks: never-indexed literals without Huffman coding -----------------------------------------------------

def string(text):
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, out = len(text) - 127, b"\x7f"
    while rest >= 128:
        out += bytes([rest & 127 | 128])
        rest >>= 7
    return out + bytes([rest]) + text


SHORTHANDS = {"@get": [":method: GET", ":scheme: http", ":authority: a.test", ":path: /"],
              "@post": [":method: POST", ":scheme: http", ":authority: a.test", ":path: /"]}


def field(text):
    text = text.strip(" ")
    if text in SHORTHANDS:
        return b"".join(map(field, SHORTHANDS[text]))
    colon = text.index(":", 1)
    return b"\x10" + string(unescape(text[:colon])) + string(unescape(text[colon + 1:].lstrip(" ")))


def fields(text):
    """`a: b | c: d *100`: the last one a hundred times."""
    out = b""
    for one in text.split("|"):
        many = re.search(r" \*(\d+)", one)
        out += field(one[:many.start()] if many else one) * (int(many[1]) if many else 1)
    return out


# ---- frames ---------------------------------------------------------------------------------------------------------

def frame(kind, flags, stream, payload, length=None):
    return (struct.pack(">I", len(payload) if length is None else length)[1:] + bytes([kind, flags]) +
            struct.pack(">I", stream) + payload)


class Line:
    """A `>` line that names a frame, taken apart."""

    def __init__(self, kind, text, turn):
        self.kind, self.turn = kind, turn
        self.flags = self.stream = self.depends_on = 0
        self.more = self.reserved = self.exclusive = self.has_raw = self.has_stream = self.has_priority = False
        self.length = self.pad = None
        self.type, self.weight, self.raw, self.operands = FRAMES.get(kind, 0), 16, b"", []
        text, _, self.fields = text.partition(" | ")
        rest = words(text)[1:]
        while rest:
            rest = self.take(rest)
        if kind != "FRAME" and kind not in NO_STREAM and not self.has_stream:
            self.stream = number(self.operands.pop(0), turn)

    def take(self, rest):
        """One word (`hex` and `zeros` take more); what is left of them."""
        word, rest = rest[0], rest[1:]
        name, equals, value = word.partition("=")
        if word in FLAGS:
            self.flags |= FLAGS[word]
        elif word == "MORE":
            self.more = True
        elif word in ("reserved", "exclusive"):
            setattr(self, word, True)
        elif word == "zeros":
            self.has_raw = True
            self.raw += bytes(number(rest[0], self.turn))
            rest = rest[1:]
        elif word == "hex":
            self.has_raw = True
            self.raw += raw(rest)
            rest = []
        elif equals and name in ("flags", "id", "type", "length", "pad", "weight", "dep"):
            self.attribute(name, number(value, self.turn))
        else:
            self.operands.append(word)
        return rest

    def attribute(self, name, value):
        if name == "flags":
            self.flags |= value
        elif name == "id":
            self.stream, self.has_stream = value, True
        elif name == "dep":
            self.depends_on, self.has_priority = value, True
        else:
            setattr(self, name, value)

    def take_number(self, read=number):
        return struct.pack(">I", read(self.operands.pop(0), self.turn))

    def take_settings(self):
        out = b""
        for word in self.operands:
            name, _, value = word.partition("=")
            out += struct.pack(">HI", SETTINGS[name] if name in SETTINGS else number(name, self.turn),
                               number(value, self.turn))
        self.operands = []
        return out

    def priority(self):
        return struct.pack(">IB", self.depends_on | (RESERVED if self.exclusive else 0), (self.weight - 1) & 255)

    def take_entries(self):
        """Texts with their lengths in front; the last one of ALTSVC goes without."""
        out = b""
        while self.operands:
            text = quoted(self.operands.pop(0))
            out += (struct.pack(">H", len(text)) if self.kind == "ORIGIN" or self.operands else b"") + text
        return out

    def own_part(self):
        """The part of the payload that the type has of its own; a raw payload may stand for it."""
        raw_only = self.has_raw and not self.operands
        if self.kind == "DATA":
            return quoted(self.operands.pop(0)) if self.operands else b""
        if self.kind == "HEADERS":
            self.flags |= PRIORITY if self.has_priority else 0
            return self.priority() if self.has_priority else b""
        if self.kind == "SETTINGS":
            return self.take_settings()
        if self.kind in ("ALTSVC", "ORIGIN"):
            return self.take_entries()
        if raw_only or self.kind in ("CONTINUATION", "FRAME"):
            return b""
        if self.kind == "PRIORITY":
            return self.priority()
        if self.kind == "RST_STREAM":
            return self.take_number(code)
        if self.kind in ("PUSH_PROMISE", "WINDOW_UPDATE"):
            return self.take_number()
        if self.kind == "PING":
            return quoted(self.operands.pop(0))
        if self.kind == "GOAWAY":
            return (self.take_number() + self.take_number(code) +
                    (quoted(self.operands.pop(0)) if self.operands else b""))
        return self.take_number() + quoted(self.operands.pop(0))

    def bytes(self):
        payload = self.own_part() + (fields(self.fields) if self.fields else b"") + self.raw
        if self.operands:
            raise Fault("'%s' is one word too many" % self.operands[0])
        if self.kind in BLOCKS and not self.more:
            self.flags |= END_HEADERS
        if self.pad is not None:
            self.flags |= PADDED
            payload = bytes([self.pad]) + payload + bytes(self.pad)
        return frame(self.type, self.flags, self.stream | (RESERVED if self.reserved else 0), payload, self.length)


def sent(text, turn=0):
    """Bytes of a `>` line."""
    if text.lstrip().startswith('"'):
        return quoted(text.strip())
    kind = words(text)[0]
    if kind == "PREFACE":
        return PREFACE
    if kind == "RAW":
        return raw(words(text)[1:])
    if kind != "FRAME" and kind not in FRAMES:
        raise Fault("'%s' is not a frame" % kind)
    return Line(kind, text, turn).bytes()


# ---- whole flows ------------------------------------------------------------------------------------------------------

class Flow:
    """steps: (kind, text, bytes) in order; kind is `>`, `<`, `event`, `do`, `time`, `over`, `begin`. The rounds of a
    `repeat` are one step of kind `>`; before it stands one of kind `lock step` when they wait for us. `sets` holds names to
    values. start is "h2" for flows of HTTP/2 alone; else as the role line says."""

    def __init__(self, name):
        self.name, self.role, self.start, self.sets, self.ignored, self.steps = name, None, "h2", {}, [], []
        with open(os.path.join(FOLDER, name)) as f:
            lines = [line.lstrip(" ") for line in f.read().split("\n")]
        at = 0
        while at < len(lines):
            try:
                at = self.line(lines, at)
            except (Fault, ValueError, IndexError, KeyError) as why:
                raise Fault("%s:%d: %s: %r" % (name, at + 1, type(why).__name__, why)) from why

    def line(self, lines, at):
        """Reads one line, or a `repeat` to its end; the index of the next."""
        line = lines[at]
        kind, _, rest = line.partition(" ")
        if not line or line[0] == "#":
            return at + 1
        if line[0] == ">":
            self.steps.append((">", line[1:].strip(), sent(line[1:])))
        elif line[0] == "<":
            self.steps.append(("<", line[1:].strip(), b""))
        elif kind == "role":
            self.role, _, start = rest.strip().partition(" ")
            self.start = start or "h2"
        elif kind == "set":
            name, value = words(rest)[:2]
            self.sets[name] = value
        elif kind == "ignore":
            self.ignored.append(rest.strip())
        elif kind == "repeat":
            return self.repeat(lines, at, int(rest))
        elif kind == "begin":
            settings = words(rest)
            acknowledge = settings[:1] != ["noack"]
            hello = PREFACE if self.role == "server" else b""
            hello += sent("SETTINGS " + " ".join(settings if acknowledge else settings[1:]))
            self.steps.append(("begin", rest, hello))
            if acknowledge:
                self.steps.append((">", "SETTINGS ACK", sent("SETTINGS ACK")))
        elif kind == "switch":
            pass
        elif kind in ("event", "do", "time", "over"):
            self.steps.append((kind, rest.strip(), b""))
        else:
            raise Fault("'%s'?" % kind)
        return at + 1

    def repeat(self, lines, at, times):
        end = lines.index("end", at)
        if any(line and line[0] not in ">#" for line in lines[at + 1:end]):
            self.steps.append(("lock step", "", b""))
        body = [line[1:].strip() for line in lines[at + 1:end] if line and line[0] == ">"]
        self.steps.append((">", "repeat", b"".join(sent(line, turn) for turn in range(times) for line in body)))
        return end + 1

    def bytes(self):
        """All that the peer sends."""
        return b"".join(step[2] for step in self.steps)
