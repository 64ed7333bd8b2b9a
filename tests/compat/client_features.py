#!/usr/bin/env python3
"""What our client does beyond fetching: pages with all they need, redirects, archives, logs for machines, routes."""
import gzip
import json
import os
import pty
import subprocess
import tempfile
import time
import unittest

import peers
from scripted import (END_HEADERS, END_STREAM, HEADERS, PUSH_PROMISE, Server, block, frame, literal, response, site, u32,
                      until_headers)

PAGE = b"""<!doctype html><html><head><link rel=stylesheet href=/a.css><script src=/b.js></script>
<script async src=/c.js></script><link rel=icon href=i.ico></head>
<body><img src=d.png srcset="e.png 2x"><img src=d.png><img src=http://other.test/f.png></body></html>"""
HTML = (("content-type", "text/html; charset=utf-8"),)


def get(*args, **more):
    out, err = peers.client(*args, timeout=30, **more)
    return out, err


class Pages(unittest.TestCase):
    WANTED = {"/a.css": "u=0", "/b.js": "u=0", "/c.js": "u=1", "/i.ico": "u=3", "/d.png": "u=3, i", "/e.png": "u=3, i"}

    def page(self, fields, body, path="/", *args):
        asked = []
        pages = {p: (200, (), p.encode()) for p in self.WANTED}
        pages[path] = (200, fields, body)
        with Server(site(pages, asked)) as server:
            out, _ = get("-a", *args, server.url(path))
            self.assertEqual(server.count, 1)
        return out, asked

    def test_assets_by_their_kind(self):
        out, asked = self.page(HTML, PAGE)
        self.assertEqual({r[":path"]: r["priority"] for r in asked[1:]}, self.WANTED)
        self.assertEqual(len(asked), 1 + len(self.WANTED))
        self.assertTrue(out.startswith(PAGE))
        self.assertEqual(len(out), len(PAGE) + sum(map(len, self.WANTED)))

    def test_the_page_is_decoded_first(self):
        _, asked = self.page(HTML + (("content-encoding", "gzip"),), gzip.compress(PAGE), "/", "-n")
        self.assertEqual(len(asked), 1 + len(self.WANTED))

    def test_only_pages_are_read(self):
        for fields in ((("content-type", "text/plain"),), ()):
            self.assertEqual(len(self.page(fields, PAGE)[1]), 1)

    def test_what_h_says_is_for_the_page(self):
        _, asked = self.page(HTML, PAGE, "/", "-n", "-H", ":path: /", "-H", "x-all: 1")
        self.assertEqual(len(asked), 1 + len(self.WANTED))
        self.assertTrue(all(r["x-all"] == "1" for r in asked))

    def test_beside_nghttp(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            for name, body in [("index.html", PAGE)] + [(p[1:], p.encode()) for p in self.WANTED]:
                with open(os.path.join(folder, name), "wb") as f:
                    f.write(body)
            with peers.nghttpd(folder) as server:
                url = "http://127.0.0.1:%d/index.html" % server.port
                paths = lambda out: {line.split()[-1] for line in out.decode().split("sorted by")[1].splitlines() if " 200 " in line}
                ours = paths(get("-nas", url)[0])
                theirs = paths(subprocess.run(["nghttp", "-nas", url], capture_output=True, timeout=20).stdout)
                # nghttp 1.52 reads no srcset, and knows icons by another word.
                self.assertEqual(ours - {"/e.png", "/i.ico"}, theirs)


class Redirects(unittest.TestCase):
    def follow(self, pages, *args, path="/", code=0):
        asked = []
        with Server(site(pages, asked)) as server:
            out, err = get("-L", *args, server.url(path), code=code)
        return out, err, asked

    def test_followed_only_when_asked(self):
        pages = {"/": (302, (("location", "/b"),), b"moved"), "/b": (200, (), b"here")}
        self.assertEqual(self.follow(pages)[0], b"here")
        with Server(site(pages)) as server:
            self.assertEqual(get(server.url())[0], b"moved")

    def test_methods(self):
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"content")
            f.flush()
            for status, method, body in ((301, "GET", b""), (302, "GET", b""), (303, "GET", b""), (307, "POST", b"content"),
                                         (308, "POST", b"content")):
                pages = {"/": (status, (("location", "b?x=1"),), b""), "/b?x=1": (200, (), b"here")}
                out, _, asked = self.follow(pages, "-d", f.name, "-H", "content-type: a/b")
                self.assertEqual(out, b"here")
                self.assertEqual([(r[":method"], r.body) for r in asked], [("POST", b"content"), (method, body)], status)
                self.assertEqual(asked[1]["content-type"], "a/b" if method == "POST" else None)

    def test_loops_and_limits(self):
        loop = {"/": (302, (("location", "/b"),), b""), "/b": (302, (("location", "/"),), b"")}
        self.assertIn("/b: the redirects go in a circle\n", self.follow(loop, code=1)[1])
        endless = {"/%d" % n: (302, (("location", "/%d" % (n + 1)),), b"") for n in range(100)}
        _, err, asked = self.follow(endless, path="/0", code=1)
        self.assertIn("too many redirects\n", err)
        self.assertEqual(len(asked), 21)
        self.assertEqual(len(self.follow(endless, "--max-redirs", "3", path="/0", code=1)[2]), 4)
        for location in ("ftp://a/", "http://", "http://a b/"):
            self.assertIn("its redirect leads to no address", self.follow({"/": (302, (("location", location),), b"")}, code=1)[1])
        self.assertEqual(self.follow({"/": (302, (), b"no location")})[0], b"no location")

    def test_credentials_stay_with_their_origin(self):
        there, here = [], []
        with Server(site({"/x": (200, (), b"there")}, there)) as other:
            pages = {"/": (302, (("location", "/here"),), b""), "/here": (307, (("location", other.url("/x")),), b"")}
            with Server(site(pages, here)) as server:
                out, _ = get("-L", "-H", "authorization: secret", "-H", "cookie: a=b", "-H", "x-plain: 1", "-H", "host: name.test",
                             server.url())
        self.assertEqual(out, b"there")
        for r in here:
            self.assertEqual((r["authorization"], r["cookie"], r[":authority"]), ("secret", "a=b", "name.test"))
        self.assertEqual((there[0]["authorization"], there[0]["cookie"], there[0]["x-plain"]), (None, None, "1"))
        self.assertEqual(there[0][":authority"], "127.0.0.1:%d" % other.port)


