#!/usr/bin/env python3
"""tests/flows/rules.tsv against the tests it names, and the table of docs/rules.md that lists.py writes of it.

Every row names tests that exist, or says why there is none. Every section has as many MUSTs as the file's head says, counted from 1.
Every flow of rfc9113, rfc9112 and hpack is named by some row."""
import glob
import os
import re

from common import ROOT, Report, read

LIST = "tests/flows/rules.tsv"
FOLDERS = ("rfc9113", "rfc9112", "hpack")
WHO = ("endpoint", "client", "server", "proxy", "sender", "receiver", "encoder", "decoder")
NUMBER = re.compile(r"[1-9]\d*|s[1-9]\d*|also")
# Where a test of a kind lies, and how a case stands in its file.
KINDS = {"unit": ("tests/unit/{}_test.c", r"^(?:Test|ParameterizedTest)\((?:[^,]*, )*?{}, {}[,)]"),
         "compat": ("tests/compat/{}.py", r"^    def {1}\("),
         "threads": ("tests/threads/{}.c", None),
         "fuzz": ("tests/fuzz/{}_fuzz.c", None),
         "lint": ("tests/lint/{}.py", None)}


class Row:
    def __init__(self, line, cells):
        self.line = line
        self.rfc, self.section, self.number, self.who, self.rule, self.tests = cells
        self.none = self.tests[6:] if self.tests.startswith("none: ") else ""
        self.names = [] if self.none else self.tests.split()
        self.must = self.number.isdigit()


def rows(report=None):
    """All rows in order, and the counts of the head: {(rfc, section): number of MUSTs}."""
    out, counts = [], {}
    for line, text in enumerate(read(LIST).split("\n"), 1):
        cells = text.split("\t")
        if cells[0] == "#count" and len(cells) == 4:
            counts[cells[1], cells[2]] = int(cells[3])
        elif text and not text.startswith("#"):
            if len(cells) == 6 and all(c and c == c.strip() for c in cells):
                out.append(Row(line, cells))
            elif report:
                report.fault(LIST, line, "a row has six columns, with one tab between them")
    return out, counts


def flows(name):
    """Those of this name, in which * stands for anything."""
    return glob.glob(name, root_dir=os.path.join(ROOT, "tests/flows"))


def missing(name):
    """Why there is no such test, or ''."""
    if name.endswith(".flow"):
        return "" if flows(name) else f"there is no flow {name}"
    kind, _, rest = name.partition(".")
    stem, _, case = rest.partition(".")
    if kind not in KINDS or not stem:
        return f"'{name}' is not the name of a test"
    path, pattern = KINDS[kind]
    path = path.format(stem)
    if not os.path.exists(os.path.join(ROOT, path)):
        return f"{name}: there is no {path}"
    if not pattern:
        return f"{name}: tests of this kind have no cases" if case else ""
    if not case:
        return f"{name}: name the case too"
    if not re.search(pattern.format(stem, case), read(path), re.M):
        return f"{name}: {path} has no such case"
    return ""


def order(row):
    kind = 0 if row.must else 2 if row.number == "also" else 1
    at = int(row.number.lstrip("s")) if kind < 2 else 0
    return -int(row.rfc[3:]), [int(part) for part in row.section.split(".")], kind, at


def check(report):
    table, counts = rows(report)
    report.seen = len(table)
    named, have = set(), {}
    for row in table:
        if not NUMBER.fullmatch(row.number):
            report.fault(LIST, row.line, f"'{row.number}' is not a number, s and a number, or also")
            return
        if row.who not in WHO:
            report.fault(LIST, row.line, f"whom does a rule bind that binds a {row.who}?")
        for name in row.names:
            why = missing(name)
            if why:
                report.fault(LIST, row.line, why)
        if len(set(row.names)) != len(row.names):
            report.fault(LIST, row.line, "a test is named twice")
        named.update(x for name in row.names for x in (flows(name) if name.endswith(".flow") else [name]))
        if row.number != "also":
            have.setdefault((row.rfc, row.section, row.must), []).append(row)
    for earlier, later in zip(table, table[1:]):
        if order(earlier) > order(later):
            report.fault(LIST, later.line, "out of order: by RFC and section; MUSTs, then SHOULDs, then also")
    for (rfc, section, must), found in have.items():
        for expected, row in enumerate(found, 1):
            if row.number != f"{'' if must else 's'}{expected}":
                report.fault(LIST, row.line, f"number {row.number} where {expected} is due")
        if must and (rfc, section) not in counts:
            report.fault(LIST, found[0].line, f"the head does not count {rfc} section {section}")
    for (rfc, section), count in counts.items():
        found = len(have.get((rfc, section, True), []))
        if found != count:
            report.fault(LIST, 1, f"{rfc} section {section} has {count} MUSTs, here are {found}")
    for folder in FOLDERS:
        for path in sorted(glob.glob(os.path.join(ROOT, "tests/flows", folder, "*.flow"))):
            name = os.path.relpath(path, os.path.join(ROOT, "tests/flows"))
            if name not in named:
                report.fault(LIST, 1, f"{name} is named by no row: of which rule is it, or what else (also)?")


# ---- the page ----------------------------------------------------------------------------------------------------------------


def summary(table):
    """A table: what holds how many of the MUSTs, by RFC."""
    def kind(row):
        if row.none:
            return "none: " + row.none
        flows = [n for n in row.names if n.endswith(".flow")]
        units = [n for n in row.names if n.startswith("unit.")]
        return "flows" if flows else "unit tests" if units else "tests with other programs"
    rfcs = sorted({r.rfc for r in table}, reverse=True)
    counts = {}
    for row in table:
        if row.must:
            at = counts.setdefault(kind(row), {})
            at[row.rfc] = at.get(row.rfc, 0) + 1
    first = ["flows", "unit tests", "tests with other programs"]
    rest = [k for k in counts if k not in first] # in the order of the list; the frequent ones first
    kinds = [k for k in first if k in counts] + sorted(rest, key=lambda k: -sum(counts[k].values()))
    out = ["| held by | " + " | ".join(title(r) for r in rfcs) + " |", "|---|" + "---|" * len(rfcs)]
    for k in kinds:
        out.append(f"| {k} | " + " | ".join(str(counts[k].get(r, 0)) for r in rfcs) + " |")
    out.append("| all | " + " | ".join(str(sum(c.get(r, 0) for c in counts.values())) for r in rfcs) + " |")
    return out


def title(rfc):
    return "RFC " + rfc[3:]


def short(name):
    return f"`{name[:-5]}`" if name.endswith(".flow") else f"`{name}`"


def page():
    """What stands in docs/rules.md: a summary, then a table for each RFC."""
    table, _ = rows()
    out = summary(table)
    for rfc in sorted({r.rfc for r in table}, reverse=True):
        out += ["", f"## {title(rfc)}", "", "| section | binds | rule | held by |", "|---|---|---|---|"]
        for row in (r for r in table if r.rfc == rfc):
            mark = "" if row.must else " also" if row.number == "also" else f" SHOULD {row.number[1:]}"
            where = f"{row.section}{mark}" if mark else f"{row.section} #{row.number}"
            held = f"none: {row.none}" if row.none else " ".join(short(n) for n in row.names)
            out.append(f"| {where} | {row.who} | {row.rule} | {held} |".replace("\\", "\\\\"))
    return "\n".join(out) + "\n"


def main():
    report = Report("rules")
    check(report)
    report.end()


if __name__ == "__main__":
    main()
