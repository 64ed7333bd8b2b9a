#!/usr/bin/env python3
"""Peers that vanish: WebSockets that answer no ping, connections that answer no PING; what the kernel watches; peers that are only slow."""
import support
import asyncio
import socket
import sys
import unittest

import h2box
from h2box import BaseRequestHandler, HTTP2Client, HTTP2Server, StreamResetError, alive
from h2box.asgi import ASGIServer

try:
    from dialogue import BINARY, CLOSE, H1, H2, PING, PONG, TEXT, closing, frame
except ImportError:
    print("python3-h2 is not installed (./dev setup installs it)")
    sys.exit(77)

SHORT = 0.1   # how long silence may last where somebody vanishes
LONG = 100.0  # and where nobody is given up, however slow this machine is


class Waiting(BaseRequestHandler):
    """Answers when it is let."""
    release, closed = None, []

    async def on_request_done(self):
        await Waiting.release.wait()
        self.send_response(body=b"late")

    def on_close(self, code):
        Waiting.closed.append(code)


class Times(unittest.TestCase):
    def test_silence(self):
        """Asked after 10 s, gone after 2 more; who could not answer has its time when it can."""
        silence = alive.Silence(10, 2)
        self.assertEqual(silence.due(100), 110)
        self.assertIsNone(silence.look(100, 109, False))
        self.assertIs(silence.look(100, 110, True), alive.ASK)  # behind what it has not taken yet
        self.assertEqual(silence.due(100), 112)
        self.assertIsNone(silence.look(100, 112, True))
        self.assertIsNone(silence.look(100, 114, False))
        self.assertIsNone(silence.look(100, 115, False))
        self.assertIs(silence.look(100, 116, False), alive.GONE)
        silence = alive.Silence(10, 2)
        self.assertIs(silence.look(100, 110, False), alive.ASK)
        self.assertEqual(silence.due(111), 121)  # it has answered
        self.assertIsNone(silence.look(111, 112, False))
        self.assertIs(silence.look(111, 121, False), alive.ASK)

    def test_options(self):
        for word in ("idle_timeout", "ping_interval", "ping_timeout"):
            for value, kind in (("5", TypeError), (b"", TypeError), (-1, ValueError), (float("nan"), ValueError), (1e10, ValueError)):
                with self.assertRaises(kind, msg=(word, value)):
                    HTTP2Server(("127.0.0.1", 0), Waiting, **{word: value})
                if word != "idle_timeout":
                    with self.assertRaises(kind):
                        HTTP2Client(("127.0.0.1", 1), **{word: value})
                    with self.assertRaises(kind):
                        ASGIServer(("127.0.0.1", 0), print, **{"websocket_" + word: value})
        for value in (None, 0):
            HTTP2Server(("127.0.0.1", 0), Waiting, idle_timeout=value, ping_interval=value)
            with self.assertRaises((TypeError, ValueError)):
                HTTP2Server(("127.0.0.1", 0), Waiting, ping_timeout=value)


class Noting(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.noted = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.noted.append(context))
        Waiting.release, Waiting.closed = asyncio.Event(), []

    def tearDown(self):
        self.assertEqual(self.noted, [])


