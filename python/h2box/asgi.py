"""ASGI 3 applications on the server: HTTP, WebSockets and lifespan, with the extensions for trailers, push, early hints and answers
that deny a WebSocket.

    ASGIServer(("127.0.0.1", 8443), app, ssl=ctx).serve_forever()

CONNECT to other hosts is answered with 501."""
from __future__ import annotations

import asyncio
import collections

from h2box import alive
from h2box.errors import CallError, H2Error
from h2box.exchange import VERSIONS, Exchange, clean
from h2box.server import HTTP2Server
from h2box.websocket import WebSocketExchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext
    from typing import Any

EXTENSIONS = {"http.response.trailers": {}, "http.response.push": {}, "http.response.early_hint": {}}


class HTTPExchange(Exchange):
    def on_headers(self):
        self._inbox = collections.deque()  # (data, is it the last)
        self._start, self._done, self._trailers = None, False, False
        return self._run()

    async def _run(self):
        scope = self._scope("http", self.scheme or "http", method=self.method, extensions=EXTENSIONS)
        await self.app(scope, self._receive, self._send)
        if not self._done and not self._gone:
            raise RuntimeError("the application returned before its response was complete")

    def _complete(self):
        return self._done

    # ---- what the application hears ----

    def on_data(self, data):
        self._inbox.append((data, False))
        self._news.set()

    def on_request_done(self):
        self._inbox.append((b"", True))
        self._news.set()

    async def _receive(self):
        while not self._inbox and not self._gone:
            self._news.clear()
            await self._news.wait()
        if not self._inbox:
            return {"type": "http.disconnect"}
        data, last = self._inbox.popleft()
        if data and not self._gone:
            self.acknowledge(len(data))
            if self._inbox and self._inbox[0] == (b"", True):
                last = self._inbox.popleft()[1]
        return {"type": "http.request", "body": data, "more_body": not last}

    # ---- what it says ----

    async def _send(self, message):
        kind = message["type"]
        if self._done:
            return
        self._check_client()
        if kind == "http.response.start" and self._start is None:
            self._start = (message["status"], clean(message.get("headers")))
            self._trailers = bool(message.get("trailers"))
        elif kind == "http.response.body" and self._start is not None:
            await self._send_body(message.get("body", b""), message.get("more_body", False))
        elif kind == "http.response.trailers" and self._streaming and self._trailers:
            if not message.get("more_trailers", False):
                self._wire.connection.send_headers(self.stream_id, clean(message.get("headers")), end_stream=True)
                self._finish()
        elif kind == "http.response.push":
            self._promise(message)
        elif kind == "http.response.early_hint":
            self.send_informational(103, [(b"link", bytes(link)) for link in message["links"]])
        else:
            raise RuntimeError(f"{kind} is not due")

    async def _send_body(self, data, more):
        last, bodiless = not more and not self._trailers, self.method == "HEAD"
        if not self._streaming:
            status, headers = self._start
            if last:
                self.send_response(status, headers, bytes(data))
                self._done = True
                return
            self._begin_content(self._fields(status, headers, None), end=bodiless)
        if not bodiless:
            self._put(bytes(data), last)
        if last:
            self._finish()
        elif not bodiless:
            await self._has_room()

    def _finish(self):
        self._done = True
        self._end_content()

    def _promise(self, message):
        """The promised request is another call of the application, whose answer goes on the stream promised."""
        fields = [(":method", "GET"), (":scheme", self.scheme), (":authority", self.host), (":path", message["path"]),
                  *clean(message.get("headers"))]
        try:
            stream_id = self._wire.connection.push_stream(self.stream_id, None, fields)
        except H2Error:
            return  # the client takes none
        pushed = type(self)()
        headers = [(n.encode() if isinstance(n, str) else n, v.encode() if isinstance(v, str) else v) for n, v in fields]
        pushed._begin(self._wire, (stream_id, headers, True, "GET", self.scheme, self.host, message["path"]))
        self._wire.handlers[stream_id] = pushed
        self._wire.call(pushed, pushed.on_headers)
        pushed.on_request_done()


class ASGIServer(HTTP2Server):
    """Serves an ASGI 3 application. The other arguments are those of HTTP2Server.

    websockets: False for an application that has none: HTTP/2 then does not offer them, and they are answered with 501.
    websocket_max_size: bytes of a message that a client may send, at most 16 MiB; a longer one ends its WebSocket.
    websocket_ping_interval, websocket_ping_timeout: seconds of silence after which a client is sent a ping, and then given up when it
    still says nothing; None: no pings."""

    def __init__(self, address: tuple[str, int], app: Any, ssl: SSLContext | None = None, *, websockets: bool = True,
                 websocket_max_size: int = 1 << 20, websocket_ping_interval: float | None = 20.0, websocket_ping_timeout: float = 20.0,
                 **options: Any) -> None:
        if not callable(app):
            raise TypeError("an ASGI application is called with scope, receive and send")
        common = {"app": staticmethod(app), "server": self, "accepts_connect": bool(websockets)}
        super().__init__(address, type("HTTP", (HTTPExchange,), common), ssl, **options)
        self.app = app
        self._websocket = type("WebSocket", (WebSocketExchange,), {
            **common, "max_message": websocket_max_size,
            "ping_interval": alive.seconds("websocket_ping_interval", websocket_ping_interval),
            "ping_timeout": alive.seconds("websocket_ping_timeout", websocket_ping_timeout, optional=False)})
        self._websocket.check()
        self._lifespan = None

    def handler_for(self, event):
        if event.method != "CONNECT":
            return self.RequestHandlerClass()
        taken = self.RequestHandlerClass.accepts_connect and (b":protocol", b"websocket") in event.headers
        return self._websocket() if taken else None

    async def start(self) -> None:
        """Starts the application (lifespan, which it may not have), then listens."""
        if self._lifespan:
            raise CallError("the server is started already")
        self._inbox, self._started, self._stopped = asyncio.Queue(), asyncio.Event(), asyncio.Event()
        self._fault, state = None, {}
        scope = {"type": "lifespan", "state": state, **VERSIONS}
        self._lifespan = asyncio.create_task(self._live(scope))
        self._inbox.put_nowait({"type": "lifespan.startup"})
        try:
            await self._started.wait()
            if self._fault:
                raise RuntimeError(f"the application did not start: {self._fault}")
            self.RequestHandlerClass.state = self._websocket.state = state
            await super().start()
        except BaseException:
            await self._end_lifespan()
            raise

    async def close(self, timeout: float = 30.0) -> None:
        for wire in self.wires:
            for handler in list(wire.handlers.values()):
                if isinstance(handler, WebSocketExchange):
                    handler.go_away()
        await super().close(timeout)
        await self._end_lifespan()

    async def _end_lifespan(self):
        """What was started is stopped; what was not is cancelled."""
        lifespan, self._lifespan = self._lifespan, None
        if not lifespan:
            return
        try:
            if self._started.is_set() and not self._fault:
                self._inbox.put_nowait({"type": "lifespan.shutdown"})
                await self._stopped.wait()
        finally:
            lifespan.cancel()

    async def _live(self, scope):
        try:
            await self.app(scope, self._inbox.get, self._hear)
        except Exception:
            pass  # ASGI: an application that raises for this scope has no lifespan
        finally:
            self._started.set()
            self._stopped.set()

    async def _hear(self, message):
        kind = message["type"]
        if kind.endswith(".failed"):
            self._fault = message.get("message", "") or kind
        if kind.startswith("lifespan.startup."):
            self._started.set()
        elif kind.startswith("lifespan.shutdown."):
            self._stopped.set()
