"""ASGI 3 applications on the server: HTTP and lifespan, with the extensions for trailers, push and early hints.

    ASGIServer(("127.0.0.1", 8443), app, ssl=ctx).serve_forever()

WebSockets are not served: they are answered with 501, as is CONNECT."""
import asyncio
import collections
from urllib.parse import unquote_to_bytes

from h2box.errors import H2Error
from h2box.server import BaseRequestHandler, HTTP2Server

# What a connection, and not a message, is about: HTTP/2 has none of it, and for HTTP/1.1 the core writes its own.
HOPS = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
VERSIONS = {"asgi": {"version": "3.0", "spec_version": "2.4"}}
EXTENSIONS = {"http.response.trailers": {}, "http.response.push": {}, "http.response.early_hint": {}}


def scope_headers(handler):
    """The fields without pseudo-header fields, with host, and cookies in one field (RFC 9113 section 8.2.3)."""
    out, cookies, host = [], [], False
    for name, value in handler.headers:
        if name[:1] == b":":
            continue
        if name == b"cookie":
            cookies.append(value)
            continue
        host = host or name == b"host"
        out.append((name, value))
    if not host and handler.host:
        out.insert(0, (b"host", handler.host.encode("latin-1")))
    if cookies:
        out.append((b"cookie", b"; ".join(cookies)))
    return out


def clean(headers):
    return [(bytes(name).lower(), bytes(value)) for name, value in headers or () if bytes(name).lower() not in HOPS]


class ASGIHandler(BaseRequestHandler):
    acknowledges = False
    app = server = state = None

    def on_headers(self):
        self._inbox = collections.deque()  # (data, is it the last)
        self._news, self._room, self._gone = asyncio.Event(), None, False
        self._start, self._streaming, self._done, self._trailers = None, False, False, False
        return self._run()

    async def _run(self):
        raw_path, _, query = self.path.partition("?")
        raw_path = raw_path.encode("latin-1")
        connection = self._wire.connection
        scope = {"type": "http", "http_version": "2" if connection.protocol == "h2" else "1.1", "method": self.method,
                 "scheme": self.scheme or "http", "path": unquote_to_bytes(raw_path).decode("utf-8", "replace"),
                 "raw_path": raw_path, "query_string": query.encode("latin-1"), "root_path": "",
                 "headers": scope_headers(self), "client": self.client_address, "server": self.server.address,
                 "extensions": EXTENSIONS, **VERSIONS}
        if self.state is not None:
            scope["state"] = self.state.copy()
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

    def on_close(self, error_code):
        self._gone = True
        self._news.set()
        self._wake()

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
        if self._gone or self._done:
            return  # as ASGI asks for: a client that left is no error
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
        connection = self._wire.connection
        if not self._streaming:
            status, headers = self._start
            if not more and not self._trailers:
                self.send_response(status, headers, bytes(data))
                self._done = True
                return
            self._answered = self._streaming = True
            connection.send_headers(self.stream_id, self._fields(status, headers, None), end_stream=self.method == "HEAD")
        if self.method != "HEAD":
            connection.send_data(self.stream_id, bytes(data), end_stream=not more and not self._trailers)
        if not more and not self._trailers:
            self._finish()
            return
        self._wire.touch()
        while not self._gone and self.method != "HEAD" and not connection.local_flow_control_window(self.stream_id):
            self._wire.bodies[self.stream_id] = self
            self._room = self._wire.loop.create_future()
            await self._room

    def _finish(self):
        self._done = True
        self._wire.bodies.pop(self.stream_id, None)
        self._wire.touch()

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

    # ---- as a body that waits for room (h2box.wire) ----

    def _wake(self):
        if self._room and not self._room.done():
            self._room.set_result(None)

    go_on = stop = _wake


class ASGIServer(HTTP2Server):
    """Serves an ASGI 3 application. The other arguments are those of HTTP2Server."""

    def __init__(self, address, app, ssl=None, **options):
        super().__init__(address, type("Handler", (ASGIHandler,), {"app": staticmethod(app), "server": self}), ssl, **options)
        self.app = app
        self._lifespan = None

    async def start(self):
        """Starts the application (lifespan, which it may not have), then listens."""
        self._inbox, self._started, self._stopped = asyncio.Queue(), asyncio.Event(), asyncio.Event()
        self._fault, state = None, {}
        scope = {"type": "lifespan", "state": state, **VERSIONS}
        self._lifespan = asyncio.create_task(self._live(scope))
        self._inbox.put_nowait({"type": "lifespan.startup"})
        await self._started.wait()
        if self._fault:
            raise RuntimeError(f"the application did not start: {self._fault}")
        self.RequestHandlerClass.state = state
        await super().start()

    async def close(self, timeout=30.0):
        await super().close(timeout)
        if self._lifespan:
            self._inbox.put_nowait({"type": "lifespan.shutdown"})
            await self._stopped.wait()
            self._lifespan.cancel()
            self._lifespan = None

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
