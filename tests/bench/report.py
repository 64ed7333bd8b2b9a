"""What the figures of a row come to, and the table that says it. Not a test itself."""
from servers import OURS


def best_of(rounds):
    """The machine's other work can only add to a figure: the least cost and the highest rate count."""
    return {"us": min(r["us"] for r in rounds), "rate": max(r["rate"] for r in rounds), "rounds": rounds}


def compare(row, figures, key):
    """Adds to the row our ratio to the best peer, and what is left of it above the floor."""
    found = {name: v[key] for name, v in figures.items() if name not in (OURS, row.get("floor"))}
    row["best_peer"] = min(found, key=found.get) if found else None
    if not found:
        return
    ours, peer = figures[OURS][key], found[row["best_peer"]]
    row["ratio"] = ours / peer
    if row.get("floor"):
        floor = figures[row["floor"]][key]
        row["above_floor"] = (ours - floor) / (peer - floor) if peer > floor else None


def number(value, unit=""):
    return "-" if value is None else "%.2f%s" % (value, unit)


def verdict(row, ours, aim, unit):
    words = ["aim %s" % aim, "h2box %s %s" % (number(ours), unit)]
    if row["best_peer"]:
        words.append("%s of %s" % (number(row["ratio"]), row["best_peer"]))
    if "above_floor" in row:
        words.append("above the floor %s" % number(row["above_floor"]))
    return "; ".join(words)


def print_load(name, row):
    print("\n%s: %s\n%-14s %14s %12s %14s" % (name, row["title"], "", "CPU us/request", "requests/s", "to best peer"))
    best = row["servers"][row["best_peer"]]["us"] if row["best_peer"] else None
    for server, v in sorted(row["servers"].items(), key=lambda item: item[1]["us"]):
        mark = " *" if server == row["floor"] else ""
        print("%-14s %14.2f %12.0f %14s" % (server + mark, v["us"], v["rate"], number(best and v["us"] / best)))
    if row["floor"]:
        print("* a floor: a bench of the machine, not a server")
    aim = row["aim"] or "none set"
    if aim == "floor":
        aim = "the floor, %.2f us" % row["servers"][row["floor"]]["us"]
    print(verdict(row, row["servers"][OURS]["us"], aim, "us"))


def print_idle(name, row):
    print("\n%s: %s\n%-14s %16s %16s" % (name, row["title"], "KiB/connection", "after a request", "without"))
    for server, v in sorted(row["servers"].items(), key=lambda item: item[1]["kib"]):
        print("%-14s %16.2f %16.2f" % (server, v["kib"], v["kib_no_request"]))
    print(verdict(row, row["servers"][OURS]["kib"], row["aim"], "KiB"))


def print_latency(name, row):
    base = row["proxies"]["no proxy"]
    print("\n%s: %s\n%-14s %12s %12s %12s %12s" % (name, row["title"], "us", "p50", "p99", "p50 added", "p99 added"))
    for who, v in sorted(row["proxies"].items(), key=lambda item: item[1]["p50"]):
        print("%-14s %12.0f %12.0f %12.0f %12.0f" % (who, v["p50"], v["p99"], v["p50"] - base["p50"], v["p99"] - base["p99"]))


def print_proxy_memory(name, row):
    print("\n%s: %s\n%-14s %16s %16s" % (name, row["title"], "KiB/connection", "idle", "active"))
    for who, v in sorted(row["proxies"].items(), key=lambda item: item[1]["idle"]):
        print("%-14s %16.2f %16.2f" % (who, v["idle"], v["active"]))


def print_handshake(name, row):
    print("\n%s: %s\n%-14s %16s %14s" % (name, row["title"], "", "CPU us", "to best peer"))
    best = row["servers"][row["best_peer"]]["us"] if row["best_peer"] else None
    for server, v in sorted(row["servers"].items(), key=lambda item: item[1]["us"]):
        print("%-14s %16.0f %14s" % (server, v["us"], number(best and v["us"] / best)))
    print(verdict(row, row["servers"][OURS]["us"], row["aim"] or "none set", "us"))


def print_hpack(name, row):
    print("\n%s: %s\n%-14s %12s %12s %12s" % (name, row["title"], "MB/s", "h2box", "libnghttp2", "ratio"))
    ratios = {"encode": [], "decode": []}
    for table in row["tables"]:
        for work in ratios:
            ours, theirs = (table["%s_mb_s" % work][who] for who in ("h2box", "nghttp2"))
            ratios[work].append(ours / theirs)
            print("%-14s %12.0f %12.0f %12.2f" % ("%s %d" % (work, table["table"]), ours, theirs, ours / theirs))
    for table in row["tables"]:
        ours, theirs = (table["wire_bytes"][who] for who in ("h2box", "nghttp2"))
        print("%-14s %12d %12d %12.3f" % ("bytes at %d" % table["table"], ours, theirs, ours / theirs))
    row["ratio"] = {work: min(found) for work, found in ratios.items()}
    print("aim %s; encode %.2fx, decode %.2fx" % (row["aim"], row["ratio"]["encode"], row["ratio"]["decode"]))


def print_generator(name, row):
    print("\n%s: %s\n%-14s %14s %12s" % (name, row["title"], "", "CPU us/request", "requests/s"))
    for who, v in sorted(row["generators"].items(), key=lambda item: item[1]["us"]):
        print("%-14s %14.2f %12.0f" % (who, v["us"], v["rate"]))
    print("aim %s; h2box load %.2f us; %.2f of h2load" % (row["aim"] or "none set", row["generators"]["h2box load"]["us"], row["ratio"]))


def print_generator_memory(name, row):
    print("\n%s: %s\n%-14s %10s" % (name, row["title"], "", "MiB"))
    for who, mib in sorted(row["generators"].items(), key=lambda item: item[1]):
        print("%-14s %10.1f" % (who, mib))
    print("aim %s; h2box load %.1f MiB" % (row["aim"], row["generators"]["h2box load"]))


def print_python_hpack(name, row):
    print("\n%s: %s\n%-14s %14s %14s" % (name, row["title"], "us/block", "encode", "decode"))
    for who, v in row["blocks"].items():
        print("%-14s %14.2f %14.2f" % (who, v["encode"], v["decode"]))
    print("aim %s; encode %.0fx, decode %.0fx" % (row["aim"], row["ratio"]["encode"], row["ratio"]["decode"]))


def print_python_server(name, row):
    print("\n%s: %s\n%-14s %14s %12s %10s %10s" % (name, row["title"], "", "CPU us/request", "requests/s", "ran", "in line"))
    for who, v in sorted(row["servers"].items(), key=lambda item: item[1]["us"]):
        print("%-14s %14.2f %12.0f %8.0f %% %8.0f %%" % (who, v["us"], v["rate"], v["ran"] * 100, v["in_line"] * 100))
    print("aim %s; %.1fx by CPU time, %.1fx by requests" % (row["aim"], row["ratio"]["us"], row["ratio"]["rate"]))
    for who in row["starved"]:
        print("the load was the limit of %s: its requests per second say less than its CPU time" % who)
