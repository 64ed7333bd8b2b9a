#!/usr/bin/env python3
"""The arrows between the parts, checked over every #include of our own code.

The compiler already refuses an include upwards between layers (per-target folders of links, cmake/layers.cmake); this
lint also knows the order inside core, who may name libuv and mbedTLS, and which system headers core may use."""
import fnmatch
import os
import re

from common import Report, files, read, without_comments

# Layer -> layers it may include from. core is then looked at file by file.
LAYERS = {
    "core": {"core"},
    "tls": {"tls", "core"},
    "netio": {"netio", "core", "tls"},
    "applets": {"applets", "core", "tls", "netio"},
    "": {"applets", "core", "tls", "netio"},  # h2box.c
    "python": {"python", "core"},
    "tests": {"tests", "core", "tls", "netio", "applets"},
}

# Below tls and netio nothing of core is shown but these; from tls, netio and applets see one header each.
ONLY = {
    ("tls", "core"): {"bytes", "mem", "outq", "verdict", "limits"},
    ("netio", "tls"): {"tls", "hash"},
    ("applets", "tls"): {"tls", "hash"},
    ("applets", "netio"): {"net"},
    ("", "tls"): {"tls"},
    ("", "netio"): {"net"},
}

# The small parts: leaves that see only bytes, verdict, limits and mem, and that everybody may see.
SMALL = {"uri", "date", "mime", "cookie", "base64", "altsvc", "json", "range", "priority", "sfv", "text", "path",
         "etag", "accept", "reason", "proxy_header", "websocket"}

# What applets may include of core.
APPLETS_CORE = {"session", "bytes", "fields", "http", "verdict", "limits", "h2_trace", "mem", "outq", "conditional"} | SMALL
APPLETS_CORE_PREFIXES = ("hpack",)

# The order inside core: ranks of file stems ("x*": all that begin so; the first match counts). A file may include lower
# ranks; equals are siblings and do not include each other, unless SIBLINGS says so.
RANKS = [
    ["bytes"],
    ["verdict", "limits"],
    ["mem"],
    ["outq"] + sorted(SMALL),
    ["fields"],
    ["http", "conditional"],
    ["huffman*"],
    ["hpack"],
    ["hpack_enc", "hpack_dec"],
    ["hpack_*"],
    ["h2_trace", "h2_code", "h2_setting", "h2_state"],
    ["h2_frame"],
    ["h2_tree"],
    ["h2_flow", "h2_prio", "h2_guard", "h2_stream"],
    ["h2_conn", "h2_impl", "h2_recv*", "h2_send*", "h2_judge", "h2_watch"],
    ["h2_upgrade"],
    ["h1_parse"],
    ["h1_body"],
    ["h1", "h1_*"],
    ["session"],
]
# Headers that show the inside of one thing to its files: header -> who may include it.
INTERNAL = {
    "h2_impl": ["h2_recv*", "h2_send*", "h2_judge", "h2_watch", "h2_upgrade", "h2_conn"],
    "hpack_impl": ["hpack_*"],
    "huffman_table": ["huffman"],
    "h1_impl": ["h1_*"],
}
# Exceptions within one rank, (who, whom): the inside of the connection sees its face, its files see the inside.
SIBLINGS = [("h2_impl", "h2_conn"), ("h2_prio", "h2_stream"), ("h1_*", "h1")]

# System headers in core: types and memory, nothing that reaches outside.
CORE_SYSTEM = {"stddef.h", "stdint.h", "stdbool.h", "string.h", "stdarg.h", "limits.h"}
# A library's headers -> the only layer that may name them.
LIBRARY = [
    (re.compile(r"^uv(\.h$|/)"), {"netio"}),
    (re.compile(r"^(mbedtls|psa)/"), {"tls"}),
    (re.compile(r"^(jansson|zlib)\.h$"), {"applets", "tests"}),
    (re.compile(r"^libxml/"), {"applets", "tests"}),
]

# The test of what tls/ hangs into its library speaks with the library itself.
LIBRARY_TESTS = {"tests/unit/mbedtls_hooks_test.c"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def among(stem, patterns):
    return any(fnmatch.fnmatchcase(stem, pattern) for pattern in patterns)


def rank(stem):
    return next((n for n, stems in enumerate(RANKS) if among(stem, stems)), None)


def inside_core(report, path, line, stem, target):
    """One include of a core header (or .def) by a core file."""
    name = os.path.basename(target)
    wanted = name.rsplit(".", 1)[0]
    if wanted == stem:
        return
    if wanted in INTERNAL:
        if not among(stem, INTERNAL[wanted]):
            report.fault(path, line, f"core/{name} is the inside of {', '.join(INTERNAL[wanted])}")
        return
    mine, theirs = rank(stem), rank(wanted)
    if target.endswith(".def"):
        # A list belongs to whoever has a place in the order; without one of its own, to its folder.
        if mine is not None and theirs is not None and theirs > mine:
            report.fault(path, line, f"an arrow upwards: core/{stem} must not use the list core/{name}")
        return
    for who, where in ((stem, mine), (wanted, theirs)):
        if where is None:
            report.fault(path, line, f"core/{who} has no place in the order of core (RANKS in tests/lint/layers.py)")
            return
    if theirs > mine:
        report.fault(path, line, f"an arrow upwards: core/{stem} must not include core/{name}")
    elif theirs == mine and not any(among(stem, [a]) and among(wanted, [b]) for a, b in SIBLINGS):
        report.fault(path, line, f"siblings do not include each other: core/{stem}, core/{name}")


def check(report, path):
    layer = path.split("/")[0] if "/" in path else ""
    stem = os.path.basename(path).rsplit(".", 1)[0]
    # Comments blanked, line numbers kept, strings left: they hold the names.
    text = without_comments(read(path))
    for match in INCLUDE.finditer(text):
        kind, target = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        if kind == "<":
            for library, allowed in LIBRARY:
                if library.match(target) and layer not in allowed and path not in LIBRARY_TESTS:
                    report.fault(path, line, f"<{target}> belongs to {', '.join(sorted(allowed))} alone")
            if layer == "core" and target not in CORE_SYSTEM:
                report.fault(path, line, f"core must not include <{target}> (allowed: {' '.join(sorted(CORE_SYSTEM))})")
            continue
        if "/" not in target:
            report.fault(path, line, f'write includes from the root: "{os.path.dirname(path)}/{target}", not "{target}"')
            continue
        to = target.split("/")[0]
        wanted = os.path.basename(target).rsplit(".", 1)[0]
        if to not in LAYERS[layer]:
            report.fault(path, line, f"an arrow upwards: {layer or 'h2box.c'} must not include {target}")
        elif layer == "core":
            inside_core(report, path, line, stem, target)
        elif layer in ("applets", "") and to == "core":
            if wanted not in APPLETS_CORE and not wanted.startswith(APPLETS_CORE_PREFIXES) or wanted in INTERNAL:
                report.fault(path, line, f"applets see core by session.h, hpack.h and the small parts, not by {target}")
        elif (layer, to) in ONLY and wanted not in ONLY[layer, to]:
            report.fault(path, line, f"{layer} sees of {to} only {', '.join(sorted(ONLY[layer, to]))}, not {target}")


def main():
    report = Report("layers")
    for path in files(".c", ".h"):
        report.seen += 1
        check(report, path)
    report.end()


main()
