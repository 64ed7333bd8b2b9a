"""What the tests of the load generator have in common: running it, and reading its result. Not a test itself."""
import re
import subprocess

import peers

NAMES = ("total", "started", "done", "succeeded", "failed", "errored", "timeout")


def load(*options, code=0, timeout=60, name=None, stdin=None):
    command = [name] if name else [peers.H2BOX, "load"]
    executable = peers.H2BOX if name else None
    done = subprocess.run(command + list(options), executable=executable, capture_output=True, text=True, timeout=timeout,
                          **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}))
    assert code is None or done.returncode == code, (done.returncode, options, done.stdout, done.stderr)
    return done


def counts(text):
    """The line of requests as a dict, which must add up."""
    found = re.search("requests: " + ", ".join(r"(\d+) " + name for name in NAMES), text)
    assert found, text
    got = dict(zip(NAMES, map(int, found.groups())))
    statuses = list(map(int, re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text).groups()))
    assert got["succeeded"] == statuses[0] + statuses[1], text
    assert got["failed"] - got["errored"] >= statuses[2] + statuses[3], text
    assert got["timeout"] <= got["errored"], text
    return got
