"""Memory that an idle connection costs a server. Not a test itself.

Opens many connections with bytes of its own and keeps them open while the server's private memory is read. The kernel's
socket memory is not in it."""
import socket
import ssl
import struct
import time

import servers
from load import SMALL, Failure
from servers import peers

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, ACK = 1, 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(first, text):
    return bytes([first, len(text)]) + text


def request(port):
    """GET /small with the fields of h2load, in its representations: authority and agent go into the dynamic table."""
    block = (b"\x82\x86" + literal(0x04, b"/small") + literal(0x41, b"127.0.0.1:%d" % port) +
             literal(0x7a, b"h2load nghttp2/1.52.0"))
    return frame(HEADERS, END_STREAM | 4, 1, block)


def tls_context():
    """Asks for HTTP/2 and looks at no certificate: what is measured is the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


class Connection:
    """Open, and idle as soon as it is made: the server's SETTINGS came and were acknowledged, and its answer if it was asked.
    tls: an SSL context, session: what another connection's `socket.session` was."""

    def __init__(self, port, asks, tls=None, session=None):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        if tls:
            self.socket = tls.wrap_socket(self.socket, session=session)
        self.settled = False
        self.content = 0
        self.answered = not asks
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0) + (request(port) if asks else b""))
        while not self.settled or not self.answered:
            head = self.read(9)
            self.take(head[3], head[4], len(self.read(int.from_bytes(head[:3], "big"))))

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise Failure("the server closed a connection")
            data += more
        return data

    def take(self, kind, flags, length):
        if kind == SETTINGS and not flags & ACK:
            self.socket.sendall(frame(SETTINGS, ACK, 0))
            self.settled = True
        if kind == DATA:
            self.content += length
            self.answered = self.content == SMALL and bool(flags & END_STREAM)

    def close(self):
        self.socket.close()


def per_connection(name, start, site, n, settle, asks, identity):
    """KiB of private memory for each of n connections; the server starts anew, for freed memory would be taken again."""
    server = servers.Server(name, start, site, servers.cores()[0], identity)
    tls = tls_context() if identity else None
    try:
        for _ in range(50):
            Connection(server.port, True, tls).close()
        time.sleep(settle)
        before = server.private_bytes()
        # One after another: what a server needs while it answers is not what an idle connection costs.
        connections = [Connection(server.port, asks, tls) for _ in range(n)]
        time.sleep(settle)
        after = server.private_bytes()
        for connection in connections:
            connection.close()
    except (OSError, Failure) as why:
        raise Failure("%s: %s" % (name, why)) from None
    finally:
        server.stop()
    return (after - before) / n / 1024


def measure(site, n, settle, tls):
    """`settle`: seconds for what a server does after its last byte."""
    figures = {}
    identity = peers.Identity() if tls else None
    for name, start in servers.starts().items():
        servers.say("    %s" % name)
        figures[name] = {"kib": per_connection(name, start, site, n, settle, True, identity),
                         "kib_no_request": per_connection(name, start, site, n, settle, False, identity)}
    return figures
