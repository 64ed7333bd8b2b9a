"""Chromium without a window, and a page with fifty parts for it. Not a test itself."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

CHROMIUM = shutil.which("chromium")
PARTS = 50
# Nothing but the page: no updates, no reports, no name that is not this machine's.
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-default-apps",
         "--disable-extensions", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"]

PAGE = """<!doctype html><html><head><title>parts</title>%s</head><body><p id="result">waiting</p>%s
<script>
let done = 0, failed = 0;
function count(ok) {
    ok ? done++ : failed++;
    if (done + failed == %d) document.getElementById("result").textContent = done + " loaded, " + failed + " failed";
}
for (let i = 0; i < 20; i++) fetch("data-" + i + ".json").then(r => r.json()).then(v => count(v.number == i), () => count(false));
for (const image of document.images) { image.decode().then(() => count(true), () => count(false)); }
window.addEventListener("load", () => { for (let i = 0; i < 10; i++) count(window["script" + i] === i); });
</script></body></html>
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="%d" fill="teal"/></svg>'


def make_site(folder):
    def write(name, text):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
    scripts = "".join('<script src="script-%d.js"></script>' % i for i in range(10))
    images = "".join('<img src="image-%d.svg">' % i for i in range(20))
    write("index.html", PAGE % (scripts, images, PARTS))
    for i in range(20):
        write("data-%d.json" % i, json.dumps({"number": i, "text": "x" * 3000}))
        write("image-%d.svg" % i, SVG % (i + 1))
    for i in range(10):
        write("script-%d.js" % i, "window.script%d = %d; %s" % (i, i, "// much text\n" * 200))


class Page(unittest.TestCase):
    """Has a site, and a browser for it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="h2box-browser-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.site = folder.name + "/site"
        os.makedirs(self.site)
        make_site(self.site)

    def browse(self, url, *options):
        profile = tempfile.mkdtemp(dir=self.folder)
        done = subprocess.run([CHROMIUM, *QUIET, "--ignore-certificate-errors", "--user-data-dir=" + profile,
                               "--log-net-log=" + profile + "/net.json", "--virtual-time-budget=20000", *options, url],
                              capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        with open(profile + "/net.json") as f:
            return done.stdout, json.load(f)

    def look(self, dom, net):
        """That all of the page came, by HTTP/2 alone and without an error of the connection."""
        self.assertIn("%d loaded, 0 failed" % PARTS, dom)
        names = {number: name for name, number in net["constants"]["logEventTypes"].items()}
        events = [(names[e["type"]], e.get("params", {})) for e in net["events"]]
        opened = [p for name, p in events if name == "HTTP2_SESSION"]
        asked = [p for name, p in events if name == "HTTP2_SESSION_SEND_HEADERS"]
        self.assertTrue(opened)
        self.assertGreaterEqual(len(asked), PARTS + 1)
        self.assertTrue(all("127.0.0.1" in p["host"] for p in opened if "host" in p), opened)
        self.assertFalse([p for name, p in events if name == "HTTP2_SESSION_RECV_GOAWAY" and p.get("error_code", "0")[0] != "0"])
        agreed = {p.get("next_proto") for name, p in events if name == "SSL_CONNECT" and "next_proto" in p}
        self.assertEqual(agreed, {"h2"})


def main():
    if not CHROMIUM:
        print("chromium is not installed (./dev setup installs it)")
        sys.exit(77)
    unittest.main(verbosity=2)
