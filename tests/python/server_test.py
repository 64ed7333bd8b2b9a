#!/usr/bin/env python3
"""HTTP2Server with curl, nghttp, h2box load and python3-h2: versions, bodies of all kinds, push, trailers, resets, back-pressure."""
import support
import asyncio
import hashlib
import inspect
import io
import re
import tempfile
import unittest

import peers
from h2box import BaseRequestHandler, CallError, Connection, H2Error, HTTP2Client, HTTP2Server, ResponseReceived, SettingCodes

BIG = (8 << 20) if support.SLOW else (100 << 20)
MANY = 1000


class Handler(BaseRequestHandler):
    seen = []      # what on_close told: (path, code)
    uploads = {}   # path: (bytes, digest)
    gate = []
    produced = 0
    release = None  # an event that /late waits for
    file = None

    async def pieces(self, n):
        for _ in range(n):
            await asyncio.sleep(0)
            type(self).produced += 1
            yield b"p" * 10000

    def on_headers(self):
        self.digest, self.size = hashlib.sha256(), 0
        if self.path == "/fail-early":
            raise RuntimeError("on purpose")
        if self.path == "/push":
            self.pushed = [self.push("/a", body="pushed text"),
                           self.push("/b", "HEAD", [("accept", "x"), ("content-length", "3")], body=b"1234")]

    def on_data(self, data):
        self.digest.update(data)
        self.size += len(data)

    def on_trailers(self, headers):
        self.trailers = headers

    def on_close(self, code):
        Handler.seen.append((self.path, code))

    def on_request_done(self):
        path = self.path
        if path == "/small":
            self.send_response(200, [("content-type", "text/plain")], b"x" * 612)
        elif path == "/big":
            self.send_response(body=peers.content(BIG))
        elif path == "/file":
            self.send_response(body=open(self.file, "rb"))
        elif path == "/iterator":
            self.send_response(body=("line %d\n" % n for n in range(10000)))
        elif path == "/pieces":
            self.send_response(body=self.pieces(100))
        elif path == "/endless":
            self.send_response(body=self.pieces(1 << 40))
        elif path == "/text":
            self.send_response(201, {"X-Name": "v"}, "gr\u00fc\u00dfe")
        elif path == "/none":
            self.send_response(204)
        elif path == "/trailers":
            self.send_response(200, [("trailer", "sum")], b"body", trailers=[("sum", "1")])
        elif path == "/information":
            self.send_informational(103, [("link", "</x>")])
            self.send_response(200, body=b"after")
        elif path == "/upload":
            Handler.uploads[path] = (self.size, self.digest.hexdigest(), getattr(self, "trailers", None))
            self.send_response(200, body=str(self.size))
        elif path == "/push":
            self.send_response(200, body=str(self.pushed))
        elif path == "/gate":
            Handler.gate.append(self)
            if len(Handler.gate) == MANY:
                for handler in Handler.gate:
                    handler.send_response(body=b"together")
                Handler.gate.clear()
        elif path == "/late":
            return self.late()
        elif path == "/fail":
            raise RuntimeError("on purpose")
        elif path == "/fail-body":
            self.send_response(body=self.broken())
        elif path == "/wrong":
            self.send_response(body=17)
        elif path == "/split":
            self.send_response(200, [("x", "a\r\nset-cookie: b")])
        elif path == "/twice":
            self.send_response(200, body=b"once")
            try:
                self.send_response(200)
            except CallError:
                Handler.seen.append("refused")
        elif path == "/never":
            pass
        else:
            self.send_response(404)

    async def late(self):
        await (Handler.release.wait() if Handler.release else asyncio.sleep(0.2))
        self.send_response(body=b"late")

    async def broken(self):
        yield b"begun"
        await asyncio.sleep(0.1)
        raise RuntimeError("on purpose")


class Shy(BaseRequestHandler):
    """Takes nothing of what it is sent until it is told to."""
    acknowledges = False
    got, last = 0, None

    def on_data(self, data):
        Shy.got += len(data)
        Shy.last = self


