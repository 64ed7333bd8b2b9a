"""What the handlers of ASGI have in common: the scope of a request, and content that waits for room."""
import asyncio
import contextlib
from urllib.parse import unquote_to_bytes

from h2box.errors import ClientDisconnected, StreamClosedError
from h2box.server import BaseRequestHandler

# What a connection, and not a message, is about: HTTP/2 has none of it, and for HTTP/1.1 the core writes its own.
HOPS = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
VERSIONS = {"asgi": {"version": "3.0", "spec_version": "2.4"}}


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


class Exchange(BaseRequestHandler):
    """A call of the application, and the stream that it talks on."""
    acknowledges = False
    app = server = state = None

    def _begin(self, wire, event):
        super()._begin(wire, event)
        self._gone, self._streaming, self._news, self._room = False, False, asyncio.Event(), asyncio.Event()

    def _scope(self, kind, scheme, **more):
        raw_path, _, query = self.path.partition("?")
        raw_path = raw_path.encode("latin-1")
        scope = {"type": kind, "http_version": "2" if self._wire.connection.protocol == "h2" else "1.1", "scheme": scheme,
                 "path": unquote_to_bytes(raw_path).decode("utf-8", "replace"), "raw_path": raw_path,
                 "query_string": query.encode("latin-1"), "root_path": "", "headers": scope_headers(self),
                 "client": self.client_address, "server": self.server.address, **VERSIONS, **more}
        if self.state is not None:
            scope["state"] = self.state.copy()
        return scope

    def _check_client(self):
        if self._gone:
            raise ClientDisconnected("the client is gone")

    # ---- content out ----

    @contextlib.contextmanager
    def _to_client(self):
        """A client that left in this moment is no fault of the application."""
        try:
            yield
        except StreamClosedError as why:
            raise ClientDisconnected(why.reason, why.code) from None

    def _begin_content(self, fields, end=False):
        self._answered = self._streaming = True
        with self._to_client():
            self._wire.connection.send_headers(self.stream_id, fields, end_stream=end)
        if not end:
            self._wire.bodies[self.stream_id] = self
        self._wire.touch()

    def _put(self, data, end=False):
        with self._to_client():
            self._wire.connection.send_data(self.stream_id, data, end_stream=end)
        self._wire.touch()

    async def _has_room(self):
        """Waits, as any number of tasks may, until the client has taken what it was sent."""
        while not self._gone and not self._wire.connection.local_flow_control_window(self.stream_id):
            self._room.clear()
            await self._room.wait()

    def _end_content(self):
        self._wire.bodies.pop(self.stream_id, None)
        self._wire.touch()

    # ---- as a body that waits for room (h2box.wire) ----

    def go_on(self):
        self._room.set()

    stop = go_on

    def on_close(self, error_code):
        self._gone = True
        self._news.set()
        self._room.set()
