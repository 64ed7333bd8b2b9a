#!/usr/bin/env python3
"""WebSockets: their frames (h2box.WebSocket), and what an ASGI 3 application is told of them and may say, over both versions of HTTP."""
import support
import asyncio
import os
import sys
import unittest

import h2box
import h2box.websocket
from h2box import WebSocket
from h2box.asgi import ASGIServer

try:
    from dialogue import ACCEPT, BINARY, CLOSE, H1, H2, MORE, Ours, PING, PONG, TEXT, closing, frame
except ImportError:
    print("python3-h2 is not installed (./dev setup installs it)")
    sys.exit(77)

BIG = 1 << 20
h2box.websocket.FAREWELL = 60.0  # however slow this machine is


def message(data):
    return h2box.WebSocketMessage((data,))


class Frames(unittest.TestCase):
    def read(self, data, step, **options):
        """Events, and the code of the fault at their end."""
        channel, events = WebSocket(**options), []
        for at in range(0, len(data), step):
            try:
                events += channel.receive_data(data[at:at + step])
            except h2box.ProtocolError as fault:
                self.assertTrue(fault.reason)
                self.assertEqual(fault.scope, "stream")
                self.assertEqual(channel.receive_data(frame(TEXT, b"later")), [])
                return events + fault.events + [fault.code]
        self.assertLessEqual({type(e).__name__ for e in events}, {"WebSocketMessage", "WebSocketPing", "WebSocketPong", "WebSocketClosed"})
        return events

    def check(self, data, *expected, **options):
        for step in (len(data), 1, 3):
            self.assertEqual(self.read(data, step, **options), list(expected))

    def test_reading(self):
        self.check(frame(TEXT, "grüße".encode()) + frame(BINARY, b"\0\xff") + frame(TEXT), message("grüße"),
                   message(b"\0\xff"), message(""))
        self.check(frame(TEXT, b"\xc3", False) + frame(PING, b"p") + frame(MORE, b"\xbc", False) + frame(PONG) + frame(MORE),
                   h2box.WebSocketPing((b"p",)), h2box.WebSocketPong((b"",)), message("ü"))
        self.check(closing(1000, b"bye") + b"more", h2box.WebSocketClosed((1000, "bye")))
        self.check(frame(CLOSE), h2box.WebSocketClosed((1005, "")))
        for n in (125, 126, 65535, 65536):
            self.assertEqual(self.read(frame(BINARY, bytes(n)), 70000), [message(bytes(n))])

    def test_faults(self):
        good = frame(TEXT, b"good"), message("good")
        for data, code in ((b"\x81\x01x", 1002), (frame(TEXT, reserved=0x40), 1002), (frame(3), 1002), (frame(11), 1002),
                           (frame(MORE), 1002),
                           (frame(TEXT, b"a", False) + frame(TEXT, b"b"), 1002), (frame(PING, b"x", False), 1002),
                           (frame(PING, bytes(126)), 1002),
                           (b"\x82\xfe\x00\x01abcdx", 1002), (b"\x82\xff" + (1 << 63).to_bytes(8, "big") + b"abcd", 1002),
                           (frame(CLOSE, b"x"), 1002),
                           (closing(1005), 1002), (closing(2000), 1002), (closing(999), 1002), (closing(1000, b"\xff"), 1007),
                           (frame(TEXT, b"\xff"), 1007),
                           (frame(TEXT, b"\xc3"), 1007), (frame(TEXT, b"\xed\xa0\x80", False), 1007)):
            with self.subTest(data=data):
                self.check(good[0] + data, good[1], code)
        self.check(frame(BINARY, bytes(300)), 1009, max_message=299)
        self.check(frame(BINARY, bytes(200), False) + frame(MORE, bytes(100)), 1009, max_message=299)
        self.check(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"abcd", 1009, max_message=16 << 20)

    def test_writing(self):
        channel = WebSocket()
        self.assertEqual(channel.send_message("ü"), b"\x81\x02\xc3\xbc")
        self.assertEqual(channel.send_message(bytearray(b"ab")), b"\x82\x02ab")
        self.assertEqual(channel.send_message(memoryview(bytes(126)))[:4], b"\x82\x7e\x00\x7e")
        self.assertEqual(channel.send_message(bytes(65536))[:10], b"\x82\x7f\0\0\0\0\0\1\0\0")
        self.assertEqual((channel.ping(), channel.ping(b"x"), channel.pong(b"y")), (b"\x89\x00", b"\x89\x01x", b"\x8a\x01y"))
        self.assertEqual(WebSocket().close(), b"\x88\x02\x03\xe8")
        self.assertEqual(WebSocket().close(1005), b"\x88\x00")
        self.assertEqual(channel.close(reason="x", code=4000), b"\x88\x03\x0f\xa0x")
        for call in (channel.close, channel.ping, channel.pong, lambda: channel.send_message("x")):
            with self.assertRaises(h2box.CallError):
                call()

    def test_wrong_arguments(self):
        channel = WebSocket()
        for call in (lambda: channel.receive_data("x"), lambda: channel.receive_data(None), lambda: channel.send_message(None),
                     lambda: channel.send_message(1), lambda: channel.send_message([1]), lambda: channel.ping("x"),
                     lambda: channel.ping(b"", b""),
                     lambda: channel.close("x"), lambda: channel.close(1000, 5), lambda: WebSocket(5), lambda: WebSocket(max_message="x"),
                     lambda: WebSocket(max=5), lambda: channel.close(None), lambda: type("Sub", (WebSocket,), {})):
            with self.assertRaises(TypeError):
                call()
        for call in (lambda: channel.ping(bytes(126)), lambda: channel.close(1006), lambda: channel.close(5000),
                     lambda: channel.close(1000, "r" * 124),
                     lambda: channel.close(1005, "r"), lambda: channel.send_message("\ud800"), lambda: WebSocket(max_message=124),
                     lambda: channel.close(66536), lambda: WebSocket(max_message=(16 << 20) + 1)):
            with self.assertRaises(ValueError):
                call()
        for call in (lambda: channel.send_message(memoryview(bytes(8))[::2]), lambda: channel.receive_data(memoryview(bytes(8))[::2])):
            with self.assertRaises(BufferError):
                call()
        self.assertEqual(channel.close(1000, "r" * 123)[:2], b"\x88\x7d")

    def test_input_is_let_go(self):
        data = bytearray(frame(BINARY, b"x" * 500))
        told = WebSocket().receive_data(data)
        data.clear()
        self.assertEqual(told, [message(b"x" * 500)])


