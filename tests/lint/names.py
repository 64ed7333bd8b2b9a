#!/usr/bin/env python3
"""Names tell where a thing lives: every function that a file gives to others begins with the file's stem. And the limits that the docs
name are those of core/limits.h.

It reads the layout that clang-format writes: a definition begins in the first column and ends with `}` there."""
import os
import re

from common import ROOT, Report, files, read, without_comments

# Prefixes and stems that say nothing.
EMPTY = ("handle", "process", "ctx", "data", "info", "tmp", "util", "utils", "misc", "helper", "helpers")

# A function's definition at file level: name, arguments, brace.
DEFINITION = re.compile(
    r"^(?P<head>[A-Za-z_][\w \t\*]*?[ \t\*])(?P<name>[a-z_A-Z]\w*)\((?P<args>[^;{}]*)\)[ \t\n]*(?:__attribute__\(\(.*?\)\)[ \t\n]*)?\{",
    re.M)
TYPE_NAME = re.compile(r"^\}\s*(\w+_t)\s*;|^typedef\b[^;{]*?\b(\w+_t)\s*;|^(?:typedef\s+)?(?:struct|union|enum)\s+(\w+_t)\b\s*\{", re.M)

# Files whose functions another file's header declares: stem -> prefixes it may also use.


def prefixes(path):
    """What the names of a file's functions may begin with."""
    stem = os.path.basename(path)[:-2]
    folder = os.path.basename(os.path.dirname(path))
    allowed = [stem + "_"]
    if path.startswith("applets/") and path.count("/") >= 2:
        # applets/<ident>/x.c: <ident>_x_... or x_...; the entry is <ident>_main in <ident>.c.
        allowed += [folder + "_" + stem + "_"]
        if stem == folder:
            allowed += [folder + "_"]
    return tuple(allowed), stem


def check(report, path):
    text = without_comments(read(path), strings=True)
    # Preprocessor lines and their continuations hold no definitions.
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.M)
    stem = os.path.basename(path).rsplit(".", 1)[0]
    if stem.startswith(tuple(e + "_" for e in EMPTY)) or stem in EMPTY:
        report.fault(path, 1, f"'{stem}' says nothing about what the file is")
    for match in TYPE_NAME.finditer(text):
        name = next(g for g in match.groups() if g)
        report.fault(path, text.count("\n", 0, match.start()) + 1, f"{name}: types of our own are plain names, never _t")
    for match in DEFINITION.finditer(text):
        head, name = match["head"], match["name"]
        if name in ("if", "for", "while", "switch", "return", "sizeof", "defined"):
            continue
        line = text.count("\n", 0, match.start("name")) + 1
        static = re.search(r"\bstatic\b", head)
        # Inside a file `data_` may stand for the DATA frame.
        if name.startswith(tuple(e + "_" for e in EMPTY if not (static and e == "data"))):
            report.fault(path, line, f"{name}: this prefix says nothing")
        if path.startswith("tests/") or path.endswith(".h") or static or name == "main" or name.startswith("PyInit_"):
            continue
        allowed, _ = prefixes(path)
        if not name.startswith(allowed) and name + "_" not in allowed:
            report.fault(path, line, f"{name}: functions of {os.path.basename(path)} begin with {' or '.join(allowed)}")


def check_limits(report):
    known = set(re.findall(r"^#define (LIMIT_\w+)", read("core/limits.h"), re.M))
    for page in ["README.md", *("docs/" + name for name in sorted(os.listdir(os.path.join(ROOT, "docs"))) if name.endswith(".md"))]:
        report.seen += 1
        for number, line in enumerate(read(page).split("\n"), 1):
            for name in sorted(set(re.findall(r"(?<!\w)LIMIT_\w+", line)) - known):
                report.fault(page, number, f"{name}: there is no such limit")


def main():
    report = Report("names")
    for path in files(".c", ".h"):
        report.seen += 1
        check(report, path)
    check_limits(report)
    report.end()


main()
