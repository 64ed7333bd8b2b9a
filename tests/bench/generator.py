"""The rows that turn the tables: what a request and a connection cost their load generator, ours beside h2load, with the same
server. Not a test itself."""
import json
import os
import re
import resource
import shutil
import subprocess
import time

import load
import servers
from load import Failure
from servers import peers

N, QUICK = 300000, 3200
ROWS = {
    "generator": ("a file of 612 bytes, 16 connections x 32 streams", False, False),
    "generator_varied": ("1,000 files of 612 bytes, 8 sets of fields (h2load: one set), 16 connections x 32 streams", False, True),
    "generator_tls": ("TLS, a file of 612 bytes, 16 connections x 32 streams", True, False),
}
CONNECTIONS, CONNECTIONS_QUICK = 10000, 200
GENERATORS = {"h2box load": [peers.H2BOX, "load", "--format", "text"], "h2load": ["h2load"]}


def cpu_us():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e6


def run(command, core, n, options, size=("-c16", "-m32")):
    """CPU microseconds of a generator per request, its start and end in it, and its requests per second."""
    before = cpu_us()
    done = subprocess.run(["taskset", "-c", str(core), *command, "-n", str(n), *size, *options], capture_output=True, text=True,
                          timeout=300)
    cost = (cpu_us() - before) / n
    counts, rate = re.search(r"(\d+) succeeded, 0 failed", done.stdout), re.search(r"([\d.]+) req/s", done.stdout)
    if not counts or int(counts.group(1)) != n or not rate:
        raise Failure("%s: not every request was answered\n%s%s" % (command[0], done.stdout, done.stderr))
    return {"us": cost, "rate": float(rate.group(1))}


def requests_file(uris):
    """For ours: each line with the fields of the next of eight visitors, and a referer of its own. h2load -i takes URIs alone."""
    path = uris + ".jsonl"
    visitors = [dict(word.split(": ", 1) for word in words[1::2]) for words in load.varied_headers()]
    with open(uris) as lines, open(path, "w") as out:
        for i, line in enumerate(lines):
            target = line.strip().replace("http://127.0.0.1", "")
            fields = {**visitors[i % len(visitors)], "referer": "http://www.example.com" + target}
            out.write(json.dumps({"path": target, "headers": fields}) + "\n")
    return path


def target():
    """The server that is loaded: Debian 13 has no h2o."""
    return "h2o" if shutil.which("h2o") else servers.OURS


def measure(name, rounds, n, site, uris):
    """All rounds of both, by name. The server runs on the other core and is the same for both."""
    _, tls, varied = ROWS[name]
    serve, drive = servers.cores()
    identity = peers.Identity() if tls else None
    server = servers.Server(target(), servers.starts()[target()], site, serve, identity)
    base = "%s://127.0.0.1:%d" % ("https" if tls else "http", server.port)
    options = {generator: [base + "/small"] for generator in GENERATORS}
    if varied:
        options = {"h2box load": ["--requests", requests_file(uris), base], "h2load": ["-i", uris, "-B", base, *load.varied_headers()[0]]}
    figures = {generator: [] for generator in GENERATORS}
    try:
        for turn in range(rounds):
            for generator in (list(GENERATORS), list(GENERATORS)[::-1])[turn % 2]:
                servers.say("    round %d of %d: %s" % (turn + 1, rounds, generator))
                figures[generator].append(run(GENERATORS[generator], drive, n, options[generator]))
    finally:
        server.stop()
    return figures


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def resident_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1))


def most_resident(command, core, n, seconds, url):
    """MiB resident at most while all n connections are open, and all of them have asked for something."""
    whole = ["taskset", "-c", str(core), *command, "-c%d" % n, "-m1", "-D%d" % seconds, url]
    run = subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    most = 0
    try:
        while run.poll() is None:
            try:
                if descriptors(run.pid) > n:
                    most = max(most, resident_kib(run.pid))
            except (OSError, AttributeError):  # it has just ended
                break
            time.sleep(0.1)
        out, _ = run.communicate(timeout=60)
    finally:
        if run.poll() is None:
            run.kill()
    done = re.search(r"(\d+) succeeded, 0 failed", out)
    if not done or int(done.group(1)) < n or not most:
        raise Failure("%s: not all connections were open and answered\n%s" % (command[0], out))
    return most / 1024


def memory(n, seconds, site):
    """MiB of both, by name."""
    serve, drive = servers.cores()
    server = servers.Server(servers.OURS, servers.starts()[servers.OURS], site, serve)
    try:
        return {name: most_resident(command, drive, n, seconds, "http://127.0.0.1:%d/small" % server.port)
                for name, command in GENERATORS.items()}
    finally:
        server.stop()
