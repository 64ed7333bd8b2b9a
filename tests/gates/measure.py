"""Figures that do not depend on the speed of the machine: instructions, system calls, bytes. Not a test itself.

Each is the difference of two runs, a short one and a long one, over what the long one does more: so what starting and
ending cost falls out."""
import gzip
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "..", "..")
BUILD = os.environ.get("H2BOX_BUILD_DIR", os.path.join(SOURCE, "build", "release"))
os.environ.setdefault("H2BOX", os.path.join(BUILD, "h2box"))
sys.path.append(os.path.join(HERE, "..", "compat"))  # after ours: names there may be the same
import load  # noqa: E402
import peers  # noqa: E402  (reads H2BOX)

# glibc chooses its memcpy by the processor; the plain one is there on all of them. (What it does not know it ignores.)
PLAIN = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-ERMS,-AVX_Fast_Unaligned_Load"}


def server(site, *before):
    """A server that has said that it listens; asking by a connection would be one more of them."""
    running = peers.Running([*before, peers.H2BOX, "server", "--no-tls", "-d", site, "-a", "127.0.0.1", "-n1", "0"], env=PLAIN)
    give_up = time.time() + 30
    while not (said := re.search(r"listen 127\.0\.0\.1:(\d+)", running.output)):
        if running.process.poll() is not None or time.time() > give_up:
            running.stop()
            raise AssertionError("%s does not listen\n%s" % (running.process.args, running.output))
        time.sleep(0.02)
    running.port = int(said[1])
    return running


def end(running):
    code = running.stop()
    if code != 0:
        raise AssertionError("%s ended with %s\n%s" % (running.process.args, code, running.output))


# ---- instructions ----------------------------------------------------------------------------------------------------

CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def collected(text):
    found = re.search(r"Collected : (\d+)", text)
    if not found:
        raise AssertionError("callgrind counted nothing:\n" + text)
    return int(found[1])


