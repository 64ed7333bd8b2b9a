#!/usr/bin/env bash
# watched.sh [--criterion] COMMAND...: run a test and hear what sanitizers say in any process of it. A report is a failure
# even where nobody looks at the process's stderr or exit code: servers in the background, and Criterion, which runs each
# test in a process of its own that counts as passed before leaks and races are told. Criterion is also content when there
# is no test at all; here that is a failure.
set -euo pipefail
criterion=
if [ "$1" = --criterion ]; then
    criterion=1
    shift
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for options in ASAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS; do
    export "$options=${!options:+${!options}:}log_path=$work/report"
done

result=0
"$@" </dev/null >"$work/out" 2>&1 || result=$?
cat "$work/out"
# A test that failed has no chance to clean up: its leaks are no news.
if [ "$result" != 0 ]; then
    for report in "$work"/report*; do
        if [ -f "$report" ] && ! grep -q 'ERROR: LeakSanitizer' "$report"; then cat "$report"; fi
    done
    exit "$result"
fi
if compgen -G "$work/report*" >/dev/null; then
    cat "$work"/report*
    echo "a sanitizer has spoken"
    exit 1
fi
if [ -n "$criterion" ] && ! grep -Eq 'Tested: [^0-9|]*[1-9]' "$work/out"; then
    echo "no test ran"
    exit 1
fi
