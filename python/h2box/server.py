"""An HTTP server on asyncio: HTTP/2 by ALPN, by prior knowledge or by Upgrade, and HTTP/1.1."""
from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from email.utils import formatdate

from h2box import alive
from h2box._core import (Connection, DataReceived, RequestReceived, StreamClosed, StreamEnded, StreamReset, TrailersReceived,
                         WindowUpdated)
from h2box.body import discard, fields_of, name_of, plain
from h2box.codes import SettingCodes
from h2box.errors import CallError, ClientDisconnected, H2Error, StreamClosedError, TooManyStreamsError
from h2box.wire import FAREWELL_TIMEOUT, Wire, address_of, set_alpn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from ssl import SSLContext
    from typing import Any

    from h2box._core import Headers, HeadersToSend
    from h2box.body import Content

IDLE_TIMEOUT = 180.0       # seconds without a stream; as h2box server
HANDSHAKE_TIMEOUT = 10.0
DRAIN_TIMEOUT = 30.0
INTERNAL_ERROR = 2
# Belong to a connection, or to content that a promised request does not have (RFC 9113 sections 8.2.2 and 8.4).
NOT_PROMISED = {"content-length", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host"}

STATUS = {code: b"%d" % code for code in range(100, 1000)}


def status_field(status):
    try:
        return b":status", STATUS[status]
    except (KeyError, TypeError):
        pass
    if not isinstance(status, int):
        raise TypeError(f"a status is an int, not {type(status).__name__}")
    raise ValueError("a status is 100 to 999")


class Clock:
    """The date of responses, made once a second."""
    second, text = 0, b""

    @classmethod
    def date(cls):
        now = int(time.time())
        if now != cls.second:
            cls.second, cls.text = now, formatdate(now, usegmt=True).encode()
        return cls.text


class BaseRequestHandler:
    """One request and its response. Override the on_ methods, any of which may be `async def`.

    client_address: (host, port); stream_id: int; scheme, method, host, path: str; headers: list of (name, value), bytes."""

    client_address: tuple[str, int] = None  # type: ignore[assignment]
    stream_id: int = None  # type: ignore[assignment]
    scheme: str = None  # type: ignore[assignment]
    method: str = None  # type: ignore[assignment]
    host: str = None  # type: ignore[assignment]
    path: str = None  # type: ignore[assignment]
    headers: Headers = None  # type: ignore[assignment]
    # False: on_data has to be followed by acknowledge(n), and the client sends no more than a window until then.
    acknowledges = True
    # True: takes CONNECT, whose answer 200 begins a tunnel: on_data and the body are its two directions. So come WebSockets too, over
    # both versions of HTTP, with the field :protocol; HTTP/2 is told so (RFC 8441). Others have them answered with 501.
    accepts_connect = False

    def on_headers(self) -> Awaitable[None] | None:
        """The request's header fields have come."""

    def on_data(self, data: bytes) -> Awaitable[None] | None:
        """A piece of the request's content has come."""

    def on_trailers(self, headers: Headers) -> Awaitable[None] | None:
        """Fields after the content have come."""

    def on_request_done(self) -> Awaitable[None] | None:
        """The request is complete."""

    def on_close(self, error_code: int) -> Awaitable[None] | None:
        """The stream is gone: 0 when both sides were complete. The last call."""

    def send_response(self, status: int = 200, headers: HeadersToSend | None = None, body: Content = None, *,
                      trailers: HeadersToSend | None = None) -> None:
        """Answers. body: None, str, bytes, a file, an iterator or an asynchronous iterator of str or bytes. A content-length is
        added when the length is known, and a date. A file is read in pieces as the client takes them, and closed. trailers: fields
        that follow the body."""
        if self._answered:
            raise CallError("the request is answered already")
        content = plain(body)
        try:
            fields = self._fields(status, headers, None if trailers else content)
            trailers = trailers and fields_of(trailers)
        except Exception:
            discard(content)
            raise
        if self.method == "HEAD" or status in (204, 304):
            discard(content)
            content = trailers = None
        self._wire.send(self.stream_id, fields, content, trailers)
        self._answered = True

    def send_informational(self, status: int = 103, headers: HeadersToSend | None = None) -> None:
        """A 1xx response before the final one."""
        if isinstance(status, int) and not 100 <= status <= 199:
            raise ValueError("an informational status is 100 to 199")
        self._wire.connection.send_headers(self.stream_id, [status_field(status), *fields_of(headers)])
        self._wire.touch()

    def push(self, path: str, method: str = "GET", request_headers: HeadersToSend | None = None, status: int = 200,
             headers: HeadersToSend | None = None, body: Content = None) -> bool:
        """Promises the answer to another request, before send_response. False when the client takes no push."""
        wanted = [h for h in fields_of(request_headers) if name_of(h) not in NOT_PROMISED]
        content, connection = plain(body), self._wire.connection
        try:
            fields = self._fields(status, headers, content)
            pushed = connection.push_stream(self.stream_id, None, [
                (":method", method), (":scheme", self.scheme), (":authority", self.host), (":path", path), *wanted])
        except (TooManyStreamsError, CallError):
            discard(content)
            return False
        except Exception:
            discard(content)
            raise
        if method == "HEAD" or status in (204, 304):
            discard(content)
            content = None
        try:
            self._wire.send(pushed, fields, content)
        except Exception:
            connection.reset_stream(pushed, INTERNAL_ERROR)  # it is promised, and will not come
            self._wire.touch()
            raise
        return True

    def reset(self, error_code: int = INTERNAL_ERROR) -> None:
        """Ends the stream at once."""
        self._wire.connection.reset_stream(self.stream_id, error_code)
        self._wire.touch()

    def acknowledge(self, n: int) -> None:
        """n bytes of on_data are dealt with; needed only where `acknowledges` is False."""
        self._wire.connection.acknowledge_received_data(n, self.stream_id)
        self._wire.touch()

    # ---- for the server ----

    def _complete(self):
        """Whether the whole response is queued: what goes wrong now does not concern the client."""
        return self._answered and self.stream_id not in self._wire.bodies

    def _begin(self, wire, event):
        self._wire, self._answered, self._failed = wire, False, False
        self.client_address = wire.client_address
        self.stream_id, self.headers, _, self.method, self.scheme, self.host, self.path = event

    @staticmethod
    def _fields(status, headers, content):
        fields = [status_field(status)]
        names = ()
        if headers:
            fields.extend(headers.items() if isinstance(headers, dict) else headers)
            names = {name_of(h) for h in fields}
        if "date" not in names:
            fields.append((b"date", Clock.date()))
        if isinstance(content, bytes) and status >= 200 and status not in (204, 304) and "content-length" not in names:
            fields.append((b"content-length", b"%d" % len(content)))
        return fields


class ServerWire(Wire):
    def __init__(self, server):
        super().__init__(server.idle_timeout, server.ping_interval, server.ping_timeout, settings=server.announced())
        self.server = server
        self.handlers = {}
        self.tasks = set()

    def connection_made(self, transport):
        peer = transport.get_extra_info("peername")
        self.client_address = tuple(peer[:2]) if isinstance(peer, tuple) else peer
        self.server.wires.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc):
        super().connection_lost(exc)
        self.server.forget(self)

    def call(self, handler, method, *arguments):
        """Calls an application; what it raises ends its stream and nothing else. After that only on_close is called."""
        if handler._failed and method != handler.on_close:
            return
        try:
            result = method(*arguments)
            if result is not None and asyncio.iscoroutine(result):
                task = self.loop.create_task(self.follow(handler, result))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
        except Exception as why:
            self.fail(handler, why)

    async def follow(self, handler, coroutine):
        try:
            await coroutine
        except asyncio.CancelledError as why:
            if not self.lost:  # whoever did that: its client need not wait for ever
                self.fail(handler, why)
            raise
        except Exception as why:
            self.fail(handler, why)

    def fail(self, handler, why):
        if isinstance(why, ClientDisconnected) or isinstance(why, H2Error) and not self.is_open(handler.stream_id):
            return  # it answered a stream that is gone, which is nobody's fault
        handler._failed = True
        if not isinstance(why, asyncio.CancelledError):
            self.loop.call_exception_handler({"message": "a request handler failed", "exception": why, "protocol": self})
        if handler.stream_id in self.handlers:
            if handler._complete():
                return
            for say in ((handler.reset,) if handler._answered else (lambda: handler.send_response(500), handler.reset)):
                try:
                    return say()
                except H2Error:
                    pass  # it is gone by now, or cannot be answered

    def is_open(self, stream_id):
        """Also when its end came in the same read, and has not been told yet."""
        try:
            return self.connection.local_flow_control_window(stream_id) >= 0
        except StreamClosedError:
            return False

    def on_request(self, event):
        try:
            handler = self.server.handler_for(event)
        except Exception as why:
            self.loop.call_exception_handler({"message": "a request handler cannot be made", "exception": why, "protocol": self})
            with contextlib.suppress(StreamClosedError):  # the client may have reset it meanwhile
                self.connection.reset_stream(event.stream_id, INTERNAL_ERROR)
            return
        if handler is None:
            with contextlib.suppress(StreamClosedError):
                self.connection.send_message(event.stream_id, [(b":status", b"501"), (b"date", Clock.date()), (b"content-length", b"0")])
            return
        handler._begin(self, event)
        self.handlers[event.stream_id] = handler
        self.call(handler, handler.on_headers)

    def on_data(self, event):
        handler = self.handlers.get(event.stream_id)
        if not handler or handler.acknowledges:
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if handler:
            self.call(handler, handler.on_data, event.data)

    def on_trailers(self, event):
        handler = self.handlers.get(event.stream_id)
        if handler:
            self.call(handler, handler.on_trailers, event.headers)

    def on_ended(self, event):
        handler = self.handlers.get(event.stream_id)
        if handler:
            self.call(handler, handler.on_request_done)

    def on_closed(self, event):
        self.end_body(event.stream_id)
        handler = self.handlers.pop(event.stream_id, None)
        if handler:
            self.call(handler, handler.on_close, event.error_code if type(event) is StreamReset else 0)


