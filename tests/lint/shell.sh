#!/usr/bin/env bash
# Shell scripts parse, and shellcheck has nothing to say.
set -euo pipefail
cd "${H2BOX_SOURCE_DIR:-$(dirname "$0")/../..}"
mapfile -t scripts < <(find dev .ci/run cmake tests python -type f \( -name '*.sh' -o -path dev -o -path .ci/run \) 2>/dev/null | sort)
[ ${#scripts[@]} -gt 0 ] || { echo "lint shell: no script found"; exit 1; }
bad=0
for script in "${scripts[@]}"; do
    bash -n "$script" || bad=$((bad + 1))
done
if command -v shellcheck >/dev/null; then
    shellcheck -x "${scripts[@]}" || bad=$((bad + 1))
fi
echo "lint shell: ${#scripts[@]} files, $bad faults"
[ "$bad" = 0 ]
