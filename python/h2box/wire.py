"""One connection on asyncio: bytes between a transport and a Connection, time, and back-pressure both ways.

What the server and the client have in common. A subclass has `calls`, from the type of an event to a method."""
import asyncio
import socket
import struct

from h2box import alive
from h2box._core import Connection
from h2box.body import Body, discard
from h2box.errors import CallError, H2Error, ProtocolError

CHUNK = 1 << 18         # bytes that are given to the transport at once
ROUNDS = 4              # times of that, before other connections have their turn: a peer that reads fast never lets a socket be full
WRITE_HIGH = 1 << 18    # bytes that wait in the transport before we stop giving it more
WRITE_LOW = 1 << 16
WRITE_TIMEOUT = 60.0    # seconds without progress of a full transport: the peer does not read (CVE-2019-9517)
FAREWELL_TIMEOUT = 5.0  # and of one that is being closed


PING = b"h2box..."


def address_of(address):
    """(host, port), as they are given to a server and to a client."""
    if not isinstance(address, (tuple, list)) or len(address) < 2 or not isinstance(address[0], str) or not isinstance(address[1], int):
        raise TypeError("an address is (host, port): a str and an int")
    return tuple(address[:2])


def set_alpn(context, protocols):
    if context is None:
        return
    if not hasattr(context, "set_alpn_protocols"):
        raise TypeError(f"ssl is an ssl.SSLContext or None, not {type(context).__name__}")
    context.set_alpn_protocols(protocols)


