"""Peers that vanish: a network that is gone says nothing, so somebody has to ask.

The kernel asks on every connection of a listener (`watch_listener`); over HTTP/2 and in WebSockets we ask the program behind it, too, since
a proxy's kernel answers for a client that is long gone."""
import contextlib
import fcntl
import socket
import struct
import termios

PING_INTERVAL = 60.0  # seconds without a byte from who has a stream open
PING_TIMEOUT = 20.0   # and then without an answer
PROBES = 4            # questions of the kernel in that time


def seconds(name, value, optional=True):
    """A time that is waited, as it is. None and 0, where they may be given, are for ever."""
    if value is None and optional:
        return None
    if not isinstance(value, (int, float)):
        raise TypeError(f"{name} is a number of seconds{' or None' * optional}, not {type(value).__name__}")
    if not 0 <= value <= 1e9 or not value and not optional:
        raise ValueError(f"{name} cannot be {value} seconds")
    return value


ASK, GONE = "ask", "gone"


class Silence:
    """A peer that says nothing: when it has to be asked, and when it is gone. `heard` is when it last said something."""

    def __init__(self, interval, timeout):
        self.interval, self.timeout = interval, timeout
        self.asked, self.hindered = 0.0, False

    def due(self, heard):
        """When to look."""
        return self.asked + self.timeout if self.asked > heard else heard + self.interval

    def look(self, heard, now, hindered):
        """What is to be done, if anything. hindered: the peer could not answer now; it gets its whole time once it can."""
        before, self.hindered = self.hindered, hindered
        if self.asked > heard and (before or hindered):
            self.asked = now
        elif self.due(heard) <= now:
            if self.asked > heard:
                return GONE
            self.asked = now
            return ASK
        return None


def watch_listener(sock, interval, timeout):
    """What is accepted here inherits it: silence is looked into, and what is sent has to be acknowledged in time (RFC 9293
    section 3.8.3)."""
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", interval), ("TCP_KEEPINTVL", timeout / PROBES), ("TCP_KEEPCNT", PROBES),
                          ("TCP_USER_TIMEOUT", (interval + timeout) * 1000)):
        with contextlib.suppress(AttributeError, OSError):  # not every system has them, nor takes as much
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), max(1, round(value)))


def unheard(transport):
    """Whether bytes wait that the peer's kernel has not acknowledged: then no answer can be expected."""
    sock = transport.get_extra_info("socket")
    if transport.get_write_buffer_size() or sock is None:
        return True
    try:
        return struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0] > 0
    except OSError:
        return False
