#!/usr/bin/env python3
"""HTTP2Client with our server in C, nghttpd, and HTTP2Server: many requests at once, bodies both ways, push, trailers, faults."""
import support
import asyncio
import contextlib
import io
import tempfile
import unittest

import peers
from h2box import (BaseRequestHandler, CallError, Connection, ErrorCodes, H2Error, HTTP2Client, HTTP2Server,
                   RequestReceived, SettingCodes, StreamResetError)

SOME = 1 << 20


class Handler(BaseRequestHandler):
    got = closed = None

    def on_headers(self):
        self.body = b""
        if self.path == "/push":
            self.push("/pushed", headers=[("x", "y")], body=b"pushed body")

    def on_data(self, data):
        self.body += data

    def on_trailers(self, headers):
        self.after = headers

    def on_request_done(self):
        path = self.path
        if path == "/echo":
            self.send_response(200, [("x-method", self.method), ("x-host", self.host)], self.body, trailers=[("size", str(len(self.body)))])
        elif path == "/reset":
            self.reset(ErrorCodes.ENHANCE_YOUR_CALM)
        elif path == "/never":
            pass
        elif path == "/information":
            self.send_informational(103, [("link", "x")])
            self.send_informational(102)
            self.send_response(200)
        elif path == "/chatty":
            for _ in range(1000):
                self.send_informational(103)
        elif path == "/goaway":
            self._wire.connection.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            self._wire.touch()
        else:
            self.send_response(200, [], b"at " + path.encode())

    def on_close(self, code):
        Handler.closed = (self.path, code)


