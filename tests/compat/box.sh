#!/usr/bin/env bash
# The box itself: dispatch by name and by word, links, listings, man pages, completions, exit codes.
# Environment: H2BOX = the executable.
set -u
H2BOX=$(realpath "${H2BOX:?}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests=0 faults=0

fault() {
    faults=$((faults + 1))
    printf 'FAULT: %s\n' "$*"
}

# expect CODE COMMAND...: runs it; its output goes to $work/out and $work/err.
expect() {
    local want=$1 got
    shift
    tests=$((tests + 1))
    "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    [ "$got" = "$want" ] || fault "$*: exit code $got, not $want: $(head -c 300 "$work/err")"
}

# says FILE TEXT: a line of the file is exactly the text. holds: some line holds it.
says() { grep -qxF -- "$2" "$work/$1" || fault "no line '$2' in $1: $(head -c 300 "$work/$1")"; }
holds() { grep -qF -- "$2" "$work/$1" || fault "no '$2' in $1: $(head -c 300 "$work/$1")"; }
empty() { [ ! -s "$work/$1" ] || fault "$1 is not empty: $(head -c 300 "$work/$1")"; }

# ---- listing, help, version ----

expect 0 "$H2BOX" --list
mapfile -t names < <(awk '{print $1}' "$work/out")
mapfile -t old_names < <(awk '{print $2}' "$work/out")
[ "${#names[@]}" -ge 4 ] || fault "only ${#names[@]} applets"
holds out "hpack-deflate"
holds out "deflatehd"

expect 0 "$H2BOX"
holds out "Usage: h2box APPLET"
empty err
cp "$work/out" "$work/bare"
expect 0 "$H2BOX" --help
cmp -s "$work/out" "$work/bare" || fault "h2box and h2box --help differ"
for name in "${names[@]}" "${old_names[@]}"; do holds out " $name "; done
expect 0 "$H2BOX" -h
expect 0 "$H2BOX" --version
grep -qE '^h2box [0-9]+\.[0-9]+\.[0-9]+$' "$work/out" || fault "--version: $(cat "$work/out")"

for name in "${names[@]}"; do
    expect 0 "$H2BOX" "$name" --help
    holds out "Usage: h2box $name "
    holds out "--version"
    holds out "Exit codes:"
    empty err
    [ "$(wc -L <"$work/out")" -le 80 ] || fault "$name --help is wider than 80 columns"
    expect 0 "$H2BOX" "$name" --version
    holds out "h2box $name "
    expect 2 "$H2BOX" "$name" --no-such-option
    says err "h2box $name: unrecognized option '--no-such-option'"
    expect 0 "$H2BOX" "h2box-$name" --version
done
for name in "${old_names[@]}"; do
    expect 0 "$H2BOX" "$name" -h
    holds out "Usage: $name "
    expect 0 "$H2BOX" "$name" --version
    grep -qE "^$name h2box/[0-9.]+ \(compatible with nghttp2/[0-9.]+\)$" "$work/out" ||
        fault "$name --version: $(cat "$work/out")"
    expect 1 "$H2BOX" "$name" --no-such-option
    says err "$name: unrecognized option '--no-such-option'"
done

# ---- unknown words ----

expect 2 "$H2BOX" foo
says err "h2box: 'foo' is not an applet"
empty out
expect 2 "$H2BOX" hpack-delfate --help
says err "h2box: 'hpack-delfate' is not an applet"
says err "Did you mean:"
says err $'\thpack-deflate'
expect 2 "$H2BOX" ''
says err "h2box: '' is not an applet"
expect 2 "$H2BOX" --lsit
says err "h2box: unrecognized option '--lsit'"
says err $'\t--list'
expect 2 "$H2BOX" --man nothing
says err "h2box: 'nothing' is not an applet"
expect 2 "$H2BOX" --man
expect 2 "$H2BOX" --completions csh
says err "h2box: --completions: 'csh' is not accepted: one of bash, zsh, fish"
expect 2 "$H2BOX" --install
expect 2 "$H2BOX" --list client
expect 2 "$H2BOX" --list --man client
expect 2 "$H2BOX" -s
expect 2 "$H2BOX" --

# ---- streams ----

for option in --help --list --version "--man=${names[0]}" --completions=bash "${names[0]} --help"; do
    # shellcheck disable=SC2086 # two words on purpose
    "$H2BOX" $option >/dev/full 2>"$work/err"
    [ $? = 1 ] || fault "$option to a full disk: no exit code 1"
    holds err "write to standard output: No space left on device"
    # shellcheck disable=SC2086
    "$H2BOX" $option >&- 2>"$work/err"
    [ $? = 1 ] || fault "$option to a closed stdout: no exit code 1"
    tests=$((tests + 2))
done

# ---- links ----

linked() {
    local dir=$1 name
    for name in "${names[@]}"; do
        expect 0 "$dir/$name" --version
        holds out "h2box $name "
    done
    for name in "${old_names[@]}"; do
        expect 0 "$dir/$name" --version
        holds out "$name h2box/"
    done
}

# Hard links need the file on the same file system.
mkdir "$work/hard" "$work/soft" "$work/taken"
cp "$H2BOX" "$work/h2box"
expect 0 "$work/h2box" --install "$work/hard"
linked "$work/hard"
[ "$work/h2box" -ef "$work/hard/nghttp" ] || fault "not a hard link"
expect 0 "$work/h2box" --install "$work/hard"
expect 0 "$work/hard/client" --help
expect 0 "$work/h2box" --install -s "$work/soft"
linked "$work/soft"
[ -L "$work/soft/nghttp" ] || fault "not a symbolic link"
expect 0 "$work/h2box" --install --symlinks "$work/soft"
expect 0 "$work/h2box" --install "$work/soft" -s

echo mine >"$work/taken/nghttp"
ln -s nowhere "$work/taken/server"
expect 1 "$work/h2box" --install "$work/taken"
holds err "nghttp: File exists; not a link to this file"
holds err "server: File exists; not a link to this file"
[ "$(cat "$work/taken/nghttp")" = mine ] || fault "--install replaced a file"
[ "$(readlink "$work/taken/server")" = nowhere ] || fault "--install replaced a link"
[ "$work/taken/nghttpd" -ef "$work/h2box" ] || fault "--install stopped at the first fault"
expect 1 "$work/h2box" --install "$work/nowhere"
holds err "nowhere: No such file or directory"
expect 1 "$work/h2box" --install "$work/taken/nghttp"
holds err "Not a directory"

# Names of files: h2box with something behind it is still the box; another name is not.
cp "$H2BOX" "$work/h2box-1.2"
expect 0 "$work/h2box-1.2" hpack-inflate --version
ln -s h2box "$work/h2load-not-there"
expect 2 "$work/h2load-not-there" --help
says err "h2box: 'h2load-not-there' is not an applet"

# ---- man, docs ----

for name in h2box "${names[@]}"; do
    expect 0 "$H2BOX" --man "$name"
    cp "$work/out" "$work/page.1"
    if command -v groff >/dev/null; then
        tests=$((tests + 1))
        complaints=$(groff -ww -man -P-cbou -Tutf8 "$work/page.1" 2>&1 >"$work/rendered")
        [ -z "$complaints" ] || fault "man page of $name: $complaints"
        grep -q 'NAME' "$work/rendered" || fault "man page of $name has no NAME"
    fi
    expect 0 "$H2BOX" --docs "$name"
    holds out "| option | what it does |"
done
expect 0 "$H2BOX" --man deflatehd
holds out '.TH "H2BOX-HPACK-DEFLATE" 1'

# ---- completions ----

for shell in bash zsh fish; do
    expect 0 "$H2BOX" --completions "$shell"
    cp "$work/out" "$work/completion.$shell"
    command -v "$shell" >/dev/null || continue
    expect 0 "$shell" -n "$work/completion.$shell"
done
command -v shellcheck >/dev/null && expect 0 shellcheck -s bash -S warning "$work/completion.bash"

# completes WORDS...: what bash offers for the last word.
completes() {
    tests=$((tests + 1))
    bash -c '. "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        _h2box; printf "%s\n" "${COMPREPLY[@]}"' - "$work/completion.bash" "$@" 2>"$work/err"
    empty err
}
offers() {
    local want=$1
    shift
    completes "$@" | grep -qxF -- "$want" || fault "completion of '$*' lacks '$want'"
}
mkdir -p "$work/files/sub"
touch "$work/files/with blank"
offers client h2box cl
offers nghttpd h2box ngh
offers --list h2box --l
offers --dump-header-table h2box hpack-deflate --du
offers --table-size h2box-hpack-deflate --t
offers -d deflatehd -
offers --version nghttp --vers
offers zsh h2box --completions z
offers fish h2box --completions = f
offers hpack-inflate h2box --man hpack-i
offers "$work/files/sub" h2box --install "$work/files/"
[ -z "$(completes h2box hpack-deflate -s 1)" ] || fault "a number was completed"
[ -z "$(completes h2box hpack-deflate -- --du)" ] || fault "an option was offered behind --"
if command -v zsh >/dev/null; then
    # shellcheck disable=SC2016 # zsh expands it
    expect 0 zsh -fc 'autoload -U compinit; compinit -D; . "$1"; [[ -n ${_comps[nghttp]} ]]' - "$work/completion.zsh"
    empty err
fi
if command -v fish >/dev/null; then
    export HOME=$work XDG_CONFIG_HOME=$work XDG_DATA_HOME=$work
    # shellcheck disable=SC2016 # fish expands it
    expect 0 fish --no-config -c 'source $argv[1]; complete -C"h2box hpack-deflate --du"; complete -C"h2box cl"' \
        "$work/completion.fish"
    holds out "--dump-header-table"
    holds out "client"
    empty err
fi

echo "box: $tests checks, $faults faults"
[ "$faults" = 0 ] && [ "$tests" -gt 60 ]
