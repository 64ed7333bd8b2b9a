#!/usr/bin/env python3
"""What clang-format does not look at: long lines in comments, tabs, file ends, headers that say nothing, size; and long lines of Python."""
import re

from common import Report, files, read

COLUMNS = 100
# A line that is nothing but a string, where breaking it would make the text harder to read.
STRING_COLUMNS = 120
STRING_LINE = re.compile(r'^\s*".*"[,;)]*$')
# Lists (.def) may put a row and its reason on one line.
LIST_COLUMNS = 160
# Python holds tables of cases, whose rows are better read on one line.
PYTHON_COLUMNS = 140
# Past this, ask what the second noun in the file is.
LINES = 600
WORDS_NEVER = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")


def check(report, path):
    text = read(path)
    lines = text.split("\n")
    columns = LIST_COLUMNS if path.endswith(".def") else PYTHON_COLUMNS if path.endswith(".py") else COLUMNS
    for number, line in enumerate(lines, 1):
        most = STRING_COLUMNS if columns == COLUMNS and STRING_LINE.match(line) else columns
        if len(line) > most:
            report.fault(path, number, f"{len(line)} columns, at most {most}")
        if "\t" in line:
            report.fault(path, number, "a tab")
        if line != line.rstrip():
            report.fault(path, number, "blanks at the end of the line")
        for word in WORDS_NEVER:
            if word in line.replace("_", " ").split() or word + ":" in line:
                report.fault(path, number, f"{word}: do it, or file it where work is planned")
    if not text.endswith("\n") or text.endswith("\n\n"):
        report.fault(path, len(lines), "a file ends with one newline")
    # Scripts of tests and tables may be long; code may not.
    if len(lines) - 1 > LINES and path.endswith((".c", ".h")) and "generated" not in lines[0]:
        report.fault(path, len(lines) - 1, f"{len(lines) - 1} lines, at most {LINES}: what is the second noun in it?")
    if path.endswith(".h") and not text.lstrip().startswith("/*"):
        report.fault(path, 1, "a header opens with a paragraph: what this is, what it is not, who owns what")


def main():
    report = Report("style")
    for path in files(".c", ".h", ".def", ".py"):
        report.seen += 1
        check(report, path)
    report.end()


main()
