"""Tables of the docs that set the options of an older tool beside ours: tests/compat/options/TOOL.tsv, and what `h2box --docs
APPLET` prints.

A row of the list: long name, letter, what the newest release of the tool says of it (active, deprecated, removed), and what is
different here (empty: nothing).
Every name of the list must be a row of our option table, with the same letter; what only our table has is shown as new."""
import re

from common import read

FOLDER = "tests/compat/options"
# How an option's row in the docs tells its status (opt_text.c, opt_docs.c), and what the page says of it.
TOLD = ((re.compile(r" ?Accepted without effect: (.*)\.$"), "no effect"), (re.compile(r" ?Refused: (.*)\.$"), "refused"),
        (re.compile(r" ?Deprecated: (.*)\.$"), "deprecated"))


def listed(tool, report):
    """Rows of the tool's list: (line, long name, letter, status, difference)."""
    path = f"{FOLDER}/{tool}.tsv"
    out = []
    for line, text in enumerate(read(path).split("\n"), 1):
        if not text or text.startswith("#"):
            continue
        cells = text.split("\t")
        if len(cells) == 4 and cells[2] in ("active", "deprecated", "removed"):
            out.append((line, *cells))
        else:
            report.fault(path, line, "a row is: long name, letter, active|deprecated|removed, difference; with tabs between")
    return out


def ours(docs):
    """Our rows by long name: (letter, label, text)."""
    out = {}
    for label, text in re.findall(r"^\| `([^`]*)` \| (.*) \|$", docs, re.M):
        letter, name = re.search(r"(?:^|\s)-([A-Za-z])\b", label), re.search(r"--([a-z0-9.-]+)", label)
        if name:
            out[name[1]] = (letter[1] if letter else "", label, text)
    return out


def status(text):
    """(status here, note) of one of our rows."""
    for pattern, word in TOLD:
        found = pattern.search(text)
        if found:
            return word, found[1]
    return "works", ""


def first_sentence(text):
    return re.split(r"(?<=[.?!]) ", text)[0].rstrip(".")


def table(tool, docs, report):
    """The page's table, from what --docs printed."""
    have = ours(docs)
    out = [f"| option | in {tool} | here | what is different |", "|---|---|---|---|"]
    names = set()
    for line, name, letter, there, note in listed(tool, report):
        names.add(name)
        if name not in have:
            report.fault(f"{FOLDER}/{tool}.tsv", line, f"--{name} has no row in the option table")
            continue
        mine, label, text = have[name]
        if letter and letter != mine:
            its = f"-{mine}" if mine else "no letter"
            report.fault(f"{FOLDER}/{tool}.tsv", line, f"--{name} is -{letter} in {tool} and has {its} here")
        word, instead = status(text)
        out.append(f"| `{label}` | {there} | {word} | {note or instead} |")
    for name, (_, label, text) in have.items():
        if name not in names and "Under the old name only" not in text:
            out.append(f"| `{label}` | | new | {first_sentence(text)} |")
    return "\n".join(re.sub(r" +\|", " |", line) for line in out) + "\n"
