#!/usr/bin/env python3
"""The flows of the server role, played against other servers: a flow shares its author's misreadings.

Each server gets the bytes that the flow's `>` lines say, and what it does is held against what the flow demands of us,
as far as the protocol decides it: connection errors and stream errors with their codes, that legal input is answered
and not refused, acknowledgements of SETTINGS and PING. flow_differences.tsv tells who differs and why.

    flow_peers.py [FLOW...]      plays all flows, or those; with names it also shows what came
    flow_peers.py --list         prints the differences as lines for flow_differences.tsv

timeout: 120
"""
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import threading

import flow_play
import peers
from flow_script import Flow, all_flows

LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flow_differences.tsv")
AT_ONCE = 12

# Calls of our applet that another server makes by itself, or that the peer does not see.
COMMON_CALLS = ("reply", "credit", "wake")
# Settings of ours that change nothing that a verdict looks at; the window is the RFC's own.
COMMON_SETS = ("attach", "loopback", "obey_priority", "padding")


def own_applet(flow):
    """Why a flow can be played with our own applet alone, or None. It looks at nothing but the kinds of its lines."""
    for name, value in flow.sets.items():
        if name not in COMMON_SETS and (name, value) != ("window", "65535"):
            return "set " + name
    for kind, text, _ in flow.steps:
        if kind in ("time", "lock step"):
            return kind
        if kind == "do" and text.split()[0] not in COMMON_CALLS:
            return "do " + text.split()[0]
        if kind == "do" and " fail=" in text:
            return "a body that fails"
    return None


class Expected:
    """What a flow demands of a server."""

    def __init__(self, flow):
        self.goaway, self.resets, self.answers = None, {}, set()
        self.settings_acks, self.pings, self.may_end = 0, [], False
        gone = set()
        for kind, text, _ in flow.steps:
            word = text.split()
            if kind == "over" or (kind == "<" and word[0] == "GOAWAY" and word[2] != "NO_ERROR"):
                self.goaway = word[-1]
            elif kind == "begin":
                self.settings_acks += 1
            elif kind == "<":
                self.demand(word, text)
            elif kind == "event":
                self.told(word)
            elif kind == ">" and word[0] == "RST_STREAM" and word[1].isdigit():
                gone.add(int(word[1]))
        self.answers -= gone | set(self.resets)
        if self.goaway:
            self.answers = set()
        self.fates = self.answers | set(self.resets)

    def demand(self, word, text):
        if word[0] == "GOAWAY":
            self.may_end = True
        elif word[0] == "RST_STREAM" and word[2] != "NO_ERROR":
            self.resets[int(word[1])] = word[2]
        elif word[:2] == ["SETTINGS", "ACK"]:
            self.settings_acks += 1
        elif word[:2] == ["PING", "ACK"]:
            self.pings.append(flow_play.flow_script.quoted(text[text.index('"'):].strip()))

    def told(self, word):
        if word[0] == "OVER":
            self.may_end = True
        elif word[0] in ("REQUEST", "DATA", "TRAILERS") and word[2:3] == ["end"]:
            self.answers.add(int(word[1]))


def ending(seen):
    if seen.foreign is not None:
        return "not HTTP/2: " + seen.foreign
    if seen.goaway:
        return "goaway " + flow_play.code_name(seen.goaway)
    if seen.closed:
        return "closed, after goaway NO_ERROR" if seen.goaway == 0 else "closed"
    return None


def streams(seen, ids):
    """What became of these streams."""
    out = []
    for stream in sorted(ids):
        if stream in seen.answers:
            out.append("answered %d %s" % (stream, seen.answers[stream]))
        # After an answer, NO_ERROR only says that the rest of the request is not wanted.
        if stream in seen.resets and (stream not in seen.answers or seen.resets[stream] != "NO_ERROR"):
            out.append("reset %d %s" % (stream, seen.resets[stream]))
        elif stream not in seen.answers:
            out.append("silent %d" % stream)
    return out


def shorter(parts):
    """Many streams that fared alike are told once."""
    kinds = collections.Counter(re.sub(r" \d+", " N", part, count=1) for part in parts)
    if len(parts) <= 4:
        return ", ".join(parts)
    return ", ".join("%s times %s" % (n if n < 100 else "many", kind) for kind, n in sorted(kinds.items()))


def difference(expected, seen):
    """What the server did that the flow does not demand, or None."""
    end = ending(seen)
    if expected.goaway:
        if end == "goaway " + expected.goaway:
            return None
        failed = {s: c for s, c in seen.resets.items() if c != "NO_ERROR"}
        refused = {s for s, status in seen.answers.items() if status[:1] in "45"}
        if end or failed or refused:
            return end or shorter(streams(seen, set(failed) | refused))
        return "goes on" if b"probe--1" in seen.pings else "silent"
    if end and not (expected.may_end and not seen.goaway):
        return end
    parts = streams(seen, [s for s, c in expected.resets.items() if seen.resets.get(s) != c])
    parts += streams(seen, [s for s, c in seen.resets.items() if c != "NO_ERROR" and s not in expected.resets])
    if not end:
        parts += streams(seen, [s for s in expected.answers if s not in seen.answers and s not in seen.resets])
        if seen.settings_acks < expected.settings_acks:
            parts.append("%d of %d SETTINGS acknowledged" % (seen.settings_acks, expected.settings_acks))
        parts += ["no ACK of PING %s" % p.hex() for p in expected.pings if p not in seen.pings]
    return shorter(parts) or None


# ---- the servers -----------------------------------------------------------------------------------------------------

def version_of(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)[0]