class Wire(asyncio.Protocol):
    client_side = False
    calls = {}

    def __init__(self, idle_timeout=None, ping_interval=None, ping_timeout=None, **options):
        self.idle_timeout, self.options = idle_timeout, options
        self.silence = alive.Silence(ping_interval, ping_timeout) if ping_interval else None
        self.transport = self.connection = None
        self.bodies = {}       # stream_id: Body that is not all queued
        self.writable = True
        self.inside = False    # events are being told: a flush follows anyway
        self.flush_due = self.reading_paused = self.lost = self.shut = False
        self.close_when_shut = False  # where the transport cannot shut one side alone: TLS
        self.timer = None
        self.active = self.full_since = 0.0

    # ---- asyncio's side ----

    def connection_made(self, transport):
        self.loop = asyncio.get_running_loop()
        self.transport = transport
        tls = transport.get_extra_info("ssl_object")
        protocol = self.options.pop("protocol", None)
        if tls:
            protocol = "h2" if tls.selected_alpn_protocol() == "h2" else "http/1.1"
        self.connection = Connection(self.client_side, protocol=protocol or "any", secure=tls is not None, **self.options)
        transport.set_write_buffer_limits(high=WRITE_HIGH, low=WRITE_LOW)
        self.active = self.loop.time()
        self.flush()

    def data_received(self, data):
        self.active = self.loop.time()
        self.take(data)
        self.flush()

    def eof_received(self):
        """A peer that only shut its side is answered over HTTP/1.1; with TLS asyncio closes at once."""
        self.tell_end(False)
        self.flush()
        return not (self.connection.closed or self.transport.get_extra_info("ssl_object"))

    def connection_lost(self, exc):
        self.lost = True
        if self.timer:
            self.timer.cancel()
        self.tell_end(True)
        for body in list(self.bodies.values()):
            body.stop()
        self.bodies.clear()

    def pause_writing(self):
        self.writable = False
        self.full_since = self.loop.time()

    def resume_writing(self):
        self.writable = True
        self.flush()

    # ---- events ----

    def take(self, data):
        """Tells the events that these bytes bring."""
        self.inside = True
        try:
            self.tell(self.connection.receive_data(data))
        except ProtocolError as fault:
            self.tell(fault.events)
        finally:
            self.inside = False

    def tell_end(self, broken):
        self.inside = True
        try:
            self.tell(self.connection.receive_eof(broken))
        finally:
            self.inside = False

    def tell(self, events):
        calls = self.calls
        for event in events:
            call = calls.get(type(event))
            if call:
                call(self, event)

    def end_body(self, stream_id):
        """The stream is gone: so is what was to be sent on it."""
        body = self.bodies.pop(stream_id, None)
        if body:
            body.stop()

    def on_window(self, event):
        body = self.bodies.get(event.stream_id)
        if body:
            body.go_on()

    # ---- output ----

    def touch(self):
        """Something is to be sent: once for all that is said in this turn of the loop."""
        if not self.inside and not self.flush_due:
            self.flush_due = True
            self.loop.call_soon(self.flush)

    def flush(self):
        self.flush_due = False
        connection, rounds = self.connection, 0
        while not self.lost:
            if connection.pending:
                self.take(b"")
            if not self.writable:
                break
            if rounds == ROUNDS:
                self.touch()
                break
            data = connection.data_to_send(CHUNK)
            if data:
                self.transport.write(data)
                rounds += 1
            elif not connection.pending:
                break
        if self.lost:
            return
        if connection.paused != self.reading_paused and not self.transport.is_closing():
            self.reading_paused = connection.paused
            (self.transport.pause_reading if self.reading_paused else self.transport.resume_reading)()
        if connection.closed and not self.transport.is_closing():
            (self.tear if connection.torn else self.transport.close)()
            self.full_since = self.loop.time()
        elif connection.shut and not self.shut:
            self.end_side()
        self.watch()

    def tear(self):
        """Content that only the end of the connection ends is not whole: a reset says so, where an end in good order would not."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def end_side(self):
        """A tunnel over HTTP/1.1, of which the peer's side goes on."""
        self.shut = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        elif self.close_when_shut:
            self.transport.close()
            self.full_since = self.loop.time()

    # ---- time ----

    def due(self):
        """When something has to be done although nothing happens; None: never."""
        times = []
        if self.transport.is_closing():
            return self.full_since + FAREWELL_TIMEOUT
        if self.connection.deadline is not None:
            # The connection's clock is the system's monotonic one, as the loop's.
            times.append(self.connection.deadline)
        if not self.writable:
            times.append(self.full_since + WRITE_TIMEOUT)
        if self.idle_timeout and not self.connection.open_streams:
            times.append(self.active + self.idle_timeout)
        if self.asks():
            times.append(self.silence.due(self.active))
        return min(times, default=None)

    def watch(self):
        """The timer is at most as late as what is due; when it is early, it looks again."""
        due = self.due()
        if due is None or self.timer and self.timer.when() <= due:
            return
        if self.timer:
            self.timer.cancel()
        self.timer = self.loop.call_at(due, self.on_time)

    def asks(self):
        """Whether a silent peer is asked if it is there: who has no stream open is idle, and HTTP/1.1 has no such question."""
        return self.silence and self.connection.open_streams and self.connection.protocol == "h2"

    def ping(self):
        """Asks the peer for an answer. False: the connection ends, and asks no more."""
        try:
            self.connection.ping(PING)
        except CallError:
            pass  # an answer is due already
        except H2Error:
            return False
        return True

    def on_time(self):
        self.timer = None
        now = self.loop.time()
        if self.lost:
            return
        if self.transport.is_closing():
            if self.full_since + FAREWELL_TIMEOUT <= now:
                self.transport.abort()
                return
        elif not self.writable and self.full_since + WRITE_TIMEOUT <= now:
            self.transport.abort()
            return
        elif self.idle_timeout and not self.connection.open_streams and self.active + self.idle_timeout <= now:
            self.active = now
            self.connection.drain()
        elif self.asks():
            found = self.silence.look(self.active, now, self.reading_paused or alive.unheard(self.transport))
            if found is alive.GONE:
                self.transport.abort()
                return
            if found is alive.ASK and not self.ping():
                self.active = now
        self.take(b"")
        self.flush()

    # ---- messages ----

    def send(self, stream_id, headers, content, trailers=None):
        """Headers, whatever content there is, and fields after it. What cannot be sent is closed."""
        try:
            if content is None and not trailers:
                self.connection.send_message(stream_id, headers)
            elif isinstance(content, bytes) and not trailers:
                self.connection.send_message(stream_id, headers, content)
            else:
                content = iter((content or b"",)) if content is None or isinstance(content, bytes) else content
                body = Body(self, stream_id, content, trailers)
                self.connection.send_headers(stream_id, headers)
                self.bodies[stream_id] = body
                body.go_on()
        except Exception:
            discard(content)
            raise
        self.touch()
