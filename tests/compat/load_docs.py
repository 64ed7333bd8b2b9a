#!/usr/bin/env python3
"""What docs/load.md tells people to run, run: its commands in their order, with less load, on one machine; its manifest, read.
labels: threads"""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import peers

PAGE = os.path.join(os.environ.get("H2BOX_SOURCE_DIR", "."), "docs", "load.md")


def blocks():
    """Indented blocks of the page, without the indentation."""
    with open(PAGE) as f:
        text = f.read()
    return [re.sub("^    ", "", b.strip("\n") + "\n", flags=re.M) for b in re.findall(r"(?:^(?:    .*|)\n)+", text, re.M) if b.strip()]


def commands(block):
    """Those at its begin, and behind $; lines that end in a backslash go on."""
    found = re.findall(r"^(?:\$ )?((?:h2box load|parallel) (?:.*\\\n)*.*)", block, re.M)
    return [one.replace("\\\n", " ") for one in found if not one.startswith("h2box load: ")]


class Docs(unittest.TestCase):
    def test_commands(self):
        ran, kinds = 0, set()
        with tempfile.TemporaryDirectory(prefix="h2box-site-") as folder:
            os.symlink(os.path.abspath(peers.H2BOX), folder + "/h2box")
            os.makedirs(folder + "/home/.parallel")
            open(folder + "/home/.parallel/will-cite", "w").close()
            env = {**os.environ, "PATH": folder + ":" + os.environ["PATH"], "HOME": folder + "/home"}
            with peers.h2box_server(os.path.dirname(PAGE)) as server:
                for block in blocks():
                    for name, content in re.findall(r"^\$ cat (\S+)\n((?:[^$].*\n)+)", block, re.M):
                        with open(os.path.join(folder, name), "w") as f:
                            f.write(content)
                    for command in commands(block):
                        if command.startswith("parallel") and not shutil.which("parallel"):
                            print("parallel is not installed: its case is left out")
                            return
                        less = re.sub(r"-D \d+", "-D 1", re.sub(r"-n \d+", "-n 500", command))
                        less = less.replace("http://localhost:8080", "http://127.0.0.1:%d" % server.port).replace("host1,host2,host3", ":")
                        done = subprocess.run(less, shell=True, cwd=folder, env=env, capture_output=True, text=True, timeout=60,
                                              stdin=subprocess.DEVNULL)
                        wanted = (0, 1) if "--fail-if" in command else (0,)
                        self.assertIn(done.returncode, wanted, (less, done.stdout, done.stderr))
                        ran += 1
                        kinds.update(re.findall("--(requests|compare|merge|report|rate-total)|^(parallel)", command))
        self.assertGreaterEqual(ran, 8)
        self.assertEqual(len(kinds), 6, kinds)

    def test_manifest(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("no python3-yaml")
        job = yaml.safe_load(next(b for b in blocks() if b.startswith("apiVersion")))
        spec = job["spec"]
        self.assertEqual((job["apiVersion"], job["kind"], spec["completionMode"]), ("batch/v1", "Job", "Indexed"))
        self.assertEqual(spec["completions"], spec["parallelism"])  # all at the same time
        pod = spec["template"]["spec"]
        command = pod["containers"][0]["command"]
        self.assertEqual(command[1], "load")
        mounts = {m["name"]: m["mountPath"] for m in pod["containers"][0]["volumeMounts"]}
        self.assertEqual(set(mounts), {v["name"] for v in pod["volumes"]})
        path = command[command.index("--output-file") + 1]
        self.assertTrue(path.startswith(mounts["results"] + "/") and "$(JOB_COMPLETION_INDEX)" in path)
        # Our options, as they stand there: only the server is missing.
        with tempfile.TemporaryDirectory() as folder:
            words = [w.replace("/results/$(JOB_COMPLETION_INDEX)", folder + "/0").replace("https://test.example/", "http://127.0.0.1:1/")
                     for w in command[2:]]
            words[words.index("-D") + 1] = "1"
            done = subprocess.run([peers.H2BOX, "load", *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertEqual(os.listdir(folder), ["0.json"])


if __name__ == "__main__":
    unittest.main()
