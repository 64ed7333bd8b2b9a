"""The rows that turn the tables: what a request costs its load generator, ours beside h2load, with the same server. Not a test
itself."""
import re
import resource
import subprocess

import load
import servers
from load import Failure
from servers import peers

N, QUICK = 300000, 3200
ROWS = {
    "generator": ("h2o, a file of 612 bytes, 16 connections x 32 streams", False, False),
    "generator_varied": ("h2o, 1,000 files of 612 bytes and the fields of a browser, 16 connections x 32 streams", False, True),
    "generator_tls": ("h2o over TLS, a file of 612 bytes, 16 connections x 32 streams", True, False),
}
GENERATORS = {"h2box load": [peers.H2BOX, "load", "--format", "text"], "h2load": ["h2load"]}


def cpu_us():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e6


def run(command, core, n, options):
    """CPU microseconds of a generator per request, its start and end in it, and its requests per second."""
    before = cpu_us()
    done = subprocess.run(["taskset", "-c", str(core), *command, "-n", str(n), "-c16", "-m32", *options], capture_output=True, text=True,
                          timeout=300)
    cost = (cpu_us() - before) / n
    counts, rate = re.search(r"(\d+) succeeded, 0 failed", done.stdout), re.search(r"([\d.]+) req/s", done.stdout)
    if not counts or int(counts.group(1)) != n or not rate:
        raise Failure("%s: not every request was answered\n%s%s" % (command[0], done.stdout, done.stderr))
    return {"us": cost, "rate": float(rate.group(1))}


def measure(name, rounds, n, site, uris):
    """All rounds of both, by name. The server runs on the other core and is the same for both."""
    _, tls, varied = ROWS[name]
    serve, drive = servers.cores()
    identity = peers.Identity() if tls else None
    if "h2o" not in servers.starts():
        raise Failure("h2o is not installed")
    server = servers.Server("h2o", servers.PEERS["h2o"], site, serve, identity)
    base = "%s://127.0.0.1:%d" % ("https" if tls else "http", server.port)
    options = ["-i", uris, "-B", base, *load.varied_headers()[0]] if varied else [base + "/small"]
    figures = {generator: [] for generator in GENERATORS}
    try:
        for turn in range(rounds):
            for generator in (list(GENERATORS), list(GENERATORS)[::-1])[turn % 2]:
                servers.say("    round %d of %d: %s" % (turn + 1, rounds, generator))
                figures[generator].append(run(GENERATORS[generator], drive, n, options))
    finally:
        server.stop()
    return figures
