"""Cases of backends that break what they should keep, all behind one proxy, each at a path of its own. Not a test itself.

A case is a play of a backend with what clients of HTTP/1.1 and HTTP/2 must be told: a status, and whether the answer is whole.
An answer that is not whole is cut, which over HTTP/1.1 is a connection that ends too early and over HTTP/2 RST_STREAM."""
import concurrent.futures
import signal
import ssl
import sys
import traceback

import backends
import peers
from scripted import Server

CASES = []
SOON_MS, LATE_MS = 1500, 30000  # what the proxy waits for a backend that should be given up, and for others


class Case:
    def __init__(self, name, play, status, end="whole", body=None, connections=None, method="GET", content=None, fields=(), check=None,
                 tls=False, late=None):
        self.name, self.play, self.body = name, play, body
        self.status, self.end = (x if isinstance(x, tuple) else (x,) for x in (status, end))
        self.connections, self.method, self.content, self.fields = connections, method, content, list(fields)
        self.tls = tls  # the backend is spoken to over TLS
        self.late = late if late is not None else 504 in self.status  # it ends as the proxy waits no longer
        self.check = check  # of the answer and the case's Server: what is wrong, or None
        CASES.append(self)


def judge(c, proxy, server, path, version):
    """What is wrong with what the client was told, or None."""
    before = server.count
    got = backends.ASK[version](proxy.port, c.method, path, c.fields, c.content)
    if got.status not in c.status or got.end not in c.end:
        return "%r" % got
    if c.body is not None and got.body != c.body:
        return "body: %r" % got.body[:200]
    if c.connections is not None and server.count - before != c.connections:
        return "%d connections" % (server.count - before)
    return c.check(got, server) if c.check else None


def main(*params):
    """params: of the backends, such as proto=h2."""
    wanted = [c for c in CASES if not sys.argv[1:] or any(w in c.name for w in sys.argv[1:])]
    jobs = [(c, v) for c in wanted for v in ("h1", "h2")]
    identity = peers.Identity()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.cert, identity.key)
    servers = [Server(c.play, context=context if c.tls else None, seconds=20) for c, _ in jobs]
    options = ["-b127.0.0.1,%d;/c%d/;read-timeout=%dms;%s" % (
                   s.port, i, SOON_MS if c.late else LATE_MS, ";".join([*params, *["tls"] * c.tls]))
               for i, (s, (c, _)) in enumerate(zip(servers, jobs))]
    results = []
    with backends.Watched(*options, "-b127.0.0.1,1", "--log-level=INFO", "--insecure") as proxy:
        def run(i):
            c, version = jobs[i]
            name = "%s, to %s" % (c.name, version)
            try:
                return name, judge(c, proxy, servers[i], "/c%d/x" % i, version)
            except Exception:  # a play that fails is a failure of the case
                return name, traceback.format_exc(limit=3)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            results = list(pool.map(run, range(len(jobs))))
        assert proxy.stop(signal.SIGQUIT) == 0, proxy.output
        lines = proxy.output.split("\n")  # all of them, now that it has ended
    for server in servers:
        server.__exit__()
    # One request is answered once: the log says one thing of it at most.
    for i, (c, version) in enumerate(jobs):
        said = [x for x in lines if "/c%d/x)" % i in x]
        if len(said) > 1:
            results.append((c.name, "said twice: %r" % said))
    failed = [(name, why) for name, why in results if why]
    for name, why in failed:
        print("FAIL %s\n     %s" % (name, why))
    print("%d cases, %d failed" % (len(results), len(failed)))
    sys.exit(1 if failed or not results else 0)
