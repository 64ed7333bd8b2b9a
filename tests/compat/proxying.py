"""A proxy of ours in front of servers, on loopback ports of its own. Not a test itself."""
import subprocess

import peers


class Proxy(peers.Running):
    """`h2box proxy` with one frontend and what else is given; conf: lines of a configuration file; before: what runs it."""

    def __init__(self, *options, frontend="", identity=None, conf=None, name=None, port=None, before=()):
        port = port or peers.free_port()
        self.access = None
        args = [name] if name else [peers.H2BOX, "proxy"]
        if conf is not None:
            args += ["--conf", conf]
        tls = "" if identity else ";no-tls"
        args += ["-f127.0.0.1,%d%s%s" % (port, tls, frontend), *options]
        super().__init__([*before, *args, *peers.key_and_cert(identity)], port)
        self.scheme = "https" if identity else "http"

    def __exit__(self, *_):
        """A test that has not stopped it itself wants it to end well: without a leak, for one."""
        code = self.stop() if self.process.poll() is None else 0
        said = self.output
        self.log.close()
        assert code == 0, (code, said)

    def url(self, path="/"):
        return "%s://127.0.0.1:%d%s" % (self.scheme, self.port, path)


def backend(port, pattern="", *params):
    """A --backend."""
    return "-b127.0.0.1,%d;%s;%s" % (port, pattern, ";".join(params)) if params else "-b127.0.0.1,%d;%s" % (port, pattern)


def curl(*words, code=0, stdin=None):
    done = subprocess.run(["curl", "-sS", "-k", "--max-time", "90", *words], capture_output=True, input=stdin, timeout=100)
    if code is not None:
        assert done.returncode == code, (words, done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout


HTTP1, H2C = ["--http1.1"], ["--http2-prior-knowledge"]
VERSIONS = {"h1": HTTP1, "h2": H2C}
PROTOS = {"h1": (), "h2": ("proto=h2",)}
