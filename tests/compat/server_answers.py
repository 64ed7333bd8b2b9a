"""What our server answers beside files: fields, pushes, uploads, and what it does with HTTP/1.1. By curl, nghttp and python3-h2.
labels: threads"""
import email
import gzip
import subprocess
import time
import unittest

import peers
from h2_client import Client
from serving import Case, TEXT, old_name, write


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
    peers.have("nghttp", "curl")
    unittest.main(verbosity=2)