class Telling(unittest.TestCase):
    def test_json(self):
        with Server(site({"/": (200, (("x", "\xe4\"\\"),), b"body")})) as server:
            out, _ = get("--json", server.url(), server.url("/none"))
        events = [json.loads(line) for line in out.decode("ascii").splitlines()]
        self.assertTrue(all(isinstance(e["time_us"], int) and e["connection"] == 1 for e in events))
        kinds = {e["event"] for e in events}
        self.assertEqual(kinds, {"connected", "frame", "stream_closed", "request", "closed"})
        head = next(e for e in events if e["event"] == "frame" and e["type"] == "HEADERS" and e["dir"] == "recv")
        self.assertEqual((head["stream"], head["flags"], head["section"]), (1, ["END_HEADERS"], "response"))
        self.assertIn(["x", "\xe4\"\\"], head["fields"])
        done = [e for e in events if e["event"] == "request"]
        self.assertEqual([(e["uri"][-6:], e["status"], e["ok"], e["bytes"]) for e in done],
                         [(server.url()[-6:], 200, True, 4), (server.url("/none")[-6:], 404, True, 13)])

    def test_json_failure(self):
        port = peers.free_port()
        out, _ = get("--json", "http://127.0.0.1:%d/" % port, code=1)
        event = json.loads(out)
        self.assertEqual((event["event"], event["ok"], event["error"]), ("request", False, "connection refused"))

    def archive(self, *args, **more):
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "a.har")
            get("-n", "--har", name, *args, **more)
            with open(name) as f:
                return json.load(f)["log"]

    def check(self, log):
        """The members that HAR 1.2 asks for, and their kinds."""
        self.assertEqual(log["version"], "1.2")
        self.assertEqual(set(log["creator"]), {"name", "version"})
        pages = [p["id"] for p in log["pages"]]
        for e in log["entries"]:
            self.assertIn(e["pageref"], pages)
            self.assertRegex(e["startedDateTime"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            for key in ("method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"):
                self.assertIn(key, e["request"])
            for key in ("status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL", "headersSize", "bodySize"):
                self.assertIn(key, e["response"])
            self.assertEqual(set(e["response"]["content"]) & {"size", "mimeType"}, {"size", "mimeType"})
            parts = [v for k, v in e["timings"].items() if v >= 0 and k != "ssl"]
            self.assertAlmostEqual(sum(parts), e["time"], places=2)
            self.assertTrue(all(e["timings"][k] >= 0 for k in ("send", "wait", "receive")))

    def test_har(self):
        with Server(site({"/?a=1&b=%20": (200, HTML + (("content-encoding", "gzip"),), gzip.compress(PAGE)),
                          "/a.css": (200, (), b"css")})) as server:
            log = self.archive("-a", server.url("/?a=1&b=%20"))
        self.check(log)
        first = log["entries"][0]
        self.assertEqual(first["request"]["queryString"], [{"name": "a", "value": "1"}, {"name": "b", "value": "%20"}])
        self.assertEqual((first["response"]["content"]["size"], first["response"]["bodySize"]), (len(PAGE), len(gzip.compress(PAGE))))
        self.assertEqual((first["request"]["method"], first["request"]["httpVersion"], first["response"]["status"]),
                         ("GET", "HTTP/2.0", 200))
        self.assertEqual(len(log["entries"]), 7)
        self.assertEqual([e["timings"]["connect"] >= 0 for e in log["entries"]], [True] + [False] * 6)

    def test_har_of_pushes_and_failures(self):
        def play(peer):
            peer.begin()
            r = peer.request()
            promise = b"\x82\x86" + literal(":path", "/p") + literal(":authority", r[":authority"])
            peer.send(frame(PUSH_PROMISE, END_HEADERS, r.stream, u32(2) + promise), response(2, 200, (), b"pushed"))
            peer.send(response(r.stream, 200, (), b"whole"))
            peer.request()
            peer.send(frame(HEADERS, END_HEADERS, 3, block(200)))
        with Server(play) as server:
            log = self.archive("-M1", server.url("/one"), server.url("/two"), code=1)
        self.check(log)
        self.assertEqual({(e["request"]["url"][-2:], e["comment"], e["request"]["method"], "_error" in e) for e in log["entries"]},
                         {("ne", "", "GET", False), ("/p", "Pushed Object", "GET", False), ("wo", "", "GET", True)})

    def test_har_that_cannot_be_written(self):
        with Server(site({"/": (200, (), b"x")})) as server:
            _, err = get("--har", "/nowhere/a.har", server.url(), code=1)
        self.assertIn("h2box client: /nowhere/a.har: No such file or directory\n", err)

    def test_fail(self):
        with Server(site({"/": (200, (), b"good")})) as server:
            self.assertEqual(get("--fail", server.url())[0], b"good")
            out, err = get("--fail", server.url(), server.url("/none"), code=1)
            self.assertEqual(out, b"good")
            self.assertIn("/none: the server answered 404\nSome requests were not processed. total=2, processed=1\n", err)
            self.assertEqual(get(server.url("/none"))[0], b"no such page\n")


class Requesting(unittest.TestCase):
    def upload(self, content, *args, fields=()):
        asked = []
        with tempfile.NamedTemporaryFile() as f, Server(site({"/": (200, (), b"ok")}, asked)) as server:
            f.write(content)
            f.flush()
            get("-d", f.name, *args, server.url())
        return asked[0]

    def test_compressed_content(self):
        text = b"again and again " * 10000
        for content in (b"", b"x", text):
            r = self.upload(content, "-g")
            self.assertEqual(gzip.decompress(r.body), content)
            self.assertEqual((r["content-encoding"], int(r["content-length"])), ("gzip", len(r.body)))

    def test_extpri(self):
        asked = []
        with Server(site({}, asked)) as server:
            get("-n", "-m2", "--extpri", "u=0", "--extpri", "u=5,i", *(server.url("/%d" % n) for n in range(3)))
        self.assertEqual(sorted((r[":path"], r["priority"]) for r in asked),
                         [("/0", "u=0")] * 2 + [("/1", "u=5,i")] * 2 + [("/2", "u=3")] * 2)
        self.assertIn("RFC 9218", get("--extpri", "=", "http://a/", code=2)[1])

    def expecting(self, play, *args, code=0):
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"content")
            f.flush()
            with Server(play) as server:
                return get("-d", f.name, "--expect-continue", *args, server.url(), code=code)

    def test_expect_continue(self):
        def continues(peer):
            until_headers(peer)
            self.assertFalse([f for f in peer.seen if f[0] == 0])
            peer.send(frame(HEADERS, END_HEADERS, 1, block(100)))
            while peer.frame()[:2] != (0, END_STREAM):
                pass
            peer.send(response(1, 200, (), b"".join(f[3] for f in peer.seen if f[0] == 0)))
            peer.wait()
        self.assertEqual(self.expecting(continues)[0], b"content")

        def refuses(peer):
            until_headers(peer)
            peer.send(response(1, 417, (), b"no"))
            peer.frames_left()
            self.assertFalse([f for f in peer.seen if f[0] == 0])
        self.assertEqual(self.expecting(refuses)[0], b"no")

        def ignores(peer):
            until_headers(peer)
            while peer.frame()[:2] != (0, END_STREAM):
                pass
            peer.send(response(1, 200, (), b"in the end"))
            peer.wait()
        self.assertEqual(self.expecting(ignores)[0], b"in the end")

    def test_the_frame_size_is_announced_and_used(self):
        big = b"z" * 40000

        def play(peer):
            peer.begin()
            peer.request()
            self.assertIn((5).to_bytes(2, "big") + u32(65536), b"".join(f[3] for f in peer.seen if f[0] == 4))
            peer.send(frame(HEADERS, END_HEADERS, 1, block(200)), frame(0, END_STREAM, 1, big))
            peer.wait()
        with Server(play) as server:
            self.assertEqual(get("--max-frame-size", "64K", server.url())[0], big)


    def test_twice_the_same(self):
        """nghttp asks once for a URI that stands twice; we ask twice, but under its name."""
        with tempfile.TemporaryDirectory() as folder:
            nghttp = os.path.join(folder, "nghttp")
            os.symlink(os.path.abspath(peers.H2BOX), nghttp)
            for tool, count in (([peers.H2BOX, "client"], 2), ([nghttp], 1), (["nghttp"], 1), ([nghttp, "-m2"], 4), (["nghttp", "-m2"], 4)):
                asked = []
                with Server(site({}, asked)) as server:
                    subprocess.run([*tool, "-n", server.url("/a"), server.url("/a")], capture_output=True, timeout=20)
                self.assertEqual(len(asked), count, tool)


class Routing(unittest.TestCase):
    def test_names_lead_elsewhere(self):
        asked = []
        with Server(site({"/": (200, (), b"here")}, asked)) as server:
            for args in (["--resolve", "name.test:80:127.0.0.1", "--connect-to", "name.test:80:name.test:%d" % server.port],
                         ["--connect-to", "::127.0.0.1:%d" % server.port]):
                args = [a.replace("name.test:80:127.0.0.1", "name.test:%d:127.0.0.1" % server.port) for a in args]
                self.assertEqual(get(*args, "http://name.test/")[0], b"here")
        self.assertEqual({r[":authority"] for r in asked}, {"name.test"})
        for bad in (["--resolve", "a:80"], ["--connect-to", "a:80:b:x"]):
            self.assertIn(bad[0], get(*bad, "http://a/", code=2)[1])

    def test_unix_sockets(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s")
            with Server(site({"/": (200, (), b"local")}), path):
                self.assertEqual(get("--connect-to", "::unix:" + path, "http://app/")[0], b"local")

    def test_ipv6(self):
        with tempfile.TemporaryDirectory() as folder:
            peers.make_site(folder)
            port = peers.free_port()
            with peers.Running([peers.H2BOX, "server", "--no-tls", "-d", folder, "-a", "::1", str(port)]):
                url = "http://[::1]:%d/" % port
                for _ in range(100):
                    if subprocess.run([peers.H2BOX, "client", "-n", url], capture_output=True).returncode == 0:
                        break
                    time.sleep(0.05)
                self.assertIn(b":authority: [::1]:%d\n" % port, get("-v", url + "size-1")[0])


class BadNetworks(unittest.TestCase):
    PAGES = {"/": (302, (("location", "/page"),), b""), "/page": (200, HTML + (("content-encoding", "gzip"),), gzip.compress(PAGE)),
             "/a.css": (200, (), b"css")}

    def run_with(self, fault, *args):
        with Server(site(self.PAGES)) as server:
            return subprocess.run([peers.H2BOX, "client", "-aL", *args, server.url()], capture_output=True, timeout=30,
                                  env={**os.environ, "H2BOX_FAULT": fault})

    def test_bytes_in_drops(self):
        done = self.run_with("read=1,write=1,eagain=30,seed=5")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertTrue(done.stdout.startswith(PAGE))

    def test_memory_refused(self):
        for n in range(1, 60, 3):
            done = self.run_with("alloc=%d" % n, "-n", "--har", "-")
            self.assertIn(done.returncode, (0, 1), done.stderr)
            self.assertNotIn(b"Sanitizer", done.stderr)

    def test_resets(self):
        for n in (10, 100, 200): # bytes that we send
            done = self.run_with("reset=%d" % n)
            self.assertEqual(done.returncode, 1, n)
            self.assertIn(b"Some requests were not processed.", done.stderr)


class Timing(unittest.TestCase):
    def test_max_time(self):
        def silent(peer):
            peer.begin()
            peer.wait()
        with Server(silent) as server:
            begun = time.time()
            _, err = get("--max-time", "300ms", server.url("/a"), server.url("/b"), "http://127.0.0.1:1/", code=1)
            self.assertLess(time.time() - begun, 5)
        self.assertIn("timed out: the run has had its --max-time", err)
        self.assertIn("total=3, processed=0", err)


class Terminals(unittest.TestCase):
    def on_terminal(self, *args, out=subprocess.DEVNULL):
        """What the client writes to a terminal that is its stderr (and its stdout when that is asked for)."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([peers.H2BOX, "client", *args], stdin=subprocess.DEVNULL, stdout=theirs if out is None else out,
                                   stderr=theirs)
        os.close(theirs)
        seen = b""
        try:
            while data := os.read(ours, 65536):
                seen += data
        except OSError: # the other side is closed
            pass
        os.close(ours)
        self.assertEqual(process.wait(20), 0)
        return seen

    def test_long_bodies_show_how_far_they_are(self):
        def slow(peer):
            peer.begin()
            peer.request()
            peer.send(frame(HEADERS, END_HEADERS, 1, block(200, ("content-length", "20000"))))
            for last in (0, 0, 0, END_STREAM):
                peer.send(frame(0, last, 1, b"x" * 5000))
                time.sleep(0.3)
            peer.wait()
        with Server(slow) as server:
            seen = self.on_terminal(server.url())
            self.assertRegex(seen, rb"\r\x1b\[K1 running: \d+\.\d\dKB of 19\.53KB, \d+ %, \d+\.\d\dKB/s")
            self.assertTrue(seen.endswith(b"\r\x1b[K"), seen) # and are wiped away
            self.assertEqual(self.on_terminal(server.url(), out=None), b"x" * 20000) # never in between

    def test_colours(self):
        with Server(site({"/": (200, (), b"")})) as server:
            self.assertIn(b"\x1b[33m[", self.on_terminal("-nv", server.url(), out=None))
            self.assertIn(b"\x1b[33m[", get("-nv", "--color", server.url())[0])
            self.assertNotIn(b"\x1b", get("-nv", server.url())[0])


class Retired(unittest.TestCase):
    def test_say_what_replaced_them(self):
        with Server(site({"/": (200, (), b"here")})) as server:
            for args, instead in ((["-p", "16"], "--extpri"), (["--no-dep"], "not sent"), (["--dep-idle"], "not sent"),
                                  (["--no-rfc7540-pri"], "always off"), (["--ktls"], "records")):
                out, err = get(*args, server.url())
                self.assertEqual(out, b"here")
                self.assertIn(instead, err)


if __name__ == "__main__":
    peers.have("nghttp", "nghttpd")
    unittest.main(verbosity=2)
