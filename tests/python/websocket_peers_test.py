#!/usr/bin/env python3
"""WebSockets of our ASGI server with what others wrote: Chromium over TLS, Starlette, and our own client and proxy in between.
labels: browser"""
import support
import asyncio
import ssl
import subprocess
import sys
import tempfile
import unittest

import chromium
import peers
from h2box import HTTP2Client
from h2box.asgi import ASGIServer
from proxying import Proxy, backend

try:
    from dialogue import BINARY, H1, H2, PING, PONG, TEXT, closing, frame
except ImportError:
    print("python3-h2 is not installed (./dev setup installs it)")
    sys.exit(77)

PAGE = b"""<!doctype html><script>
const said = [], socket = new WebSocket("wss://" + location.host + "/socket", ["unknown", "chat"]);
socket.binaryType = "arraybuffer";
socket.onopen = () => { said.push("open " + socket.protocol + "/" + socket.extensions); socket.send("gr\\u00fc\\u00dfe"); };
socket.onmessage = e => {
    if (typeof e.data == "string") { said.push(e.data); socket.send(new Uint8Array(100000).fill(7)); }
    else { said.push(e.data.byteLength + " of " + new Uint8Array(e.data)[99999]); socket.close(4321, "done"); }
};
socket.onclose = e => { said.push("closed " + e.code + " " + e.wasClean); fetch("/report", {method: "POST", body: said.join("; ")}); };
</script>"""


class App:
    def __init__(self):
        self.versions, self.ends = [], []
        self.report = asyncio.get_running_loop().create_future()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            if scope["path"] == "/report":
                self.report.set_result((await receive())["body"].decode())
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html; charset=utf-8")]})
            await send({"type": "http.response.body", "body": PAGE if scope["path"] == "/" else b""})
        elif scope["type"] == "websocket":
            self.versions.append(scope["http_version"])
            await receive()
            if scope["path"] == "/no":
                await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
                return await send({"type": "websocket.http.response.body", "body": b"none here"})
            await send({"type": "websocket.accept", "subprotocol": "chat" if "chat" in scope["subprotocols"] else None})
            while (message := await receive())["type"] == "websocket.receive":
                await send({**message, "type": "websocket.send"})
            self.ends.append((message["code"], message["reason"]))
        else:
            raise NotImplementedError


