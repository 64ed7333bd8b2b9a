#!/usr/bin/env python3
"""The load generator with the servers that people use, its result beside that of Debian's h2load. labels: threads"""
import csv
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import h2.config
import h2.connection
import h2.events

import peers
from loads import counts, load

# What stays of a line when its figures are taken out: the layout.
FIGURES = re.compile(r"\d+(?:\.\d+)?(?:us|ms|s|B|KB|MB|GB|%)?")


def read_json(path):
    with open(path) as f:
        return json.load(f)


def block(text):
    """The ten lines of the result, with widths kept and figures gone."""
    lines = text.split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("finished in"))
    return lines[start - 1:start + 9]


def shape(line):
    """Columns end where they do, whatever the figures are."""
    return [m.end() for m in FIGURES.finditer(line)] if line.startswith(("time ", "req/s")) else FIGURES.sub("#", line)


class Load(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        cls.site = peers.make_site(cls.folder.name + "/site")
        cls.server = peers.h2box_server(cls.site)
        cls.base = "http://127.0.0.1:%d" % cls.server.port

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def test_block_has_the_layout_of_h2load(self):
        peers.have("h2load")
        options = ["-n200", "-c4", "-m5", self.base + "/size-612"]
        theirs = subprocess.run(["h2load", *options], capture_output=True, text=True, timeout=60).stdout
        for ours in (load(*options).stdout, load(*options, name="h2load").stdout):
            self.assertEqual([shape(line) for line in block(ours)], [shape(line) for line in block(theirs)])
            self.assertEqual(re.findall("^progress.*", ours, re.M), re.findall("^progress.*", theirs, re.M))
            self.assertEqual(ours.split("\n")[:3], theirs.split("\n")[:3])
            for line in (4, 5):  # the same server was asked for the same
                self.assertEqual(block(ours)[line - 2], block(theirs)[line - 2])
            data = re.search(r"\((\d+)\) data", theirs).group(1)
            self.assertIn("(%s) data" % data, ours)

    def test_every_peer_answers_all(self):
        for start in (peers.h2box_server, peers.nghttpd, peers.nginx, peers.h2o):
            if start is peers.h2o and not peers.installed("h2o"):
                continue
            server = start(self.site)
            try:
                got = load("-n1000", "-c10", "-m10", "-t2", "http://127.0.0.1:%d/size-612" % server.port).stdout
                self.assertEqual(counts(got)["succeeded"], 1000, got)
                self.assertIn("(612000) data", got)
            finally:
                server.stop()

    def test_goaway_loses_nothing(self):
        server = peers.nginx(self.site, inside="keepalive_requests 100;")
        try:
            url = "http://127.0.0.1:%d/size-612" % server.port
            got = load("-n2000", "-c3", "-m10", url).stdout
            self.assertEqual(counts(got)["succeeded"], 2000, got)
            self.assertRegex(got, r"(1[5-9]|2\d) again \(\d+ after GOAWAY")
            self.assertIn("errored", load("-n2000", "-c3", "-m10", "--reconnect", "never", url, code=1).stdout)
        finally:
            server.stop()

    def test_a_new_connection_every_so_often(self):
        got = load("-n100", "-c2", "-m4", "--reconnect-every", "10", self.base + "/size-0").stdout
        self.assertEqual(counts(got)["succeeded"], 100, got)
        self.assertIn("connections: 10 made, 0 failed, 8 again (0 after GOAWAY, 0 after close, 0 after an error, 8 planned)", got)

    def test_statuses_do_not_fail_a_run(self):
        got = load("-n10", self.base + "/none").stdout
        self.assertIn("status codes: 0 2xx, 0 3xx, 10 4xx, 0 5xx", got)
        self.assertEqual((counts(got)["failed"], counts(got)["errored"]), (10, 0))

    def test_rates_hold(self):
        got = load("-D2", "-c4", "-m4", "--rate-total", "200", self.base + "/size-0").stdout
        self.assertTrue(392 <= counts(got)["done"] <= 404, got)
        self.assertIn("rate: 200.00 req/s asked", got)
        got = load("-n60", "-c2", "--rps", "30", self.base + "/size-0").stdout
        self.assertTrue(0.9 < float(re.search(r"finished in ([\d.]+)(?:m?s)", got).group(1)) / (1 if "ms," not in got else 1000) < 1.6, got)

    def test_connections_come_at_a_rate(self):
        got = load("-D1", "-r20", "-c20", self.base + "/size-0").stdout
        self.assertTrue(18 <= counts(got)["done"] <= 21, got)
        got = load("-n40", "-r40", "-c20", "--rate-period", "500ms", self.base + "/size-0").stdout
        self.assertEqual(counts(got)["succeeded"], 40, got)

    def test_timing_script(self):
        script = self.file("script", "0\t%s/size-0\n100\t/size-612\n300.5\t/size-0\n" % self.base)
        got = load("--timing-script-file", script, "-c2").stdout
        self.assertEqual(counts(got)["succeeded"], 6, got)
        self.assertIn("(1224) data", got)
        self.assertRegex(got, r"finished in [34]\d\d\.")
        got = load("--timing-script-file", script, "-c2", "-D1", "-m4").stdout  # again and again, every 300 ms
        self.assertTrue(12 <= counts(got)["done"] <= 20, got)
        bad = self.file("bad", "0\t%s/\nsoon\t/\n" % self.base)
        self.assertIn("bad:2: the offset", load("--timing-script-file", bad, code=1).stderr)

    def test_uris_and_bodies_of_files(self):
        uris = self.file("uris", "/size-0\n/size-612\n# no\n\n/size-65536\n")
        got = load("-n6", "-m", "auto", "-i", uris, "-B", self.base).stdout
        self.assertIn("(132296) data", got)
        body = self.file("body", "x" * 100000)
        got = load("-n20", "-m4", "-d", body, self.base + "/size-0").stdout
        self.assertEqual(counts(got)["done"], 20, got)

    def test_requests_of_a_file(self):
        lines = self.file("requests", '{"url": "%s/${rand:404-405}"}\n'
                          '{"path": "/size-612", "headers": {"x-id": "${uuid}", "x-n": "${n}"}}\n\n'
                          '{"method": "HEAD", "path": "/size-65536"}\n' % self.base)
        got = load("-n30", "--requests", lines).stdout
        self.assertIn("20 2xx, 0 3xx, 10 4xx", got)
        lines = self.file("weights", '{"path": "/size-0", "weight": 0}\n{"path": "/none", "weight": 7}\n')
        self.assertIn("30 4xx", load("-n30", "--requests", lines, self.base).stdout)
        for text, why in (("[]", "not a JSON object"), ('{"path": 1}', "are strings"), ('{"path": "/", "wait": 1}', "none of"),
                          ('{"path": "/${x}"}', "none of"), ('{"path": "/a b"}', "blank"), ("{", "bad:2:")):
            bad = self.file("bad", '{"path": "/"}\n%s\n' % text)
            self.assertIn("bad:2: ", load("--requests", bad, self.base, code=1).stderr)
            self.assertIn(why, load("--requests", bad, self.base, code=1).stderr)

    def test_log_file(self):
        log = os.path.join(self.folder.name, "log")
        before = time.time() * 1e6
        load("-n20", "-c2", "--log-file", log, self.base + "/size-612")
        load("-n5", "--log-file", log, self.base + "/none")
        with open(log) as f:
            rows = [list(map(int, line.split("\t"))) for line in f]
        self.assertEqual(sorted(row[1] for row in rows), [200] * 20 + [404] * 5)
        self.assertTrue(all(before - 1e6 < row[0] < before + 60e6 and 0 < row[2] < 60e6 for row in rows), rows)

    def test_ctrl_c_prints_the_results_so_far(self):
        run = subprocess.Popen([peers.H2BOX, "load", "-D30", "-c2", self.base + "/size-0"], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=20)
        self.assertEqual(run.returncode, 0, out)
        self.assertGreater(counts(out)["done"], 10)
        self.assertIn("interrupted: these are the results so far", out)

    def test_nobody_there(self):
        done = load("-n10", "-c2", "http://127.0.0.1:1/", code=1)
        self.assertIn("failed: 10: connect: connection refused", done.stdout)
        self.assertEqual(counts(done.stdout)["errored"], 10)
        self.assertEqual(load("-D1", "-c2", "http://127.0.0.1:1/", code=1).stdout.count("finished in"), 1)

    def test_impossible_combinations(self):
        for options, why in ((["-n1", "-c2"], "the number of requests must be greater"),
                             (["-c1", "-t2"], "the number of clients must be greater"),
                             (["--rps", "0"], "no rate above 0"), (["--rps", "1", "--rate-total", "1"], "exclude each other"),
                             (["--warm-up-time", "1"], "needs --duration"), (["-m", "none"], "neither"),
                             (["--cert", "x"], "need each other"),
                             (["--h3"], "no HTTP/3"), (["-d", "-", "--requests", "-"], "read once only"),
                             (["--timing-script-file", "x", "--rps", "1"], "no rate besides"), (["--rate-period", "1"], "needs --rate"),
                             (["-i", "x"], "not from both"), (["-i", "x", "--timing-script-file", "y"], "from one file"),
                             (["-m", "0"], "neither"),
                             (["--merge", "--compare"], "exclude each other"), (["--qlog-file-base", "x"], "qlog is of QUIC")):
            self.assertIn(why, load(*options, self.base, code=2).stderr)
            self.assertIn(why, load(*options, self.base, code=1, name="h2load").stderr)
        self.assertIn("no URI", load(code=2).stderr)
        self.assertIn("needs a path", load("-B", "unix:", self.base, code=1).stderr)

    def test_result_files(self):
        a, b, both = (os.path.join(self.folder.name, name) for name in ("a.json", "b.json", "both.json"))
        load("-n300", "-c3", "-m4", "--output-file", a, self.base + "/size-612")
        page = os.path.join(self.folder.name, "page.html")
        load("-n200", "-c2", "--rps", "2000", "--output-file", b, "--report", page, self.base + "/size-0")
        merged = load("--merge", a, b, "--output-file", both).stdout
        self.assertEqual(counts(merged)["succeeded"], 500)
        a, b, both = map(read_json, (a, b, both))
        for name in ("request", "connect", "ttfb"):
            parts = [dict(map(tuple, one["h2box"]["histograms"][name]["buckets"])) for one in (a, b, both)]
            self.assertEqual({k: parts[0].get(k, 0) + parts[1].get(k, 0) for k in parts[0] | parts[1]}, parts[2])
            for figure in ("count", "sum"):
                self.assertEqual(*(sum(one["h2box"]["histograms"][name][figure] for one in side) for side in ((a, b), (both,))))
        for one, n in ((a, 300), (b, 200), (both, 500)):
            self.assertEqual(one["version"], "v1")
            self.assertEqual(one["measurements"]["requests"]["succeeded"], n)
            self.assertEqual(one["measurements"]["status_codes"], {"2xx": n, "3xx": 0, "4xx": 0, "5xx": 0})
            self.assertEqual(sum(s["done"] for s in one["h2box"]["series"]["slices"]), n)
            for name in ("request", "connect", "ttfb", "request_per_second"):
                self.assertLessEqual({"min", "max", "median", "p95", "p99", "mean", "sd", "within_sd", "samples"},
                                     set(one["measurements"]["performance"][name]))
        with open(page) as f:
            text = f.read()
        self.assertNotIn("http-equiv", text)
        self.assertNotRegex(text, r'(src|href)="(?!data:)')
        self.assertEqual(text.count("<svg"), 3)

    def test_page_in_a_browser(self):
        if not peers.installed("chromium"):
            self.skipTest("no chromium")
        page = os.path.join(self.folder.name, "shown.html")
        load("-n200", "-c2", "--rps", "2000", "--report", page, self.base + "/size-0")
        done = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom",
                               "--user-data-dir=" + self.folder.name + "/profile", "file://" + page],
                              capture_output=True, text=True, timeout=120)
        self.assertIn("</svg>", done.stdout)
        self.assertNotIn("CONSOLE", done.stderr)

    def test_formats(self):
        got = json.loads(load("-n10", "--format", "json", self.base + "/size-0").stdout)
        self.assertEqual(got["measurements"]["requests"]["done"], 10)
        rows = list(csv.DictReader(load("-n10", "--format", "csv", self.base + "/size-0").stdout.splitlines()))
        self.assertEqual((len(rows), rows[0]["done"], rows[0]["2xx"]), (1, "10", "10"))

    def test_conditions(self):
        a, b = (os.path.join(self.folder.name, name) for name in ("c.json", "d.json"))
        url = self.base + "/size-0"
        load("-n50", "--output-file", a, "--fail-if", "p99<0us", "--fail-if", "rps<=1", url)
        self.assertIn("p50 is", load("-n50", "--fail-if", "p50>=1us", url, code=1).stderr)
        load("-n20", "--rps", "20", "--output-file", b, url)
        got = load("--compare", a, b, "--fail-if", "rps -5%", code=1)
        self.assertRegex(got.stdout, r"req/s +[\d.]+ +[\d.]+ +-\d+\.\d%")
        self.assertIn("rps is", got.stderr)
        self.assertIn("no clear difference", load("--compare", a, a, "--fail-if", "p99 +1%").stdout)
        for text, why in (("p99>50", "needs us, ms or s"), ("speed>1", "not known"), ("p99 +10%", "--compare"),
                          ("p99 ~1ms", "needs one of")):
            self.assertIn(why, load("-n1", "--fail-if", text, url, code=2).stderr)

    def test_a_stall_is_seen_by_corrected_times(self):
        """Coordinated omission: one second of silence. What was due meanwhile waited; few requests were on their way."""
        server = StallingServer(after=100, seconds=1)
        path = os.path.join(self.folder.name, "stall.json")
        load("-n300", "-m1", "--rps", "100", "--output-file", path, "http://127.0.0.1:%d/" % server.port)
        server.close()
        times = read_json(path)["measurements"]["performance"]
        self.assertGreater(times["request"]["p99"], 0.7)
        self.assertGreater(times["request"]["p95"], 0.4)
        self.assertLess(times["request_from_sent"]["p99"], 0.5)
        self.assertGreater(times["request_from_sent"]["max"], 0.9)

    def test_http1(self):
        port = peers.free_port()  # nginx's other one speaks HTTP/2 alone
        for start, extra in ((peers.nginx, "server { listen 127.0.0.1:%d; root %s; }" % (port, self.site)), (peers.h2o, "")):
            if start is peers.h2o and not peers.installed("h2o"):
                continue
            server = start(self.site, extra)
            try:
                url = "http://127.0.0.1:%d/size-612" % (port if extra else server.port)
                for options in (["--h1"], ["-p", "http/1.1", "-m", "8"]):
                    got = load("-n500", "-c5", *options, url).stdout
                    self.assertEqual(counts(got)["succeeded"], 500, got)
                    self.assertIn("Application protocol: http/1.1", got)
            finally:
                server.stop()

    def test_tls(self):
        identity = peers.Identity()
        server = peers.nghttpd(self.site, identity=identity)
        try:
            url = "https://localhost:%d/size-612" % server.port
            got = load("-n200", "-c4", "-m4", url).stdout
            self.assertEqual(counts(got)["succeeded"], 200, got)
            self.assertRegex(got, r"TLS Protocol: TLSv1.3\nCipher: TLS_\w+\nServer Temp Key: .+\nApplication protocol: h2\n")
            load("-n5", "--cacert", identity.cert, url)
            self.assertIn("failed: 5: connect:", load("-n5", "--verify", url, code=1).stdout)
            self.assertEqual(counts(load("-n5", "--h1", url, code=1).stdout)["errored"], 5)
        finally:
            server.stop()


class StallingServer:
    """Answers every request of one connection with 200, but sleeps once."""

    def __init__(self, after, seconds):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.after, self.seconds = after, seconds
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        h2c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        h2c.initiate_connection()
        connection.sendall(h2c.data_to_send())
        answered = 0
        while data := connection.recv(65536):
            for event in h2c.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    answered += 1
                    if answered == self.after:
                        time.sleep(self.seconds)
                    h2c.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
            connection.sendall(h2c.data_to_send())

    def close(self):
        self.listener.close()


if __name__ == "__main__":
    unittest.main()
