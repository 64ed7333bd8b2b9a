"""WebSockets of ASGI: over HTTP/2 by CONNECT with :protocol (RFC 8441), over HTTP/1.1 by Upgrade (RFC 6455)."""
import asyncio
import base64
import binascii
import collections
import hashlib

from h2box import alive
from h2box._core import WebSocket, WebSocketClosed, WebSocketMessage, WebSocketPing
from h2box.errors import ClientDisconnected, H2Error, ProtocolError
from h2box.exchange import Exchange, clean
from h2box.server import Clock

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
EXTENSIONS = {"websocket.http.response": {}}
FAREWELL = 5.0  # seconds that a client has to answer our close and to end its side; as h2box client
CANCEL = 8

NORMAL, GOING_AWAY, NO_CODE, NO_CLOSE, FAILED = 1000, 1001, 1005, 1006, 1011  # RFC 6455 section 7.4.1

# What becomes of one: the application has not said; it denies it; messages go; a close was said or heard; nothing more is sent.
CONNECTING, DENYING, OPEN, CLOSING, DONE = range(5)


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())


def is_key(value):
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False


class WebSocketExchange(Exchange):
    max_message = None
    ping_interval, ping_timeout = None, 0.0

    @classmethod
    def check(cls):
        """That the options are good; what WebSocket says of them is said when the server is made."""
        WebSocket(max_message=cls.max_message)

    def on_headers(self):
        self._frames = WebSocket(max_message=self.max_message)
        self._inbox = collections.deque()  # (message, bytes of credit that it is worth)
        self._early = []          # what comes before we accept it
        self._owed = 0            # credit that no message in the inbox stands for
        self._phase, self._asked, self._by_app = CONNECTING, False, False
        self._end = None          # (code, reason) when it is over
        self._pong = self._timer = self._denial = self._alarm = None
        http1 = self._wire.connection.protocol != "h2"
        self._key = [value for name, value in self.headers if name == b"sec-websocket-key"] if http1 else None
        if [value for name, value in self.headers if name == b"sec-websocket-version"] != [b"13"] or \
                http1 and not (len(self._key) == 1 and is_key(self._key[0])):
            self._refuse(400, [(b"sec-websocket-version", b"13")])
            return None
        return self._run()

    async def _run(self):
        self._subprotocols = [word.strip() for name, value in self.headers if name == b"sec-websocket-protocol"
                              for word in value.decode("latin-1").split(",") if word.strip()]
        scope = self._scope("websocket", "wss" if self.scheme == "https" else "ws", subprotocols=self._subprotocols.copy(),
                            extensions=EXTENSIONS)
        try:
            await self.app(scope, self._receive, self._send)
            if self._phase in (CONNECTING, DENYING):
                raise RuntimeError("the application returned before it accepted or denied the WebSocket")
            self._say_close(NORMAL)
        except (Exception, asyncio.CancelledError):
            if self._phase == CONNECTING:
                self._refuse(500, [])
            self._say_close(FAILED)
            self._finish()
            raise

    def _complete(self):
        return self._phase >= OPEN

    # ---- what the application hears ----

    async def _receive(self):
        if not self._asked:
            self._asked = True
            return {"type": "websocket.connect"}
        while not self._inbox and self._end is None:
            self._news.clear()
            await self._news.wait()
        if not self._inbox:
            return {"type": "websocket.disconnect", "code": self._end[0], "reason": self._end[1]}
        message, worth = self._inbox.popleft()
        self._owed += worth
        self._give_credit()
        return {"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message}

    def _give_credit(self):
        """What is not held here any more may come again. A message that is being put together has its own limit."""
        if self._owed and not self._gone:
            self.acknowledge(self._owed)
        self._owed = 0

    def on_data(self, data):
        if self._phase in (CONNECTING, DENYING):
            self._early.append(data)  # the window is its limit
            return
        self._owed += len(data)
        self._heard = self._wire.active
        if self._phase != DONE:
            self._read(data)
        if not self._inbox or self._phase != OPEN:
            self._give_credit()

    def _read(self, data):
        fault = None
        try:
            events = self._frames.receive_data(data)
        except ProtocolError as why:
            events, fault = why.events, why
        for event in events:
            kind = type(event)
            if kind is WebSocketMessage and self._phase == OPEN:
                self._inbox.append((event.data, self._owed))
                self._owed = 0
            elif kind is WebSocketPing:
                self._pong = event.data  # of many, the latest is enough (RFC 6455 section 5.5.3)
            elif kind is WebSocketClosed:
                self._over(event.code, event.reason)
        self._answer_ping()
        if fault:
            self._over(fault.code, fault.reason, fault.reason)
        self._news.set()

    def _over(self, code, reason, answer=""):
        """The client sends no more: we answer its close, or say what it did wrong, and end our side."""
        self._end = self._end or (code, reason)
        self._say_close(code, answer)
        self._finish()

    def on_request_done(self):
        if self._phase == CONNECTING:
            self._refuse(400, [])
        elif self._phase != DENYING:
            self._end = self._end or (NO_CLOSE, "")
            self._finish()
        self._news.set()

    def on_close(self, error_code):
        self._end = self._end or (NO_CLOSE, "")
        self._phase = DONE
        for timer in (self._timer, self._alarm):
            if timer:
                timer.cancel()
        super().on_close(error_code)

    # ---- what it says ----

    async def _send(self, message):
        kind = message["type"]
        self._check_client()
        if self._phase >= CLOSING and not self._by_app:
            raise ClientDisconnected("the WebSocket is closed")
        if kind == "websocket.accept" and self._phase == CONNECTING:
            self._accept(message.get("subprotocol"), clean(message.get("headers")))
        elif kind == "websocket.send" and self._phase == OPEN:
            text = message.get("text")
            self._put(self._frames.send_message(message.get("bytes") if text is None else text))
            await self._has_room()
        elif kind == "websocket.close" and self._phase == OPEN:
            self._by_app = True
            self._say_close(message.get("code", NORMAL), message.get("reason") or "")
        elif kind == "websocket.close" and self._phase == CONNECTING:
            self._by_app = True
            self._refuse(403, [])
        elif kind == "websocket.http.response.start" and self._phase == CONNECTING:
            if not 300 <= message["status"] <= 599:
                raise ValueError("a WebSocket is denied with a status of 300 to 599")
            self._denial, self._phase = (message["status"], clean(message.get("headers"))), DENYING
        elif kind == "websocket.http.response.body" and self._phase == DENYING:
            await self._deny(bytes(message.get("body", b"")), message.get("more_body", False))
        else:
            raise RuntimeError(f"{kind} is not due")

    def _accept(self, subprotocol, headers):
        if any(name.startswith(b"sec-websocket-") for name, _ in headers):
            raise ValueError("the fields sec-websocket-* are the server's")
        if subprotocol is not None:
            if subprotocol not in self._subprotocols:
                raise ValueError(f"the client did not offer the subprotocol {subprotocol!r}")
            headers.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
        self._wire.close_when_shut = True
        if self._key:
            headers.append((b"sec-websocket-accept", accept_of(self._key[0])))
        self._begin_content([(b":status", b"200"), (b"date", Clock.date()), *headers])
        self._phase = OPEN
        self._empty = self._wire.connection.local_flow_control_window(self.stream_id)
        self._heard = self._wire.loop.time()
        if self.ping_interval:
            self._silence = alive.Silence(self.ping_interval, self.ping_timeout)
            self._watch()
        early, self._early = self._early, []
        for data in early:
            self.on_data(data)

    def _refuse(self, status, headers):
        self.send_response(status, headers)
        self._deaf()

    async def _deny(self, data, more):
        if not self._streaming:
            self._begin_content(self._fields(*self._denial, None if more else data))
        self._put(data, not more)
        if more:
            await self._has_room()
        else:
            self._by_app = True
            self._end_content()
            self._deaf()

    def _deaf(self):
        """It is answered, and not by a WebSocket."""
        self._phase, self._end = DONE, self._end or (NO_CLOSE, "")
        self._say_farewell()
        self._news.set()

    # ---- its end ----

    def _say_close(self, code, reason=""):
        if self._phase == OPEN:
            self._put(self._frames.close(code, reason))
            self._phase = CLOSING
            # It must be able to say its own close, whether or not anybody takes what came before.
            self._owed += sum(worth for _, worth in self._inbox)
            self._inbox = collections.deque((message, 0) for message, _ in self._inbox)
            self._give_credit()
            self._say_farewell()

    def _finish(self):
        """Both have said what they had to say: our side of the stream ends, as a TCP connection would."""
        if self._phase in (OPEN, CLOSING):
            self._phase = DONE
            self._wire.connection.end_stream(self.stream_id)
            self._end_content()
            self._say_farewell()

    def _say_farewell(self):
        if not self._timer and not self._gone:
            self._timer = self._wire.loop.call_later(FAREWELL, self._expire)

    def _expire(self):
        if not self._gone:
            try:
                self.reset(CANCEL)
            except H2Error:
                pass  # it is over, and we are told soon

    def go_away(self):
        """The server stops."""
        if self._phase == CONNECTING:
            self._refuse(503, [])
        elif self._phase == OPEN:
            self._end = (GOING_AWAY, "")
            self._say_close(GOING_AWAY)
            self._news.set()

    # ---- clients that vanish ----

    def _watch(self):
        # Not only when its time is over: it may have answered long before.
        due = min(self._silence.due(self._heard), self._wire.loop.time() + self.ping_interval)
        self._alarm = self._wire.loop.call_at(due, self._look)

    def _look(self):
        if self._phase != OPEN or not self._wire.is_open(self.stream_id):
            return
        found = self._silence.look(self._heard, self._wire.loop.time(), self._hindered())
        if found is alive.GONE:
            self._end = (NO_CLOSE, "")
            self._say_close(FAILED, "no answer to a ping")
            self._finish()
            self._news.set()
            return
        if found is alive.ASK:
            self._put(self._frames.ping())
        self._watch()

    def _hindered(self):
        """Whether the client cannot answer: its window is full of messages that nobody takes, or it has not taken what we sent before."""
        wire = self._wire
        return bool(self._inbox) or wire.reading_paused or alive.unheard(wire.transport) or \
            wire.connection.local_flow_control_window(self.stream_id) < self._empty

    # ---- as a body that waits for room ----

    def go_on(self):
        self._answer_ping()
        super().go_on()

    def _answer_ping(self):
        if self._pong is not None and self._phase == OPEN and self._wire.connection.local_flow_control_window(self.stream_id):
            data, self._pong = self._pong, None
            self._put(self._frames.pong(data))