class Told:
    """What the application saw."""

    def __init__(self):
        self.scopes, self.ends, self.sent, self.got, self.raised = [], [], 0, 0, []
        self.changed = asyncio.Event()
        self.gate = asyncio.Event()

    async def until(self, condition):
        while not condition():
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 30)

    async def application(self, scope, receive, send):
        assert scope["type"] == "websocket", scope["type"]
        self.scopes.append(scope)
        assert (await receive()) == {"type": "websocket.connect"}
        try:
            await getattr(self, scope["path"][1:] or "echo")(scope, receive, send)
        except Exception as why:
            self.raised.append(why)
            raise
        finally:
            self.changed.set()

    async def finish(self, receive):
        """Reads to the end."""
        while (message := await receive())["type"] == "websocket.receive":
            pass
        self.ends.append((message["code"], message["reason"]))

    async def echo(self, scope, receive, send, **accept):
        await send({"type": "websocket.accept", **accept})
        while (message := await receive())["type"] == "websocket.receive":
            self.got += 1
            await send({**message, "type": "websocket.send"})
        self.ends.append((message["code"], message["reason"]))

    async def chat(self, scope, receive, send):
        await self.echo(scope, receive, send, subprotocol=scope["subprotocols"][1], headers=[(b"X-Said", b"yes"), (b"connection", b"no")])

    async def closes(self, scope, receive, send):
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4001, "reason": "enough"})
        await self.finish(receive)
        await send({"type": "websocket.send", "text": "x"})

    async def returns(self, scope, receive, send):
        await send({"type": "websocket.accept"})

    async def raises(self, scope, receive, send):
        await send({"type": "websocket.accept"})
        raise RuntimeError("on purpose")

    async def raises_early(self, scope, receive, send):
        raise RuntimeError("on purpose")

    async def nothing(self, scope, receive, send):
        pass

    async def refuses(self, scope, receive, send):
        await send({"type": "websocket.close"})
        await self.finish(receive)

    async def denies(self, scope, receive, send):
        await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x", b"y")]})
        await send({"type": "websocket.http.response.body", "body": b"who ", "more_body": bool(scope["query_string"])})
        if scope["query_string"]:
            for _ in range(100):
                await send({"type": "websocket.http.response.body", "body": b"are you " * 1000, "more_body": True})
            await send({"type": "websocket.http.response.body"})
        await self.finish(receive)

    async def deaf(self, scope, receive, send):
        """Takes nothing until it is let."""
        await send({"type": "websocket.accept"})
        await self.gate.wait()
        while (message := await receive())["type"] == "websocket.receive":
            self.got += len(message["bytes"])
        self.ends.append((message["code"], message["reason"]))

    async def talks(self, scope, receive, send):
        """More than a client takes, from several tasks."""
        await send({"type": "websocket.accept"})

        async def some():
            for _ in range(50):
                await send({"type": "websocket.send", "bytes": bytes(20000)})
                self.sent += 1
                self.changed.set()
        await asyncio.gather(*(some() for _ in range(4)))
        await self.finish(receive)

    async def sends_late(self, scope, receive, send):
        await send({"type": "websocket.accept"})
        await self.finish(receive)
        await send({"type": "websocket.send", "text": "x"})

    async def wrong(self, scope, receive, send):
        await send({"type": "websocket.accept"})
        for message, kind in (({"type": "websocket.accept"}, RuntimeError), ({"type": "http.response.start", "status": 200}, RuntimeError),
                              ({"type": "websocket.send"}, TypeError), ({"type": "websocket.send", "text": 5}, TypeError),
                              ({"type": "websocket.send", "bytes": 5}, TypeError), ({"type": "websocket.close", "code": 1006}, ValueError),
                              ({"type": "websocket.close", "reason": "r" * 200}, ValueError)):
            try:
                await send(message)
            except kind:
                self.got += 1
        await send({"type": "websocket.send", "text": str(self.got)})

    async def wrong_answer(self, scope, receive, send):
        for message in ({"type": "websocket.accept", "subprotocol": "not offered"},
                        {"type": "websocket.accept", "headers": [(b"Sec-WebSocket-Accept", b"x")]},
                        {"type": "websocket.http.response.start", "status": 200}, {"type": "websocket.http.response.body", "body": b""},
                        {"type": "websocket.send", "text": "x"}):
            try:
                await send(message)
            except (ValueError, RuntimeError):
                self.got += 1
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": str(self.got)})


