"""What the tests of the Python package share: how the package is found, what runs beside it, and two connections that talk. Not
a test itself.

It is imported first: where the extension is built with AddressSanitizer, that has to be in the process before Python is, so the
test starts itself anew. Environment: H2BOX_PYTHON = the folder of the package, H2BOX = the executable."""
import asyncio
import gzip
import json
import os
import random
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PACKAGE = os.environ.get("H2BOX_PYTHON", os.path.join(ROOT, "build", "release", "python"))
VECTORS = os.environ.get("H2BOX_VECTORS", os.path.join(ROOT, "tests", "vectors"))
PRELOAD = os.environ.get("H2BOX_PYTHON_PRELOAD")
SLOW = bool(PRELOAD)  # sanitizers make everything slower: less of it

if not os.path.exists(os.path.join(PACKAGE, "h2box", "_core.abi3.so")):
    print("the Python package is not built: Python.h was missing (package python3-dev)")
    sys.exit(77)

sys.dont_write_bytecode = True
sys.path[:0] = [PACKAGE, os.path.join(ROOT, "tests", "compat")]


def python_environment():
    """For a Python that uses the package."""
    env = {**os.environ, "PYTHONPATH": PACKAGE, "PYTHONDONTWRITEBYTECODE": "1"}
    if PRELOAD:
        # Leaks of Python's own are no news; those of the extension are looked for by leak_test.py. Without pymalloc the
        # sanitizer sees each allocation.
        env.update(LD_PRELOAD=PRELOAD, PYTHONMALLOC="malloc",
                   ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0:quarantine_size_mb=8")
    return env


if PRELOAD and os.environ.get("LD_PRELOAD") != PRELOAD:
    os.execve(sys.executable, [sys.executable, "-B", *sys.argv], python_environment())
for word in ("LD_PRELOAD", "PYTHONMALLOC"):
    os.environ.pop(word, None)  # programs that the test starts are not Python


def story(folder, number):
    """The cases of a story of tests/vectors: (seqno, wire or None, headers, table size or None)."""
    path = os.path.join(VECTORS, "hpack-test-case", folder, "story_%02d.json.gz" % number)
    with gzip.open(path) as f:
        for case in json.load(f)["cases"]:
            headers = [(k.encode(), v.encode()) for item in case["headers"] for k, v in item.items()]
            yield case.get("seqno"), bytes.fromhex(case["wire"]) if "wire" in case else None, headers, case.get("header_table_size")


def stories(folder):
    names = os.listdir(os.path.join(VECTORS, "hpack-test-case", folder))
    return sorted(int(n[6:8]) for n in names if n.startswith("story_"))


class Talk:
    """A client and a server that exchange bytes, cut anywhere when a seed is given. Events are kept by side."""

    def __init__(self, client, server, seed=None):
        self.sides = {"client": client, "server": server}
        self.client, self.server = client, server
        self.events = {"client": [], "server": []}
        self.random = random.Random(seed) if seed is not None else None

    def pieces(self, data):
        while data:
            n = self.random.choice((1, 2, 9, 100, 5000)) if self.random else len(data)
            yield data[:n]
            data = data[n:]

    def pass_on(self, source, target):
        data = self.sides[source].data_to_send()
        for piece in self.pieces(data or b""):
            self.events[target] += self.sides[target].receive_data(piece) or []
        if getattr(self.sides[target], "pending", False):
            self.events[target] += self.sides[target].receive_data(b"")
        return bool(data)

    def run(self):
        """Until nobody has anything to say; returns what each side was told in this run."""
        before = {side: len(events) for side, events in self.events.items()}
        while self.pass_on("client", "server") | self.pass_on("server", "client"):
            pass
        return [self.events[side][before[side]:] for side in ("client", "server")]


async def until(condition, seconds=100):
    """Waits for what must happen, however slow the machine is."""
    for _ in range(seconds * 100):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


def main():
    unittest.main(verbosity=1)
