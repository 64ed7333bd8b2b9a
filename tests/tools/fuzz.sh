#!/usr/bin/env bash
# Run one fuzzer for some seconds: fuzz.sh PROGRAM NAME SECONDS [libFuzzer options]
# New inputs go to the build tree; tests/fuzz/corpus/NAME is only read. A crash is kept in the build tree and told.
set -euo pipefail
program=$1 name=$2 seconds=$3
shift 3
source=${H2BOX_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
work=$(dirname "$program")/found/$name
mkdir -p "$work/corpus" "$work/crashes"
# Its own code for a crash, 77, would be taken for a test that was skipped.
options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$work/crashes/" -print_final_stats=1 -error_exitcode=1
    -timeout_exitcode=1)
folders=("$work/corpus")
[ ! -d "$source/tests/fuzz/corpus/$name" ] || folders+=("$source/tests/fuzz/corpus/$name")
# Those that play HTTP/2 begin with all flows.
python3 -B "$source/tests/fuzz/seeds.py" "$name" "$work/seeds"
if [ -d "$work/seeds" ]; then
    folders+=("$work/seeds")
    options+=(-dict="$work/seeds.dict")
fi
exec "$program" "${options[@]}" "$@" "${folders[@]}"