class Connections(Noting):
    async def open(self, server):
        """A connection of HTTP/2 with one request, that sends nothing by itself."""
        reader, writer = await asyncio.open_connection(*server.address)
        self.addCleanup(writer.close)
        client = h2box.Connection()
        client.send_headers(1, [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")], end_stream=True)
        writer.write(client.data_to_send())
        return reader, writer, client

    async def test_a_client_that_vanishes(self):
        async with HTTP2Server(("127.0.0.1", 0), Waiting, ping_interval=SHORT, ping_timeout=SHORT) as server:
            reader, _, client = await self.open(server)
            heard = []
            try:
                while data := await asyncio.wait_for(reader.read(65536), 60):
                    heard += client.receive_data(data)
            except ConnectionResetError:
                pass
            self.assertEqual([e.ping_data for e in heard if isinstance(e, h2box.PingReceived)], [b"h2box..."])
            await support.until(lambda: Waiting.closed)
            Waiting.release.set()

    async def test_a_client_that_answers(self):
        async with HTTP2Server(("127.0.0.1", 0), Waiting, ping_interval=SHORT, ping_timeout=LONG) as server:
            reader, writer, client = await self.open(server)
            pings, content = 0, b""
            while not content:
                data = await asyncio.wait_for(reader.read(65536), 60)
                self.assertTrue(data)
                for event in client.receive_data(data):
                    pings += isinstance(event, h2box.PingReceived)
                    content += event.data if isinstance(event, h2box.DataReceived) else b""
                writer.write(client.data_to_send())
                if pings >= 3:
                    Waiting.release.set()
            self.assertEqual(content, b"late")

    async def test_a_server_that_ends(self):
        """It can send no PING any more, and so cannot hold against a client that it does not answer."""
        server = HTTP2Server(("127.0.0.1", 0), Waiting, ping_interval=SHORT, ping_timeout=10 * SHORT)
        await server.start()
        reader, writer, client = await self.open(server)
        await support.until(lambda: any(wire.tasks for wire in server.wires))
        ending = asyncio.create_task(server.close(LONG))
        asyncio.get_running_loop().call_later(15 * SHORT, Waiting.release.set)
        content = b""
        while not content:
            data = await asyncio.wait_for(reader.read(65536), 60)
            self.assertTrue(data)
            for event in client.receive_data(data):
                content += event.data if isinstance(event, h2box.DataReceived) else b""
            writer.write(client.data_to_send())
        writer.close()
        await ending

    async def test_a_client_that_waits_for_nothing(self):
        """It is idle, which is another clock's business; nobody asks it."""
        async with HTTP2Server(("127.0.0.1", 0), Waiting, ping_interval=SHORT, ping_timeout=SHORT) as server:
            Waiting.release.set()
            reader, writer, client = await self.open(server)
            heard = []
            while not any(isinstance(e, h2box.StreamEnded) for e in heard):
                heard += client.receive_data(await asyncio.wait_for(reader.read(65536), 60))
            writer.write(client.data_to_send())
            with self.assertRaises(asyncio.TimeoutError):
                heard += client.receive_data(await asyncio.wait_for(reader.read(65536), 5 * SHORT))
            self.assertFalse([e for e in heard if isinstance(e, h2box.PingReceived)])

    async def test_a_server_that_vanishes(self):
        async def serve(reader, writer):
            server = h2box.Connection(False)
            server.receive_data(await reader.read(65536))
            writer.write(server.data_to_send())
            await reader.read(-1)
            writer.close()
        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with listener:
            async with HTTP2Client(listener.sockets[0].getsockname(), ping_interval=SHORT, ping_timeout=SHORT) as client:
                with self.assertRaises(StreamResetError):
                    await asyncio.wait_for(client.request(), 60)

    async def test_what_the_kernel_watches(self):
        """So clients of HTTP/1.1 are noticed, too."""
        for interval, expected in ((30, (1, 30, 5, 4, 50000)), (None, (0,))):
            async with HTTP2Server(("127.0.0.1", 0), Waiting, ping_interval=interval) as server:
                _, writer = await asyncio.open_connection(*server.address)
                self.addCleanup(writer.close)
                await support.until(lambda: server.wires)
                sock = next(iter(server.wires)).transport.get_extra_info("socket")
                options = ((socket.SOL_SOCKET, socket.SO_KEEPALIVE), (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                           (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL), (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
                           (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
                self.assertEqual(tuple(sock.getsockopt(*option) for option in options[:len(expected)]), expected)
                writer.close()


class WebSockets(Noting):
    async def application(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return
        await receive()
        await send({"type": "websocket.accept"})
        if scope["path"] == "/slow":
            await self.release.wait()
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        self.ends.append((message["code"], message["reason"]))

    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.ends, self.release = [], asyncio.Event()

    async def connect(self, kind, path="/", interval=SHORT, timeout=LONG):
        server = ASGIServer(("127.0.0.1", 0), self.application, websocket_ping_interval=interval, websocket_ping_timeout=timeout)
        await server.start()
        self.addAsyncCleanup(server.close, 1)
        peer = await kind.connect(server.address, path)
        self.addAsyncCleanup(peer.leave)
        await peer.answer()
        return peer

    async def test_one_that_vanishes(self):
        before, h2box.websocket.FAREWELL = h2box.websocket.FAREWELL, SHORT
        self.addCleanup(setattr, h2box.websocket, "FAREWELL", before)
        for kind in (H2, H1):
            peer = await self.connect(kind, timeout=SHORT)
            self.assertEqual(await peer.frame(), (PING, b""))
            self.assertEqual(await peer.frame(), (CLOSE, (1011).to_bytes(2, "big") + b"no answer to a ping"))
            await peer.rest()
        self.assertEqual(self.ends, [(1006, "")] * 2)

    async def test_one_that_answers(self):
        for kind in (H2, H1):
            peer = await self.connect(kind)
            for _ in range(4):
                self.assertEqual(await peer.frame(), (PING, b""))
                await peer.send(frame(PONG))
            await peer.send(frame(TEXT, b"here"))
            while (got := await peer.frame()) == (PING, b""):
                pass
            self.assertEqual(got, (TEXT, b"here"))
            await peer.send(closing(1000))
            while (got := await peer.frame()) == (PING, b""):
                pass
            self.assertEqual(got[0], CLOSE)
            await peer.rest()
        self.assertEqual(self.ends, [(1000, "")] * 2)

    async def test_one_that_is_not_listened_to(self):
        """Its window is full of messages that the application does not take: it cannot answer, and is no ghost."""
        for kind in (H2, H1):
            self.release.clear()
            peer = await self.connect(kind, "/slow", timeout=SHORT)
            await peer.send(frame(TEXT, b"first"))
            self.assertEqual(await peer.frame(), (PING, b""))
            await asyncio.sleep(10 * SHORT)
            self.assertEqual((peer.data, peer.ended), (b"", None))
            self.release.set()
            self.assertEqual(await peer.frame(), (TEXT, b"first"))
            await peer.send(closing(1000))
            await peer.rest()
        self.assertEqual(self.ends, [(1000, "")] * 2)

    async def test_none_are_asked(self):
        peer = await self.connect(H1, interval=None)
        await peer.send(frame(TEXT, b"first"))
        self.assertEqual(await peer.frame(), (TEXT, b"first"))
        await asyncio.sleep(5 * SHORT)
        self.assertEqual(peer.data, b"")


support.main()
