"""Cases of hostile servers, run all at the same time, each with a server of its own. Not a test itself.

A case is a play of a server with what must come of it: the exit code, what stderr must say (a pattern; "" for nothing, None for
anything), and the exact bytes on stdout (None for anything). None of them may crash the client, hang it, leave files, or put
control bytes on stderr. Cases of kind h2 and h1 are played over TLS as well, those of kind "h1 in TLS" only there."""
import concurrent.futures
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

import peers
from scripted import Server

CASES = []


class Case:
    def __init__(self, name, play, code, err=None, out=b"", args=(), seconds=15, kind="h2", connections=None, path="/x", stdin=b""):
        self.name, self.play, self.code, self.err, self.out = name, play, code, err, out
        self.args, self.seconds, self.kind, self.connections, self.path, self.stdin = \
            list(args), seconds, kind, connections, path, stdin
        CASES.append(self)


def case(*args, **more):
    Case(*args, **more)


def tls_context(folder, alpn):
    cert, key = os.path.join(folder, "c.pem"), os.path.join(folder, "k.pem")
    if not os.path.exists(cert):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                        cert,
                        "-days", "3", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols([alpn])
    return context


def judge(c, context, cafile, folder):
    """What is wrong with how the client took it, or None."""
    with Server(c.play, context=context, seconds=c.seconds + 5) as server:
        args = [peers.H2BOX, "client", *c.args]
        if c.kind.startswith("h1"):
            args.append("--http1.1")
        if context:
            args += ["--cacert", cafile]
        begun = time.time()
        try:
            done = subprocess.run([*args, server.url(c.path, "https" if context else "http")], capture_output=True, input=c.stdin,
                                  timeout=c.seconds * 3,
                                  cwd=folder)
        except subprocess.TimeoutExpired:
            return "it hangs"
        took, err = time.time() - begun, done.stderr.decode(errors="replace")
        if done.returncode not in (0, 1) or (c.code is not None and done.returncode != c.code):
            return "exit code %s, stderr: %s, stdout: %r" % (done.returncode, err[-1500:], done.stdout[:200])
        if c.err is not None and (not re.search(c.err, err) if c.err else err):
            return "stderr: %r" % err[-600:]
        if done.returncode == 1 and not (re.search(r"Some requests were not processed. total=\d+, processed=\d+\n$", err)):
            return "no summary: %r" % err[-600:]
        if re.search(r"[\x00-\x09\x0b-\x1f\x7f]", err):
            return "control bytes on stderr: %r" % err[-600:]
        if c.out is not None and done.stdout != c.out:
            return "stdout: %r" % done.stdout[:300]
        if c.connections is not None and server.count != c.connections:
            return "%d connections" % server.count
        if took > c.seconds:
            return "it took %.1f s" % took
        if os.listdir(folder):
            return "it left files: %s" % os.listdir(folder)
    return None


def main():
    only = sys.argv[1:]
    peers.have("openssl")
    peers.H2BOX = os.path.abspath(peers.H2BOX)
    wanted = [c for c in CASES if not only or any(w in c.name for w in only)]
    with tempfile.TemporaryDirectory(prefix="h2box-hostile-") as keys, tempfile.TemporaryDirectory(prefix="h2box-hostile-") as folder:
        contexts = {"h2": tls_context(keys, "h2"), "h1": tls_context(keys, "http/1.1")}
        contexts["h1 in TLS"] = contexts["h1"]
        # TLS once more for what does not take long, but for Upgrade, which has none.
        jobs = [(c, None) for c in wanted if c.kind != "h1 in TLS"] + [(c, contexts[c.kind]) for c in wanted if c.kind in contexts
                                                                       and c.seconds <= 15]

        def run(job):
            c, context = job
            name = c.name + (" over TLS" if context else "")
            try:
                return name, judge(c, context, os.path.join(keys, "c.pem"), folder)
            except Exception:  # a play that fails is a failure of the case
                return name, traceback.format_exc(limit=2)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = list(pool.map(run, jobs))
    failed = [(name, why) for name, why in results if why]
    for name, why in failed:
        print("FAIL %s\n     %s" % (name, why))
    print("%d cases, %d failed" % (len(results), len(failed)))
    sys.exit(1 if failed or not results else 0)
