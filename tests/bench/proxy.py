"""The proxy's rows: ours beside nghttpx, haproxy and h2o, all in front of the same server. Not a test itself.

The proxy has a core for itself; the server behind it shares the other one with the load. No access log anywhere."""
import json
import os
import shutil
import subprocess
import tempfile
import time

import idle
import load
import servers
from load import Failure
from servers import peers


class Row:
    """Runs of h2load through each proxy; `proto` is what the backend is asked in."""

    def __init__(self, title, n, quick, options, path, size, proto, tls=False):
        self.title, self.n, self.quick, self.options, self.path, self.size = title, n, quick, options, path, size
        self.proto, self.tls, self.headers = proto, tls, [[]]


SMALL_16X32 = dict(options=["-c", "16", "-m", "32"], path="/small", size=load.SMALL)
ROWS = {
    "proxy_h1": Row("h2c to HTTP/1.1, 612 bytes, 16 connections x 32 streams", 100000, 3200, proto="h1", **SMALL_16X32),
    "proxy_tls": Row("TLS to HTTP/1.1, 612 bytes, 16 connections x 32 streams", 100000, 3200, proto="h1", tls=True, **SMALL_16X32),
    "proxy_h2": Row("h2c to h2c, 612 bytes, 16 connections x 32 streams", 300000, 3200, proto="h2", **SMALL_16X32),
    "proxy_large": Row("h2c to HTTP/1.1, 16 MiB, 4 connections x 1 stream", 60, 4, ["-c", "4", "-m", "1", "-w", "24", "-W", "24"], "/large",
                       load.LARGE, "h1"),
}


def pair_files(folder, identity):
    """haproxy wants certificate and key in one file."""
    path = os.path.join(folder, "pair.pem")
    with open(path, "w") as out:
        for name in (identity.cert, identity.key):
            with open(name) as f:
                out.write(f.read())
    return path


def ours(folder, backend, proto, identity):
    port = peers.free_port()
    params = ";;proto=h2" if proto == "h2" else ""
    return peers.Running([peers.H2BOX, "proxy", "-n1", "-f127.0.0.1,%d%s" % (port, "" if identity else ";no-tls"),
                          "-b127.0.0.1,%d%s" % (backend, params), *peers.key_and_cert(identity)], port)


def nghttpx(folder, backend, proto, identity):
    port = peers.free_port()
    params = ";;proto=h2" if proto == "h2" else ""
    return peers.Running(["nghttpx", "--conf=/dev/null", "--single-process", "-n1", "--errorlog-file=/dev/null", "--no-ocsp",
                          "-f127.0.0.1,%d%s" % (port, "" if identity else ";no-tls"), "-b127.0.0.1,%d%s" % (backend, params),
                          *peers.key_and_cert(identity)], port)


def haproxy(folder, backend, proto, identity):
    port = peers.free_port()
    bind = "ssl crt %s alpn h2,http/1.1" % pair_files(folder, identity) if identity else "proto h2"
    path = os.path.join(folder, "haproxy-%d.cfg" % port)
    with open(path, "w") as f:
        f.write("global\n nbthread 1\n maxconn %d\ndefaults\n mode http\n timeout connect 10s\n timeout client 60s\n timeout server 60s\n"
                " http-reuse always\nfrontend f\n bind 127.0.0.1:%d %s\n default_backend b\nbackend b\n server s 127.0.0.1:%d%s\n" % (
                    servers.CONNECTIONS, port, bind, backend, " proto h2" if proto == "h2" else ""))
    return peers.Running(["haproxy", "-db", "-f", path], port)


def h2o(folder, backend, proto, identity):
    port = peers.free_port()
    path = os.path.join(folder, "h2o-%d.conf" % port)
    with open(path, "w") as f:
        ssl = "  ssl:\n    certificate-file: %s\n    key-file: %s\n" % (identity.cert, identity.key) if identity else ""
        f.write("listen:\n  host: 127.0.0.1\n  port: %d\n%s"
                "num-threads: 1\nuser: root\nmax-connections: %d\nproxy.timeout.keepalive: 60000\n"
                "hosts:\n  default:\n    paths:\n      /:\n        proxy.reverse.url: http://127.0.0.1:%d/\n" % (
                    port, ssl, servers.CONNECTIONS, backend))
    return peers.Running(["h2o", "-m", "worker", "-c", path], port)


