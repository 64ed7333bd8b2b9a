"""Programs that the compat tests start: ours and those of Debian, each on a loopback port of its own, each ended by
its own pid. Not a test itself."""
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

H2BOX = os.environ.get("H2BOX", "build/release/h2box")
SIZES = [0, 1, 612, 16383, 16384, 16385, 65535, 65536, 1 << 20]
BIG = 100 << 20


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def content(n):
    """n bytes that differ from place to place, the same every time."""
    block = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(2048))
    return (block * (n // len(block) + 1))[:n]


def make_site(folder, big=False):
    """The files that tests ask for: size-N for each of SIZES, and an index."""
    os.makedirs(folder, exist_ok=True)
    for n in SIZES + ([BIG] if big else []):
        with open(os.path.join(folder, "size-%d" % n), "wb") as f:
            f.write(content(n))
    with open(os.path.join(folder, "index.html"), "w") as f:
        f.write("<html><title>index</title></html>\n")
    return folder


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Identity:
    """A certificate for localhost and 127.0.0.1, signed by its own key (ECDSA P-256), in files of a folder that goes with it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="h2box-identity-")
        self.key, self.cert = self.folder.name + "/key.pem", self.folder.name + "/cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", self.key, "-out", self.cert], check=True, capture_output=True, timeout=60)


def wait_port(port, process, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if process.poll() is not None:
            raise AssertionError("%s ended with %s" % (process.args, process.returncode))
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)
    raise AssertionError("%s does not listen" % (process.args,))


class Running:
    """A program in the background: ended by its pid when the test leaves. `output` is what it printed so far."""

    def __init__(self, args, port=None, env=None, cwd=None):
        self.log = tempfile.TemporaryFile()
        # The program and we share the place in the file: without this it would write where we have just begun to read.
        fcntl.fcntl(self.log, fcntl.F_SETFL, fcntl.fcntl(self.log, fcntl.F_GETFL) | os.O_APPEND)
        self.process = subprocess.Popen(args, stdout=self.log, stderr=subprocess.STDOUT, cwd=cwd,
                                        stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        self.port = port
        if port:
            try:
                wait_port(port, self.process)
            except AssertionError as why:
                self.stop()
                raise AssertionError("%s\n%s" % (why, self.output)) from None

    @property
    def output(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def stop(self, signo=signal.SIGTERM, seconds=40):
        if self.process.poll() is None:
            self.process.send_signal(signo)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGTERM if self.process.poll() is None else 0)
        self.log.close()


# Each of the following serves over TLS when it is given an identity, else in the clear.

def h2box_server(site, *options, env=None, name=None, port=None, identity=None):
    port = port or free_port()
    args = [name] if name else [H2BOX, "server"]
    args += [] if identity else ["--no-tls"]
    return Running([*args, "-d", site, "-a", "127.0.0.1", *options, str(port), *key_and_cert(identity)], port, env)


def nghttpd(site, *options, identity=None):
    port = free_port()
    args = ["nghttpd"] if identity else ["nghttpd", "--no-tls"]
    return Running([*args, "-d", site, "-a", "127.0.0.1", *options, str(port), *key_and_cert(identity)], port)


def key_and_cert(identity):
    return [identity.key, identity.cert] if identity else []


def nginx(site, extra="", inside="", connections=256, identity=None):
    """nginx of Debian 12 speaks prior-knowledge h2c on a `listen ... http2` socket; newer ones want `http2 on`.
    extra goes into http {}, inside into server {}."""
    port = free_port()
    folder = tempfile.mkdtemp(prefix="h2box-nginx-")
    version = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr
    new = tuple(int(n) for n in re.findall(r"\d+", version)[:3]) >= (1, 25, 1)
    if identity:
        inside += " ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.2 TLSv1.3;" % (identity.cert, identity.key)
    with open(folder + "/nginx.conf", "w") as f:
        f.write("""
            daemon off; master_process off; pid %(d)s/pid; error_log %(d)s/error.log;
            events { worker_connections %(connections)d; }
            http { access_log off; keepalive_requests 100000000; sendfile on; %(extra)s
                   client_body_temp_path %(d)s/b; proxy_temp_path %(d)s/p; fastcgi_temp_path %(d)s/f;
                   uwsgi_temp_path %(d)s/u; scgi_temp_path %(d)s/s;
                   server { listen 127.0.0.1:%(port)d%(old)s; %(new)s root %(site)s; %(inside)s } }
            """ % {"d": folder, "port": port, "site": site, "extra": extra, "inside": inside,
                   "connections": connections, "old": (" ssl" if identity else "") + ("" if new else " http2"),
                   "new": "http2 on;" if new else ""})
    return Running(["nginx", "-p", folder, "-c", folder + "/nginx.conf", "-e", folder + "/error.log"], port)


def h2o(site, extra="", identity=None):
    """extra: lines of the configuration's top level."""
    port = free_port()
    folder = tempfile.mkdtemp(prefix="h2box-h2o-")
    with open(folder + "/h2o.conf", "w") as f:
        ssl = "  ssl:\n    certificate-file: %s\n    key-file: %s\n" % (identity.cert, identity.key) if identity else ""
        f.write("listen:\n  host: 127.0.0.1\n  port: %d\n%snum-threads: 1\nuser: root\nhosts:\n  default:\n    paths:\n"
                "      /:\n        file.dir: %s\n%s" % (port, ssl, site, extra))
    return Running(["h2o", "-m", "worker", "-c", folder + "/h2o.conf"], port)


def client(*args, code=0, stdin=b"", timeout=170):
    """stdout and stderr (text) of our client; the exit code must be as said."""
    done = subprocess.run([H2BOX, "client", *args], capture_output=True, input=stdin, timeout=timeout)
    err = done.stderr.decode(errors="replace")
    assert done.returncode == code, ("exit code", done.returncode, args, err[-2000:], done.stdout[-500:])
    return done.stdout, err


def installed(program):
    """Whether a peer that some releases of Debian lack (h2o) is there; says so when not."""
    if shutil.which(program):
        return True
    print("%s is not installed: its cases are left out" % program)
    return False


def have(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        print("not installed: %s (./dev setup installs it)" % ", ".join(missing))
        sys.exit(77)
