#!/usr/bin/env python3
"""Tables of the docs that come from lists: `<!-- generated:NAME -->` ... `<!-- end -->`.

NAME is the stem of a core/*.def; or `applets`, for applets/list.def; or `options`, for what `h2box --docs APPLET` prints
of every applet, by the program that H2BOX names (the one of the dev preset); or `compat_TOOL`, for these rows beside those of an
older tool (compat_pages.py); or `rules`, for tests/flows/rules.tsv. Without arguments it fails where a page differs
from the list, and where a list of core is in no page; with --write it rewrites the pages.

A row is MACRO(arg, arg, ...) with an optional comment behind it. Column titles are the words in the list's opening
comment, in the shape `MACRO(title, title, ...)`."""
import glob
import os
import re
import subprocess
import sys

import compat_pages
import rules
from common import ROOT, Report, read

MARK = re.compile(r"(<!-- generated:([a-z0-9_]+) -->\n)(.*?)(<!-- end -->)", re.S)
ROW = re.compile(r"^([A-Z][A-Z0-9_]*)\((.*)\)[ \t]*(?:/\*[ \t]*(.*?)[ \t]*\*/)?[ \t]*$", re.M)


def arguments(text):
    """Split at commas outside of strings and parentheses."""
    out, depth, quoted, part, i = [], 0, False, "", 0
    while i < len(text):
        c = text[i]
        if quoted:
            part += c
            if c == "\\":
                i += 1
                part += text[i]
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
            part += c
        elif c == "," and depth == 0:
            out.append(part.strip())
            part = ""
        else:
            depth += {"(": 1, ")": -1}.get(c, 0)
            part += c
        i += 1
    return out + [part.strip()]


def cell(text):
    """One argument as a table cell."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
        text = f"`{text}`" if text and " " not in text else text
    elif re.fullmatch(r"[A-Z][A-Z0-9_]*(\s*\|\s*[A-Z][A-Z0-9_]*)*|0x[0-9a-fA-F]+", text):
        text = f"`{text}`"
    return text.replace("|", "\\|")


def table(path):
    """A markdown table of a list, and how many rows it has."""
    text = read(path)
    body = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    rows = [(m[1], arguments(m[2]), m[3] or "") for m in ROW.finditer(re.sub(r"^\s*/\*.*?\*/", "", text, count=1, flags=re.S))]
    if not rows or not body.strip():
        return "", 0
    opening = re.match(r"\s*/\*(.*?)\*/", text, re.S)
    flat = re.sub(r"\s*\n \*\s*", " ", opening[1]) if opening else ""
    shapes = {}  # macro -> the titles of its arguments
    for macro, args, _ in rows:
        found = re.search(rf"\b{macro}\(([^()]*)\)", flat)
        if macro not in shapes:
            shapes[macro] = [t.strip().strip('"') for t in found[1].split(",")] if found else None
    # The first macro gives the columns; the others say by their titles where an argument belongs.
    titles = shapes[rows[0][0]] or [""] * max(len(r[1]) for r in rows)
    notes = any(r[2] for r in rows)
    out = ["| " + " | ".join(titles + (["note"] if notes else [])) + " |",
           "|" + "---|" * (len(titles) + notes)]
    for macro, args, note in rows:
        own = shapes[macro] if shapes[macro] and len(shapes[macro]) == len(args) else titles
        cells = [dict(zip(own, map(cell, args))).get(title, "") for title in titles] if any(titles) else list(map(cell, args))
        out.append("| " + " | ".join(cells + ([note] if notes else [])) + " |")
    return "\n".join(re.sub(r" +\|", " |", line) for line in out) + "\n", len(rows)


def applets():
    """(name, old name) of every applet."""
    for row in ROW.finditer(read("applets/list.def")):
        yield tuple(a.strip('"') for a in arguments(row[2])[1:3])


def option_docs(report, name):
    """The options of an applet, as the program prints them; None when there is no program to ask."""
    program = os.environ.get("H2BOX") or os.path.join(ROOT, "build/dev/h2box")
    if not os.access(program, os.X_OK):
        print(f"no {program}: the option tables are not looked at")
        return None
    run = subprocess.run([program, "--docs", name], capture_output=True, text=True, check=False)
    if run.returncode or not run.stdout:
        report.fault("applets/list.def", 1, f"h2box --docs {name} fails: {run.stderr.strip()}")
        return None
    return run.stdout.strip("\n")


def options(report):
    out = [option_docs(report, name) for name, _ in applets()]
    return None if None in out else "\n\n".join(out) + "\n"


def compat(report, tool):
    docs = [option_docs(report, name) for name, old in applets() if old == tool]
    if not docs:
        report.fault("applets/list.def", 1, f"no applet takes the place of {tool}")
    return compat_pages.table(tool, docs[0], report) if docs and docs[0] else None


def main():
    write = sys.argv[1:] == ["--write"]
    report = Report("lists")
    lists = {os.path.basename(p)[:-4]: os.path.relpath(p, ROOT) for p in glob.glob(os.path.join(ROOT, "core/*.def"))}
    if os.path.exists(os.path.join(ROOT, "applets/list.def")):
        lists["applets"] = "applets/list.def"
    told = set()
    pages = sorted(glob.glob(os.path.join(ROOT, "docs/**/*.md"), recursive=True)) + [os.path.join(ROOT, "README.md")]
    for page in pages:
        if not os.path.exists(page):
            continue
        report.seen += 1
        name = os.path.relpath(page, ROOT)
        text = read(name)

        def fill(match, name=name):
            which = match[2]
            if which == "options" or which.startswith("compat_"):
                found = options(report) if which == "options" else compat(report, which[7:])
                return match[0] if found is None else match[1] + "\n" + found + "\n" + match[4]
            if which == "rules":
                return match[1] + "\n" + rules.page() + "\n" + match[4]
            if which not in lists:
                report.fault(name, 1, f"there is no list '{which}'")
                return match[0]
            told.add(which)
            return match[1] + "\n" + table(lists[which])[0] + "\n" + match[4]

        new = MARK.sub(fill, text)
        if new != text:
            if write:
                with open(page, "w", encoding="utf-8") as f:
                    f.write(new)
                print(f"wrote {name}")
            else:
                report.fault(name, 1, "differs from the lists it is generated from: run ./dev fmt")
    for which, path in sorted(lists.items()):
        if which not in told and path.startswith("core/"):
            report.fault(path, 1, f"no page of docs/ has <!-- generated:{which} -->")
        elif table(path)[1] == 0:
            report.fault(path, 1, "no rows of the shape MACRO(...) found")
    report.end()


main()
