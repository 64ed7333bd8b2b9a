"""The rows of the Python package: HPACK beside python3-hpack, the asyncio server beside one on python3-h2. Not a test itself."""
import glob
import gzip
import importlib
import json
import os
import sys
import time

import generator
import servers
from load import Failure
from servers import peers

PACKAGE = os.path.join(servers.BUILD, "python")
TITLE = "an asyncio server in Python, 612 bytes, 64 connections x 32 streams"
LOAD = ("-c64", "-m32")  # with 16 connections our server waited for the load in between
N, QUICK = 400000, 4000
# Python3-h2 is so slow that fewer requests tell as much.
SHARES = {"h2box": 1, "python3-h2": 10}
FULL = 0.9  # of its core's time a server must have had, or stood in line for, to say that its requests per second are its limit


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


def round_of(one, core, n):
    """A run of `h2box load`: requests per second and CPU microseconds a request, and what share of the time the server ran, or stood in
    line for its core while other work had it."""
    before, waited = one.cpu_us(), one.waited_us()
    rate = generator.run([peers.H2BOX, "load", "--format", "text"], core, n, ["http://127.0.0.1:%d/" % one.port], LOAD)["rate"]
    cost, waited = (one.cpu_us() - before) / n, (one.waited_us() - waited) / n
    return {"us": cost, "rate": rate, "ran": cost * rate / 1e6, "in_line": waited * rate / 1e6}


def best_of(rounds):
    """The least cost, and the round with the most requests."""
    return {**max(rounds, key=lambda r: r["rate"]), "us": min(r["us"] for r in rounds), "rounds": rounds}


def server(rounds, n):
    """The best of all rounds of both servers, by name."""
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
                share = n // SHARES[one.name]
                if turn == 0:
                    round_of(one, drive, share // 4)  # warms up
                figures[one.name].append(round_of(one, drive, share))
    finally:
        for one in running:
            one.stop()
    return {who: best_of(found) for who, found in figures.items()}
