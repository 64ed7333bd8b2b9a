#!/usr/bin/env bash
# What the core reaches for, read off its plain objects (no sanitizer, no fortify: h2box_core_plain): memory and string
# lengths, nothing else. So it does no I/O, reads no clock, allocates nothing by itself. And it holds no mutable global.
set -euo pipefail
archive=${H2BOX_CORE_PLAIN:?the path of libh2box_core_plain.a}
allowed='^(memcpy|memmove|memset|memcmp|memchr|memrchr|strlen|strnlen|_GLOBAL_OFFSET_TABLE_)$'
bad=0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm "$archive" >"$work/all"

awk 'NF == 3 && $2 ~ /[A-TV-Z]/ { print $3 }' "$work/all" | sort -u >"$work/defined"
awk 'NF == 2 && $1 == "U" { print $2 }' "$work/all" | sort -u >"$work/wanted"
outside=$(comm -23 "$work/wanted" "$work/defined" | grep -Ev "$allowed" || true)
if [ -n "$outside" ]; then
    echo "core reaches outside for:"
    while read -r symbol; do
        echo "    $symbol, in $(nm -A "$archive" | awk -v s="$symbol" '$(NF-1) == "U" && $NF == s { split($1, a, ":"); print a[2] }' | sort -u | tr '\n' ' ')"
        bad=$((bad + 1))
    done <<<"$outside"
fi

# d, D: initialised data; b, B: zeroed data; C: common. Constants with relocations (.data.rel.ro) are read-only at run
# time; nm calls them d too, so ask for the section.
objects=$(ar t "$archive" | wc -l)
mutable=$(objdump -t "$archive" | awk '/:     file format/ { file = $1 } $NF != "" && / O / && $0 ~ /[ \t]\.(data|bss|tdata|tbss)(\.[^ \t]*)?[ \t]/ && $0 !~ /\.data\.rel\.ro/ { print file " " $NF } /\*COM\*/ { print file " " $NF }')
if [ -n "$mutable" ]; then
    echo "core holds mutable globals:"
    sed 's/^/    /; s/:/ /' <<<"$mutable"
    bad=$((bad + $(wc -l <<<"$mutable")))
fi
echo "lint symbols: $objects objects, $bad faults"
[ "$bad" = 0 ]
