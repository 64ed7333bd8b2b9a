"""What the lints share: the root, our own files, and one way to report.

OWN are the folders of our own C code."""
import os
import re
import sys

ROOT = os.environ.get("H2BOX_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OWN = ("core", "tls", "netio", "applets", "python", "tests")


def files(*suffixes):
    """Paths of our own files from the root, sorted."""
    out = []
    for top in OWN:
        for folder, folders, names in os.walk(os.path.join(ROOT, top)):
            folders[:] = [f for f in folders if f not in ("vectors", "corpus", "__pycache__")]
            out += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names]
    out += [n for n in os.listdir(ROOT) if os.path.isfile(os.path.join(ROOT, n))]
    return sorted(n for n in out if n.endswith(suffixes))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def without_comments(text, strings=False):
    """C text with comments blanked (and strings too), the line numbers kept."""
    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        return found if not strings else found[0] + " " * (len(found) - 2) + found[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


class Report:
    def __init__(self, name):
        self.name, self.count, self.seen = name, 0, 0

    def fault(self, path, line, message):
        self.count += 1
        print(f"{path}:{line}: {message}")

    def end(self):
        print(f"lint {self.name}: {self.seen} files, {self.count} faults")
        sys.exit(1 if self.count else 0)
