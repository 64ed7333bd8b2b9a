#!/usr/bin/env python3
"""What goes wrong around the server and the client: wrong arguments, calls out of order, tasks that are cancelled, starts that fail."""
import support
import asyncio
import unittest

import h2box.server
from h2box import BaseRequestHandler, CallError, HTTP2Client, HTTP2Server, SettingCodes, StreamResetError
from h2box.asgi import ASGIServer

ADDRESS = ("127.0.0.1", 0)


class Handler(BaseRequestHandler):
    ends = []

    async def on_request_done(self):
        if self.path == "/cancelled":
            raise asyncio.CancelledError
        if self.path == "/cancelled-content":
            self.send_response(body=self.cancelled())
        elif self.path == "/slow":
            self.send_response(body=self.slow())
        elif self.path == "/never":
            try:
                await asyncio.sleep(1000)
            finally:
                Handler.ends.append(self.path)
        elif self.path == "/stubborn":
            while "stop" not in Handler.ends:
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    Handler.ends.append("stubborn")
        else:
            self.send_response(body=b"fine")

    async def cancelled(self):
        yield b"begun"
        raise asyncio.CancelledError

    async def slow(self):
        for _ in range(5):
            await asyncio.sleep(0.02)
            yield b"x"


class Arguments(unittest.TestCase):
    def test_wrong_types(self):
        """They are told where they are made, and not to each client that comes."""
        for make in (lambda: HTTP2Server("127.0.0.1:80", Handler), lambda: HTTP2Server(None, Handler),
                     lambda: HTTP2Server(("127.0.0.1", "80"), Handler),
                     lambda: HTTP2Server(("127.0.0.1",), Handler), lambda: HTTP2Server(ADDRESS, Handler()),
                     lambda: HTTP2Server(ADDRESS, object), lambda: HTTP2Server(ADDRESS, Handler, "x"),
                     lambda: HTTP2Server(ADDRESS, Handler, settings={"a": 1}),
                     lambda: HTTP2Server(ADDRESS, Handler, settings={3: "1"}), lambda: HTTP2Server(ADDRESS, Handler, settings=5),
                     lambda: HTTP2Client("localhost"), lambda: HTTP2Client(ADDRESS, ssl=5), lambda: HTTP2Client(ADDRESS, on_push=5),
                     lambda: HTTP2Client(ADDRESS, protocol=5), lambda: HTTP2Client(ADDRESS, settings={3: None}),
                     lambda: ASGIServer(ADDRESS, 5)):
            with self.assertRaises(TypeError):
                make()
        for make in (lambda: HTTP2Client(ADDRESS, protocol="spdy"), lambda: HTTP2Server(ADDRESS, Handler, settings={4: 1 << 31}),
                     lambda: HTTP2Client(ADDRESS, settings={5: 1})):
            with self.assertRaises(ValueError):
                make()


