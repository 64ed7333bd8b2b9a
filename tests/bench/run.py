#!/usr/bin/env python3
"""The bench: our server beside nghttpd, h2o and nginx in one run, floors of the machine, and HPACK beside libnghttp2.

    run.py [--json FILE] [--rounds N] [--quick] [NAME...]    NAME: small, varied, large, many, idle, hpack,
           tls_small, tls_large, tls_full, tls_resumed, tls_idle, generator, generator_varied, generator_tls, generator_memory,
           proxy_h1, proxy_tls, proxy_h2, proxy_large, proxy_latency, proxy_memory, python_hpack, python_server
           (all when none)

docs/bench.md tells what each row is and how to read it. Machines are noisy: trust the ratios. Progress goes to stderr, tables
to stdout; the exit code is 1 when a server failed a request. Environment: H2BOX_BUILD_DIR = folder of the bench build."""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile

import bindings
import generator
import handshake
import idle
import load
import proxy
import report
import servers
from load import Failure
from servers import peers

AIMS = {"small": "0.65 us", "varied": None, "large": "floor", "many": "9.8 us", "idle": "0.6 KiB", "hpack": "2.0x",
        "tls_small": "0.8 us", "tls_large": "8000 us", "tls_full": "230 us", "tls_resumed": None, "tls_idle": "5 KiB",
        "generator": "0.65 us", "generator_varied": None, "generator_tls": "0.8 us",
        "proxy_h1": "10.5 us", "proxy_tls": "11.5 us", "proxy_h2": "2.5 us", "proxy_large": None, "proxy_latency": None,
        "proxy_memory": None,
        "generator_memory": "100 MB", "python_hpack": "30x", "python_server": "10x"}
IDLE_CONNECTIONS, IDLE_QUICK = 1000, 100
LATENCY_SECONDS, LATENCY_ROUNDS, MEMORY_SECONDS = 2, 3, 4  # 3 times as many rounds, each so short
HPACK_ROUNDS, HPACK_QUICK = 200, 1
HANDSHAKES, HANDSHAKES_QUICK = 500, 10


def load_row(name, args, site, uris):
    spec = load.ROWS[name]
    n = spec.quick if args.quick else spec.n
    figures = load.measure(spec, args.rounds, n, site, uris)
    row = {"title": spec.title, "aim": AIMS[name], "floor": spec.floor, "requests": n,
           "servers": {server: report.best_of(rounds) for server, rounds in figures.items()}}
    report.compare(row, row["servers"], "us")
    report.print_load(name, row)
    return row


def idle_row(name, args, site, _):
    n = IDLE_QUICK if args.quick else IDLE_CONNECTIONS
    tls = name.startswith("tls_")
    row = {"title": "private memory for each of %d idle %sconnections" % (n, "TLS " if tls else ""), "aim": AIMS[name],
           "connections": n, "servers": idle.measure(site, n, 0.1 if args.quick else 0.5, tls)}
    report.compare(row, row["servers"], "kib")
    report.print_idle(name, row)
    return row


def handshake_row(name, args, site, _):
    n, resumes = HANDSHAKES_QUICK if args.quick else HANDSHAKES, name == "tls_resumed"
    row = {"title": "TLS 1.3, a %s handshake and a request, %d times" % ("resumed" if resumes else "full", n), "aim": AIMS[name],
           "handshakes": n, "servers": handshake.measure(site, n, args.rounds, resumes)}
    report.compare(row, row["servers"], "us")
    report.print_handshake(name, row)
    return row


def hpack_row(name, args, *_):
    env = {**os.environ, "H2BOX_VECTORS": os.path.join(servers.HERE, "..", "vectors")}
    command = [servers.program("hpack_bench"), str(HPACK_QUICK if args.quick else HPACK_ROUNDS)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=600)
    if done.returncode:
        raise Failure("hpack_bench failed\n" + done.stdout + done.stderr)
    row = {"title": "the raw-data stories, by size of the dynamic table", "aim": AIMS[name], **json.loads(done.stdout)}
    report.print_hpack(name, row)
    return row


def generator_row(name, args, site, uris):
    n = generator.QUICK if args.quick else generator.N
    figures = generator.measure(name, args.rounds, n, site, uris)
    best = {who: report.best_of(rounds) for who, rounds in figures.items()}
    row = {"title": generator.target() + ", " + generator.ROWS[name][0], "aim": AIMS[name], "requests": n, "generators": best,
           "ratio": best["h2box load"]["us"] / best["h2load"]["us"]}
    report.print_generator(name, row)
    return row


def generator_memory_row(name, args, site, _):
    n = generator.CONNECTIONS_QUICK if args.quick else generator.CONNECTIONS
    row = {"title": "resident memory of the generator with %d connections open" % n, "aim": AIMS[name], "connections": n,
           "generators": generator.memory(n, 2 if args.quick else 8, site)}
    report.print_generator_memory(name, row)
    return row