ServerWire.calls = {RequestReceived: ServerWire.on_request, DataReceived: ServerWire.on_data, StreamEnded: ServerWire.on_ended,
                    TrailersReceived: ServerWire.on_trailers,
                    StreamReset: ServerWire.on_closed, StreamClosed: ServerWire.on_closed, WindowUpdated: Wire.on_window}


class HTTP2Server:
    """Serves requests on (host, port), each by a new instance of RequestHandlerClass.

    ssl: an ssl.SSLContext with a certificate, on which ALPN is set here; None: without TLS. settings: a dict of SettingCodes to
    values, which the server announces. serve_forever() runs it; or `async with server:` inside a program on asyncio.

    idle_timeout: seconds that a connection without a request stays. ping_interval, ping_timeout: a client that waits for something and
    says nothing for so long is asked whether it is there, and left when it does not answer. None: never."""

    def __init__(self, address: tuple[str, int], RequestHandlerClass: type[BaseRequestHandler], ssl: SSLContext | None = None, *,
                 settings: Mapping[int, int] | None = None, idle_timeout: float | None = IDLE_TIMEOUT,
                 ping_interval: float | None = alive.PING_INTERVAL, ping_timeout: float = alive.PING_TIMEOUT, backlog: int = 1024) -> None:
        if not isinstance(RequestHandlerClass, type) or not issubclass(RequestHandlerClass, BaseRequestHandler):
            raise TypeError("RequestHandlerClass is a class derived from BaseRequestHandler")
        self.address, self.RequestHandlerClass, self.ssl = address_of(address), RequestHandlerClass, ssl
        self.settings, self.backlog = settings, backlog
        self.idle_timeout = alive.seconds("idle_timeout", idle_timeout)
        self.ping_interval = alive.seconds("ping_interval", ping_interval)
        self.ping_timeout = alive.seconds("ping_timeout", ping_timeout, optional=False)
        self.wires = set()
        self._server = self._gone = None
        Connection(False, settings=self.announced())  # says what is wrong with them now, and not to each client
        set_alpn(ssl, ["h2", "http/1.1"])

    async def start(self) -> None:
        """Listens. Then `address` says where, which differs when the port given was 0."""
        if self._server is not None:
            raise CallError("the server is started already")
        loop = asyncio.get_running_loop()
        host, port = self.address[:2]
        timeout = {} if self.ssl is None else {"ssl_handshake_timeout": HANDSHAKE_TIMEOUT}
        self._server = await loop.create_server(lambda: ServerWire(self), host, port, ssl=self.ssl, backlog=self.backlog, **timeout)
        self.address = self._server.sockets[0].getsockname()[:2]
        if self.ping_interval:
            for sock in self._server.sockets:
                alive.watch_listener(sock, self.ping_interval, self.ping_timeout)

    async def close(self, timeout: float = DRAIN_TIMEOUT) -> None:
        """Listens no more, lets requests that are there be answered, for at most `timeout` seconds; then they are cut off, and what
        their handlers are about is cancelled."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self._gone = asyncio.Event()
        for wire in list(self.wires):
            wire.connection.drain()
            wire.flush()
        if self.wires:
            try:
                await asyncio.wait_for(self._gone.wait(), timeout)
            except (TimeoutError, asyncio.TimeoutError):
                await self._cut_off()

    async def _cut_off(self):
        tasks = {task for wire in self.wires for task in wire.tasks} - {asyncio.current_task()}
        for wire in list(self.wires):
            wire.transport.abort()
        if self.wires:
            await self._gone.wait()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=FAREWELL_TIMEOUT)

    def handler_for(self, event):
        """A handler for this RequestReceived, or None: it is answered with 501."""
        kind = self.RequestHandlerClass
        return None if event.method == "CONNECT" and not kind.accepts_connect else kind()

    def announced(self):
        """The settings of a connection."""
        extended = {SettingCodes.ENABLE_CONNECT_PROTOCOL: int(self.RequestHandlerClass.accepts_connect)}
        return {**extended, **(self.settings or {})}

    def forget(self, wire):
        self.wires.discard(wire)
        if self._gone and not self.wires:
            self._gone.set()

    async def __aenter__(self) -> HTTP2Server:
        await self.start()
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    def serve_forever(self) -> None:
        """Serves until SIGTERM or SIGINT, which let open requests be answered."""
        asyncio.run(self._serve())

    async def _serve(self):
        stop = asyncio.Event()
        async with self:
            try:
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            except (NotImplementedError, RuntimeError, ValueError):
                pass  # signals belong to the main thread
            await stop.wait()
