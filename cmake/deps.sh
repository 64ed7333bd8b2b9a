#!/usr/bin/env bash
# Third-party libraries, built from Debian trixie *source* packages into the user's cache folder.
#
#   deps.sh prefix   make sure the libraries are built; the last line on stdout is the prefix (progress goes to stderr)
#   deps.sh lock     write deps.lock anew from what Debian serves now
#   deps.sh clean    remove the cache folder
#
# apt fetches and checks them (InRelease -> Sources -> SHA-256) with a state of its own, so the host's apt
# configuration is left as it is, and from the Debian mirror that the host already uses. deps.lock then pins every
# file. A revision that Debian replaced (point releases do) is taken in its newer form, and told.
#
# Environment: XDG_CACHE_HOME, H2BOX_DEPS_CC (gcc), H2BOX_DEPS_JOBS (nproc), H2BOX_DEBIAN_MIRROR (the host's).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
lock_file=$here/deps.lock
cache=${XDG_CACHE_HOME:-$HOME/.cache}/h2box
suite=trixie
cc=${H2BOX_DEPS_CC:-gcc}
jobs=${H2BOX_DEPS_JOBS:-$(nproc)}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# name and series: what a newer version must begin with to be taken without asking.
series_of() {
    case $1 in
    mbedtls) echo 3.6. ;;
    libuv1) echo 1. ;;
    zlib) echo 1:1.3 ;;
    jansson) echo 2. ;;
    libxml2) echo '2.12.7+dfsg+really2.9.' ;;
    *) die "no series known for '$1'" ;;
    esac
}
names="mbedtls libuv1 zlib jansson libxml2"

say() { printf 'deps: %s\n' "$*" >&2; }
die() {
    printf 'deps: %s\n' "$*" >&2
    exit 1
}

