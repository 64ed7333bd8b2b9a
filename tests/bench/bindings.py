"""The rows of the Python package: HPACK beside python3-hpack, the asyncio server beside one on python3-h2. Not a test itself."""
import glob
import gzip
import importlib
import json
import os
import sys
import time

import load
import servers
from load import Failure
from servers import peers

PACKAGE = os.path.join(servers.BUILD, "python")
SERVER = load.Row("an asyncio server in Python, 612 bytes, 16 connections x 32 streams", 612, 100000, 3200, ["-c", "16", "-m", "32"],
                  path="/")
# Python3-h2 is so slow that fewer requests tell as much.
SHARES = {"h2box": 1, "python3-h2": 10}


def built():
    return os.path.exists(os.path.join(PACKAGE, "h2box", "_core.abi3.so"))


def modules(*names):
    """Ours and theirs, or a Failure that says what is missing."""
    sys.path.insert(0, PACKAGE)
    try:
        return [importlib.import_module(name) for name in names]
    except ImportError as why:
        raise Failure("%s (./dev setup installs it)" % why) from None
    finally:
        sys.path.remove(PACKAGE)


def stories():
    """Lists of header lists, a story each."""
    out = []
    for path in sorted(glob.glob(os.path.join(servers.HERE, "..", "vectors", "hpack-test-case", "raw-data", "*.gz"))):
        with gzip.open(path) as f:
            out.append([[(k.encode(), v.encode()) for item in case["headers"] for k, v in item.items()] for case in json.load(f)["cases"]])
    return out


def timed(all_stories, encoder, decoder):
    """Microseconds a block, encoded and decoded."""
    blocks, count = [], sum(map(len, all_stories))
    start = time.perf_counter()
    for story in all_stories:
        encode = encoder()
        blocks.append([encode(headers) for headers in story])
    middle = time.perf_counter()
    for story in blocks:
        decode = decoder()
        for block in story:
            decode(block)
    return (middle - start) / count * 1e6, (time.perf_counter() - middle) / count * 1e6


def hpack(rounds):
    """The best of all rounds: {who: {encode, decode}} in microseconds a block."""
    ours, theirs = modules("h2box", "hpack")
    all_stories = stories()

    def their_decoder():
        decoder = theirs.Decoder()
        return lambda block: decoder.decode(block, raw=True)
    makers = {"h2box": (lambda: ours.Deflater().deflate, lambda: ours.Inflater().inflate),
              "python3-hpack": (lambda: theirs.Encoder().encode, their_decoder)}
    found = {who: [timed(all_stories, *makers[who]) for _ in range(rounds)] for who in makers}
    return {who: {"encode": min(f[0] for f in figures), "decode": min(f[1] for f in figures)} for who, figures in found.items()}


def server(rounds, n):
    """All rounds of both servers, by name."""
    modules("h2box", "h2")
    serve, drive = servers.cores()
    script = os.path.join(servers.HERE, "python_server.py")

    def start(kind):
        port = peers.free_port()
        return lambda *_: peers.Running([sys.executable, "-B", script, str(port), kind], port, env={"H2BOX_PYTHON": PACKAGE})
    running, figures = [], {"h2box": [], "python3-h2": []}
    try:
        for name, kind in (("h2box", "h2box"), ("python3-h2", "h2")):
            running.append(servers.Server(name, start(kind), None, serve))
        for turn in range(rounds):
            for one in running[::1 - 2 * (turn % 2)]:
                servers.say("    round %d of %d: %s" % (turn + 1, rounds, one.name))
                figures[one.name].append(load.round_of(SERVER, one, None, drive, n // SHARES[one.name]))
    finally:
        for one in running:
            one.stop()
    return figures