class Application(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.told, self.noted = Told(), []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.noted.append(context["exception"]))
        await self.serve()

    async def serve(self, **options):
        self.server = ASGIServer(("127.0.0.1", 0), self.told.application, **options)
        await self.server.start()
        self.addAsyncCleanup(self.server.close, 1)

    async def connect(self, kind, *arguments, status=None, **more):
        peer = await kind.connect(self.server.address, *arguments, **more)
        self.addAsyncCleanup(peer.leave)
        self.assertEqual(await peer.answer(), status or (101 if kind is H1 else 200))
        return peer

    async def ends(self, *expected):
        await self.told.until(lambda: len(self.told.ends) >= len(expected))
        self.assertEqual(self.told.ends, list(expected))

    async def test_scope(self):
        offered = [("sec-websocket-protocol", "one, chat"), ("sec-websocket-protocol", "three"), ("cookie", "a=b")]
        for kind, version in ((H2, "2"), (H1, "1.1")):
            peer = await self.connect(kind, "/chat?a=b", offered)
            scope = self.told.scopes.pop()
            headers = dict(scope.pop("headers"))
            self.assertEqual(scope.pop("client")[0], "127.0.0.1")
            self.assertEqual(scope, {"type": "websocket", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": version,
                                     "scheme": "ws",
                                     "path": "/chat", "raw_path": b"/chat", "query_string": b"a=b", "root_path": "",
                                     "server": self.server.address,
                                     "subprotocols": ["one", "chat", "three"], "extensions": {"websocket.http.response": {}}, "state": {}})
            self.assertEqual((headers[b"host"], headers[b"cookie"]), (b"test", b"a=b"))
            self.assertEqual((peer.headers["sec-websocket-protocol"], peer.headers["x-said"]), ("chat", "yes"))
            if kind is H1:
                self.assertEqual(peer.headers["sec-websocket-accept"].encode(), ACCEPT)

    async def test_dialogue(self):
        for kind in (H2, H1):
            peer = await self.connect(kind)
            await peer.send(frame(TEXT, b"hello") + frame(BINARY, bytes(70000)))
            self.assertEqual(await peer.frame(), (TEXT, b"hello"))
            self.assertEqual(await peer.frame(), (BINARY, bytes(70000)))
            for piece in (frame(TEXT, b"in ", False), frame(PING, b"?"), frame(MORE, b"parts"), frame(PONG)):
                await peer.send(piece)
            self.assertEqual([await peer.frame(), await peer.frame()], [(PONG, b"?"), (TEXT, b"in parts")])
            await peer.send(closing(4242, b"why"))
            self.assertEqual(await peer.close_frame(), 4242)
            self.assertEqual(await peer.rest(), b"")
            self.assertIs(peer.ended, True)
        await self.ends((4242, "why"), (4242, "why"))
        self.assertEqual(self.noted, [])

    async def test_a_long_message(self):
        for kind in (H2, H1):
            peer = await self.connect(kind)
            data = os.urandom(BIG)
            sending = asyncio.create_task(peer.send(frame(BINARY, data[:400000], False) + frame(MORE, data[400000:])))
            self.assertEqual(await peer.frame(), (BINARY, data))
            await sending

    async def test_application_ends_it(self):
        for kind in (H2, H1):
            for path, code, reason in (("/closes", 4001, b"enough"), ("/returns", 1000, b""), ("/raises", 1011, b"")):
                peer = await self.connect(kind, path)
                self.assertEqual(await peer.frame(), (CLOSE, code.to_bytes(2, "big") + reason))
                await peer.send(closing(code))
                self.assertEqual(await peer.rest(), b"")
                self.assertIs(peer.ended, True)
        await self.ends((4001, ""), (4001, ""))
        # What it sends after its own close is its own fault; what is raised is told.
        self.assertEqual(sorted(str(why) for why in self.noted), ["on purpose"] * 2 + ["websocket.send is not due"] * 2)

    async def test_client_ends_it(self):
        for kind in (H2, H1):
            peer = await self.connect(kind)
            await peer.send(frame(CLOSE))
            self.assertEqual(await peer.close_frame(), None)
            await peer.rest()
            peer = await self.connect(kind)
            peer.finish()
            await peer.rest()
            peer = await self.connect(kind)
            peer.reset()
            await self.ends((1005, ""), (1006, ""), (1006, ""))
            self.told.ends.clear()
        self.assertEqual(self.noted, [])

    async def test_faults_end_it(self):
        for kind in (H2, H1):
            for data, code in ((b"\x81\x01x", 1002), (frame(TEXT, b"\xff"), 1007), (frame(BINARY, bytes(BIG + 1)), 1009)):
                peer = await self.connect(kind)
                sending = asyncio.create_task(peer.send(data + frame(TEXT, b"later")))
                self.assertEqual(await peer.close_frame(), code)
                await peer.rest()
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                await self.told.until(lambda: self.told.ends)
                self.assertEqual(self.told.ends.pop()[0], code)
        self.assertEqual((self.noted, self.told.got), ([], 0))

    async def test_denied(self):
        for kind in (H2, H1):
            await self.connect(kind, "/refuses", status=403)
            peer = await self.connect(kind, "/denies", status=401)
            self.assertEqual((peer.headers["x"], peer.headers["content-length"]), ("y", "4"))
            self.assertEqual(await peer.take(4), b"who ")
            await self.connect(kind, "/raises_early", status=500)
            await self.connect(kind, "/nothing", status=500)
            await self.connect(kind, version="8", status=400)
        peer = await self.connect(H2, "/denies?long", status=401)
        self.assertEqual(len(await peer.rest()), 4 + 800000)
        for key in ("", "short", "dGhlIHNhbXBsZSBub25jZQ", "AAAA"):
            peer = await self.connect(H1, key=key, status=400)
            self.assertEqual(peer.headers["sec-websocket-version"], "13")
        self.assertEqual(len(self.noted), 4)

    async def test_what_is_not_due(self):
        for kind in (H2, H1):
            for path, n in (("/wrong", 7), ("/wrong_answer", 5)):
                self.told.got = 0
                peer = await self.connect(kind, path)
                self.assertEqual(await peer.frame(), (TEXT, b"%d" % n))

    async def test_a_client_that_is_gone(self):
        """To send to it is an OSError, as ASGI has it, and is told to nobody."""
        for kind in (H2, H1):
            peer = await self.connect(kind, "/sends_late")
            peer.reset()
            await self.told.until(lambda: self.told.raised)
            self.assertIsInstance(self.told.raised.pop(), OSError)
            peer = await self.connect(kind, "/sends_late")
            await peer.send(closing(1000))
            await self.told.until(lambda: self.told.raised)
            self.assertIsInstance(self.told.raised.pop(), h2box.ClientDisconnected)
        self.assertEqual(self.noted, [])

    async def test_a_client_that_does_not_take(self):
        peer = await self.connect(H2, "/talks", acknowledges=False)
        while len(peer.data) < 65535:
            await peer.more()
        for _ in range(50):
            await asyncio.sleep(0)
        self.assertLess(self.told.sent, 20)  # of 200; a window and a queue are 200 KiB
        peer.acknowledges = True
        peer.h2.acknowledge_received_data(65535, peer.stream)
        peer.flush()
        for _ in range(200):
            self.assertEqual(await peer.frame(), (BINARY, bytes(20000)))
        self.assertEqual(self.told.sent, 200)

    async def test_an_application_that_does_not_take(self):
        """The client's window is used up and stays so; pings are answered all the same. Then all comes."""
        peer = await self.connect(H2, "/deaf")
        one = frame(BINARY, bytes(1000))
        sending = asyncio.create_task(peer.send(frame(PING, b"x") + one * 200))
        self.assertEqual(await peer.frame(), (PONG, b"x"))
        while peer.room:
            await asyncio.sleep(0.01)
        # An answer to a ping shows that all before it was read, and that no window came.
        peer.h2.ping(b"12345678")
        peer.flush()
        while not peer.pongs:
            await asyncio.sleep(0.01)
        self.assertEqual((peer.room, self.told.got), (0, 0))
        self.told.gate.set()
        await sending
        await peer.send(closing(1000))
        self.assertEqual(await peer.close_frame(), 1000)
        await self.ends((1000, ""))
        self.assertEqual(self.told.got, 200000)

    async def test_a_close_with_a_full_window(self):
        """An application that takes nothing and closes: the client can still answer."""
        peer = await self.connect(Ours, "/deaf")
        await peer.send(frame(BINARY, bytes(1000)) * 60)
        closing_down = asyncio.create_task(self.server.close(20))
        self.assertEqual(await peer.close_frame(), 1001)
        await peer.send(frame(BINARY, bytes(1000)) * 60 + closing(1001))
        await peer.rest()
        self.assertIs(peer.ended, True)
        await peer.leave()
        await asyncio.wait_for(closing_down, 15)

    async def test_the_server_stops(self):
        peers = [await self.connect(kind) for kind in (Ours, H1)]  # python3-h2 takes nothing after GOAWAY
        closing_down = asyncio.create_task(self.server.close(20))
        for peer in peers:
            self.assertEqual(await peer.close_frame(), 1001)
            await peer.send(closing(1001))
            await peer.rest()
            await peer.leave()
        await asyncio.wait_for(closing_down, 15)
        await self.ends((1001, ""), (1001, ""))

    async def test_a_client_that_does_not_answer(self):
        before, h2box.websocket.FAREWELL = h2box.websocket.FAREWELL, 0.1
        self.addCleanup(setattr, h2box.websocket, "FAREWELL", before)
        for kind in (H2, H1):
            peer = await self.connect(kind, "/returns")
            self.assertEqual(await peer.close_frame(), 1000)
            await peer.rest()
        self.assertEqual(self.noted, [])

    async def test_an_application_without(self):
        await self.server.close(1)
        await self.serve(websockets=False)
        await self.connect(H1, status=501)
        peer = await H2.connect(self.server.address)
        self.addAsyncCleanup(peer.leave)
        await peer.rest()
        self.assertEqual(peer.ended, 1)  # not announced, so it is a fault of the stream (RFC 9113 section 8.3)

    async def test_announced(self):
        for websockets in (True, False):
            await self.server.close(1)
            await self.serve(websockets=websockets)
            reader, writer = await asyncio.open_connection(*self.server.address)
            client, settings = h2box.Connection(), {}
            writer.write(client.data_to_send())
            while not settings:
                for event in client.receive_data(await reader.read(1000)):
                    settings.update(getattr(event, "changed_settings", {}))
            writer.close()
            self.assertEqual(settings.get(h2box.SettingCodes.ENABLE_CONNECT_PROTOCOL, 0), int(websockets))

    async def test_largest_message_is_the_servers_choice(self):
        for size in (100, 1 << 30, "x"):
            with self.assertRaises((ValueError, TypeError)):
                ASGIServer(("127.0.0.1", 0), self.told.application, websocket_max_size=size)
        await self.server.close(1)
        await self.serve(websocket_max_size=200)
        peer = await self.connect(H2)
        await peer.send(frame(BINARY, bytes(200)))
        self.assertEqual(await peer.frame(), (BINARY, bytes(200)))
        await peer.send(frame(BINARY, bytes(201)))
        self.assertEqual(await peer.close_frame(), 1009)


support.main()
