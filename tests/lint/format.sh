#!/usr/bin/env bash
# Every C file is laid out as clang-format writes it (.clang-format). ./dev fmt repairs.
set -euo pipefail
cd "${H2BOX_SOURCE_DIR:-$(dirname "$0")/../..}"
format=clang-format-19
command -v $format >/dev/null || { echo "lint format: $format is missing (./dev setup)"; exit 1; }
mapfile -t sources < <(find h2box.c core tls netio applets python tests -name '*.[ch]' 2>/dev/null | sort)
[ ${#sources[@]} -gt 0 ] || { echo "lint format: no C file found"; exit 1; }
report=$($format --dry-run -Werror --ferror-limit=3 "${sources[@]}" 2>&1) || true
bad=$(sed -n 's/^\([^: ]*\):[0-9]*:[0-9]*: error: .*/\1/p' <<<"$report" | sort -u)
if [ -n "$report" ]; then
    head -n 40 <<<"$report"
    echo "not laid out as .clang-format says (./dev fmt repairs):"
    printf "    %s\n" "${bad//$'\n'/$'\n'    }"
fi
echo "lint format: ${#sources[@]} files, $(grep -c . <<<"$bad") faults"
[ -z "$report" ]