def server_instructions():
    """User instructions of a server per request, 32 requests to a batch."""
    connections, short, long = 4, 1024, 3072

    def run(prepared):
        with server(site, *CALLGRIND) as running:
            load.lock_step(running.port, prepared, connections)
            end(running)
            return collected(running.output)

    with tempfile.TemporaryDirectory(prefix="h2box-gate-") as site:
        load.make_site(site)
        for mix in (load.constant, load.mixed):
            prepared = load.batches(mix, long)
            more = run(prepared) - run(prepared[:short // load.BATCH])
            yield "server." + mix.__name__, more / (connections * (long - short))


def proxy(backend, proto):
    """A proxy under callgrind, that listens."""
    port = peers.free_port()
    return peers.Running([*CALLGRIND, peers.H2BOX, "proxy", "-n1", "-f127.0.0.1,%d;no-tls" % port,
                          "-b127.0.0.1,%d;;proto=%s" % (backend, proto)], port, PLAIN)


def proxy_instructions():
    """User instructions of a proxy per request, both sides of it, 32 requests to a batch."""
    connections, short, long = 4, 512, 1536

    def run(proto, prepared):
        with server(site) as backend, proxy(backend.port, proto) as running:
            load.lock_step(running.port, prepared, connections)
            end(running)
            return collected(running.output)

    with tempfile.TemporaryDirectory(prefix="h2box-gate-") as site:
        load.make_site(site)
        prepared = load.batches(load.mixed, long)
        for name, proto in (("h2", "h2"), ("h1", "http/1.1")):
            more = run(proto, prepared) - run(proto, prepared[:short // load.BATCH])
            yield "proxy." + name, more / (connections * (long - short))


def load_instructions():
    """User instructions of the load generator per request, 32 to a connection; the server is much faster than callgrind."""
    short, long = 2560, 12800

    def run(port, n):
        command = [*CALLGRIND, peers.H2BOX, "load", "--format", "text", "-n%d" % n, "-c4", "-m32",
                   "http://127.0.0.1:%d%s" % (port, load.FILES[0])]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **PLAIN}, timeout=100)
        if "%d succeeded, 0 failed" % n not in done.stdout:
            raise AssertionError("not every request was answered\n%s%s" % (done.stdout, done.stderr))
        return collected(done.stderr)

    with tempfile.TemporaryDirectory(prefix="h2box-gate-") as site:
        load.make_site(site)
        with server(site) as running:
            yield "load.constant", (run(running.port, long) - run(running.port, short)) / (long - short)


def write_stories(path):
    """The stories that libnghttp2 encoded, as hpack_gate wants them."""
    folder = os.path.join(HERE, "..", "vectors", "hpack-test-case", "nghttp2")
    with open(path, "wb") as out:
        for name in sorted(os.listdir(folder)):
            with gzip.open(os.path.join(folder, name)) as f:
                cases = json.load(f)["cases"]
            out.write(struct.pack("<I", len(cases)))
            for case in cases:
                wire = bytes.fromhex(case["wire"])
                out.write(struct.pack("<II", len(case["headers"]), len(wire)) + wire)
                for header in case["headers"]:
                    for field in header.items():
                        field = [text.encode() for text in field]
                        out.write(struct.pack("<HH", *map(len, field)) + b"".join(field))


def program(name, *args, before=()):
    done = subprocess.run([*before, os.path.join(BUILD, "tests", "gates", name), *args], capture_output=True, text=True,
                          env={**os.environ, **PLAIN}, timeout=100)
    if done.returncode:
        raise AssertionError("%s failed\n%s%s" % (name, done.stdout, done.stderr))
    return done


def hpack_instructions():
    """User instructions per field of a header section, over all stories."""
    with tempfile.NamedTemporaryFile(prefix="h2box-gate-") as stories:
        write_stories(stories.name)
        for way in ("encode", "decode"):
            runs = [program("hpack_gate", way, stories.name, rounds, before=CALLGRIND) for rounds in ("1", "4")]
            more = collected(runs[1].stderr) - collected(runs[0].stderr)
            yield "hpack." + way, more / (3 * int(runs[0].stdout))


# ---- system calls ------------------------------------------------------------------------------------------------------

def strace_calls(path):
    """{system call: count} of an `strace -c` summary, once it is whole."""
    give_up = time.time() + 10
    while time.time() < give_up:
        with open(path) as f:
            rows = [line.split() for line in f]
        counts = {row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit()}
        if "total" in counts:
            return counts
        time.sleep(0.05)
    raise AssertionError("strace wrote no summary")


def wait_stopped(pid):
    """Until no thread of a process runs: each is stopped, by its signal or under strace."""
    folder, give_up = "/proc/%d/task" % pid, time.time() + 10
    while time.time() < give_up:
        states = set()
        for task in os.listdir(folder):
            with open("%s/%s/stat" % (folder, task)) as f:
                states.add(f.read().rpartition(")")[2].split()[0])
        if states <= {"t", "T"}:
            return
        time.sleep(0.0005)
    raise AssertionError("the server does not stand still")


def traced(site, drive):
    """The system calls of a server while `drive(running)` uses it."""
    with tempfile.TemporaryDirectory(prefix="h2box-gate-") as folder:
        summary = folder + "/summary"
        try:
            running = server(site, "strace", "-D", "-f", "-c", "-o", summary)
        except AssertionError as why:
            raise AssertionError("no figure without strace, which needs the right to ptrace\n%s" % why) from None
        with running:
            drive(running)
            end(running)
            return strace_calls(summary)


def system_calls():
    """System calls of a server per 1,000 requests: in batches of 32 on one connection after the other, and with 100
    connections that each have one request in a turn. Prints how each figure is made up."""
    connections, many = 16, 100

    def one_by_one(prepared):
        return traced(site, lambda running: load.lock_step(running.port, prepared, connections))

    def at_once(prepared):
        def drive(running):
            def stop():
                running.process.send_signal(signal.SIGSTOP)
                wait_stopped(running.process.pid)
            load.all_at_once(running.port, prepared, many, stop, lambda: running.process.send_signal(signal.SIGCONT))
        return traced(site, drive)

    with tempfile.TemporaryDirectory(prefix="h2box-gate-") as site:
        load.make_site(site)
        for name, mix, run, size, short, long, per_batch in (
                ("constant", load.constant, one_by_one, load.BATCH, 32, 128, load.BATCH * connections),
                ("mixed", load.mixed, one_by_one, load.BATCH, 16, 80, load.BATCH * connections),
                ("at_once", load.constant, at_once, 1, 21, 121, many)):
            prepared = load.batches(mix, long * size, size)
            less, more = run(prepared[:short]), run(prepared)
            thousands = (long - short) * per_batch / 1000
            each = {call: (more[call] - less.get(call, 0)) / thousands for call in more}
            print("    %s: %s" % (name, ", ".join("%s %.1f" % (call, n) for call, n in sorted(each.items(), key=lambda e: -e[1])
                                                  if n >= 0.1 and call != "total")))
            yield "syscalls." + name, each["total"]


# ---- bytes -------------------------------------------------------------------------------------------------------------

def private_bytes(pid):
    """Memory that a process has written to, in pages. (Private_Dirty would also count the pages of a program that was built
    just now and is not on the disk yet, from when no other process runs it.)"""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return 1024 * int(re.search(r"(?m)^Anonymous: +(\d+) kB", f.read())[1])


def held_bytes():
    """What a server holds per idle connection (by the pages of the process, over 1,000 connections), and what one h2_conn
    asks of its allocator in several states (exact)."""
    few, more = 100, 1000

    def per_connection(requests):
        def add(n):
            for _ in range(n):
                conns.append(load.Connection(running.port))
                for batch in prepared[:requests]:
                    conns[-1].send(batch)
                    conns[-1].answers(1)
        conns = []
        with server(site) as running:
            add(few)
            before = private_bytes(running.process.pid)
            add(more)
            after = private_bytes(running.process.pid)
            for c in conns:
                c.close()
            end(running)
        return (after - before) / more

    with tempfile.TemporaryDirectory(prefix="h2box-gate-") as site:
        load.make_site(site)
        prepared = load.batches(load.mixed, 1, 1)
        yield "heap.fresh", per_connection(0)
        yield "heap.used", per_connection(1)
    for line in program("conn_gate").stdout.splitlines():
        name, figure = line.split()
        yield "heap." + name, float(figure)


def compiler():
    """"gcc 12": what made the server."""
    done = subprocess.run(["readelf", "-p", ".comment", peers.H2BOX], capture_output=True, text=True, timeout=20)
    gcc = re.search(r"GCC: .*\) (\d+)\.", done.stdout)
    return "gcc " + gcc[1] if gcc and "clang" not in done.stdout else "another compiler"
