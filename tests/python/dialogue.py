"""Clients of WebSockets that the tests drive frame by frame: over HTTP/2 by python3-h2, and by hand over HTTP/1.1. Not a test itself."""
import asyncio

import h2.config
import h2.connection
import h2.events
from h2box import Connection

TEXT, BINARY, MORE, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 section 1.3
PATIENCE = 60


def frame(opcode, payload=b"", last=True, mask=b"\x12\x34\x56\x78", reserved=0):
    """As a client sends it."""
    n = len(payload)
    form = bytes((0x80 | n,)) if n < 126 else b"\xfe" + n.to_bytes(2, "big") if n < 65536 else b"\xff" + n.to_bytes(8, "big")
    keys = mask * (n // 4 + 1)
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(keys[:n], "big")).to_bytes(n, "big")
    return bytes(((0x80 if last else 0) | reserved | opcode,)) + form + mask + masked


def closing(code, reason=b""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


class Peer:
    """What both have in common: `data` is what came and was not looked at, `ended` is what ended it: True, or an error code."""

    def __init__(self):
        self.data, self.ended, self.status, self.headers = b"", None, None, {}
        self.news = asyncio.Event()

    def start(self, **_):
        pass

    @classmethod
    async def connect(cls, address, *arguments, **more):
        self = cls()
        self.reader, self.writer = await asyncio.wait_for(asyncio.open_connection(*address), PATIENCE)
        self.start(**more)
        self.pump = asyncio.create_task(self.read_all())
        await self.open(*arguments, **more)
        return self

    async def read_all(self):
        while await self.read():
            self.news.set()
        self.ended = self.ended or "cut"
        self.news.set()

    async def more(self):
        """Waits until something has come."""
        self.news.clear()
        await asyncio.wait_for(self.news.wait(), PATIENCE)

    async def take(self, n):
        while len(self.data) < n:
            if self.ended is not None:
                raise EOFError(self.ended)
            await self.more()
        out, self.data = self.data[:n], self.data[n:]
        return out

    async def frame(self):
        """The next of the server's: (opcode, payload)."""
        first, n = await self.take(2)
        assert first & 0x80 and not n & 0x80, "servers do not mask, and ours does not cut"
        if n > 125:
            n = int.from_bytes(await self.take(2 if n == 126 else 8), "big")
        return first & 15, await self.take(n)

    async def close_frame(self):
        kind, payload = await self.frame()
        assert kind == CLOSE, (kind, payload)
        return int.from_bytes(payload[:2], "big") if payload else None

    async def rest(self):
        """All that comes until the end."""
        while self.ended is None:
            await self.more()
        return self.data

    async def leave(self):
        self.writer.close()
        self.pump.cancel()
        await asyncio.gather(self.pump, return_exceptions=True)


class H2(Peer):
    announced, pongs = False, 0

    def connection(self):
        connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        connection.initiate_connection()
        return connection

    def start(self, acknowledges=True, **_):
        self.acknowledges = acknowledges
        self.h2 = self.connection()
        self.flush()

    async def open(self, path="/", headers=(), version="13", **_):
        while not self.announced:
            await self.more()
        self.stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(self.stream, [(":method", "CONNECT"), (":scheme", "http"), (":authority", "test"), (":path", path),
                                           (":protocol", "websocket"), ("sec-websocket-version", version), *headers])
        self.flush()

    def flush(self):
        self.writer.write(self.h2.data_to_send())

    async def read(self):
        data = await self.reader.read(65536)
        for event in self.h2.receive_data(data) if data else ():
            kind = type(event).__name__
            if kind == "RemoteSettingsChanged":
                self.announced = True
            elif kind == "ResponseReceived":
                self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                self.status = int(self.headers[":status"])
            elif kind == "DataReceived":
                self.data += event.data
                if self.acknowledges:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif kind == "StreamEnded":
                self.ended = True
            elif kind == "StreamReset":
                self.ended = self.ended or event.error_code
            elif kind == "PingAckReceived":
                self.pongs += 1
        self.flush()
        return bool(data)

    async def answer(self):
        while self.status is None:
            await self.more()
        return self.status

    @property
    def room(self):
        return self.h2.local_flow_control_window(self.stream)

    async def send(self, data):
        while data:
            while not self.room:
                await self.more()
            n = min(self.room, 16384)
            self.h2.send_data(self.stream, data[:n])
            self.flush()
            data = data[n:]

    def finish(self):
        self.h2.end_stream(self.stream)
        self.flush()

    def reset(self):
        self.h2.reset_stream(self.stream, 8)
        self.flush()


class Ours(H2):
    """The same by h2box.Connection."""

    def connection(self):
        return Connection()


class H1(Peer):
    async def open(self, path="/", headers=(), version="13", key=KEY, **_):
        lines = [f"GET {path} HTTP/1.1", "Host: test", "Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Version: {version}",
                 *([f"Sec-WebSocket-Key: {key}"] if key else []), *(f"{k}: {v}" for k, v in headers)]
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def read(self):
        try:
            data = await self.reader.read(65536)
        except ConnectionResetError:
            data = b""
        self.data += data
        self.ended = self.ended or (None if data else True)
        return bool(data)

    async def answer(self):
        while b"\r\n\r\n" not in self.data:
            if self.ended is not None:
                raise EOFError
            await self.more()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        self.status = int(lines[0].split()[1])
        return self.status

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    def finish(self):
        self.writer.write_eof()

    def reset(self):
        self.writer.transport.abort()
