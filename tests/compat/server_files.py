"""What our server makes of files and folders: ranges, conditions, codings, names, listings. By curl, nghttp and python3-h2.
labels: threads"""
import email
import gzip
import html.parser
import os
import subprocess
import time
import unittest
import zlib

import h2.events

import peers
from h2_client import Client
from serving import Case, TEXT, write


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


if __name__ == "__main__":
    peers.have("curl")
    unittest.main(verbosity=2)