need_tools() {
    local tool missing=()
    for tool in "$cc" cmake ninja make dpkg-source apt-get sha256sum flock; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    [ ${#missing[@]} -eq 0 ] || die "missing: ${missing[*]} (./dev setup installs them)"
}

# ---- apt with a state of its own -------------------------------------------------------------------------------

work=
cleanup() { [ -z "$work" ] || rm -rf "$work"; }
trap cleanup EXIT

# shellcheck disable=SC2016  # $(SITE) is for apt
host_mirror() {
    local uri
    if [ -n "${H2BOX_DEBIAN_MIRROR:-}" ]; then
        echo "$H2BOX_DEBIAN_MIRROR"
        return
    fi
    uri=$(apt-get indextargets --format '$(SITE)' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1)
    # Lists not fetched yet: apt then knows the places, but not who stands behind them.
    [ -n "$uri" ] || uri=$(apt-get indextargets --no-release-info --format '$(SITE)' 2>/dev/null |
        grep -E '/debian/?$' | head -n 1)
    [ -n "$uri" ] || die "this host has no Debian mirror configured (set H2BOX_DEBIAN_MIRROR, or use -DH2BOX_DEPS=system)"
    echo "$uri"
}

apt_ready=
apt_start() {
    local mirror
    [ -z "$apt_ready" ] || return 0
    [ -r "$keyring" ] || die "$keyring is missing: install debian-archive-keyring"
    mirror=$(host_mirror)
    mkdir -p "$work/apt/state/lists/partial" "$work/apt/cache/archives/partial"
    printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$work/apt/sources.list"
    cat >"$work/apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$work/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State "$work/apt/state";
Dir::State::lists "$work/apt/state/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$work/apt/cache";
APT::Sandbox::User "root";
APT::Get::List-Cleanup "false";
Acquire::Languages "none";
CONF
    say "reading Debian's list of $suite sources"
    APT_CONFIG=$work/apt/apt.conf apt-get -q update >"$work/apt/log" 2>&1 ||
        { cat "$work/apt/log" >&2; die "Debian's list of sources cannot be fetched"; }
    # apt-get update warns and exits 0 when a list could not be had.
    if grep -E '^(W|E):' "$work/apt/log" >&2; then
        APT_CONFIG=$work/apt/apt.conf apt-cache showsrc zlib >/dev/null 2>&1 || die "Debian's list of sources is not usable"
    fi
    apt_ready=1
}

# Versions of a source package that Debian serves now, the newest first.
served_versions() {
    local versions v i
    versions=$(APT_CONFIG=$work/apt/apt.conf apt-cache showsrc --only-source "$1" 2>/dev/null |
        sed -n 's/^Version: //p')
    # shellcheck disable=SC2206  # versions hold no blanks
    local list=($versions)
    while [ ${#list[@]} -gt 0 ]; do
        v=${list[0]}
        for i in "${list[@]}"; do
            if dpkg --compare-versions "$i" gt "$v"; then v=$i; fi
        done
        echo "$v"
        local rest=()
        for i in "${list[@]}"; do [ "$i" = "$v" ] || rest+=("$i"); done
        list=(${rest[@]+"${rest[@]}"})
    done
}

# Download one version's files into a folder; apt checks them against the signed list.
download() {
    local name=$1 version=$2 folder=$3
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && APT_CONFIG=$work/apt/apt.conf apt-get -q -o Acquire::Retries=2 source --download-only \
        --only-source "$name=$version") >"$work/apt/log" 2>&1
}

# Download the newest version of the series and tell which on stdout. A mirror may list what it does not hold (yet, or
# any more): the next older one then serves.
download_newest() {
    local name=$1 folder=$2 series v
    series=$(series_of "$name")
    served_versions "$name" >"$work/served"
    while read -r v; do
        case $v in "$series"*) ;; *) continue ;; esac
        if download "$name" "$v" "$folder"; then
            echo "$v"
            return 0
        fi
        say "$name $v is listed, but the mirror does not hold it"
    done <"$work/served"
    [ ! -f "$work/apt/log" ] || tail -n 5 "$work/apt/log" >&2
    return 1
}

# ---- sources, pinned by deps.lock -------------------------------------------------------------------------------

locked_version() { awk -v n="$1" '$1 == n { print $2; exit }' "$lock_file"; }
locked_files() { awk -v n="$1" '$1 == n { print $3, $4 }' "$lock_file"; } # "file sha256" lines

is_sha256() { [ "$(sha256sum <"$1" | cut -d ' ' -f 1)" = "$2" ]; }

# Put the source files of a library into FOLDER, from the cache or from Debian. Adds a line to $work/used.
obtain() {
    local name=$1 folder=$2 version file sum newer whole=1
    version=$(locked_version "$name")
    [ -n "$version" ] || die "deps.lock has no line for $name"
    mkdir -p "$folder" "$cache/sources"
    while read -r file sum; do
        if [ -f "$cache/sources/$sum" ] && is_sha256 "$cache/sources/$sum" "$sum"; then
            cp "$cache/sources/$sum" "$folder/$file"
        else
            whole=
        fi
    done < <(locked_files "$name")
    if [ -z "$whole" ]; then
        apt_start
        served_versions "$name" >"$work/served"
        if grep -Fxq -- "$version" "$work/served" && download "$name" "$version" "$folder"; then
            say "fetched $name $version"
            while read -r file sum; do
                is_sha256 "$folder/$file" "$sum" || die "$name: $file does not have the SHA-256 of deps.lock"
                cp "$folder/$file" "$cache/sources/$sum.part"
                mv "$cache/sources/$sum.part" "$cache/sources/$sum"
            done < <(locked_files "$name")
        else
            newer=$(download_newest "$name" "$folder") ||
                die "$name: deps.lock wants $version; Debian $suite serves: $(tr '\n' ' ' <"$work/served")"
            say "$name: deps.lock names $version, Debian now serves $newer: going on with that (deps.sh lock pins it)"
            version=$newer
        fi
    fi
    printf '%s %s\n' "$name" "$version" >>"$work/used"
}

write_lock() {
    local name version out=$lock_file.new
    need_tools
    work=$(mktemp -d)
    apt_start
    {
        echo "# Written by cmake/deps.sh lock: Debian $suite source packages, as name, version, file, SHA-256."
        for name in $names; do
            version=$(download_newest "$name" "$work/src/$name") ||
                die "$name: nothing served of series $(series_of "$name")"
            say "$name $version"
            (cd "$work/src/$name" && for file in *; do
                [ -f "$file" ] || continue
                printf '%s %s %s %s\n' "$name" "$version" "$file" "$(sha256sum <"$file" | cut -d ' ' -f 1)"
            done)
        done
    } >"$out"
    mv "$out" "$lock_file"
    say "wrote $lock_file"
}

# ---- building -----------------------------------------------------------------------------------------------------

# What the result depends on: sources, recipes, configuration, compiler.
key() {
    {
        cat "$lock_file" "$here/deps_build.sh" "$here/h2box_mbedtls_config.h" "$here"/mbedtls_alt/*.h
        "$cc" --version | head -n 1
        "$cc" -dumpmachine
    } | sha256sum | cut -c 1-16
}

build_all() {
    local prefix=$1 name start=$SECONDS t
    work=$(mktemp -d)
    : >"$work/used"
    say "building third-party libraries once, for $prefix"
    for name in $names; do obtain "$name" "$work/files/$name"; done
    mkdir -p "$work/src" "$work/build" "$work/log"
    rm -rf "$prefix.part"
    for name in $names; do
        t=$SECONDS
        if ! (dpkg-source -x "$work/files/$name"/*.dsc "$work/src/$name" &&
            H2BOX_DEPS_CC=$cc bash "$here/deps_build.sh" "$name" "$work/src/$name" "$work/build/$name" "$prefix.part" "$jobs") \
            >"$work/log/$name" 2>&1 </dev/null; then
            tail -n 40 "$work/log/$name" >&2
            mkdir -p "$cache/log" && cp "$work/log/$name" "$cache/log/"
            die "$name does not build; the whole log: $cache/log/$name"
        fi
        say "built $(grep "^$name " "$work/used") ($((SECONDS - t)) s)"
    done
    cp "$work/used" "$prefix.part/sources"
    # Made at a .part path, then moved as a whole: whoever sees the folder sees it finished. The .pc and .cmake files
    # inside name the .part path; nobody reads them.
    rm -rf "$prefix.part"/*/lib/pkgconfig "$prefix.part"/*/lib/cmake "$prefix.part"/*/share "$prefix.part"/*/bin
    mv "$prefix.part" "$prefix"
    say "done in $((SECONDS - start)) s"
}

case ${1:-} in
prefix)
    need_tools
    mkdir -p "$cache/prefix"
    prefix=$cache/prefix/$(key)
    # One builder at a time; the others wait and find the work done.
    exec 9>"$cache/lock"
    flock 9
    [ -e "$prefix/sources" ] || build_all "$prefix"
    echo "$prefix"
    ;;
lock) write_lock ;;
clean) rm -rf "$cache" ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
