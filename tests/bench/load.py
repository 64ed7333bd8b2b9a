"""The rows that h2load makes, the files they ask for, and what one run of h2load says. Not a test itself."""
import os
import random
import re
import subprocess

import servers
from servers import peers

SMALL = 612
LARGE = 16 << 20
FILES = 1000  # of the varied row
AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1",
]


class Failure(Exception):
    """A server did not do what the row asks for."""


class Row:
    """What is measured: runs of h2load one after another, each with n requests for files of `size` bytes."""

    def __init__(self, title, size, n, quick, options, floor=None, path=None, headers=None, tls=False):
        self.title = title
        self.size = size
        self.n = n          # requests in a round, over all runs
        self.quick = quick  # the same, for a smoke run
        self.options = options
        self.floor = floor  # its program; None: there is none
        self.path = path    # None: the varied files
        self.headers = headers or [[]]  # one run for each
        self.tls = tls


def random_word(source, letters):
    return "".join(source.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(letters))


def varied_paths():
    """The same every time, as long as those of real sites (60 to 90 bytes)."""
    source = random.Random(9113)
    kinds = ["articles", "images", "styles", "scripts", "fonts"]
    return ["/%s/%d/%02d/%s-%s/%s.%04d.html" % (source.choice(kinds), source.randint(2015, 2026), source.randint(1, 12),
                                                random_word(source, source.randint(6, 12)), random_word(source, 12),
                                                random_word(source, source.randint(8, 24)), i) for i in range(FILES)]


def varied_headers():
    """h2load sends the same fields in all requests of a run: so a run for each of eight visitors."""
    source = random.Random(7541)
    visitors = []
    for i in range(8):
        fields = {"user-agent": AGENTS[i % len(AGENTS)],
                  "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
                  "accept-language": source.choice(["en-US,en;q=0.5", "de-DE,de;q=0.9,en;q=0.7", "fr-FR,fr;q=0.8,en;q=0.5"]),
                  "accept-encoding": "gzip, deflate, br, zstd",
                  "referer": "http://www.example.com/%s/%s?page=%d" % (random_word(source, 8), random_word(source, 20), i),
                  "cookie": "session=%s; visitor=%s.%d; theme=dark; consent=%s" % (
                      random_word(source, 32), random_word(source, 16), source.randint(10**9, 10**10), random_word(source, 48))}
        visitors.append([word for name, value in fields.items() for word in ("-H", "%s: %s" % (name, value))])
    return visitors


ROWS = {
    "small": Row("a file of 612 bytes, 16 connections x 32 streams", SMALL, 400000, 3200, ["-c", "16", "-m", "32"],
                 "floor_epoll", path="/small"),
    "varied": Row("1,000 files of 612 bytes and 8 sets of fields, 16 connections x 32 streams", SMALL, 320000, 6400,
                  ["-c", "16", "-m", "32"], "floor_epoll", headers=varied_headers()),
    "large": Row("a file of 16 MiB, 4 connections x 1 stream", LARGE, 120, 4, ["-c", "4", "-m", "1", "-w", "24", "-W", "24"],
                 "floor_mmap", path="/large"),
    "many": Row("a file of 612 bytes, 1,000 connections x 1 stream", SMALL, 150000, 2000, ["-c", "1000", "-m", "1"],
                "floor_epoll", path="/small"),
    "tls_small": Row("TLS, a file of 612 bytes, 16 connections x 32 streams", SMALL, 400000, 3200, ["-c", "16", "-m", "32"],
                     path="/small", tls=True),
    "tls_large": Row("TLS, a file of 16 MiB, 4 connections x 1 stream", LARGE, 120, 4,
                     ["-c", "4", "-m", "1", "-w", "24", "-W", "24"], path="/large", tls=True),
}


def make_site(folder):
    """The files of all rows; returns the list of URIs for h2load."""
    os.chmod(folder, 0o755)
    site = os.path.join(folder, "site")
    paths = varied_paths()
    small, large = peers.content(SMALL), peers.content(LARGE)
    for path, content in [("/small", small), ("/large", large), *((path, small) for path in paths)]:
        os.makedirs(os.path.dirname(site + path), exist_ok=True)
        with open(site + path, "wb") as f:
            f.write(content)
    uris = os.path.join(folder, "uris")
    with open(uris, "w") as f:
        f.writelines("http://127.0.0.1%s\n" % path for path in paths)
    return site, uris


def h2load(row, server, uris, core, n, fields):
    """One run: requests per second; it is a Failure when an answer is missing or short."""
    base = "http%s://127.0.0.1:%d" % ("s" if row.tls else "", server.port)
    target = [base + row.path] if row.path else ["-i", uris, "-B", base]
    command = ["taskset", "-c", str(core), "h2load", "-n", str(n), *row.options, *fields, *target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    counts = re.search(r"(\d+) total, .* (\d+) succeeded", done.stdout)
    data = re.search(r"\((\d+)\) data", done.stdout)
    rate = re.search(r"([\d.]+) req/s", done.stdout)
    if not counts or not data or not rate:
        raise Failure("%s: h2load gives no result\n%s%s" % (server.name, done.stdout, done.stderr))
    if int(counts.group(1)) != n or int(counts.group(2)) != n or int(data.group(1)) != n * row.size:
        raise Failure("%s: not every request was answered in whole\n%s" % (server.name, done.stdout))
    return float(rate.group(1))


def round_of(row, server, uris, core, n):
    """Warms up, then measures n requests."""
    connections = int(row.options[1])
    h2load(row, server, uris, core, connections if row.path else max(2 * FILES, connections), row.headers[0])
    share = n // len(row.headers)
    before = server.cpu_us()
    rates = [h2load(row, server, uris, core, share, fields) for fields in row.headers]
    cost = (server.cpu_us() - before) / (share * len(row.headers))
    return {"us": cost, "rate": len(rates) / sum(1 / rate for rate in rates)}


def measure(row, rounds, n, site, uris):
    """All rounds of all servers and of the floor, by name."""
    serve, drive = servers.cores()
    starts = servers.starts()
    if row.floor:
        arguments = [site + row.path] if row.floor == "floor_mmap" else []
        starts[row.floor] = lambda *_: servers.floor(row.floor, *arguments)
    identity = peers.Identity() if row.tls else None
    running = []
    figures = {name: [] for name in starts}
    try:
        for name, start in starts.items():
            running.append(servers.Server(name, start, site, serve, identity))
        for turn in range(rounds):
            first = turn % len(running)  # nobody always comes first
            for server in running[first:] + running[:first]:
                servers.say("    round %d of %d: %s" % (turn + 1, rounds, server.name))
                figures[server.name].append(round_of(row, server, uris, drive, n))
    finally:
        for server in running:
            server.stop()
    return figures
