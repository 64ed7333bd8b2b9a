#!/usr/bin/python3
"""Figures of the release build against their budgets (budgets.tsv): what a request costs in instructions and system calls,
what connections and streams hold in bytes.

    gates.py [--print] [NAME...]      NAME: server, proxy, load, hpack, syscalls, heap (all when none is given)

A figure over its budget fails. One far below is told, so that the budget follows. --print shows all figures and judges none.
Exit codes: 0 within the budgets, 1 not, 77 the budgets are another compiler's. Environment: H2BOX_BUILD_DIR = the release
build."""
import argparse
import os
import sys

import measure

GATES = {"server": measure.server_instructions, "proxy": measure.proxy_instructions, "load": measure.load_instructions,
         "hpack": measure.hpack_instructions, "syscalls": measure.system_calls, "heap": measure.held_bytes}
OF_THE_COMPILER = ("server", "proxy", "load", "hpack")  # whose figures are instructions
BUDGETS = os.path.join(measure.HERE, "budgets.tsv")
SLACK = 5  # percent under the budget that are told


def read_budgets():
    """The compiler that the figures were taken with, and {name: (budget, unit)}."""
    budgets, of = {}, None
    with open(BUDGETS) as f:
        for line in f:
            if line.startswith("# compiler: "):
                of = line.partition(": ")[2].strip()
            elif line.strip() and not line.startswith("#"):
                name, budget, unit, _figure, _date, _why = line.rstrip("\n").split("\t")
                budgets[name] = (float(budget), unit)
    return of, budgets


def judge(name, figure, budget):
    """What there is to say of a figure, and whether it is good."""
    if figure > budget:
        return "OVER its budget", False
    if figure < budget * (1 - SLACK / 100):
        return "%.1f %% under its budget: tighten it" % (100 * (1 - figure / budget)), True
    return "", True


def gate(name, budgets, judging):
    good, seen = True, set()
    for figure_name, figure in GATES[name]():
        seen.add(figure_name)
        if figure_name not in budgets:
            print("%-22s %10.2f has no line in budgets.tsv" % (figure_name, figure))
            good = not judging and good
            continue
        budget, unit = budgets[figure_name]
        said, within = judge(figure_name, figure, budget)
        print("%-22s %10.2f of %-8g %s %s" % (figure_name, figure, budget, unit, said), flush=True)
        good = good and (within or not judging)
    for missing in sorted(b for b in budgets if b.partition(".")[0] == name and b not in seen):
        print("%-22s is in budgets.tsv and was not measured" % missing)
        good = False
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--print", dest="print_only", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(GATES))
    args = parser.parse_args()
    for name in args.names:
        if name not in GATES:
            parser.error("unknown gate: " + name)
    of, budgets = read_budgets()
    names, good, foreign = args.names or list(GATES), True, []
    for name in names:
        judging = not args.print_only
        if name in OF_THE_COMPILER and measure.compiler() != of and judging:
            judging = False
            foreign.append(name)
        try:
            good = gate(name, budgets, judging) and good
        except (AssertionError, OSError) as why:
            print("gate.%s: %s" % (name, why))
            good = False
    if foreign:
        print("not judged: %s: the budgets are those of %s, this is %s" % (", ".join(foreign), of, measure.compiler()))
    sys.exit(1 if not good else 77 if foreign else 0)


if __name__ == "__main__":
    main()
