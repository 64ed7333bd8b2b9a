"""The servers of the bench and the floors beside them: how each is started, on which core it runs, what CPU it took. Not a
test itself.

A Server answers h2load on a port of its own until it is stopped. What peers are set to is told in docs/bench.md."""
import datetime
import glob
import os
import resource
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "compat"))
BUILD = os.environ.get("H2BOX_BUILD_DIR", os.path.join(HERE, "..", "..", "build", "bench"))
os.environ["H2BOX"] = os.path.join(BUILD, "h2box")
import peers  # noqa: E402  (reads H2BOX)

OURS = "h2box"
CONNECTIONS = 4096  # what servers with a limit may have open
NGINX = "open_file_cache max=4096 inactive=60s; open_file_cache_valid 60s; http2_chunk_size 16k;"
PEERS = {
    "nghttpd": lambda site, identity: peers.nghttpd(site, "-n1", identity=identity),
    "h2o": lambda site, identity: peers.h2o(site, "max-connections: %d\n" % CONNECTIONS, identity=identity),
    # sendfile off: its HTTP/2 would make several system calls for each frame, which costs more than the copy.
    "nginx": lambda site, identity: peers.nginx(site, NGINX, "sendfile off;", CONNECTIONS, identity=identity),
}


def program(name):
    return os.path.join(BUILD, "tests", "bench", name)


def floor(name, *args):
    port = peers.free_port()
    return peers.Running([program(name), str(port), *args], port)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Server:
    """A server that runs on one core. `pid` is its process."""

    def __init__(self, name, start, site, core, identity=None):
        self.name = name
        self.running = start(site, identity)
        self.pid = self.running.process.pid
        self.port = self.running.port
        for task in self.tasks():
            os.sched_setaffinity(int(os.path.basename(task)), {core})

    def tasks(self):
        return glob.glob("/proc/%d/task/*" % self.pid)

    def cpu_us(self):
        """Microseconds on a CPU of all its threads, by the scheduler's own count."""
        return self.schedstat(0)

    def waited_us(self):
        """Microseconds that they could have run in, and other work had the CPU."""
        return self.schedstat(1)

    def schedstat(self, column):
        total = 0
        for task in self.tasks():
            with open(task + "/schedstat") as f:
                total += int(f.read().split()[column])
        return total / 1000

    def private_bytes(self):
        """Memory that nobody shares with it."""
        total = 0
        with open("/proc/%d/smaps_rollup" % self.pid) as f:
            for line in f:
                if line.startswith(("Private_Clean:", "Private_Dirty:")):
                    total += int(line.split()[1]) * 1024
        return total

    def stop(self):
        self.running.stop()


def starts():
    """Ours first, then the peers that are installed."""
    found = {OURS: lambda site, identity: peers.h2box_server(site, "-n1", identity=identity)}
    found.update((name, start) for name, start in PEERS.items() if shutil.which(name))
    for name in PEERS.keys() - found.keys():
        say("%s is not installed: the table goes without it" % name)
    return found


def cores():
    """The core that serves and the one that makes the load."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) == 1:
        say("only one core: servers and load disturb each other, ratios are worth little")
    return mine[0], mine[-1]


def raise_descriptors(wanted):
    """Servers and h2load inherit the limit of this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    top = CONNECTIONS * 2 if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < top:
        resource.setrlimit(resource.RLIMIT_NOFILE, (top, hard))
    if top < wanted:
        say("the limit of open files is %d and cannot be raised: rows with many connections need %d" % (top, wanted))


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().split("\n")[0]


def versions():
    asked = {"h2box": [peers.H2BOX, "--version"], "nghttpd": ["nghttpd", "--version"], "h2o": ["h2o", "--version"],
             "nginx": ["nginx", "-v"], "h2load": ["h2load", "--version"]}
    return {name: first_line(*command) for name, command in asked.items() if shutil.which(command[0])}


def read_file(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


def machine():
    models = [line.split(":", 1)[1].strip() for line in read_file("/proc/cpuinfo").split("\n") if line.startswith("model name")]
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "kernel": os.uname().release, "cpu": models[0] if models else os.uname().machine, "cores": os.cpu_count(),
            "congestion_control": read_file("/proc/sys/net/ipv4/tcp_congestion_control").strip()}
