"""An HTTP client on asyncio: many requests at once over one connection."""
from __future__ import annotations

import asyncio
import collections
import contextlib

from h2box import alive
from h2box._core import (Connection, ConnectionTerminated, DataReceived, InformationalResponseReceived, PushedStreamReceived,
                         ResponseReceived, StreamClosed, StreamEnded, StreamReset, StreamsAvailable, TrailersReceived,
                         WindowUpdated)
from h2box.body import discard, fields_of, name_of, plain
from h2box.codes import ErrorCodes, SettingCodes
from h2box.errors import CallError, StreamClosedError, StreamResetError
from h2box.wire import Wire, address_of, set_alpn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ssl import SSLContext
    from typing import Any

    from h2box._core import Headers, HeadersToSend
    from h2box.body import Content

# Times a request is sent when the server surely did not act on it (RFC 9113 section 8.7): a server says how many it takes at once
# only after the first have been sent.
TRIES = 2

INTERIM = 100  # 1xx responses before the one that counts; as h2box client


class Response:
    """A response whose header fields have come; its content is read by read() or `async for`.

    status: int; headers: list of (name, value), bytes; trailers: the same, once the content is read; informational: the 1xx
    responses before it, as (status, headers). Content that nobody reads stops its stream, and no other."""

    status: int
    headers: Headers
    trailers: Headers
    informational: list[tuple[int, Headers]]

    def __init__(self, wire: Any, stream_id: int) -> None:
        self.stream_id, self.status, self.headers, self.trailers, self.informational = stream_id, 0, [], [], []
        self._wire, self._pieces, self._ended, self._fault = wire, collections.deque(), False, None
        self._head, self._more = wire.loop.create_future(), None

    def header(self, name: str, default: str | None = None) -> str | None:
        """The first value of a field, as str."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), default)

    async def read(self) -> bytes:
        """All of the content that has not been read yet."""
        return b"".join([piece async for piece in self])

    def __aiter__(self) -> Response:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._fault:
                raise self._fault
            if self._ended:
                raise StopAsyncIteration
            if self._more and not self._more.done():
                raise CallError("the content is read elsewhere already")
            self._more = self._wire.loop.create_future()
            await self._more
        data, owed = self._pieces.popleft()
        self._wire.connection.acknowledge_received_data(owed, self.stream_id)
        self._wire.touch()
        return data

    def close(self) -> None:
        """Gives up what has not come yet."""
        if not self._ended:
            self._wire.give_up(self)

    def _wake(self):
        if self._more and not self._more.done():
            self._more.set_result(None)

    def _fail(self, fault):
        self._fault = fault
        if not self._head.done():
            self._head.set_exception(fault)
            self._head.exception()  # told: nobody may be waiting for it
        self._wake()


class ClientWire(Wire):
    client_side = True

    def __init__(self, client, **options):
        super().__init__(**options)
        self.client = client
        self.responses = {}
        self.waiting = collections.deque()  # futures of requests that wait for room
        self.promised = 0                   # rooms of those that were woken and did not run yet
        self.goaway = False
        self.gone = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc):
        super().connection_lost(exc)
        self.let_go()
        if not self.gone.done():
            self.gone.set_result(None)

    def let_go(self):
        """Wakes as many as there is room for: if all of thousands looked each time, that would be all they do."""
        all_of_them = self.lost or self.goaway
        while self.waiting and (all_of_them or self.connection.outbound_room > self.promised):
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self.promised += 1

    async def room(self):
        """Waits until a stream may be opened."""
        while not self.lost and not self.goaway and self.connection.outbound_room <= self.promised:
            waiter = self.loop.create_future()
            self.waiting.append(waiter)
            try:
                await waiter
            finally:
                if waiter.done() and not waiter.cancelled():
                    self.promised -= 1
                    self.loop.call_soon(self.let_go)  # in case that it does not use its room: it may be cancelled, or say something wrong
        if self.lost or self.goaway or self.connection.closed:
            raise StreamResetError("the connection takes no more requests", ErrorCodes.REFUSED_STREAM, "connection", True)

    def open(self, fields, content):
        stream_id = self.connection.get_next_available_stream_id()
        response = Response(self, stream_id)
        self.send(stream_id, fields, content)
        self.responses[stream_id] = response
        return response

    def give_up(self, response, why=None):
        if self.responses.pop(response.stream_id, None) and not self.lost:
            self.cancel(response.stream_id)
            self.end_body(response.stream_id)
            self.touch()
        response._fail(why or StreamResetError("given up", ErrorCodes.CANCEL))

    def cancel(self, stream_id):
        with contextlib.suppress(StreamClosedError):  # its end came in the same read, and is not told yet
            self.connection.reset_stream(stream_id, ErrorCodes.CANCEL)

    def on_interim(self, event):
        response = self.responses.get(event.stream_id)
        if response and len(response.informational) < INTERIM:
            response.informational.append((event.status, event.headers))
        elif response:
            self.give_up(response, StreamResetError("too many interim responses", ErrorCodes.ENHANCE_YOUR_CALM))

    def on_response(self, event):
        response = self.responses.get(event.stream_id)
        if response:
            response.status, response.headers = event.status, event.headers
            if not response._head.done():
                response._head.set_result(None)

    def on_data(self, event):
        response = self.responses.get(event.stream_id)
        if response:
            response._pieces.append((event.data, event.flow_controlled_length))
            response._wake()
        else:
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def on_trailers(self, event):
        response = self.responses.get(event.stream_id)
        if response:
            response.trailers = event.headers

    def on_ended(self, event):
        response = self.responses.get(event.stream_id)
        if response:
            response._ended = True
            response._wake()

    def on_closed(self, event):
        self.end_body(event.stream_id)
        response = self.responses.pop(event.stream_id, None)
        if response and type(event) is StreamReset and not response._ended:
            response._fail(StreamResetError(event.reason or "reset by the server", event.error_code, "stream", event.never_processed))
        self.let_go()

    def on_push(self, event):
        if self.client.on_push is None:
            self.cancel(event.pushed_stream_id)
            return
        response = self.responses[event.pushed_stream_id] = Response(self, event.pushed_stream_id)
        try:
            self.client.on_push(event.headers, response)
        except Exception as why:
            self.loop.call_exception_handler({"message": "on_push failed", "exception": why, "protocol": self})
            self.give_up(response)

    def on_room(self, event):
        self.let_go()

    def on_goaway(self, event):
        self.goaway = True
        self.let_go()


ClientWire.calls = {InformationalResponseReceived: ClientWire.on_interim, ResponseReceived: ClientWire.on_response,
                    DataReceived: ClientWire.on_data, TrailersReceived: ClientWire.on_trailers,
                    StreamEnded: ClientWire.on_ended, StreamReset: ClientWire.on_closed,
                    StreamClosed: ClientWire.on_closed, PushedStreamReceived: ClientWire.on_push,
                    StreamsAvailable: ClientWire.on_room, ConnectionTerminated: ClientWire.on_goaway,
                    WindowUpdated: Wire.on_window}


class HTTP2Client:
    """One connection to (host, port), as `async with HTTP2Client(...) as client:`.

    ssl: an ssl.SSLContext, on which ALPN is set here; None: without TLS, HTTP/2 by prior knowledge, or protocol "http/1.1" or
    "h2c" (Upgrade). on_push: called with the headers of each promised request and its Response; None: the server is told to push
    nothing. settings: a dict of SettingCodes to values, which the client announces.

    ping_interval, ping_timeout: seconds after which a silent server that owes an answer is asked whether it is there, and then given up.
    None: never, for there are servers that take offence at a ping a minute."""

    def __init__(self, address: tuple[str, int], ssl: SSLContext | None = None, *, server_hostname: str | None = None, protocol: str = "h2",
                 settings: Mapping[int, int] | None = None, on_push: Callable[[Headers, Response], object] | None = None,
                 ping_interval: float | None = None, ping_timeout: float = alive.PING_TIMEOUT) -> None:
        if on_push is not None and not callable(on_push):
            raise TypeError("on_push is called with headers and a Response")
        self.address, self.ssl, self.server_hostname, self.protocol = address_of(address), ssl, server_hostname, protocol
        self.ping_interval = alive.seconds("ping_interval", ping_interval)
        self.ping_timeout = alive.seconds("ping_timeout", ping_timeout, optional=False)
        self.settings = {SettingCodes.ENABLE_PUSH: 0 if on_push is None else 1, **(settings or {})}
        self.on_push = on_push
        self._wire = None
        Connection(protocol=protocol, settings=self.settings)  # says what is wrong with them before there is a socket
        set_alpn(ssl, ["h2", "http/1.1"] if protocol == "h2" else ["http/1.1"])

    async def connect(self) -> None:
        """Connects; a client that is closed may do so again."""
        if self._wire is not None and not self._wire.lost:
            raise CallError("connected already")
        loop = asyncio.get_running_loop()
        host, port = self.address[:2]
        more = {} if self.ssl is None else {"server_hostname": self.server_hostname or host}
        _, self._wire = await loop.create_connection(
            lambda: ClientWire(self, protocol=self.protocol, settings=self.settings, ping_interval=self.ping_interval,
                               ping_timeout=self.ping_timeout), host, port, ssl=self.ssl, **more)

    async def close(self) -> None:
        """Ends the connection; requests that are not answered come to nothing."""
        wire = self._wire
        if wire is None:
            return
        if not wire.lost:
            wire.connection.close_connection()
            wire.flush()
        await wire.gone

    async def __aenter__(self) -> HTTP2Client:
        await self.connect()
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    def _connected(self):
        if self._wire is None:
            raise CallError("not connected")
        return self._wire

    @property
    def http_version(self) -> str:
        """'h2' or 'http/1.1'."""
        return self._connected().connection.protocol

    async def request(self, method: str = "GET", path: str = "/", headers: HeadersToSend | None = None, body: Content = None, *,
                      authority: str | None = None) -> Response:
        """Sends a request, waiting for room when the server allows no more at once; returns its Response when that begins.

        body: as that of send_response. StreamResetError: it came to nothing."""
        wire = self._connected()
        content = plain(body)
        host, port = self.address[:2]
        usual = port == (443 if self.ssl else 80)
        name = f"[{host}]" if ":" in host else host
        fields = [(":method", method), (":scheme", "https" if self.ssl else "http"),
                  (":authority", authority or (name if usual else f"{name}:{port}")), (":path", path), *fields_of(headers)]
        if isinstance(content, bytes) and "content-length" not in map(name_of, fields):
            fields.append(("content-length", str(len(content))))
        again = TRIES if content is None or isinstance(content, bytes) else 1
        while True:
            again -= 1
            try:
                await wire.room()
            except BaseException:
                discard(content)
                raise
            response = wire.open(fields, content)
            try:
                await response._head
                return response
            except asyncio.CancelledError:
                response.close()
                raise
            except StreamResetError as why:
                if not (again and why.never_processed):
                    raise

    async def ping(self) -> None:
        """Sends a PING, to keep the connection alive."""
        wire = self._connected()
        if wire.lost or wire.connection.closed or not wire.ping():
            raise StreamResetError("the connection is closed", ErrorCodes.NO_ERROR, "connection")
        wire.touch()
