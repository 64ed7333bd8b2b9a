#!/usr/bin/env python3
"""What our server answers beside plain files: ranges, conditions, codings, listings, pushes, uploads, logs, and what it
refuses. By curl, nghttp and python3-h2. labels: threads"""
import email
import gzip
import hashlib
import html.parser
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import zlib

import h2.events

import peers
from h2_client import Client

TEXT = "".join("line %d of a text that a content coding makes smaller\n" % i for i in range(2000))


def write(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


def old_name(folder):
    """Our program under the name of its predecessor."""
    path = folder + "/bin/nghttpd"
    os.makedirs(folder + "/bin", exist_ok=True)
    os.symlink(os.path.abspath(peers.H2BOX), path)
    return path


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.site = folder.name + "/site"
        os.makedirs(self.site)

    def serve(self, *options, **more):
        server = peers.h2box_server(self.site, *options, **more)
        self.addCleanup(server.__exit__)
        self.base = "http://127.0.0.1:%d" % server.port
        self.port = server.port
        return server

    def curl(self, path, *options, code=0):
        """(status, fields as a message, content), by HTTP/2."""
        with tempfile.NamedTemporaryFile() as head:
            done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--path-as-is", "-D", head.name, *options,
                                   self.base + path], capture_output=True, timeout=60)
            self.assertEqual(done.returncode, code, done.stderr)
            blocks = [b for b in head.read().decode().split("\r\n\r\n") if b]
        first, _, rest = blocks[-1].partition("\r\n")
        return int(first.split()[1]), email.message_from_string(rest), done.stdout