class Servers:
    """All of them on one site, whose index is a few bytes. nginx asks a second server for every answer, since its own
    files are no answer to a POST, so it would read no content."""

    def __init__(self, site):
        self.site, self.running, self.versions = site, {}, {}
        with open(os.path.join(site, "index.html"), "w") as f:
            f.write("yes")

    def __enter__(self):
        behind = peers.free_port()
        self.add("h2box", peers.h2box_server(self.site))
        self.add("nghttpd", peers.nghttpd(self.site), version_of("nghttpd", "--version"))
        inner = "server { listen 127.0.0.1:%d; root %s; }" % (behind, self.site)
        self.add("nginx", peers.nginx(self.site, inner, "location / { proxy_pass http://127.0.0.1:%d; }" % behind),
                 version_of("nginx", "-v"))
        if peers.installed("h2o"):
            self.add("h2o", peers.h2o(self.site), version_of("h2o", "--version"))
        return self

    def add(self, name, running, version=None):
        self.running[name] = running
        if version:
            self.versions[name] = version

    def __exit__(self, *_):
        for running in self.running.values():
            running.__exit__()


# ---- the list --------------------------------------------------------------------------------------------------------

class List:
    """flow_differences.tsv: versions, reasons, differences."""

    def __init__(self):
        self.versions, self.reasons, self.rows = {}, {}, {}
        with open(LIST) as f:
            for number, line in enumerate(f, 1):
                cells = line.rstrip("\n").split("\t")
                if line.startswith("#") or not line.strip():
                    continue
                if cells[0] == "version" and len(cells) == 3:
                    self.versions[cells[1]] = cells[2]
                elif cells[0] == "reason" and len(cells) == 3:
                    self.reasons[cells[1]] = cells[2]
                elif len(cells) == 4 and (cells[0], cells[1]) not in self.rows:
                    self.rows[cells[0], cells[1]] = (cells[2], cells[3])
                else:
                    raise AssertionError("%s:%d: not a row, or a second one for this flow and peer" % (LIST, number))

    def faults(self):
        used = {reason for _, reason in self.rows.values()}
        return (["reason '%s' is not told" % r for r in sorted(used - set(self.reasons))] +
                ["reason '%s' is not used" % r for r in sorted(set(self.reasons) - used)])


# ---- the plays -------------------------------------------------------------------------------------------------------

def judge(flow, port, alone):
    """The difference of one flow and one server. One that is seen in the crowd must also be seen by who has time."""
    expected = Expected(flow)
    found = difference(expected, flow_play.play(flow, port, expected.fates))
    if found:
        with alone:
            found = difference(expected, flow_play.play(flow, port, expected.fates, patience=3))
    return found


def play_all(flows, servers):
    """{(flow, peer): difference or None}"""
    alone = {name: threading.Lock() for name in servers.running}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {(flow.name, peer): pool.submit(judge, flow, running.port, alone[peer])
                for flow in flows for peer, running in servers.running.items()}
        return {key: job.result() for key, job in jobs.items()}


def compare(found, listed, versions, whole):
    """Lines that say what is wrong; what another version does is only printed."""
    wrong = []
    for (flow, peer), what in sorted(found.items()):
        known = listed.rows.get((flow, peer), (None, None))[0]
        if known == what:
            continue
        line = "%s\t%s\t%s, listed: %s" % (flow, peer, what or "agrees", known or "agrees")
        if versions.get(peer) == listed.versions.get(peer):
            wrong.append(line)
        else:
            print("with %s %s (the list is of %s): %s" % (peer, versions[peer], listed.versions.get(peer), line))
    if whole:
        flows = {flow for flow, _ in found}
        wrong += ["%s\t%s\tlisted, but not played" % key for key in sorted(listed.rows) if key[0] not in flows]
        wrong += listed.faults()
    return wrong


def show(flows, servers):
    for flow in flows:
        for peer, running in servers.running.items():
            expected = Expected(flow)
            seen = flow_play.play(flow, running.port, expected.fates, patience=3)
            print("%s %s: %s" % (flow.name, peer, difference(expected, seen) or "agrees"))
            print("".join("    %s\n" % line for line in seen.log) + "    " + (ending(seen) or "open"))


def main():
    peers.have("nghttpd", "nginx")
    named = [arg for arg in sys.argv[1:] if not arg.startswith("-")]
    flows = [flow for flow in map(Flow, named or all_flows()) if flow.role == "server" and flow.start == "h2"]
    own = {flow.name: own_applet(flow) for flow in flows}
    played = [flow for flow in flows if not own[flow.name]]
    listed = List()
    with tempfile.TemporaryDirectory(prefix="h2box-flows-") as site, Servers(site) as servers:
        if named:
            show(played, servers)
        found = play_all(played, servers)
        alive = [name for name, running in servers.running.items() if running.process.poll() is None]
    differences = {key: what for key, what in found.items() if what}
    if "--list" in sys.argv:
        for (flow, peer), what in sorted(differences.items()):
            reason = listed.rows.get((flow, peer), ("", "?"))[1]
            print("\t".join((flow, peer, what, reason)))
        return 0
    kinds = collections.Counter(why for why in own.values() if why)
    print("%d played, %d need our own applet (%s)" % (
        len(played), len(flows) - len(played), ", ".join("%s: %d" % kind for kind in sorted(kinds.items()))))
    for peer in servers.running:
        print("%-8s %s: %d of %d flows differ" % (
            peer, servers.versions.get(peer, ""), sum(key[1] == peer for key in differences), len(played)))
    wrong = compare(found, listed, servers.versions, not named)
    wrong += ["%s has died" % name for name in servers.running if name not in alive]
    for line in wrong:
        print(line)
    assert played or named, "no flow was played"
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
