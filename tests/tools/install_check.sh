#!/usr/bin/env bash
# `cmake --install` puts the program, a link for every name, man pages and completions where they belong, and what it
# puts there is usable. Needs no root.
set -euo pipefail
build=${H2BOX_BUILD_DIR:?the build folder}
source=${H2BOX_SOURCE_DIR:?the source folder}

fail() {
    echo "install: $*" >&2
    exit 1
}

prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$build" --prefix "$prefix" >"$prefix/log" 2>&1 || { cat "$prefix/log" >&2; fail "cmake --install failed"; }

[ -x "$prefix/bin/h2box" ] || fail "bin/h2box is not there"
if readelf -SW "$prefix/bin/h2box" | grep -q '\.symtab'; then fail "bin/h2box is not stripped"; fi

names=0
while read -r name old; do
    names=$((names + 1))
    [ "$(readlink "$prefix/bin/h2box-$name")" = h2box ] || fail "bin/h2box-$name is no link to h2box"
    "$prefix/bin/h2box-$name" --help >/dev/null || fail "bin/h2box-$name --help fails"
    page=$prefix/share/man/man1/h2box-$name.1
    grep -q '^\.TH ' "$page" || fail "share/man/man1/h2box-$name.1 is no man page"
    if command -v man >/dev/null; then
        MANROFFSEQ='' man --warnings=all -l "$page" 2>&1 >/dev/null | grep . && fail "$page: man has warnings"
    fi
    if [ "$old" != - ]; then
        [ "$(readlink "$prefix/bin/$old")" = h2box ] || fail "bin/$old is no link to h2box"
        "$prefix/bin/$old" --help >/dev/null || fail "bin/$old --help fails"
        grep -qx ".so man1/h2box-$name.1" "$prefix/share/man/man1/$old.1" || fail "$old.1 does not lead to h2box-$name.1"
    fi
done < <(sed -n 's/^APPLET([a-z_0-9]*, "\([^"]*\)", "\([^"]*\)".*/\1 \2/p' "$source/applets/list.def" | sed 's/ $/ -/')
[ "$names" -gt 0 ] || fail "applets/list.def names no applet"

bash -n "$prefix/share/bash-completion/completions/h2box" || fail "the bash completion does not parse"
for shell in zsh fish; do
    case $shell in
    zsh) file=$prefix/share/zsh/site-functions/_h2box ;;
    fish) file=$prefix/share/fish/vendor_completions.d/h2box.fish ;;
    esac
    [ -s "$file" ] || fail "no completion for $shell"
    if command -v "$shell" >/dev/null; then "$shell" -n "$file" || fail "the $shell completion does not parse"; fi
done
[ -s "$prefix/share/doc/h2box/LICENSE" ] || fail "share/doc/h2box/LICENSE is not there"
echo "install: $names applets, $(find "$prefix" -type f -o -type l | wc -l) files"