class Tunnel(BaseRequestHandler):
    """Says in capitals what it hears."""
    accepts_connect = True

    def on_headers(self):
        self.heard = asyncio.Queue()
        self.send_response(200, [("x-protocol", dict(self.headers).get(b":protocol", b"none"))], self.speak())

    def on_data(self, data):
        self.heard.put_nowait(data.upper())

    def on_request_done(self):
        self.heard.put_nowait(None)

    async def speak(self):
        while (data := await self.heard.get()) is not None:
            yield data


class Ends(BaseRequestHandler):
    """A tunnel whose server has said all at once."""
    accepts_connect = True
    heard = b""

    def on_headers(self):
        self.send_response(200, body=iter([b"bye"]))

    def on_data(self, data):
        Ends.heard += data


class Mistakes(BaseRequestHandler):
    """Says what cannot be said; what it gave is closed all the same."""
    accepted, open = [], []

    def file(self):
        Mistakes.open.append(io.BytesIO(b"content"))
        return Mistakes.open[-1]

    def on_request_done(self):
        for kind, call in ((TypeError, lambda: self.send_response("200")), (TypeError, lambda: self.send_response(None, body=self.file())),
                           (ValueError, lambda: self.send_response(99)), (ValueError, lambda: self.send_response(1000, body=self.file())),
                           (TypeError, lambda: self.send_response(200, 5, self.file())),
                           (TypeError, lambda: self.send_response(200, [5], self.file())),
                           (TypeError, lambda: self.send_response(200, [("a", 5)], self.file())),
                           (TypeError, lambda: self.send_response(200, ["ab"])),
                           (TypeError, lambda: self.send_response(200, [()])), (TypeError, lambda: self.send_response(200, {1: "x"})),
                           (TypeError, lambda: self.send_response(200, body=object())),
                           (TypeError, lambda: self.send_response(200, trailers=5, body=self.file())),
                           (H2Error, lambda: self.send_response(200, [("a\r\nb", "c")], self.file())),
                           (ValueError, lambda: self.send_response(200, [("a", "\udc80")])),
                           (TypeError, lambda: self.send_informational("103")), (ValueError, lambda: self.send_informational(200)),
                           (TypeError, lambda: self.push(5, body=self.file())),
                           (H2Error, lambda: self.push("/x", headers=[("a", "\r")], body=self.file())),
                           (TypeError, lambda: self.push("/x", status="200", body=self.file())),
                           (TypeError, lambda: self.push("/x", request_headers=[5])),
                           (TypeError, lambda: self.reset("x")), (TypeError, lambda: self.acknowledge("x"))):
            try:
                call()
                Mistakes.accepted.append(inspect.getsource(call))
            except kind:
                pass
        self.send_response(200, {"x": "y"}, self.file(), trailers={"sum": "1"})


class Unfinished(BaseRequestHandler):
    """Content without end, that wants to tidy up."""

    def on_request_done(self):
        self.send_response(body=self.pieces())

    async def pieces(self):
        try:
            while True:
                yield bytes(50000)
        finally:
            await asyncio.sleep(0)
            Handler.seen.append("tidy")