class Ranges(Case):
    def setUp(self):
        super().setUp()
        self.small, self.big = peers.content(5000), peers.content(3000000)
        write(self.site, "small", self.small)
        write(self.site, "big", self.big)
        write(self.site, "empty", b"")
        self.serve("-n2")

    def test_one(self):
        for name, data in (("/small", self.small), ("/big", self.big)):
            size = len(data)
            for asked, first, last in (("0-0", 0, 0), ("10-19", 10, 19), ("%d-" % (size - 7), size - 7, size - 1),
                                       ("-5", size - 5, size - 1), ("100-99999999", 100, size - 1),
                                       ("%d-%d" % (size // 3, size // 2), size // 3, size // 2)):
                status, fields, body = self.curl(name, "-r", asked)
                self.assertEqual((status, fields["content-range"], int(fields["content-length"])),
                                 (206, "bytes %d-%d/%d" % (first, last, size), last - first + 1))
                self.assertEqual(body, data[first:last + 1], (name, asked))

    def test_several(self):
        for name, data in (("/small", self.small), ("/big", self.big)):
            size = len(data)
            asked = ((0, 9), (1000, 1999), (size - 100, size - 1))
            status, fields, body = self.curl(name, "-r", "0-9,1000-1999,-100")
            self.assertEqual((status, int(fields["content-length"])), (206, len(body)))
            self.assertRegex(fields["content-type"], "^multipart/byteranges; boundary=")
            parsed = email.message_from_bytes(b"Content-Type: " + fields["content-type"].encode() + b"\r\n\r\n" + body)
            boundary = parsed.get_boundary().encode()
            parts = body.split(b"--" + boundary)
            self.assertEqual((parts[0], parts[-1]), (b"", b"--\r\n"))
            self.assertEqual(len(parts), 5)
            for part, (first, last) in zip(parts[1:-1], asked):
                head, _, content = part[2:].partition(b"\r\n\r\n")
                self.assertIn(b"Content-Range: bytes %d-%d/%d" % (first, last, size), head)
                self.assertIn(b"Content-Type: application/octet-stream", head)
                self.assertEqual(content[:-2], data[first:last + 1])

    def test_not_satisfiable_and_ignored(self):
        status, fields, _ = self.curl("/small", "-r", "5000-")
        self.assertEqual((status, fields["content-range"]), (416, "bytes */5000"))
        for asked in ("5-4", "x", "0-2999,1000-4999"):
            self.assertEqual(self.curl("/small", "-H", "Range: bytes=" + asked)[::2], (200, self.small), asked)
        many = ",".join("%d-%d" % (i * 10, i * 10) for i in range(17))
        self.assertEqual(self.curl("/small", "-r", many)[0], 200) # CVE-2011-3192
        self.assertEqual(self.curl("/small", "-H", "Range: lines=0-1")[0], 200)
        self.assertEqual(self.curl("/empty", "-r", "0-5")[::2], (200, b""))
        self.assertEqual(self.curl("/small", "-I", "-r", "0-5")[0], 200)

    def test_if_range(self):
        _, fields, _ = self.curl("/small")
        for value, status in ((fields["etag"], 206), ('"other"', 200), ("W/" + fields["etag"], 200),
                              ("Sun, 06 Nov 1994 08:49:37 GMT", 200)):
            self.assertEqual(self.curl("/small", "-r", "0-5", "-H", "If-Range: " + value)[0], status, value)
        os.utime(self.site + "/small", (1e9, 1e9))
        time.sleep(1.6)
        _, fields, _ = self.curl("/small")
        self.assertEqual(self.curl("/small", "-r", "0-5", "-H", "If-Range: " + fields["last-modified"])[0], 206)

    def test_continued_download(self):
        self.assertEqual(self.curl("/big")[1]["accept-ranges"], "bytes")
        path = write(self.folder, "got", self.big[:123456])
        subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "-C", "-", "-o", path, self.base + "/big"], check=True,
                       timeout=60)
        with open(path, "rb") as f:
            self.assertEqual(f.read(), self.big)

    def test_a_part_of_a_file_that_shrinks(self):
        write(self.site, "shrinks", peers.content(8 << 20))
        c = Client(self.port)
        stream = c.get("/shrinks", extra=[("range", "bytes=1000000-7999999")])
        while not any(isinstance(e, h2.events.DataReceived) for e in c.events):
            c.read(auto=False)
        os.truncate(self.site + "/shrinks", 1000)
        c.conn.increment_flow_control_window(1 << 24)
        c.conn.increment_flow_control_window(1 << 24, stream)
        c.flush()
        with self.assertRaises(ConnectionResetError):
            c.response(stream)
        c.close()


class Conditions(Case):
    def test_matrix(self):
        write(self.site, "f", b"content")
        os.utime(self.site + "/f", (1.5e9, 1.5e9))
        self.serve("-n1")
        tag = self.curl("/f")[1]["etag"]
        self.assertRegex(tag, '^"[0-9A-Za-z_-]{11}"$')
        same, before, after = (email.utils.formatdate(t, usegmt=True) for t in (1.5e9, 1.5e9 - 1, 1.5e9 + 1))
        for status, *fields in (
                (304, "If-None-Match: " + tag), (304, "If-None-Match: W/" + tag), (304, "If-None-Match: *"),
                (304, 'If-None-Match: "x", ' + tag), (200, 'If-None-Match: "x"'), (304, "If-Modified-Since: " + same),
                (304, "If-Modified-Since: " + after), (200, "If-Modified-Since: " + before),
                (200, 'If-None-Match: "x"', "If-Modified-Since: " + after), (304, "If-None-Match: " + tag, "If-Modified-Since: " + before),
                (200, "If-Match: " + tag), (200, "If-Match: *"), (412, 'If-Match: "x"'), (412, "If-Match: W/" + tag),
                (412, "If-Unmodified-Since: " + before), (200, "If-Unmodified-Since: " + same),
                (200, "If-Match: " + tag, "If-Unmodified-Since: " + before), (412, 'If-Match: "x"', "If-None-Match: " + tag),
                (304, "If-Match: " + tag, "If-None-Match: " + tag), (200, "If-Modified-Since: nonsense"),
                (412, 'If-Match: "x"', "Range: bytes=0-1"), (304, "If-None-Match: " + tag, "Range: bytes=0-1")):
            for fresh in (True, False): # the answer of a cached file, and of one that is opened
                if not fresh:
                    time.sleep(0.01)
                got, told, body = self.curl("/f", *(x for f in fields for x in ("-H", f)))
                self.assertEqual(got, status, fields)
                if status == 304:
                    self.assertEqual((body, told["etag"], told["content-length"]), (b"", tag, None))
                    self.assertEqual(told["cache-control"], "max-age=3600")

    def test_kept_while_the_file_is_opened(self):
        for i in range(8):
            write(self.site, "f%d" % i, b"content")
            os.utime(self.site + "/f%d" % i, (1.5e9, 1.5e9))
        self.serve("-n1")
        c = Client(self.port)
        same = email.utils.formatdate(1.5e9, usegmt=True)
        streams = [c.get("/f%d" % i, extra=[("if-modified-since", same), ("x-other", "y" * 100)]) for i in range(4)]
        streams += [c.get("/f%d" % i, extra=[("range", "bytes=1-2")]) for i in range(4, 8)]
        got = [c.response(s)[0][":status"] for s in streams]
        self.assertEqual(got, ["304"] * 4 + ["206"] * 4)
        long = c.get("/f0", extra=[("if-none-match", '"' + "x" * 3000 + '"'), ("range", "bytes=0-0")])
        self.assertEqual(c.response(long)[0][":status"], "206")
        c.close()


class Codings(Case):
    def test_gzip(self):
        write(self.site, "page.html", TEXT)
        write(self.site, "small.css", "a{}")
        write(self.site, "noise.txt", os.urandom(100000))
        write(self.site, "picture.png", TEXT)
        self.serve("-n2")
        status, plain, body = self.curl("/page.html")
        self.assertEqual((status, body.decode(), plain["content-encoding"], plain["vary"]), (200, TEXT, None, "accept-encoding"))
        for ask in ("gzip", "gzip, deflate, br", "br;q=1, gzip;q=0.5", "*", "x-gzip"):
            status, coded, body = self.curl("/page.html", "-H", "Accept-Encoding: " + ask)
            self.assertEqual((status, coded["content-encoding"], coded["vary"]), (200, "gzip", "accept-encoding"), ask)
            self.assertEqual(int(coded["content-length"]), len(body))
            self.assertEqual(gzip.decompress(body).decode(), TEXT)
            self.assertLess(len(body), len(TEXT) // 4)
            self.assertEqual(coded["etag"], plain["etag"][:-1] + '-gz"')
            self.assertEqual(coded["last-modified"], plain["last-modified"])
        for ask in ("gzip;q=0", "identity", "br", "gzip;q=0.2, identity;q=0.8"):
            self.assertIsNone(self.curl("/page.html", "-H", "Accept-Encoding: " + ask)[1]["content-encoding"], ask)
        takes = ("-H", "Accept-Encoding: gzip")
        status, head, _ = self.curl("/page.html", "-I", *takes)
        self.assertEqual((status, head["content-encoding"], head["content-length"]), (200, "gzip", coded["content-length"]))
        for tag in (plain["etag"], coded["etag"]):
            self.assertEqual(self.curl("/page.html", *takes, "-H", "If-None-Match: " + tag)[0], 304)
        status, part, body = self.curl("/page.html", *takes, "-r", "0-9")
        self.assertEqual((status, body.decode(), part["content-encoding"], part["etag"]), (206, TEXT[:10], None, plain["etag"]))
        for name in ("/small.css", "/noise.txt", "/picture.png"):
            status, fields, body = self.curl(name, *takes)
            self.assertEqual((status, fields["content-encoding"]), (200, None), name)
            with open(self.site + name, "rb") as f:
                self.assertEqual(body, f.read())

    def test_many_at_once(self):
        for i in range(20):
            write(self.site, "%d.txt" % i, TEXT + str(i))
        self.serve("-n1")
        c = Client(self.port)
        streams = [(i % 20, c.get("/%d.txt" % (i % 20), extra=[("accept-encoding", "gzip")])) for i in range(90)]
        for i, s in streams:
            fields, body = c.response(s)
            text = zlib.decompress(body, 31) if fields.get("content-encoding") else body
            self.assertEqual(text.decode(), TEXT + str(i))
        c.close()

    def test_sibling(self):
        page = write(self.site, "page.html", TEXT)
        sibling = write(self.site, "page.html.gz", gzip.compress(b"made beforehand"))
        os.utime(page, (1e9, 1e9))
        os.utime(sibling, (1e9, 1e9))
        self.serve("-n1")
        takes = ("-H", "Accept-Encoding: gzip")
        _, fields, body = self.curl("/page.html", *takes)
        self.assertEqual((gzip.decompress(body), fields["content-encoding"]), (b"made beforehand", "gzip"))
        self.assertEqual(self.curl("/page.html", *takes, "-H", "If-None-Match: " + fields["etag"])[0], 304)
        self.assertEqual(self.curl("/page.html")[2].decode(), TEXT)
        os.utime(page, (1.1e9, 1.1e9)) # now the sibling is old
        time.sleep(1.6)
        self.curl("/page.html", *takes)
        time.sleep(0.2)
        self.assertEqual(gzip.decompress(self.curl("/page.html", *takes)[2]).decode(), TEXT)

    def test_off(self):
        write(self.site, "page.html", TEXT)
        self.serve("-n1", "--no-gzip")
        _, fields, body = self.curl("/page.html", "-H", "Accept-Encoding: gzip")
        self.assertEqual((fields["content-encoding"], fields["vary"], body.decode()), (None, None, TEXT))

    def test_error_pages(self):
        self.serve("-n1", "--error-gzip")
        status, fields, body = self.curl("/none", "-H", "Accept-Encoding: gzip")
        self.assertEqual((status, fields["content-encoding"]), (404, "gzip"))
        self.assertIn(b"<h1>404 Not Found</h1>", gzip.decompress(body))
        status, fields, body = self.curl("/none")
        self.assertEqual((status, fields["content-encoding"]), (404, None))
        self.assertIn(b"<h1>404 Not Found</h1>", body)


class Names(Case):
    """What a path must not reach."""

    def setUp(self):
        super().setUp()
        write(self.folder, "secret/key", b"outside\n")
        write(self.site, "in/file", b"inside\n")
        write(self.site, ".hidden", b"hidden\n")
        write(self.site, ".git/config", b"hidden\n")
        write(self.site, "in/.env", b"hidden\n")
        write(self.site, ".well-known/acme-challenge/x", b"for all\n")
        os.symlink(self.folder + "/secret/key", self.site + "/out")
        os.symlink("../secret", self.site + "/out-folder")
        os.symlink("in/file", self.site + "/near")
        os.symlink(self.site + "/in/file", self.site + "/near-absolute")

    def test_refused(self):
        self.serve("-n1", "--index")
        for path in ("/.hidden", "/.git/config", "/.git/", "/in/.env", "/in/%2eenv", "/%2ehidden", "/out", "/out-folder",
                     "/out-folder/", "/out-folder/key", "/in/../out", "/../secret/key", "/%2e%2e/secret/key", "/..%2fsecret/key",
                     "/in/..%2f..%2fsecret/key", "/in%2ffile", "/in%00/file", "/in/file%00", "/in\\file", "/in%5cfile",
                     "/.well-known/../.hidden", "/.well-known/.hidden", "//.hidden", "/./.hidden"):
            self.assertEqual(self.curl(path)[0], 404, path)
        for path in ("/near", "/near-absolute", "/in/../in/./file", "/%69n/file", "/.well-known/acme-challenge/x"):
            self.assertEqual(self.curl(path)[0], 200, path)
        self.assertNotIn(b"hidden", self.curl("/")[2])
        self.assertNotIn(b"out", self.curl("/")[2].replace(b"without", b""))

    def test_allowed(self):
        self.serve("-n1", "--dotfiles", "--follow-symlinks")
        for path in ("/.hidden", "/.git/config", "/out", "/out-folder/key"):
            self.assertEqual(self.curl(path)[0], 200, path)
        self.assertEqual(self.curl("/../secret/key")[0], 404)


class Listings(Case):
    class Page(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.open, self.links, self.text = [], [], ""

        def handle_starttag(self, tag, attributes):
            if tag not in ("meta", "!doctype"):
                self.open.append(tag)
            if tag == "a":
                self.links.append(dict(attributes)["href"])

        def handle_endtag(self, tag):
            assert self.open.pop() == tag, tag

        def handle_data(self, data):
            self.text += data

    def listing(self, path):
        status, fields, body = self.curl(path)
        self.assertEqual((status, fields["content-type"], fields["cache-control"]), (200, "text/html; charset=utf-8", "no-cache"))
        page = self.Page()
        page.feed(body.decode())
        self.assertEqual(page.open, [])
        return page

    def test_page(self):
        names = ["a", "B", "10 <script>alert(1)<br>", "with \"quotes\" & 'more'", "javascript:alert(1)", "50%", "q?x#y",
                 "\u00fcml\u00e4ut", "new\nline", "..."]
        for i, name in enumerate(names):
            os.utime(write(self.site, "sub/" + name, b"x" * (i + 1)), (1e9 + i * 86400, 1e9 + i * 86400))
        os.makedirs(self.site + "/sub/folder")
        with open(os.fsencode(self.site) + b"/sub/\xff\xfe", "wb"):
            pass
        os.unlink(self.site + "/sub/...")
        names.remove("...")
        names.remove("new\nline") # no path can ask for it
        self.serve("-n1", "--index")
        page = self.listing("/sub/")
        self.assertEqual(page.links[3:5], ["../", "./folder/"])
        self.assertEqual(len(page.links), 3 + 2 + len(names) + 1)
        for link in page.links[5:]:
            self.assertRegex(link, r"^\./[A-Za-z0-9%._~!$&'()*+,;=:@-]+$")
            status, _, body = self.curl("/sub/" + link[2:])
            self.assertEqual(status, 200, link)
        self.assertNotIn("<script", page.text.replace("10 <script>", ""))
        self.assertIn("\ufffd\ufffd", page.text)
        order = lambda query: [l for l in self.listing("/sub/" + query).links[5:]]
        self.assertLess(order("").index("./a"), order("").index("./B"))
        self.assertEqual(order("?sort=size")[1:3], ["./a", "./B"])
        self.assertEqual(order("?sort=size&order=desc")[-2:], ["./a", "./%FF%FE"])
        self.assertEqual(order("?sort=date")[0], "./a")
        self.assertEqual(self.curl("/sub")[0], 301)
        self.assertEqual(self.curl("/none/")[0], 404)
        self.assertEqual(self.curl("/sub/", "-I")[0], 200)
        write(self.site, "sub/index.html", "mine")
        time.sleep(1.2)
        self.assertEqual(self.curl("/sub/")[2], b"mine")

    def test_big_folder(self):
        for i in range(300):
            write(self.site, "f%03d" % i, b"")
        self.serve("-n1", "--index")
        self.assertEqual(len(self.listing("/").links), 303)

    def test_who_does_not_read(self):
        """A peer that asks for listings and takes none makes the server hold so much of them and no more."""
        os.mkdir(self.site + "/many")
        for i in range(10000):
            os.close(os.open("%s/many/%s%04d" % (self.site, "&" * 200, i), os.O_CREAT | os.O_WRONLY))
        self.serve("-n1", "--index")
        c = Client(self.port, window=0)
        seen = []
        while "503" not in seen:
            self.assertLess(len(seen), 12)
            stream = c.get("/many/")
            heads = []
            while not heads:
                c.read()
                heads = [dict(e.headers) for e in c.events if isinstance(e, h2.events.ResponseReceived) and e.stream_id == stream]
            seen.append(heads[0][":status"])
        self.assertEqual(set(seen[:-1]), {"200"})
        c.close()
        for _ in range(50):
            status, _, body = self.curl("/many/")
            if status == 200:
                break
            time.sleep(0.1)
        self.assertGreater(len(body), 10000000)

    def test_not_without_the_option(self):
        write(self.site, "sub/file", b"")
        self.serve("-n1")
        self.assertEqual(self.curl("/sub/")[0], 404)


class Fields(Case):
    def setUp(self):
        super().setUp()
        write(self.site, "f.txt", b"content\n")

    def test_header_and_cache_control(self):
        self.serve("-n1", "--header", "Access-Control-Allow-Origin: *", "-H", "server: mine <b>", "--cache-control",
                   "no-store")
        _, fields, _ = self.curl("/f.txt")
        self.assertEqual((fields["access-control-allow-origin"], fields["server"], fields["cache-control"]),
                         ("*", "mine <b>", "no-store"))
        status, fields, body = self.curl("/none")
        self.assertEqual((status, fields["access-control-allow-origin"]), (404, "*"))
        self.assertIn(b"mine &lt;b&gt; at port", body)

    def test_no_cache_control(self):
        self.serve("-n1", "--cache-control", "")
        self.assertIsNone(self.curl("/f.txt")[1]["cache-control"])

    def test_no_content_length(self):
        self.serve("-n1", "--no-content-length")
        _, fields, body = self.curl("/f.txt")
        self.assertEqual((fields["content-length"], body), (None, b"content\n"))

    def test_trailers(self):
        self.serve("-n1", "--trailer", "x-one: 1", "--trailer", "X-Two:2")
        done = subprocess.run(["nghttp", "-v", self.base + "/f.txt"], capture_output=True, text=True, timeout=20)
        self.assertRegex(done.stdout, r"(?s)trailer: x-one, x-two.*DATA frame.*x-one: 1.*x-two: 2.*; END_STREAM \| END_HEADERS")

    def test_altsvc(self):
        self.serve("-n1", "--altsvc", "h2,8443", "--altsvc", "h3,443,alt.example")
        done = subprocess.run(["nghttp", "-nv", self.base + "/f.txt", self.base + "/f.txt"], capture_output=True, text=True,
                              timeout=20)
        said = '(origin=[http://127.0.0.1:%d], altsvc_field_value=[h2=":8443", h3="alt.example:443"])' % self.port
        self.assertEqual(done.stdout.count(said), 1, done.stdout)

    def test_mime_types(self):
        types = write(self.folder, "types", "text/x-mine txt new # comment\napplication/x-late txt\n")
        write(self.site, "a.NEW", b"")
        self.serve("-n1", "--mime-types-file", types)
        self.assertEqual(self.curl("/f.txt")[1]["content-type"], "text/x-mine")
        self.assertEqual(self.curl("/a.NEW")[1]["content-type"], "text/x-mine")

    def test_refused(self):
        for options in (["--header", "no colon"], ["--header", "content-length: 3"], ["--header", "connection: close"],
                        ["--header", "a b: c"], ["--header", "a: b\nc"], ["--trailer", ":status: 1"], ["--cache-control", "a\nb"],
                        ["--push", "nothing"], ["--push", "/a="], ["--altsvc", "h2"], ["--altsvc", "h2,x"], ["--daemon"]):
            done = subprocess.run([peers.H2BOX, "server", "--no-tls", *options, "0"], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2, (options, done.stderr))
            self.assertIn(options[0], done.stderr)
        for options in (["--mime-types-file", "/none"], ["--access-log", "/none/here"]):
            done = subprocess.run([peers.H2BOX, "server", "--no-tls", *options, "0"], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 1, (options, done.stderr))
            self.assertIn(options[1] + ": No such file or directory", done.stderr)


class Pushes(Case):
    def test_push(self):
        for name in ("index.html", "a.css", "b.js"):
            write(self.site, name, name)
        self.serve("-n1", "-p", "/=/a.css,b.js", "-p", "a.css=/missing")
        done = subprocess.run(["nghttp", "-nvs", self.base + "/?q"], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.stdout.count("recv PUSH_PROMISE frame"), 2, done.stdout)
        self.assertLess(done.stdout.index("recv PUSH_PROMISE frame"), done.stdout.index("First response header"))
        for name in ("/a.css", "/b.js"):
            self.assertRegex(done.stdout, r"\+\d+\S* \* +\+?\S+ +\S+ +200 +\d+ " + name)
        done = subprocess.run(["nghttp", "-nv", self.base + "/a.css"], capture_output=True, text=True, timeout=20)
        self.assertRegex(done.stdout, r"(?s)PUSH_PROMISE.*:status: 404")
        quiet = subprocess.run(["nghttp", "-nv", "--no-push", self.base + "/"], capture_output=True, text=True, timeout=20)
        self.assertNotIn("PUSH_PROMISE", quiet.stdout)
        self.assertEqual(self.curl("/")[0], 200)


class Uploads(Case):
    def test_echo(self):
        write(self.site, "f", b"file")
        self.serve("-n2", "--echo-upload")
        for n in (0, 1, 16384, 100000, 5000000):
            data = peers.content(n)
            path = write(self.folder, "up", data)
            for method in ("POST", "PUT"):
                status, fields, body = self.curl("/any", "-X", method, "--data-binary", "@" + path)
                self.assertEqual((status, fields["nghttpd-response"], peers.digest(body)), (200, "echo", peers.digest(data)), n)
                self.assertEqual(int(fields["content-length"]), n)
        self.assertEqual(self.curl("/f")[2], b"file")
        self.assertEqual(self.curl("/f", "-X", "DELETE")[0], 405)

    def test_echo_goes_with_its_reader(self):
        """Content is credited as fast as its echo is read, and no faster."""
        server = self.serve("-n1", "--echo-upload")
        c = Client(self.port, window=0)
        c.read()
        stream = c.get("/", method="POST", end=False)
        sent = 0
        while (room := min(c.conn.local_flow_control_window(stream), 16384)) > 0:
            c.conn.send_data(stream, peers.content(room))
            sent += room
        c.flush()
        self.assertEqual(sent, 65535)
        time.sleep(0.3)
        c.sock.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            while c.read():
                pass
        self.assertEqual(c.conn.local_flow_control_window(stream), 0)
        c.sock.settimeout(20)
        c.conn.increment_flow_control_window(1 << 20, stream)
        c.conn.increment_flow_control_window(1 << 20)
        c.flush()
        while c.conn.local_flow_control_window(stream) <= 0:
            c.read()
        c.conn.end_stream(stream)
        c.flush()
        fields, body = c.response(stream)
        self.assertEqual(len(body), sent)
        gone = c.get("/", method="PUT", end=False)
        c.conn.send_data(gone, b"x" * 1000)
        c.conn.reset_stream(gone)
        c.flush()
        c.close()
        self.assertEqual(server.stop(), 0, server.output)

    def test_small_pieces(self):
        """A byte in a frame of its own, many of them before any is taken back."""
        server = self.serve("-n1", "--echo-upload")
        c = Client(self.port, window=0)
        c.read()
        stream = c.get("/", method="POST", end=False)
        sent = bytes(k & 255 for k in range(15000))
        c.sock.sendall(b"".join(b"\0\0\1\0\0" + stream.to_bytes(4, "big") + bytes([k]) for k in sent))
        c.read()
        c.conn.increment_flow_control_window(1 << 20, stream)
        c.sock.sendall(c.conn.data_to_send() + b"\0\0\0\0\1" + stream.to_bytes(4, "big"))
        c.conn.end_stream(stream)
        c.conn.data_to_send()
        self.assertEqual(c.response(stream)[1], sent)
        c.close()
        self.assertEqual(server.stop(), 0, server.output)

    def test_discarded(self):
        self.serve("-n1")
        path = write(self.folder, "up", peers.content(2000000))
        self.assertEqual(self.curl("/", "--data-binary", "@" + path)[0], 405)

    def test_as_before(self):
        """Under the old name every method gets the file, when its content has come."""
        write(self.site, "f", b"file")
        server = self.serve("-n1", name=old_name(self.folder))
        path = write(self.folder, "up", peers.content(200000))
        for options in (["-X", "DELETE"], ["--data-binary", "@" + path], ["-T", path]):
            self.assertEqual(self.curl("/f", *options)[::2], (200, b"file"), options)
        c = Client(self.port)
        stream = c.get("/f", method="POST", end=False)
        c.sock.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            while c.read():
                pass
        c.sock.settimeout(20)
        c.conn.send_data(stream, b"x", end_stream=True)
        c.flush()
        fields, body = c.response(stream)
        self.assertEqual((body, fields["server"][:8]), (b"file", "nghttpd "))
        self.assertEqual(list(fields), [":status", "server", "cache-control", "date", "content-length", "last-modified",
                                        "content-type"])
        self.assertEqual(c.response(c.get("/f", extra=[("range", "bytes=0-1"), ("if-none-match", "*")]))[1], b"file")
        c.close()
        self.assertEqual(server.stop(), 0, server.output)

    def test_early_response(self):
        write(self.site, "f", b"file")
        self.serve("-n1", "--early-response", name=old_name(self.folder))
        c = Client(self.port)
        stream = c.get("/f", method="POST", end=False)
        self.assertEqual(c.response(stream)[1], b"file")
        c.close()


class Logs(Case):
    LINE = (r'^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "(\S+ \S+) HTTP/2\.0" (\d{3}) (\d+) '
            r'"([^"]*)" "([^"]*)"$')

    def read(self, path, lines):
        end = time.time() + 10
        while time.time() < end:
            with open(path) as f:
                got = f.read().splitlines()
            if len(got) >= lines:
                break
            time.sleep(0.05)
        self.assertEqual(len(got), lines, got[-3:])
        return [re.match(self.LINE, line).groups() if re.match(self.LINE, line) else line for line in got]

    def test_lines(self):
        log = self.folder + "/access"
        write(self.site, "f", peers.content(100000))
        server = self.serve("-n1", "--access-log", log)
        self.curl("/f", "-H", 'User-Agent: a "b" \\c', "-e", "http://here/")
        self.curl("/f", "-r", "0-9", "-A", "x")
        self.curl("/none", "-A", "x")
        self.curl("/f", "-X", "DELETE", "-A", "x")
        self.curl("/f", "-I", "-A", "x")
        self.curl("/.hidden", "-A", "x")
        got = self.read(log, 6)
        self.assertEqual(got[0], ("GET /f", "200", "100000", "http://here/", "a \\x22b\\x22 \\x5cc"))
        self.assertEqual([g[:3] for g in got[1:4]], [("GET /f", "206", "10"), ("GET /none", "404", got[2][2]), ("DELETE /f", "405", got[3][2])])
        self.assertEqual([g[:3] for g in got[4:]], [("HEAD /f", "200", "0"), ("GET /.hidden", "404", got[5][2])])
        os.rename(log, log + ".1")
        self.curl("/f", "-A", "between")
        self.read(log + ".1", 7)
        server.process.send_signal(signal.SIGUSR1)
        end = time.time() + 10
        while not os.path.exists(log) and time.time() < end:
            time.sleep(0.02)
        self.curl("/f", "-A", "after")
        self.assertEqual(self.read(log, 1)[0][4], "after")
        self.assertEqual(server.stop(), 0, server.output)

    def test_a_peer_of_an_odd_name(self):
        """Over a UNIX socket a peer's address is a path that it has chosen."""
        log, here = self.folder + "/access", self.folder + "/here"
        with peers.Running([peers.H2BOX, "server", "--no-tls", "-a", "unix:" + here, "-d", self.site, "--access-log", log, "0"]) as server:
            end = time.time() + 20
            while not os.path.exists(here) and time.time() < end:
                time.sleep(0.02)
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(self.folder + "/me\n::1 - - \x1b[2J")
                s.connect(here)
                s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" b"\0\0\6\1\5\0\0\0\1\x82\x84\x86\x41\1a")
                time.sleep(0.2)
            self.assertEqual(server.stop(), 0, server.output)
        with open(log) as f:
            lines = f.readlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("/me\\x0a::1 - - \\x1b[2J - - [", lines[0])

    def test_under_load(self):
        log = self.folder + "/access"
        write(self.site, "f", b"x" * 612)
        server = self.serve("-n2", "--access-log", log)
        done = subprocess.run(["h2load", "-n5000", "-c20", "-m10", self.base + "/f"], capture_output=True, timeout=60, text=True)
        self.assertIn("5000 succeeded", done.stdout)
        self.assertEqual(server.stop(), 0, server.output)
        for line in self.read(log, 5000):
            self.assertEqual(line[:3], ("GET /f", "200", "612"))

    def test_a_stream_that_is_cut(self):
        log = self.folder + "/access"
        write(self.site, "f", peers.content(1 << 20))
        server = self.serve("-n1", "--access-log", log)
        c = Client(self.port)
        stream = c.get("/f")
        while not any(isinstance(e, h2.events.DataReceived) for e in c.events):
            c.read(auto=False)
        c.close()
        got = self.read(log, 1)[0]
        self.assertEqual(got[:2], ("GET /f", "200"))
        self.assertLess(int(got[2]), 1 << 20)
        self.assertEqual(server.stop(), 0, server.output)

    def test_stdout(self):
        write(self.site, "f", b"x")
        server = self.serve("-n1", "--access-log", "-")
        self.curl("/f")
        server.stop()
        self.assertRegex(server.output, r'"GET /f HTTP/2.0" 200 1 "-" "curl/')


class Background(Case):
    def test_daemon(self):
        write(self.site, "f", b"content")
        port, log = peers.free_port(), self.folder + "/access"
        done = subprocess.run([peers.H2BOX, "server", "--no-tls", "-D", "-d", "site", "-a", "127.0.0.1", "-n1", "--access-log", "access",
                               str(port)], capture_output=True, text=True, timeout=30, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        pid = int(re.search(r"^pid (\d+)$", done.stdout, re.M)[1])
        try:
            self.base = "http://127.0.0.1:%d" % port
            self.assertEqual(self.curl("/f")[2], b"content")
            self.assertEqual(os.readlink("/proc/%d/cwd" % pid), "/")
            self.assertEqual(os.readlink("/proc/%d/fd/1" % pid), "/dev/null")
        finally:
            os.kill(pid, signal.SIGTERM)
        end = time.time() + 20
        while time.time() < end and not (os.path.exists(log) and os.path.getsize(log)):
            time.sleep(0.05)
        with open(log) as f:
            self.assertIn("GET /f", f.read())

    def test_it_cannot_start(self):
        done = subprocess.run([peers.H2BOX, "server", "--no-tls", "-D", "-d", "/none", "-a", "127.0.0.1", "0"], capture_output=True,
                              text=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout.count("pid")), (1, 0))
        self.assertIn("/none: no such file or directory", done.stderr)


class Secure(Case):
    def make_identity(self, name, names="DNS:localhost,IP:127.0.0.1"):
        key, cert = self.folder + "/%s.key" % name, self.folder + "/%s.crt" % name
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                        cert, "-days", "2", "-subj", "/CN=" + name, "-addext", "subjectAltName=" + names], check=True, capture_output=True,
                       timeout=30)
        return key, cert

    def start(self, *options, files=(), name=None):
        port = peers.free_port()
        args = [name] if name else [peers.H2BOX, "server"]
        server = peers.Running([*args, "-d", self.site, "-a", "127.0.0.1", "-n1", *options, str(port), *files], port)
        self.addCleanup(server.__exit__)
        self.url = "https://127.0.0.1:%d" % port
        self.port = port
        return server

    def get(self, *options, path="/f"):
        done = subprocess.run(["curl", "-sS", "--http2", "-w", "|%{http_version}", *options, self.url + path], capture_output=True,
                              timeout=30)
        return done.returncode, done.stdout

    def presented(self, *options):
        """SHA-256 of the certificate that the server shows."""
        shown = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.port, *options], stdin=subprocess.DEVNULL,
                               capture_output=True, timeout=30)
        return self.fingerprint(shown.stdout)

    def fingerprint(self, pem):
        done = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=pem, capture_output=True, timeout=30,
                              check=True)
        return done.stdout.decode().strip().rpartition("=")[2]

    def setUp(self):
        super().setUp()
        write(self.site, "f", b"content")

    def test_a_certificate_for_this_run(self):
        server = self.start()
        end = time.time() + 10
        while "SHA-256" not in server.output and time.time() < end:
            time.sleep(0.02)
        said = re.search(r"SHA-256 ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})$", server.output, re.M)
        self.assertEqual(said[1], self.presented())
        self.assertIn("PORT KEY CERT", server.output)
        self.assertEqual(self.get("-k"), (0, b"content|2"))
        self.assertEqual(self.get()[0], 60) # nobody vouches for it
        self.assertEqual(server.stop(), 0, server.output)

    def test_one_of_ours_and_its_successor(self):
        key, cert = self.make_identity("first")
        server = self.start(files=(key, cert))
        self.assertEqual(self.get("--cacert", cert), (0, b"content|2"))
        before = self.presented()
        next_key, next_cert = self.make_identity("second")
        os.replace(next_key, key)
        server.process.send_signal(signal.SIGHUP) # they do not belong together: the old ones stay
        end = time.time() + 10
        while "does not belong" not in server.output and time.time() < end:
            time.sleep(0.02)
        self.assertIn("does not belong", server.output)
        self.assertEqual(self.presented(), before)
        os.replace(next_cert, cert)
        server.process.send_signal(signal.SIGHUP)
        end = time.time() + 10
        while self.presented() == before and time.time() < end:
            time.sleep(0.02)
        self.assertEqual(self.get("--cacert", cert), (0, b"content|2"))
        self.assertEqual(server.stop(), 0, server.output)

    def test_names_choose_certificates(self):
        """RFC 6066 section 3: each client sees the certificate of the name it asks for."""
        first, second = self.make_identity("first", "DNS:a.example"), self.make_identity("second", "DNS:*.b.example")
        server = self.start(files=first + second)
        due = []
        for _, cert in (first, second):
            with open(cert, "rb") as f:
                due.append(self.fingerprint(f.read()))
        for name, which in (("a.example", 0), ("x.b.example", 1), ("X.B.Example", 1), ("b.example", 0), ("elsewhere.example", 0)):
            self.assertEqual(self.presented("-servername", name), due[which], name)
        self.assertEqual(self.presented("-noservername"), due[0])
        self.assertEqual(server.stop(), 0, server.output)
        for words in (first + second[:1], first[:1]):
            done = subprocess.run([peers.H2BOX, "server", "-d", self.site, "0", *words], capture_output=True, timeout=30)
            self.assertEqual((done.returncode, b"KEY without CERT" in done.stderr), (2, True), done.stderr)

    def test_clients_are_verified(self):
        """With --cacert not any certificate will do, and the client is told which alert it got (RFC 8446 section 6.2)."""
        key, cert = self.make_identity("server")
        known_key, known = self.make_identity("known")
        other_key, other = self.make_identity("other")
        server = self.start("-V", "--cacert", known, files=(key, cert))
        self.assertEqual(self.get("-k", "--cert", known, "--key", known_key), (0, b"content|2"))
        self.assertNotEqual(self.get("-k", "--cert", other, "--key", other_key)[0], 0)
        for options, alert in ((["-cert", other, "-key", other_key], "alert unknown ca"), ([], "alert certificate required")):
            done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.port, "-alpn", "h2", "-ign_eof", *options],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
            self.assertIn(alert, done.stderr.decode())
        self.assertEqual(server.stop(), 0, server.output)
        done = subprocess.run([peers.H2BOX, "server", "-d", self.site, "--cacert", known, "0"], capture_output=True, timeout=30)
        self.assertEqual((done.returncode, b"--cacert needs --verify-client" in done.stderr), (2, True), done.stderr)

    def test_clients_show_a_certificate(self):
        key, cert = self.make_identity("server")
        server = self.start("-V", files=(key, cert))
        my_key, my_cert = self.make_identity("client")
        self.assertEqual(self.get("-k", "--cert", my_cert, "--key", my_key), (0, b"content|2"))
        self.assertNotEqual(self.get("-k")[0], 0)
        self.assertNotEqual(self.get("-k", "--tls-max", "1.2")[0], 0)
        self.assertEqual(server.stop(), 0, server.output)

    def test_groups_and_versions(self):
        self.start("--groups", "P-384", "--tls-min-proto-version", "TLSv1.3")
        self.assertEqual(self.get("-k"), (0, b"content|2"))
        self.assertEqual(self.get("-k", "--curves", "P-384"), (0, b"content|2"))
        self.assertNotEqual(self.get("-k", "--curves", "X25519")[0], 0)
        self.assertNotEqual(self.get("-k", "--tls-max", "1.2")[0], 0)

    def test_bodies(self):
        big = peers.content(3000000)
        write(self.site, "big", big)
        self.start("--echo-upload", "--index")
        for options, due in (([], big), (["-r", "1000000-2999999"], big[1000000:])):
            code, body = self.get("-k", *options, path="/big")
            self.assertEqual((code, peers.digest(body[:-2])), (0, peers.digest(due)))
        path = write(self.folder, "up", big)
        code, body = self.get("-k", "--data-binary", "@" + path, path="/")
        self.assertEqual((code, peers.digest(body[:-2])), (0, peers.digest(big)))

    def test_as_before(self):
        """The options of nghttpd as its users write them, over TLS, under its name."""
        key, cert = self.make_identity("server")
        types = write(self.folder, "types", "text/x-mine mine\n")
        write(self.site, "g.mine", b"content")
        write(self.site, "index.html", b"index")
        name = old_name(self.folder)
        server = self.start("-v", "-n2", "-c4096", "-b10", "-m50", "-w16", "-W16", "-e", "-p/=/f", "--trailer=x: y", "--color", "--hexdump",
                            "--echo-upload", "--early-response", "--no-content-length", "--mime-types-file=" + types,
                            "--dh-param-file=/none", "--ktls", "--no-rfc7540-pri", "--groups=X25519:P-256",
                            "--encoder-header-table-size=4K", "-a127.0.0.1", files=(key, cert), name=name)
        done = subprocess.run(["nghttp", "-nv", self.url + "/", self.url + "/g.mine"], capture_output=True, text=True, timeout=30)
        for text in ("content-type: text/x-mine", "PUSH_PROMISE", "x: y", "The negotiated protocol: h2", "server: nghttpd "):
            self.assertIn(text, done.stdout)
        self.assertEqual(server.stop(), 0, server.output[-2000:])
        self.assertRegex(server.output, r"\[id=.*SSL/TLS handshake completed\nThe negotiated protocol: h2\n\[id=.*send SETTINGS")
        for text in ("nghttpd: --dh-param-file", "nghttpd: --ktls", "IPv4: listen 127.0.0.1:", "[id=1] ", "\x1b[", "00000000  "):
            self.assertIn(text, server.output)
        for args in ([], ["8080"], ["x", key, cert], ["8080", key], ["-D", "--no-tls", "0"], ["0", "/none", "/none"]):
            done = subprocess.run([name, *args], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 1, (args, done.stderr))
            self.assertTrue(done.stderr.startswith("nghttpd: "), done.stderr)
        kept = self.start("--no-tls", "-p", "nothing", "--mime-types-file=/none", name=name)
        self.assertIn("nghttpd: --push 'nothing'", kept.output)
        self.assertIn("nghttpd: --mime-types-file /none: ", kept.output)


