#!/usr/bin/env python3
"""The bench: our server beside nghttpd, h2o and nginx in one run, and HPACK beside libnghttp2.

    run.py [--json FILE] [--rounds N] [NAME...]      NAME: small, large, hpack (all when none is given)

One core serves, the other makes the load (h2load). Figures are microseconds of CPU per request, read from
/proc/PID/task/*/schedstat of the server, best of the rounds; ratios are to the best peer of the same run. Machines are
noisy: trust the ratios. Environment: H2BOX_BENCH_DIR = folder of the bench build."""
import argparse
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "compat"))
BUILD = os.environ.get("H2BOX_BENCH_DIR", os.path.join(HERE, "..", "..", "build", "bench"))
os.environ["H2BOX"] = os.path.join(BUILD, "h2box")
import peers  # noqa: E402  (reads H2BOX)

ROWS = {
    "small": {"title": "612-byte file, 16 connections x 32 streams", "path": "/small", "size": 612,
              "load": ["-n", "200000", "-c", "16", "-m", "32"]},
    "large": {"title": "16 MiB file, 4 connections x 1 stream", "path": "/large", "size": 16 << 20,
              "load": ["-n", "200", "-c", "4", "-m", "1", "-w", "24", "-W", "24"]},
}


def servers(site):
    all_of_them = {"h2box": lambda: peers.h2box_server(site, "-n1"), "nghttpd": lambda: peers.nghttpd(site),
                   "h2o": lambda: peers.h2o(site), "nginx": lambda: peers.nginx(site)}
    return {name: start for name, start in all_of_them.items() if name == "h2box" or peers.installed(name)}


def pin(pid, core):
    for task in glob.glob("/proc/%d/task/*" % pid):
        os.sched_setaffinity(int(os.path.basename(task)), {core})


def cpu_us(pid):
    """Microseconds on a CPU of all threads of a process, by the scheduler's own count."""
    total = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        with open(path) as f:
            total += int(f.read().split()[0])
    return total / 1000


def load(url, options, cores):
    done = subprocess.run(["taskset", "-c", cores, "h2load", *options, url], capture_output=True, text=True, timeout=300)
    found = re.search(r"(\d+) total, .* (\d+) succeeded", done.stdout)
    rate = re.search(r"([\d.]+) req/s", done.stdout)
    if not found or found.group(1) != found.group(2):
        raise SystemExit("h2load %s: not every request succeeded\n%s%s" % (url, done.stdout, done.stderr))
    return int(found.group(1)), float(rate.group(1))


def measure(row, rounds, site):
    cores = sorted(os.sched_getaffinity(0))
    serve, drive = cores[0], cores[-1]
    result = {}
    running = {}
    try:
        for name, start in servers(site).items():
            running[name] = start()
            pin(running[name].process.pid, serve)
        for _ in range(rounds):
            for name, server in running.items():
                url = "http://127.0.0.1:%d%s" % (server.port, row["path"])
                load(url, ["-n", "50", "-c", "2"], str(drive))
                before = cpu_us(server.process.pid)
                n, rate = load(url, row["load"], str(drive))
                cost = (cpu_us(server.process.pid) - before) / n
                best = result.setdefault(name, {"us": cost, "rate": rate})
                best["us"] = min(best["us"], cost)
                best["rate"] = max(best["rate"], rate)
    finally:
        for server in running.values():
            server.stop()
    return result


def table(title, result):
    best = min(v["us"] for k, v in result.items() if k != "h2box")
    print("\n%s\n%-10s %14s %12s %16s" % (title, "", "CPU us/request", "requests/s", "ratio to best peer"))
    for name, v in sorted(result.items(), key=lambda item: item[1]["us"]):
        v["ratio"] = v["us"] / best
        print("%-10s %14.2f %12.0f %16.2f" % (name, v["us"], v["rate"], v["ratio"]))


def hpack():
    program = os.path.join(BUILD, "tests", "bench", "hpack_bench")
    env = {**os.environ, "H2BOX_VECTORS": os.path.join(HERE, "..", "vectors")}
    done = subprocess.run([program], capture_output=True, text=True, env=env, timeout=600)
    if done.returncode:
        raise SystemExit("hpack_bench failed\n" + done.stdout + done.stderr)
    result = json.loads(done.stdout)
    print("\nHPACK, the raw-data stories")
    print(json.dumps(result, indent=2))
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("names", nargs="*", metavar="NAME", help="small, large, hpack; all when none is given")
    args = parser.parse_args()
    names = args.names or [*ROWS, "hpack"]
    out = {}
    with tempfile.TemporaryDirectory(prefix="h2box-bench-") as site:
        os.chmod(site, 0o755)
        for row in ROWS.values():
            with open(site + row["path"], "wb") as f:
                f.write(peers.content(row["size"]))
        for name in names:
            if name == "hpack":
                out[name] = hpack()
            elif name in ROWS:
                print("measuring %s ..." % name, file=sys.stderr, flush=True)
                out[name] = measure(ROWS[name], args.rounds, site)
                table(ROWS[name]["title"], out[name])
            else:
                parser.error("unknown row: " + name)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(out, f, indent=2)


if __name__ == "__main__":
    main()