async def run(*command, stdin=None):
    """stdout and the exit code of a program."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                                                   stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL)
    out, _ = await asyncio.wait_for(process.communicate(stdin), 120)
    return out, process.returncode


async def curl(*options):
    return (await run("curl", "-s", "-m", "100", *options))[0]


class Serving(unittest.IsolatedAsyncioTestCase):
    async def serve(self, handler=Handler, **options):
        server = HTTP2Server(("127.0.0.1", 0), handler, **options)
        await server.start()
        self.addAsyncCleanup(server.close, 1)
        return server, "http://127.0.0.1:%d" % server.address[1]

    def setUp(self):
        peers.have("curl", "nghttp", "openssl")
        Handler.seen, Handler.uploads, Handler.gate, Handler.produced, Handler.release = [], {}, [], 0, None
        self.noted = []

    async def asyncSetUp(self):
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.noted.append(context["exception"]))

    def tearDown(self):
        self.assertEqual([repr(e) for e in self.noted], [])


class WithCurl(Serving):
    async def test_versions(self):
        _, url = await self.serve()
        for option, words in (("--http2-prior-knowledge", b"HTTP/2 200"), ("--http1.1", b"HTTP/1.1 200 OK"),
                              ("--http2", b"HTTP/1.1 101 Switching Protocols"), ("--http1.0", b"HTTP/1.1 200 OK")):
            got = await curl("-i", option, url + "/small")
            self.assertTrue(got.startswith(words), got)
            self.assertRegex(got, rb"\r\ndate: \w\w\w, \d\d \w\w\w \d{4} \d\d:\d\d:\d\d GMT\r\n")
            self.assertIn(b"content-length: 612\r\n", got)
            self.assertTrue(got.endswith(b"x" * 612))

    async def test_tls(self):
        import ssl
        identity = peers.Identity()
        self.addCleanup(identity.folder.cleanup)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.cert, identity.key)
        server, url = await self.serve(ssl=context)
        url = url.replace("http:", "https:")
        for option, words in (("--http2", b"HTTP/2 200"), ("--http1.1", b"HTTP/1.1 200 OK")):
            got = await curl("-ik", option, url + "/small")
            self.assertTrue(got.startswith(words), got)
        got = await curl("-k", url + "/big")
        self.assertEqual(peers.digest(got), peers.digest(peers.content(BIG)))
        got, _ = await run("nghttp", "-nv", url + "/push")
        self.assertIn(b"negotiated protocol: h2", got)

    async def test_bodies(self):
        _, url = await self.serve()
        with tempfile.NamedTemporaryFile() as f:
            f.write(peers.content(1 << 20))
            f.flush()
            Handler.file = f.name
            for version in ("--http2-prior-knowledge", "--http1.1"):
                self.assertEqual(await curl(version, url + "/file"), peers.content(1 << 20))
                self.assertEqual(await curl(version, url + "/iterator"), b"".join(b"line %d\n" % n for n in range(10000)))
                self.assertEqual(await curl(version, url + "/pieces"), b"p" * 1000000)
                got = await curl("-i", version, url + "/text")
                self.assertIn(b" 201", got.split(b"\r\n")[0])
                self.assertTrue(got.endswith("\r\n\r\ngr\u00fc\u00dfe".encode()))
                self.assertIn(b"\r\nx-name: v\r\n", got)
                self.assertIn(b" 204", (await curl("-i", version, url + "/none")).split(b"\r\n")[0])
                head = await curl("-I", version, url + "/small")
                self.assertTrue(head.endswith(b"content-length: 612\r\n\r\n"), head)
                self.assertTrue((await curl("-I", version, url + "/pieces")).endswith(b"\r\n\r\n"))

    async def test_large_both_ways(self):
        _, url = await self.serve()
        content = peers.content(BIG)
        for version in ("--http2-prior-knowledge", "--http1.1"):
            got = await curl(version, url + "/big")
            self.assertEqual((len(got), peers.digest(got)), (BIG, peers.digest(content)))
            del got
            with tempfile.NamedTemporaryFile() as f:
                f.write(content)
                f.flush()
                self.assertEqual(await curl(version, "-T", f.name, url + "/upload"), b"%d" % BIG)
            self.assertEqual(Handler.uploads["/upload"][:2], (BIG, peers.digest(content)))

    async def test_client_that_shuts_its_side(self):
        """As `nc -N`: whole requests are answered; over HTTP/2 the end of the bytes is the end."""
        server, _ = await self.serve()
        for request, answers in ((b"GET /late HTTP/1.1\r\nhost: a\r\n\r\n", 1), (b"GET /late HTTP/1.1\r\nhost: a\r\n\r\n" * 3, 3),
                                 (b"GET /late HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nx", 0), (b"GET", 0)):
            reader, writer = await asyncio.open_connection(*server.address)
            writer.write(request)
            writer.write_eof()
            self.assertEqual((await asyncio.wait_for(reader.read(), 60)).count(b"HTTP/1.1 200 OK"), answers, request)
            writer.close()

    async def test_tunnels(self):
        """CONNECT and WebSockets are for handlers that ask for them: a plain one would open a tunnel by saying 200."""
        upgrade = b"GET /x HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n" \
                  b"sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
        for handler, request, first in ((Handler, upgrade, b"HTTP/1.1 501"),
                                        (Handler, b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", b"HTTP/1.1 501"),
                                        (Tunnel, upgrade, b"HTTP/1.1 101"),
                                        (Tunnel, b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", b"HTTP/1.1 200")):
            server, _ = await self.serve(handler)
            reader, writer = await asyncio.open_connection(*server.address)
            writer.write(request)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
            self.assertTrue(head.startswith(first), head)
            if handler is Tunnel:
                self.assertNotIn(b"content-length", head)
                for word in (b"hello", b"again"):
                    writer.write(word)
                    self.assertEqual(await asyncio.wait_for(reader.readexactly(5), 60), word.upper())
                writer.write_eof()
                self.assertEqual(await asyncio.wait_for(reader.read(), 60), b"")
            writer.close()
        server, _ = await self.serve()
        reader, writer = await asyncio.open_connection(*server.address)
        client, told = Connection(), []
        client.send_headers(1, [(":method", "CONNECT"), (":authority", "a:1")])
        while not any(isinstance(e, ResponseReceived) for e in told):
            writer.write(client.data_to_send())
            told = client.receive_data(await asyncio.wait_for(reader.read(65536), 60))
        self.assertEqual([e.status for e in told if isinstance(e, ResponseReceived)], [501])
        writer.close()

    async def test_an_end_of_a_tunnel(self):
        """Over HTTP/1.1 the server's side ends first, and the client can go on."""
        server, _ = await self.serve(Ends)
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n")
        self.assertTrue((await asyncio.wait_for(reader.read(), 30)).endswith(b"\r\n\r\nbye"))
        writer.write(b"more")
        await writer.drain()
        writer.write_eof()
        while server.wires:
            await asyncio.sleep(0.01)
        self.assertEqual(Ends.heard, b"more")
        writer.close()

    async def test_content_that_breaks_off(self):
        """To HTTP/1.0 only the end of the connection ends it: then it is no good end."""
        server, _ = await self.serve()
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(b"GET /fail-body HTTP/1.0\r\nhost: a\r\n\r\n")
        with self.assertRaises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 30)
        writer.close()
        self.assertEqual([str(e) for e in self.noted], ["on purpose"])
        self.noted.clear()

    async def test_extended_connect_is_announced(self):
        """To clients of handlers that take it, and to no others (RFC 8441 section 3)."""
        for handler, settings, expected in ((Handler, None, 0), (Tunnel, None, 1), (Tunnel, {8: 0}, 0), (Handler, {3: 50}, 0)):
            server, _ = await self.serve(handler, settings=settings)
            reader, writer = await asyncio.open_connection(*server.address)
            client, told = Connection(), {}
            writer.write(client.data_to_send())
            while not told:
                for event in client.receive_data(await asyncio.wait_for(reader.read(1000), 30)):
                    told.update(getattr(event, "changed_settings", {}))
            self.assertEqual(told.get(SettingCodes.ENABLE_CONNECT_PROTOCOL, 0), expected)
            writer.close()

    async def test_a_request_that_is_taken_back_at_once(self):
        """Request and reset in one read: nobody's fault, and no harm to the other streams of the connection."""
        for method in ("CONNECT", "GET"):
            server, _ = await self.serve()
            reader, writer = await asyncio.open_connection(*server.address)
            client = Connection()
            writer.write(client.data_to_send())
            head = [(":method", method), (":authority", "a:1")] if method == "CONNECT" else \
                [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", "/small")]
            client.send_headers(1, head, end_stream=method == "GET")
            out = client.data_to_send()
            client.reset_stream(1, 8)
            out += client.data_to_send()
            client.send_headers(3, [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/text")], end_stream=True)
            writer.write(out + client.data_to_send())
            told = []
            while not any(isinstance(e, ResponseReceived) for e in told):
                data = await asyncio.wait_for(reader.read(65536), 30)
                self.assertTrue(data)
                told += client.receive_data(data)
                writer.write(client.data_to_send())
            self.assertEqual([(e.stream_id, e.status) for e in told if isinstance(e, ResponseReceived)], [(3, 201)])
            writer.close()
        self.assertEqual(self.noted, [])

    async def test_mistakes_of_the_application(self):
        server, _ = await self.serve(Mistakes)
        async with HTTP2Client(server.address, on_push=lambda headers, response: None) as client:
            response = await client.request(headers={"a": "b"})
            self.assertEqual((response.status, response.header("x"), await response.read(), response.trailers),
                             (200, "y", b"content", [(b"sum", b"1")]))
        self.assertEqual(Mistakes.accepted, [])
        self.assertGreater(len(Mistakes.open), 9)
        self.assertTrue(all(file.closed for file in Mistakes.open))

    async def test_content_is_told_of_its_end(self):
        """A generator that is in its middle when the client leaves."""
        server, _ = await self.serve(Unfinished)
        async with HTTP2Client(server.address) as client:
            response = await client.request()
            response.close()
            while "tidy" not in Handler.seen:
                await asyncio.sleep(0.01)

    async def test_faults_of_the_application(self):
        _, url = await self.serve()
        for path in ("/fail", "/fail-early", "/wrong", "/split"):
            self.assertIn(b" 500", (await curl("-i", "--http2-prior-knowledge", url + path)).split(b"\r\n")[0], path)
            self.assertIn(b" 500", (await curl("-i", "--http1.1", url + path)).split(b"\r\n")[0], path)
            self.assertEqual(len(self.noted), 2)
            self.noted.clear()
        for version, code in (("--http2-prior-knowledge", 92), ("--http1.1", 18)):
            got, result = await run("curl", "-s", version, url + "/fail-body")
            self.assertEqual((got, result), (b"begun", code))
            self.assertEqual([str(e) for e in self.noted], ["on purpose"])
            self.noted.clear()
        self.assertEqual(await curl("--http2-prior-knowledge", url + "/twice"), b"once")
        self.assertIn("refused", Handler.seen)

    async def test_drain(self):
        """close() lets an open request be answered, and nobody connects any more."""
        server, url = await self.serve()
        for version in ("--http2-prior-knowledge", "--http1.1"):
            server, url = await self.serve()
            answer = asyncio.create_task(curl(version, url + "/late"))
            while not server.wires or not any(w.handlers for w in server.wires):
                await asyncio.sleep(0.01)
            await server.close(10)
            self.assertEqual(await answer, b"late")
            self.assertEqual(server.wires, set())
            self.assertEqual(await run("curl", "-s", url + "/small"), (b"", 7))


class WithNghttp(Serving):
    async def test_push(self):
        _, url = await self.serve()
        got, _ = await run("nghttp", "-v", url + "/push")
        self.assertIn(b"pushed text", got)
        self.assertIn(b"[True, True]", got)
        self.assertIn(b":path: /b", got)
        self.assertNotIn(b"content-length: 3", got)
        got = await curl("--http1.1", url + "/push")
        self.assertEqual(got, b"[False, False]")
        got, _ = await run("nghttp", "-v", "--no-push", url + "/push")
        self.assertIn(b"[False, False]", got)

    async def test_trailers_and_interim(self):
        _, url = await self.serve()
        got, _ = await run("nghttp", "-nv", url + "/trailers")
        self.assertRegex(got, rb"recv \(stream_id=\d+\) sum: 1")
        got = await curl("--http1.1", "-i", "--raw", url + "/trailers")
        self.assertIn(b"sum: 1", got)
        got, _ = await run("nghttp", "-nv", url + "/information")
        self.assertIn(b":status: 103", got)
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"u" * 100000)
            f.flush()
            await run("nghttp", "-nv", "-d", f.name, "--trailer", "sum: 2", url + "/upload")
        self.assertEqual(Handler.uploads["/upload"][0], 100000)
        self.assertEqual(Handler.uploads["/upload"][2], [(b"sum", b"2")])


class WithLoad(Serving):
    async def load(self, *options):
        out, code = await run(peers.H2BOX, "load", *options)
        counts = re.search(rb"(\d+) succeeded, (\d+) failed, (\d+) errored", out)
        self.assertTrue(counts and code == 0, out)
        return tuple(map(int, counts.groups()))

    async def test_a_thousand_streams(self):
        """1,000 requests of one connection are open at once, then all are answered."""
        _, url = await self.serve(settings={SettingCodes.MAX_CONCURRENT_STREAMS: MANY})
        for version in range(2):
            self.assertEqual(await self.load("-n%d" % MANY, "-c1", "-m%d" % MANY, url + "/gate"), (MANY, 0, 0))
        self.assertEqual(await self.load("-n%d" % MANY, "-c10", "-m100", url + "/gate"), (MANY, 0, 0))

    async def test_many_requests(self):
        _, url = await self.serve()
        n = 2000 if support.SLOW else 20000
        self.assertEqual(await self.load("-n%d" % n, "-c8", "-m32", url + "/small"), (n, 0, 0))
        self.assertEqual(await self.load("-n%d" % (n // 4), "-c8", "-m4", "--h1", url + "/small"), (n // 4, 0, 0))
        self.assertEqual(await self.load("-n200", "-c4", "-m10", url + "/pieces"), (200, 0, 0))


class WithH2(Serving):
    async def asyncSetUp(self):
        await super().asyncSetUp()
        try:
            import h2_client
        except ImportError:
            self.skipTest("python3-h2 is not installed")
        self.Client = h2_client.Client

    async def client(self, server, **options):
        """python3-h2 blocks: its calls run in a thread."""
        client = await asyncio.to_thread(self.Client, server.address[1], **options)
        self.addCleanup(client.close)
        return client

    async def test_client_that_resets(self):
        server, _ = await self.serve()
        client = await self.client(server)
        Handler.release = asyncio.Event()
        for path in ("/never", "/late", "/endless"):
            stream = client.get(path)
            await support.until(lambda: any(w.handlers for w in server.wires))
            client.conn.reset_stream(stream, 8)
            client.flush()
            await support.until(lambda: (path, 8) in Handler.seen)
        self.assertEqual((await asyncio.to_thread(client.response, client.get("/small")))[1], b"x" * 612)
        Handler.release.set()  # /late answers a stream that is gone, which is told to nobody
        await support.until(lambda: not any(w.tasks for w in server.wires))
        self.assertFalse(any(w.bodies or w.handlers for w in server.wires))

    async def test_client_that_goes_away(self):
        server, _ = await self.serve()
        client = await self.client(server)
        Handler.release = asyncio.Event()
        for path in ("/never", "/endless", "/late"):
            client.get(path)
        await support.until(lambda: sum(len(w.handlers) for w in server.wires) == 3)
        wire = next(iter(server.wires))
        client.sock.close()
        await support.until(lambda: len(Handler.seen) == 3)
        Handler.release.set()
        await support.until(lambda: not wire.tasks)
        self.assertEqual((server.wires, wire.bodies, wire.handlers), (set(), {}, {}))

    async def test_rapid_reset(self):
        """CVE-2023-44487."""
        server, _ = await self.serve()
        client = await self.client(server)
        with self.assertRaises((ConnectionError, BrokenPipeError, AssertionError)):
            for _ in range(3000):
                stream = client.get("/never")
                client.conn.reset_stream(stream)
            client.flush()
            for _ in range(1000):
                if not await asyncio.to_thread(client.read):
                    raise ConnectionError
        await support.until(lambda: not server.wires)

    async def test_slow_reader(self):
        """A client that reads nothing holds up the content, and no memory."""
        server, _ = await self.serve()
        client = await self.client(server)
        client.get("/endless")
        await support.until(lambda: Handler.produced)
        before = -1
        while before != Handler.produced:
            before = Handler.produced
            await asyncio.sleep(0.2)
        self.assertLess(Handler.produced, 60)  # 65,535 bytes of window, BODY_FULL and a piece
        await asyncio.to_thread(client.read)
        for _ in range(20):
            await asyncio.to_thread(client.read)
        self.assertGreater(Handler.produced, before)

    async def test_handler_that_takes_nothing(self):
        server, _ = await self.serve(Shy)
        client = await self.client(server)
        stream = client.get("/shy", method="POST", end=False)
        window = client.conn.local_flow_control_window(stream)
        await asyncio.to_thread(client.read)
        while (room := min(client.conn.local_flow_control_window(stream), 16384)) > 0:
            client.conn.send_data(stream, b"s" * room)
            await asyncio.to_thread(client.flush)
        await support.until(lambda: Shy.got >= 65535)
        got = Shy.got
        Shy.last.acknowledge(got)
        while client.conn.local_flow_control_window(stream) == 0:
            await asyncio.to_thread(client.read)
        self.assertGreater(got, window - 1)

    async def test_idle(self):
        server, _ = await self.serve(idle_timeout=0.3)
        client = await self.client(server)
        self.assertEqual((await asyncio.to_thread(client.response, client.get("/small")))[1], b"x" * 612)
        await support.until(lambda: not server.wires)


support.main()