class OneDotOne(Case):
    """The same over HTTP/1.1, and by Upgrade, on the same port."""

    def ask(self, path, *options):
        done = subprocess.run(["curl", "-sS", "--http1.1", "--path-as-is", "-i", *options, self.base + path], capture_output=True,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        rest = done.stdout
        while True: # interim responses
            head, _, rest = rest.partition(b"\r\n\r\n")
            first, _, fields = head.decode().partition("\r\n")
            if first.split()[1][0] != "1":
                break
        return int(first.split()[1]), email.message_from_string(fields), rest

    def test_answers(self):
        big = peers.content(3000000)
        write(self.site, "big", big)
        write(self.site, "page.html", TEXT)
        log = self.folder + "/access"
        server = self.serve("-n1", "--altsvc", "h2,8443", "--index", "--echo-upload", "--access-log", log)
        status, fields, body = self.ask("/big")
        self.assertEqual((status, peers.digest(body), fields["alt-svc"]), (200, peers.digest(big), 'h2=":8443"'))
        self.assertEqual(self.ask("/big", "-H", "If-None-Match: " + fields["etag"])[0], 304)
        self.assertEqual(self.ask("/big", "-r", "1000000-2000000")[::2], (206, big[1000000:2000001]))
        status, fields, body = self.ask("/big", "-r", "0-9,1000000-1000009")
        self.assertEqual((status, len(body)), (206, int(fields["content-length"])))
        self.assertIn(big[1000000:1000010], body)
        status, fields, body = self.ask("/page.html", "-H", "Accept-Encoding: gzip")
        self.assertEqual((fields["content-encoding"], gzip.decompress(body).decode()), ("gzip", TEXT))
        self.assertEqual(self.ask("/none")[0], 404)
        self.assertEqual(self.ask("/big", "-X", "DELETE")[0], 405)
        self.assertIn(b'<a href="./big">', self.ask("/")[2])
        path = write(self.folder, "up", big)
        for options in ([], ["-H", "Expect: 100-continue"], ["-H", "Transfer-Encoding: chunked"]):
            status, fields, body = self.ask("/", "--data-binary", "@" + path, *options)
            self.assertEqual((status, fields["nghttpd-response"], peers.digest(body)), (200, "echo", peers.digest(big)))
        # By Upgrade: the answer comes over HTTP/2. (curl 7.88 has no room for much that comes behind the 101.)
        write(self.site, "small", b"content")
        done = subprocess.run(["curl", "-sS", "--http2", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", self.base + "/small"],
                              capture_output=True, timeout=60)
        self.assertEqual(done.stdout, b"200 2", done.stderr)
        self.assertEqual(server.stop(), 0, server.output)
        with open(log) as f:
            self.assertIn('"GET /big HTTP/1.1" 200 3000000 ', f.read())

    def test_trailers_come_behind_chunks(self):
        self.serve("-n1", "--trailer", "x-one: 1")
        write(self.site, "first", b"content")
        done = subprocess.run(["curl", "-sS", "--http1.1", "--raw", "-i", self.base + "/first"], capture_output=True, timeout=60)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        self.assertEqual(content, b"7\r\ncontent\r\n0\r\nx-one: 1\r\n\r\n")
        self.assertIn(b"\r\ntrailer: x-one\r\n", head)
        self.assertNotIn(b"content-length", head)

    def test_websockets_are_refused(self):
        self.serve("-n1")
        self.assertEqual(self.ask("/", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H",
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")[0], 405)
        write(self.site, "f", b"content")
        self.assertEqual(self.ask("/f", "-H", "Connection: Upgrade", "-H", "Upgrade: other/1")[::2], (200, b"content"))


if __name__ == "__main__":
    peers.have("nghttp", "curl", "h2load", "openssl")
    unittest.main(verbosity=2)
