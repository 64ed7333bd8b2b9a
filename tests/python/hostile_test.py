#!/usr/bin/env python3
"""HTTP2Client with the hostile servers of tests/compat: each request ends, with a response or one of our exceptions, in time and in
little memory."""
import support
import asyncio
import resource
import unittest

import hostility

hostility.main = lambda *_: None  # its cases are played to another client here
import hostile  # noqa: E402,F401
import hostile_h1  # noqa: E402,F401
from scripted import Server  # noqa: E402

from h2box import H2Error, HTTP2Client  # noqa: E402

SECONDS = 20
GROWTH = (300 << 10) if support.SLOW else (100 << 10)  # KiB of all cases together


class Hostile(unittest.TestCase):
    async def get(self, port, protocol):
        async with HTTP2Client(("127.0.0.1", port), protocol=protocol) as client:
            response = await client.request(path="/x")
            size = 0
            async for piece in response:
                size += len(piece)
            return size

    def test_all(self):
        cases = [c for c in hostility.CASES if c.kind in ("h2", "h1") and not c.args]
        self.assertGreater(len(cases), 80)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for case in cases:
            with self.subTest(case=case.name), Server(case.play, seconds=SECONDS + 5) as server:
                port = server.port
                try:
                    asyncio.run(asyncio.wait_for(self.get(port, "http/1.1" if case.kind == "h1" else "h2"), SECONDS))
                except (H2Error, ConnectionError):
                    pass
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, GROWTH)


support.main()