class WithOthers(unittest.IsolatedAsyncioTestCase):
    async def serve(self, app, **options):
        server = ASGIServer(("127.0.0.1", 0), app, **options)
        await server.start()
        self.addAsyncCleanup(server.close, 1)
        return server

    def tls(self):
        identity = peers.Identity()
        self.addCleanup(identity.folder.cleanup)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.cert, identity.key)
        return context

    @unittest.skipUnless(chromium.CHROMIUM, "chromium is not installed")
    async def test_chromium(self):
        """On the connection that brought the page, since that was told of RFC 8441; over HTTP/1.1 where it was not."""
        for settings, version in ((None, "2"), ({8: 0}, "1.1")):
            app = App()
            server = await self.serve(app, ssl=self.tls(), settings=settings)
            with tempfile.TemporaryDirectory(prefix="h2box-browser-", ignore_cleanup_errors=True) as profile:
                browser = await asyncio.create_subprocess_exec(
                    chromium.CHROMIUM, *chromium.QUIET, "--ignore-certificate-errors", "--user-data-dir=" + profile,
                    "https://127.0.0.1:%d/" % server.address[1], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
                try:
                    self.assertEqual(await asyncio.wait_for(app.report, 100), "open chat/; grüße; 100000 of 7; closed 4321 true")
                finally:
                    browser.terminate()
                    await browser.wait()
            self.assertEqual((app.versions, app.ends), ([version], [(4321, "done")]))

    async def test_our_client(self):
        app = App()
        clear, secure = await self.serve(app), await self.serve(app, ssl=self.tls())
        for scheme, server, more, version in (("ws", clear, (), "2"), ("ws", clear, ("--http1.1",), "1.1"), ("wss", secure, ("-k",), "2"),
                                              ("wss", secure, ("-k", "--http1.1"), "1.1")):
            client = await asyncio.create_subprocess_exec(peers.H2BOX, "client", *more, "%s://127.0.0.1:%d/x" % (scheme, server.address[1]),
                                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            client.stdin.write("grüße\nzwei\n".encode())
            for line in ("grüße\n", "zwei\n"):
                self.assertEqual((await asyncio.wait_for(client.stdout.readline(), 60)).decode(), line)
            out, _ = await asyncio.wait_for(client.communicate(b""), 60)
            self.assertEqual((client.returncode, out), (0, b""))
            self.assertEqual((app.versions.pop(), app.ends.pop()), (version, (1000, "")))

    async def test_through_our_proxy(self):
        """From both versions of HTTP to both."""
        app = App()
        server = await self.serve(app)
        loop = asyncio.get_running_loop()
        for proto, version in (((), "1.1"), (("proto=h2",), "2")):
            proxy = await loop.run_in_executor(None, lambda: Proxy(backend(server.address[1], "", *proto)))
            try:
                for kind in (H1, H2):
                    peer = await kind.connect(("127.0.0.1", proxy.port), "/x", [("sec-websocket-protocol", "chat")])
                    self.assertEqual(await peer.answer(), 101 if kind is H1 else 200)
                    self.assertEqual(peer.headers["sec-websocket-protocol"], "chat")
                    sending = asyncio.create_task(peer.send(frame(TEXT, b"hello") + frame(PING, b"?") + frame(BINARY, bytes(300000))))
                    told = sorted([await peer.frame() for _ in range(3)])
                    self.assertEqual(told, [(TEXT, b"hello"), (BINARY, bytes(300000)), (PONG, b"?")])
                    await sending
                    await peer.send(closing(4000))
                    self.assertEqual(await peer.close_frame(), 4000)
                    await peer.rest()
                    await peer.leave()
                    self.assertEqual((app.versions.pop(), app.ends.pop()), (version, (4000, "")))
                    peer = await kind.connect(("127.0.0.1", proxy.port), "/no")
                    self.assertEqual(await peer.answer(), 404)
                    self.assertEqual(await peer.take(9), b"none here")
                    await peer.leave()
                    app.versions.pop()
            finally:
                await loop.run_in_executor(None, proxy.__exit__)

    async def test_starlette(self):
        try:
            from starlette.applications import Starlette
            from starlette.responses import PlainTextResponse
            from starlette.routing import Route, WebSocketRoute
            from starlette.websockets import WebSocketDisconnect
        except ImportError:
            self.skipTest("python3-starlette is not installed")
        ends = []

        async def hello(request):
            return PlainTextResponse("hello " + (await request.body()).decode())

        async def echo(socket):
            await socket.accept(subprotocol=socket.scope["subprotocols"][0])
            try:
                while True:
                    await socket.send_json({"you": (await socket.receive_json())["said"]})
            except WebSocketDisconnect as why:
                ends.append(why.code)

        async def refuses(socket):
            await socket.close()
        app = Starlette(routes=[Route("/", hello, methods=["POST"]), WebSocketRoute("/echo", echo), WebSocketRoute("/refuses", refuses)])
        server = await self.serve(app)
        async with HTTP2Client(server.address) as client:
            response = await client.request("POST", "/", body="you")
            self.assertEqual((response.status, await response.read()), (200, b"hello you"))
        for kind in (H1, H2):
            peer = await kind.connect(server.address, "/echo", [("sec-websocket-protocol", "a, b")])
            self.assertEqual(await peer.answer(), 101 if kind is H1 else 200)
            await peer.send(frame(TEXT, b'{"said": 5}'))
            self.assertEqual((await peer.frame())[1].replace(b" ", b""), b'{"you":5}')
            await peer.send(closing(1001))
            self.assertEqual(await peer.close_frame(), 1001)
            await peer.rest()
            await peer.leave()
            for path in ("/refuses", "/nowhere"):
                peer = await kind.connect(server.address, path)
                self.assertEqual(await peer.answer(), 403)
                await peer.leave()
        self.assertEqual(ends, [1001, 1001])


support.main()