PROXIES = {servers.OURS: ours, "nghttpx": nghttpx, "haproxy": haproxy, "h2o": h2o}


def starts(proto):
    """h2o of Debian 12 speaks HTTP/1.1 alone to what is behind it."""
    return {name: start for name, start in PROXIES.items()
            if (name == servers.OURS or shutil.which(name)) and not (name == "h2o" and proto == "h2")}


class Bench:
    """A backend, and one proxy of each kind in front of it, until it is left."""

    def __init__(self, site, proto, tls, only=None):
        self.serve, self.drive = servers.cores()
        self.folder = tempfile.TemporaryDirectory(prefix="h2box-bench-proxy-")
        self.identity = peers.Identity() if tls else None
        self.backend = servers.Server("the backend", servers.starts()[servers.OURS], site, self.drive)
        self.proxies = []
        try:
            for name, start in starts(proto).items():
                if only is None or name in only:
                    begin = lambda *_, start=start: start(self.folder.name, self.backend.port, proto, self.identity)
                    self.proxies.append(servers.Server(name, begin, site, self.serve))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in [*self.proxies, self.backend]:
            server.stop()
        self.folder.cleanup()


def measure(row, rounds, n, site):
    """All rounds of all proxies, by name."""
    with Bench(site, row.proto, row.tls) as bench:
        figures = {server.name: [] for server in bench.proxies}
        for turn in range(rounds):
            first = turn % len(bench.proxies)
            for server in bench.proxies[first:] + bench.proxies[:first]:
                servers.say("    round %d of %d: %s" % (turn + 1, rounds, server.name))
                figures[server.name].append(load.round_of(row, server, None, bench.drive, n))
    return figures


def latencies(port, core, seconds):
    """Microseconds of p50 and p99 at 1,000 requests a second, from when they were due."""
    done = subprocess.run(["taskset", "-c", str(core), peers.H2BOX, "load", "--format", "json", "-c4", "-m8", "-D%d" % seconds,
                           "--rate-total", "1000",
                           "http://127.0.0.1:%d/small" % port], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise Failure("h2box load: %s" % done.stderr)
    times = json.loads(done.stdout)["measurements"]["performance"]["request"]
    return {"p50": times["median"] * 1e6, "p99": times["p99"] * 1e6}


def latency(site, seconds, rounds):
    """Of each proxy, and of the server without one: the least of all rounds. Their order turns with each, for other work on the
    machine, which comes and goes, multiplies a p99."""
    with Bench(site, "h1", False) as bench:
        asked = [("no proxy", bench.backend.port), *((server.name, server.port) for server in bench.proxies)]
        figures = {name: [] for name, _ in asked}
        for _, port in asked:
            latencies(port, bench.drive, 1)
        for turn in range(rounds):
            first = turn % len(asked)
            for name, port in asked[first:] + asked[:first]:
                servers.say("    round %d of %d: %s" % (turn + 1, rounds, name))
                figures[name].append(latencies(port, bench.drive, seconds))
    return {name: {**{key: min(found[key] for found in all_of) for key in all_of[0]}, "rounds": all_of} for name, all_of in figures.items()}


def active_bytes(server, core, n, seconds):
    """Private memory at most while n connections ask without a pause."""
    run = subprocess.Popen(["taskset", "-c", str(core), "h2load", "-c%d" % n, "-m1", "-D%d" % seconds,
                            "http://127.0.0.1:%d/small" % server.port],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    while run.poll() is None:
        most = max(most, server.private_bytes())
        time.sleep(0.1)
    if run.returncode:
        raise Failure("%s: h2load ended with %d" % (server.name, run.returncode))
    return most


def memory(site, n, seconds):
    """KiB of private memory for each of n connections, idle and active; each proxy starts anew."""
    figures = {}
    for name in starts("h1"):
        servers.say("    %s" % name)
        with Bench(site, "h1", False, [name]) as bench:
            server = bench.proxies[0]
            for _ in range(50):
                idle.Connection(server.port, True).close()
            time.sleep(0.5)
            before = server.private_bytes()
            connections = [idle.Connection(server.port, True) for _ in range(n)]
            time.sleep(0.5)
            kib = (server.private_bytes() - before) / n / 1024
            for connection in connections:
                connection.close()
            figures[name] = {"idle": kib, "active": (active_bytes(server, bench.drive, n, seconds) - before) / n / 1024}
    return figures