class Client(unittest.IsolatedAsyncioTestCase):
    @contextlib.asynccontextmanager
    async def pair(self, protocol="h2", tls=False, on_push=None, **options):
        context = None
        if tls:
            import ssl
            identity = peers.Identity()
            self.addCleanup(identity.folder.cleanup)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(identity.cert, identity.key)
        async with HTTP2Server(("127.0.0.1", 0), Handler, ssl=context, **options) as server:
            if tls:
                context = ssl.create_default_context(cafile=identity.cert)
            async with HTTP2Client(server.address, ssl=context, protocol=protocol, on_push=on_push) as client:
                self.server = server
                yield client

    def told(self, path):
        """Whether the server has such a request."""
        return any(handler.path == path for wire in self.server.wires for handler in wire.handlers.values())

    async def test_requests(self):
        for protocol, tls in (("h2", False), ("http/1.1", False), ("h2c", False), ("h2", True), ("http/1.1", True)):
            async with self.pair(protocol, tls) as client:
                first = await client.request(path="/first")
                self.assertEqual((first.status, await first.read(), first.header("Content-Length")), (200, b"at /first", "9"))
                got = await client.request("POST", "/echo", [("a", "b")], b"x" * SOME)
                self.assertEqual(got.header("x-method"), "POST")
                self.assertEqual(got.header("x-host"), "127.0.0.1:%d" % self.server.address[1])
                self.assertEqual(await got.read(), b"x" * SOME)
                self.assertEqual(got.trailers, [(b"size", b"%d" % SOME)])
                self.assertEqual(client.http_version, "http/1.1" if protocol == "http/1.1" else "h2")

    async def test_many_at_once(self):
        """More than the server allows: the rest waits."""
        async with self.pair(settings={SettingCodes.MAX_CONCURRENT_STREAMS: 10}) as client:
            async def one(n):
                response = await client.request("POST", "/echo", body="%d" % n)
                return await response.read()
            self.assertEqual(await asyncio.gather(*map(one, range(500))), [b"%d" % n for n in range(500)])

    async def test_bodies(self):
        async def pieces():
            for n in range(100):
                yield b"%d," % n
        expected = b"".join([b"%d," % n for n in range(100)])
        for protocol in ("h2", "http/1.1"):
            async with self.pair(protocol) as client:
                with tempfile.TemporaryFile() as f:
                    f.write(expected)
                    f.seek(0)
                    for body in (expected, expected.decode(), f, pieces(), (b"%d," % n for n in range(100)), bytearray(expected)):
                        self.assertEqual(await (await client.request("PUT", "/echo", body=body)).read(), expected)
                with self.assertRaises(TypeError):
                    await client.request("PUT", "/echo", body=17)
                self.assertEqual(await (await client.request("HEAD", "/echo")).read(), b"")

    async def test_push_and_interim(self):
        pushed = []
        async with self.pair(on_push=lambda headers, response: pushed.append((dict(headers), response))) as client:
            response = await client.request(path="/push")
            self.assertEqual(await response.read(), b"at /push")
            headers, other = pushed[0]
            self.assertEqual(headers[b":path"], b"/pushed")
            self.assertEqual(await other.read(), b"pushed body")
            self.assertEqual(other.header("x"), "y")
            response = await client.request(path="/information")
            self.assertEqual([status for status, _ in response.informational], [103, 102])
            await client.ping()
        async with self.pair() as client:
            await (await client.request(path="/push")).read()

    async def test_resets(self):
        async with self.pair() as client:
            with self.assertRaises(StreamResetError) as caught:
                await client.request(path="/reset")
            self.assertEqual(caught.exception.code, ErrorCodes.ENHANCE_YOUR_CALM)
            never = asyncio.create_task(client.request(path="/never"))
            await support.until(lambda: self.told("/never"))
            never.cancel()
            await asyncio.gather(never, return_exceptions=True)
            await support.until(lambda: Handler.closed == ("/never", ErrorCodes.CANCEL))
            with self.assertRaises(StreamResetError) as caught:
                await client.request(path="/chatty")
            self.assertEqual(caught.exception.code, ErrorCodes.ENHANCE_YOUR_CALM)
            self.assertEqual(await (await client.request(path="/after")).read(), b"at /after")
            with self.assertRaises(StreamResetError):
                await client.request(path="/goaway")
            with self.assertRaises(H2Error):
                await client.request(path="/after")

    async def test_server_that_goes_away(self):
        async with self.pair() as client:
            waiting = asyncio.create_task(client.request(path="/never"))
            await support.until(lambda: self.told("/never"))
            for wire in list(self.server.wires):
                wire.transport.abort()
            with self.assertRaises(StreamResetError):
                await waiting
            with self.assertRaises(StreamResetError):
                await client.request()

    async def test_content_that_nobody_reads(self):
        """It stops its own stream and no other."""
        async with self.pair() as client:
            unread = [await client.request("POST", "/echo", body=b"x" * SOME) for _ in range(3)]
            for n in range(50):
                await (await client.request(path="/%d" % n)).read()
            unread[0].close()
            with self.assertRaises(StreamResetError):
                await unread[0].read()
            self.assertEqual(len(await unread[1].read()), SOME)

    async def test_fields_that_split(self):
        async with self.pair("http/1.1") as client:
            with self.assertRaises(H2Error):
                await client.request(headers=[("a", "b\r\nc: d")])
            with self.assertRaises(H2Error):
                await client.request(path="/ HTTP/1.1\r\n")
            self.assertEqual(await (await client.request(path="/ok")).read(), b"at /ok")

    async def test_not_connected(self):
        with self.assertRaises(CallError):
            await HTTP2Client(("127.0.0.1", 1)).request()
        with self.assertRaises(OSError):
            async with HTTP2Client(("127.0.0.1", 1)):
                pass
        for use in (lambda client: client.http_version, lambda client: asyncio.run(client.ping())):
            with self.assertRaises(CallError):
                await asyncio.to_thread(use, HTTP2Client(("127.0.0.1", 1)))

    async def test_flood_and_reset_in_one_read(self):
        """A stream that we give up while its end is here already; the other goes on."""
        async def serve(reader, writer):
            server, open_streams = Connection(False), 0
            while open_streams < 2:
                open_streams += sum(type(e) is RequestReceived for e in server.receive_data(await reader.read(65536)))
            for _ in range(101):
                server.send_headers(1, [(":status", "103")])
            out = server.data_to_send()
            server.reset_stream(1, 8)
            out += server.data_to_send()
            server.send_message(3, [(":status", "200")], b"fine")
            writer.write(out + server.data_to_send())
            await reader.read()
            writer.close()
        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with listener:
            async with HTTP2Client(listener.sockets[0].getsockname()) as client:
                first, second = asyncio.create_task(client.request()), asyncio.create_task(client.request())
                with self.assertRaises(StreamResetError):
                    await first
                self.assertEqual(await (await second).read(), b"fine")

    async def test_files_are_closed(self):
        """Whatever comes of the request."""
        async with self.pair() as client:
            for headers, kind in ((None, None), ([("a", 5)], TypeError), ([("a", "\r")], H2Error), ([5], TypeError)):
                file = io.BytesIO(b"content")
                if kind is None:
                    self.assertEqual(await (await client.request("POST", "/echo", body=file)).read(), b"content")
                else:
                    with self.assertRaises(kind):
                        await client.request("POST", "/echo", headers, file)
                self.assertTrue(file.closed, headers)
        file = io.BytesIO(b"content")
        with self.assertRaises(StreamResetError):
            await client.request(body=file)
        self.assertTrue(file.closed)

    async def test_other_servers(self):
        with tempfile.TemporaryDirectory() as folder:
            site = peers.make_site(folder)
            for start in (peers.h2box_server, peers.nghttpd, peers.nginx):
                with start(site) as server:
                    async with HTTP2Client(("127.0.0.1", server.port)) as client:
                        async def get(n):
                            response = await client.request(path="/size-%d" % n)
                            return response.status, await response.read()
                        for n, (status, body) in zip(peers.SIZES * 5, await asyncio.gather(*map(get, peers.SIZES * 5))):
                            self.assertEqual((status, peers.digest(body)), (200, peers.digest(peers.content(n))))
                        self.assertEqual((await get(77))[0], 404)


support.main()
