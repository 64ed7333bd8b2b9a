#!/usr/bin/env bash
# The static file is enough by itself: it runs, serves and fetches in a root directory that holds nothing else (but the
# documents to serve). chroot by root, or inside a user namespace where those are allowed.
set -euo pipefail
box=${H2BOX:?the path of the h2box executable}

fail() {
    echo "empty root: $*" >&2
    exit 1
}

[ -x "$box" ] || fail "$box is not there"
if readelf -lW "$box" | grep -q INTERP; then fail "$box is not static: it names a program interpreter"; fi

root=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
    rm -rf "$root"
}
trap stop EXIT

cp "$box" "$root/h2box"
mkdir "$root/docs"
head -c 300000 /dev/urandom | base64 >"$root/docs/page.txt"
echo "index" >"$root/docs/index.html"

if [ "$(id -u)" = 0 ]; then
    inside=(chroot "$root")
elif unshare -r chroot "$root" /h2box --version >/dev/null 2>&1; then
    inside=(unshare -r chroot "$root")
else
    echo "empty root: neither root nor user namespaces: skipped"
    exit 77
fi

"${inside[@]}" /h2box --version
"${inside[@]}" /h2box --list >/dev/null

port=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
"${inside[@]}" /h2box server --no-tls -a 127.0.0.1 -d /docs "$port" >"$root/log" 2>&1 &
server=$!
for _ in {1..100}; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
    kill -0 "$server" 2>/dev/null || { cat "$root/log" >&2; fail "the server ended early"; }
    sleep 0.05
done

"${inside[@]}" /h2box client "http://127.0.0.1:$port/page.txt" >"$root/got"
cmp "$root/docs/page.txt" "$root/got" || fail "the client wrote something else than the server has"
# "localhost" needs no resolver configuration (RFC 6761).
"${inside[@]}" /h2box client "http://localhost:$port/" >"$root/got"
cmp "$root/docs/index.html" "$root/got" || fail "localhost: the client wrote something else than the server has"

# unshare and chroot both exec, so the process is the server.
kill -TERM "$server"
result=0
wait "$server" || result=$?
server=
[ "$result" = 0 ] || { cat "$root/log" >&2; fail "the server ended with exit code $result on TERM"; }
echo "empty root: served and fetched $(stat -c %s "$root/docs/page.txt") bytes, ended with 0"