class Order(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        Handler.ends = []
        self.noted = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.noted.append(context))

    def tearDown(self):
        self.assertEqual(self.noted, [])

    async def test_twice(self):
        server = HTTP2Server(ADDRESS, Handler)
        await server.close()
        await server.start()
        with self.assertRaises(CallError):
            await server.start()
        client = HTTP2Client(server.address)
        await client.close()
        for _ in range(2):  # a client that is closed may connect again
            await client.connect()
            with self.assertRaises(CallError):
                await client.connect()
            self.assertEqual(await (await client.request()).read(), b"fine")
            for _ in range(3):  # of which one is answered
                await client.ping()
            await client.close()
            await client.close()
            with self.assertRaises(StreamResetError):
                await client.ping()
        await server.close()
        await server.close()
        await server.start()
        await server.close()

    async def test_two_readers(self):
        """One of them gets the content; the other is told, and does not wait for ever."""
        async with HTTP2Server(ADDRESS, Handler) as server, HTTP2Client(server.address) as client:
            response = await client.request(path="/slow")
            first, second = await asyncio.wait_for(asyncio.gather(response.read(), response.read(), return_exceptions=True), 60)
            self.assertEqual((first, type(second)), (b"xxxxx", CallError))
            response.close()  # it is complete: there is nothing to give up
            self.assertEqual(await response.read(), b"")

    async def test_a_reader_that_is_cancelled(self):
        async with HTTP2Server(ADDRESS, Handler) as server, HTTP2Client(server.address) as client:
            response = await client.request(path="/slow")
            reader = asyncio.create_task(response.__anext__())
            await asyncio.sleep(0)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            self.assertEqual(await response.read(), b"xxxxx")

    async def test_a_handler_that_is_cancelled(self):
        """By whatever: its client is answered."""
        async with HTTP2Server(ADDRESS, Handler) as server, HTTP2Client(server.address) as client:
            self.assertEqual((await asyncio.wait_for(client.request(path="/cancelled"), 60)).status, 500)
            response = await client.request(path="/cancelled-content")
            with self.assertRaises(StreamResetError):
                await asyncio.wait_for(response.read(), 60)

    async def test_a_server_that_waits_no_longer(self):
        """Who is not answered in time is cut off, and the handler told."""
        server = HTTP2Server(ADDRESS, Handler)
        await server.start()
        async with HTTP2Client(server.address) as client:
            request = asyncio.create_task(client.request(path="/never"))
            await support.until(lambda: any(wire.tasks for wire in server.wires))
            await server.close(0.05)
            self.assertEqual((Handler.ends, server.wires), (["/never"], set()))
            with self.assertRaises(StreamResetError):
                await request

    async def test_a_handler_that_will_not_be_cancelled(self):
        self.addCleanup(setattr, h2box.server, "FAREWELL_TIMEOUT", h2box.server.FAREWELL_TIMEOUT)
        h2box.server.FAREWELL_TIMEOUT = 0.1
        server = HTTP2Server(ADDRESS, Handler)
        await server.start()
        async with HTTP2Client(server.address) as client:
            request = asyncio.create_task(client.request(path="/stubborn"))
            await support.until(lambda: any(wire.tasks for wire in server.wires))
            await asyncio.wait_for(server.close(0.05), 60)
            self.assertIn("stubborn", Handler.ends)
            Handler.ends.append("stop")
            await asyncio.gather(request, return_exceptions=True)

    async def test_requests_that_wait_and_are_cancelled(self):
        """Their room goes to others."""
        async with HTTP2Server(ADDRESS, Handler, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2}) as server:
            async with HTTP2Client(server.address) as client:
                await (await client.request()).read()  # the server's limit is known now

                async def one(n):
                    return await (await client.request(headers={"a": "\r"} if n % 7 == 3 else None)).read()
                tasks = [asyncio.create_task(one(n)) for n in range(100)]
                for n in range(0, 100, 5):
                    await asyncio.sleep(0)
                    tasks[n].cancel()
                found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 100)
                fine = [n for n, what in enumerate(found) if what == b"fine"]
                self.assertEqual(set(range(100)) - set(fine) - {n for n in range(100) if n % 7 == 3 or n % 5 == 0}, set())
                self.assertEqual((client._wire.promised, len(client._wire.waiting)), (0, 0))

    async def test_thousands_that_wait(self):
        """Each costs the same, however many there are."""
        async with HTTP2Server(ADDRESS, Handler) as server, HTTP2Client(server.address) as client:
            await client.request()
            loop, made = asyncio.get_running_loop(), []
            create = loop.create_future
            loop.create_future = lambda: made.append(1) or create()

            async def one():
                return await (await client.request()).read()
            n = 200 if support.SLOW else 2000
            self.assertEqual(set(await asyncio.gather(*(one() for _ in range(n)))), {b"fine"})
            self.assertLess(len(made), 10 * n)  # each look of one that waits makes one

    async def test_applications_that_do_not_start(self):
        """One that was started is stopped again when the server cannot listen; one that does not come up is cancelled."""
        heard = []

        async def application(scope, receive, send):
            while True:
                message = await receive()
                heard.append(message["type"])
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return

        async def hangs(scope, receive, send):
            try:
                await asyncio.sleep(1000)
            finally:
                heard.append("cancelled")

        async def fails(scope, receive, send):
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no"})
        async with HTTP2Server(ADDRESS, Handler) as other:
            server = ASGIServer(other.address, application)
            with self.assertRaises(OSError):
                await server.start()
            self.assertEqual(heard, ["lifespan.startup", "lifespan.shutdown"])
        await server.start()
        with self.assertRaises(CallError):
            await server.start()
        await server.close()
        self.assertEqual(heard, ["lifespan.startup", "lifespan.shutdown"] * 2)
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(ASGIServer(ADDRESS, hangs).start(), 0.1)
        await support.until(lambda: heard[-1] == "cancelled")
        with self.assertRaisesRegex(RuntimeError, "no"):
            await ASGIServer(ADDRESS, fails).start()


support.main()