def python_hpack_row(name, args, *_):
    row = {"title": "HPACK from Python, the raw-data stories", "aim": AIMS[name],
           "blocks": bindings.hpack(1 if args.quick else max(2, args.rounds))}
    row["ratio"] = {work: row["blocks"]["python3-hpack"][work] / row["blocks"]["h2box"][work] for work in ("encode", "decode")}
    report.print_python_hpack(name, row)
    return row


def python_server_row(name, args, *_):
    n = bindings.QUICK if args.quick else bindings.N
    row = {"title": bindings.TITLE, "aim": AIMS[name], "requests": n, "servers": bindings.server(args.rounds, n)}
    ours, theirs = row["servers"]["h2box"], row["servers"]["python3-h2"]
    row["ratio"] = {"us": theirs["us"] / ours["us"], "rate": ours["rate"] / theirs["rate"]}
    row["starved"] = [who for who, v in row["servers"].items() if v["ran"] + v["in_line"] < bindings.FULL]
    report.print_python_server(name, row)
    return row


def python_rows():
    """None where Python's headers were missing when the bench was built."""
    if not bindings.built():
        servers.say("the Python package is not built (python3-dev): the bench goes without its rows")
        return {}
    return {"python_hpack": python_hpack_row, "python_server": python_server_row}


def proxy_row(name, args, site, _):
    spec = proxy.ROWS[name]
    n = spec.quick if args.quick else spec.n
    figures = proxy.measure(spec, args.rounds, n, site)
    row = {"title": spec.title, "aim": AIMS[name], "floor": None, "requests": n,
           "servers": {server: report.best_of(rounds) for server, rounds in figures.items()}}
    report.compare(row, row["servers"], "us")
    report.print_load(name, row)
    return row


def proxy_latency_row(name, args, site, _):
    seconds, rounds = (1, 1) if args.quick else (LATENCY_SECONDS, LATENCY_ROUNDS * args.rounds)
    row = {"title": "1,000 requests a second, h2c to HTTP/1.1", "proxies": proxy.latency(site, seconds, rounds)}
    report.print_latency(name, row)
    return row


def proxy_memory_row(name, args, site, _):
    n = IDLE_QUICK if args.quick else IDLE_CONNECTIONS
    row = {"title": "private memory for each of %d connections" % n, "connections": n,
           "proxies": proxy.memory(site, n, 1 if args.quick else MEMORY_SECONDS)}
    report.print_proxy_memory(name, row)
    return row


ROWS = {**{name: load_row for name in load.ROWS}, "idle": idle_row, "hpack": hpack_row,
        "tls_full": handshake_row, "tls_resumed": handshake_row, "tls_idle": idle_row,
        **{name: proxy_row for name in proxy.ROWS},
        "proxy_latency": proxy_latency_row, "proxy_memory": proxy_memory_row,
        **{name: generator_row for name in generator.ROWS}, "generator_memory": generator_memory_row, **python_rows()}


def positive(text):
    if int(text) < 1:
        raise ValueError
    return int(text)


def arguments():
    parser = argparse.ArgumentParser(description="Measures; docs/bench.md tells what.")
    parser.add_argument("--json", metavar="FILE", help="all figures of all rounds, the machine and the versions")
    parser.add_argument("--rounds", type=positive, metavar="N", help="the best of N counts (3)")
    parser.add_argument("--quick", action="store_true", help="few requests and one round: shows that all works, measures nothing")
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows: %s (all)" % ", ".join(ROWS))
    args = parser.parse_args()
    args.rounds = args.rounds or (1 if args.quick else 3)
    for name in args.names:
        if name not in ROWS:
            parser.error("no row is named %s; there are: %s" % (name, ", ".join(ROWS)))
    return args


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers are stopped on the way out
    peers.have("h2load", "taskset")
    servers.raise_descriptors((IDLE_CONNECTIONS if args.quick else generator.CONNECTIONS) + 100)
    out = {"machine": servers.machine(), "versions": servers.versions(), "quick": args.quick, "rows": {}}
    failed = False
    with tempfile.TemporaryDirectory(prefix="h2box-bench-") as folder:
        site, uris = load.make_site(folder)
        for name in args.names or ROWS:
            servers.say("measuring %s" % name)
            try:
                out["rows"][name] = ROWS[name](name, args, site, uris)
            except (Failure, AssertionError, OSError, subprocess.TimeoutExpired) as why:
                servers.say("%s: %s" % (name, why))
                failed = True
            sys.stdout.flush()
    if args.json:
        with open(args.json, "w") as f:
            json.dump(out, f, indent=1)
            f.write("\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
