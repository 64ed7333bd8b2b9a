#!/usr/bin/env python3
"""h2box.asgi: what an ASGI 3 application is told, and what it may say."""
import support
import asyncio
import unittest

from h2box import HTTP2Client
from h2box.asgi import ASGIServer

LOG = []


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            LOG.append(message["type"])
            scope["state"]["started"] = True
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path = scope["path"]
    if path == "/scope":
        told = {k: scope[k] for k in ("type", "http_version", "method", "scheme", "path", "raw_path", "query_string", "headers", "state")}
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"text/plain"), (b"connection", b"close")]})
        await send({"type": "http.response.body", "body": repr(told).encode()})
    elif path == "/echo":
        await send({"type": "http.response.start", "status": 200})
        while True:
            message = await receive()
            await send({"type": "http.response.body", "body": message["body"], "more_body": message["more_body"]})
            if not message["more_body"]:
                return
    elif path == "/trailers":
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
        await send({"type": "http.response.body", "body": b"body"})
        await send({"type": "http.response.trailers", "headers": [(b"sum", b"1")]})
    elif path == "/push":
        await send({"type": "http.response.early_hint", "links": [b"</pushed>"]})
        await send({"type": "http.response.push", "path": "/scope", "headers": []})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})
    elif path == "/big":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for n in range(400):
            LOG.append(n)
            await send({"type": "http.response.body", "body": b"b" * 10000, "more_body": True})
        await send({"type": "http.response.body"})
    elif path == "/wait":
        LOG.append((await receive())["type"])
        LOG.append((await receive())["type"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})
    elif path == "/fail":
        raise RuntimeError("on purpose")
    elif path == "/nothing":
        return
    elif path == "/order":
        await send({"type": "http.response.body", "body": b"early"})


class Application(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        LOG.clear()
        self.noted = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.noted.append(context["exception"]))
        self.server = ASGIServer(("127.0.0.1", 0), app)
        await self.server.start()
        self.addAsyncCleanup(self.server.close, 1)

    async def get(self, *arguments, protocol="h2", on_push=None, **more):
        async with HTTP2Client(self.server.address, protocol=protocol, on_push=on_push) as client:
            response = await client.request(*arguments, **more)
            response.body = await response.read()
            return response

    async def test_scope(self):
        for protocol, version in (("h2", "2"), ("http/1.1", "1.1")):
            got = await self.get("GET", "/sc%6fpe?a=b%20c", [("cookie", "a=b"), ("cookie", "c=d"), ("x", "y")], protocol=protocol)
            told = eval(got.body)
            headers = dict(told.pop("headers"))
            self.assertEqual(told, {"type": "http", "http_version": version, "method": "GET", "scheme": "http", "path": "/scope",
                                    "raw_path": b"/sc%6fpe", "query_string": b"a=b%20c", "state": {"started": True}})
            self.assertEqual((headers[b"cookie"], headers[b"x"]), (b"a=b; c=d", b"y"))
            self.assertEqual(headers[b"host"], b"127.0.0.1:%d" % self.server.address[1])
            self.assertEqual(got.header("content-type"), "text/plain")

    async def test_bodies(self):
        for protocol in ("h2", "http/1.1"):
            got = await self.get("POST", "/echo", body=b"e" * 300000, protocol=protocol)
            self.assertEqual(got.body, b"e" * 300000)
        self.assertEqual((await self.get("HEAD", "/scope")).body, b"")
        got = await self.get("GET", "/trailers")
        self.assertEqual((got.body, got.trailers), (b"body", [(b"sum", b"1")]))

    async def test_push(self):
        pushed = []

        def on_push(headers, response):
            pushed.append(response)
        async with HTTP2Client(self.server.address, on_push=on_push) as client:
            response = await client.request(path="/push")
            self.assertEqual([status for status, _ in response.informational], [103])
            self.assertIn(b"'/scope'", await pushed[0].read())
        self.assertEqual((await self.get("GET", "/push")).status, 200)

    async def test_back_pressure(self):
        async with HTTP2Client(self.server.address) as client:
            response = await client.request(path="/big")
            before = None
            while before != LOG[-1]:
                before = LOG[-1]
                await asyncio.sleep(0.1)
            self.assertLess(LOG[-1], 300)
            self.assertEqual(len(await response.read()), 4000000)

    async def test_disconnect(self):
        async with HTTP2Client(self.server.address) as client:
            task = asyncio.create_task(client.request(path="/wait"))
            await support.until(lambda: "http.request" in LOG)
            task.cancel()
            await support.until(lambda: "http.disconnect" in LOG)
        self.assertEqual(LOG[1:], ["http.request", "http.disconnect"])

    async def test_faults(self):
        for path in ("/fail", "/nothing", "/order"):
            self.assertEqual((await self.get("GET", path)).status, 500)
        self.assertEqual(len(self.noted), 3)

    async def test_lifespan(self):
        await self.server.close()
        self.assertEqual(LOG, ["lifespan.startup", "lifespan.shutdown"])

        async def refuses(scope, receive, send):
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no database"})

        async def has_none(scope, receive, send):
            if scope["type"] != "http":
                raise NotImplementedError
            await app({**scope, "state": None}, receive, send)
        with self.assertRaisesRegex(RuntimeError, "no database"):
            await ASGIServer(("127.0.0.1", 0), refuses).start()
        self.server = ASGIServer(("127.0.0.1", 0), has_none)
        await self.server.start()
        self.addAsyncCleanup(self.server.close, 1)
        self.assertEqual((await self.get("GET", "/scope")).status, 200)


support.main()
