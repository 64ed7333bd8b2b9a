#!/usr/bin/env python3
"""Our client with the servers that people run: nghttpd, nginx, h2o, and ours."""
import gzip
import os
import re
import socket
import subprocess
import tempfile
import threading
import unittest

import peers


def normal(log):
    """A frame log without what differs between two runs: times, dates, names of programs, sizes of header blocks."""
    log = re.sub(r"\[ *\d+\.\d{3}\]", "[T]", log)
    log = re.sub(r"(date|user-agent|server|last-modified): .*", r"\1: X", log)
    return re.sub(r"(HEADERS frame <length=)\d+", r"\1N", log)


class Fetching(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
        os.chmod(cls.folder.name, 0o755)
        cls.site = peers.make_site(cls.folder.name + "/site", big=True)
        cls.servers = {"nghttpd": peers.nghttpd(cls.site, "--echo-upload"), "nginx": peers.nginx(cls.site),
                       "h2box": peers.h2box_server(cls.site)}
        if peers.installed("h2o"):
            cls.servers["h2o"] = peers.h2o(cls.site)

    @classmethod
    def tearDownClass(cls):
        for s in cls.servers.values():
            s.stop()
        cls.folder.cleanup()

    def url(self, server, path="/"):
        return "http://127.0.0.1:%d%s" % (self.servers[server].port, path)

    def test_bodies_come_whole(self):
        for name in self.servers:
            for n in peers.SIZES + [peers.BIG]:
                body, _ = peers.client(self.url(name, "/size-%d" % n))
                self.assertEqual(peers.digest(body), peers.digest(peers.content(n)), (name, n))

    def test_big_windows(self):
        for name in self.servers:
            body, _ = peers.client("-w30", "-W30", self.url(name, "/size-%d" % peers.BIG))
            self.assertEqual(peers.digest(body), peers.digest(peers.content(peers.BIG)), name)

    def test_a_hundred_at_once(self):
        for name in self.servers:
            body, _ = peers.client("-m100", self.url(name, "/size-65535"))
            self.assertEqual(len(body), 100 * 65535, name)
            out, _ = peers.client("-ns", "-m250", "-M250", self.url(name, "/size-612"))
            rows = re.findall(rb"(?m)^ *\d+ +\+\S+ +\+\S+ +\S+  200  612 /size-612$", out)
            self.assertEqual(len(rows), 250, (name, out[-2000:]))

    def test_several_servers_in_one_run(self):
        urls = [self.url(s, "/size-%d" % n) for n in (612, 16385) for s in self.servers]
        body, _ = peers.client(*urls)
        self.assertEqual(len(body), len(self.servers) * (612 + 16385))

    def test_uploads_come_back(self):
        for n in (0, 1, 65536, 1 << 20, peers.BIG):
            with tempfile.NamedTemporaryFile() as f:
                f.write(peers.content(n))
                f.flush()
                for extra in ([], ["--no-content-length"], ["-b", "100"]):
                    if n == peers.BIG and extra:
                        continue
                    body, _ = peers.client("-d", f.name, *extra, self.url("nghttpd", "/up"))
                    self.assertEqual(peers.digest(body), peers.digest(peers.content(n)), (n, extra))
        body, _ = peers.client("-d", "-", self.url("nghttpd", "/up"), stdin=b"from standard input")
        self.assertEqual(body, b"from standard input")

    def test_log_is_that_of_nghttp(self):
        """The same exchange logged by nghttp and by us, but for the order in which the peers' first frames cross, and for what
        the newest nghttp sends in another way (no idle PRIORITY frames, stream 1, a priority field)."""
        ours, _ = peers.client("-v", self.url("nghttpd", "/"))
        theirs = subprocess.run(["nghttp", "-v", "--no-dep", self.url("nghttpd", "/")], capture_output=True,
                                timeout=20).stdout
        ours, theirs = normal(ours.decode()), normal(theirs.decode())

        def records(log):
            return sorted(re.split(r"\n(?=\[T\])", log.strip()))
        # nghttp may leave before it has acknowledged our peer's SETTINGS.
        drop = lambda rs: [r for r in rs if "SETTINGS frame <length=1" not in r and "send SETTINGS" not in r and "send HEADERS" not in r and
                           "send WINDOW_UPDATE" not in r]
        self.assertEqual(drop(records(ours)), drop(records(theirs)))
        self.assertTrue(ours.startswith("[T] Connected\n"))
        self.assertIn("[T] send SETTINGS frame <length=18, flags=0x00, stream_id=0>\n          (niv=3)\n"
                      "          [SETTINGS_MAX_CONCURRENT_STREAMS(0x03):100]\n"
                      "          [SETTINGS_INITIAL_WINDOW_SIZE(0x04):65535]\n"
                      "          [SETTINGS_NO_RFC7540_PRIORITIES(0x09):1]\n", ours)
        self.assertIn("[T] send HEADERS frame <length=N, flags=0x05, stream_id=1>\n"
                      "          ; END_STREAM | END_HEADERS\n          (padlen=0)\n          ; Open new stream\n"
                      "          :method: GET\n          :path: /\n          :scheme: http\n"
                      "          :authority: 127.0.0.1:%d\n          accept: */*\n"
                      "          accept-encoding: gzip, deflate\n          user-agent: X\n          priority: u=3\n"
                      % self.servers["nghttpd"].port, ours)

    def test_gzip_is_undone(self):
        page = b"<p>again and again</p>" * 200
        with open(self.site + "/page.gz", "wb") as f:
            f.write(gzip.compress(page))
        body, _ = peers.client(self.url("h2box", "/page.gz"))
        self.assertEqual(gzip.decompress(body), page) # no content-encoding: as it is
        with open(self.site + "/page.html", "wb") as f:
            f.write(page)
        with peers.nginx(self.site, "gzip on; types { text/html html; }") as server:
            url = "http://127.0.0.1:%d/page.html" % server.port
            body, _ = peers.client(url)
            self.assertEqual(body, page)
            self.assertIn(b"content-encoding: gzip", peers.client("-nv", url)[0])

    def test_save_under_remote_name(self):
        folder = tempfile.mkdtemp(dir=self.folder.name)
        here = os.getcwd()
        os.chdir(folder)
        try:
            h2box = os.path.abspath(peers.H2BOX) if os.path.isabs(peers.H2BOX) else os.path.join(here, peers.H2BOX)
            run = lambda: subprocess.run([h2box, "client", "-O", self.url("nginx", "/size-16385"), self.url("h2box")],
                                         capture_output=True, timeout=20)
            done = run()
            self.assertEqual((done.returncode, done.stdout), (0, b""), done.stderr)
            with open("size-16385", "rb") as f:
                self.assertEqual(f.read(), peers.content(16385))
            self.assertTrue(os.path.exists("index.html"))
            self.assertEqual(run().returncode, 1) # what is there is kept
        finally:
            os.chdir(here)

    def test_options_towards_peers(self):
        for name in self.servers:
            # h2o never acknowledges a lowered table (RFC 7541 section 4.2); nghttp -c0 fails with it too.
            tables = [] if name == "h2o" else [["-c", "0"], ["-c", "64", "-c", "8192"]]
            for options in (["-w8", "-W16"], ["-b", "255"], *tables,
                            ["--encoder-header-table-size", "0"], ["--no-push"],
                            ["-H", "x-long: " + "v" * 3000], ["-H", ":method: HEAD"]):
                body, _ = peers.client(*options, "-m20", self.url(name, "/size-16385"))
                self.assertEqual(len(body), 0 if ":method: HEAD" in options else 20 * 16385, (name, options))

    def test_names_go_out_in_lower_case(self):
        out, _ = peers.client("-nv", "-H", "X-Up: Y", self.url("nghttpd"))
        self.assertIn(b"x-up: Y\n", out)
        self.assertIn(b":status: 200", out) # nghttpd would reset the stream

    def test_host_stands_for_authority(self):
        for names in (["host: b.test"], ["host: a.test", ":authority: b.test"]):
            out, _ = peers.client("-nv", *(x for n in names for x in ("-H", n)), self.url("nghttpd"))
            self.assertIn(b":authority: b.test\n", out)
            self.assertNotIn(b" host: ", out)

    def test_a_uri_without_a_path(self):
        out, _ = peers.client("-nv", self.url("nghttpd", ""))
        self.assertIn(b":path: /\n", out)
        self.assertIn(b":status: 200", out)

    def test_continuation(self):
        # h2o refuses so much; the others take it, with a limit on the whole.
        out, _ = peers.client("-nv", "--continuation", self.url("nghttpd"))
        # One record for HEADERS and its CONTINUATION, with the length of all.
        self.assertRegex(out, rb"send HEADERS frame <length=1[6-9]\d{3}, flags=0x05, stream_id=1>")
        self.assertIn(b":status: 200", out)

    def test_push_is_taken(self):
        with peers.nghttpd(self.site, "-p", "/=/size-612,/size-1") as server:
            url = "http://127.0.0.1:%d/" % server.port
            out, _ = peers.client("-s", url)
            self.assertRegex(out.decode("latin-1"), r"(?m)^ +2 +\+\S+ \* +\+\S+ +\S+  200  612 /size-612$")
            self.assertNotIn(peers.content(612), out) # nobody asked for it
            self.assertIn(peers.content(612), peers.client("-v", url)[0]) # but a log shows what passes
            out, _ = peers.client("-nv", "--no-push", url)
            self.assertNotIn(b"PUSH_PROMISE", out)

    def test_trailers(self):
        with peers.nghttpd(self.site, "--trailer", "x-t: 1", "-v") as server:
            out, _ = peers.client("-nv", "-d", self.site + "/size-612", "--trailer", "x-sum: 7",
                                  "http://127.0.0.1:%d/" % server.port)
            self.assertIn(b"x-t: 1", out)
            server.stop()
            self.assertRegex(server.output, r"(?s) trailer: x-sum\n.* x-sum: 7\n")

    def test_trailers_over_http1(self):
        """Content with trailers behind it goes in chunks, whatever its length (RFC 9112 section 7.1.2)."""
        got = bytearray()

        def serve():
            conn, _ = listener.accept()
            with conn:
                while b"\r\nx-sum: 7\r\n\r\n" not in got and (part := conn.recv(65536)):
                    got.extend(part)
                conn.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve)
            thread.start()
            peers.client("--http1.1", "-d", self.site + "/size-612", "--trailer", "x-sum: 7",
                         "http://127.0.0.1:%d/" % listener.getsockname()[1])
            thread.join()
        head, _, rest = bytes(got).partition(b"\r\n\r\n")
        self.assertIn(b"\r\ntrailer: x-sum\r\n", head)
        self.assertNotIn(b"content-length", head)
        self.assertEqual(rest, b"264\r\n" + peers.content(612) + b"\r\n0\r\nx-sum: 7\r\n\r\n")


class Failing(unittest.TestCase):
    """Everything that does not complete is said and exits with 1; wrong usage with 2."""

    def test_refused(self):
        port = peers.free_port()
        out, err = peers.client("http://127.0.0.1:%d/" % port, code=1)
        self.assertEqual(out, b"")
        self.assertEqual(err, "h2box client: connect 127.0.0.1:%d: connection refused\n"
                              "Some requests were not processed. total=1, processed=0\n" % port)

    def test_names_and_uris(self):
        self.assertIn("connect nowhere.invalid:80: ", peers.client("http://nowhere.invalid/", code=1)[1])
        for text in ("http://", "ftp://a/", "127.0.0.1", "http://a:99999/", "http://user@a/"):
            self.assertIn("h2box client: %s: " % text, peers.client(text, code=1)[1])

    def test_usage(self):
        for args in ([], ["--bogus", "http://a/"], ["-m0", "http://a/"], ["-w31", "http://a/"], ["--trailer", "a: b", "http://a/"],
                     ["-H", "nocolon", "http://a/"], ["-H", "a: b\x01", "http://a/"], ["-t", "x", "http://a/"]):
            self.assertTrue(peers.client(*args, code=2)[1].startswith("h2box client: "), args)
        self.assertIn("/nowhere", peers.client("-d", "/nowhere", "http://127.0.0.1:1/", code=1)[1])

    def with_peer(self, answer, *args, code=1):
        """Runs the client against a socket that does as `answer` says."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def serve():
                s, _ = listener.accept()
                s.settimeout(20)
                try:
                    answer(s)
                except OSError:
                    pass
                s.close()
            t = threading.Thread(target=serve)
            t.start()
            try:
                return peers.client(*args, "http://127.0.0.1:%d/x" % listener.getsockname()[1], code=code)
            finally:
                t.join()

    SETTINGS = bytes.fromhex("000000040000000000")

    @staticmethod
    def frame(kind, flags, stream, payload=b""):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    def against(self, sent, *args, code=1):
        """What the client says to a server that sends these bytes, ##### being its port, and waits until it leaves."""
        def answer(s):
            s.sendall(self.SETTINGS + sent.replace(b"#####", b"%d" % s.getsockname()[1]))
            while s.recv(65536):
                pass
        return self.with_peer(answer, *args, code=code)

    STATUS, LITERAL = b"\x88", lambda self, n, v: b"\0" + bytes([len(n)]) + n + bytes([len(v)]) + v

    def test_what_a_server_says_cannot_steer_a_terminal(self):
        debug = b"\x1b]0;owned\x07\nfake: line"
        _, err = self.against(self.frame(7, 0, 0, bytes(4) + (1).to_bytes(4, "big") + debug), "-n")
        self.assertNotIn("\x1b", err)
        self.assertIn("h2box client: the server ends the connection: PROTOCOL_ERROR: "
                      "\\x1b]0;owned\\x07\\x0afake: line\n", err)

    def test_a_response_that_began_is_not_asked_for_again(self):
        out, err = self.against(self.frame(1, 4, 1, self.STATUS) + self.frame(0, 0, 1, b"part") +
                                self.frame(3, 0, 1, (7).to_bytes(4, "big")))
        self.assertEqual(out, b"part")
        self.assertIn("not processed by the server", err)

    def test_content_coding_must_end(self):
        whole = gzip.compress(b"text" * 1000)
        head = self.frame(1, 4, 1, self.STATUS + self.LITERAL(b"content-encoding", b"gzip"))
        out, _ = self.against(head + self.frame(0, 1, 1, whole), code=0)
        self.assertEqual(out, b"text" * 1000)
        _, err = self.against(head + self.frame(0, 1, 1, whole[:len(whole) // 2]))
        self.assertIn("the content coding ends too early", err)
        _, err = self.against(head + self.frame(0, 1, 1, b"no gzip at all"))
        self.assertIn("the content coding is broken", err)

    def test_no_room_for_requests(self):
        none = self.frame(4, 0, 0, bytes.fromhex("000300000000"))
        _, err = self.against(none, "-n", "-t", "1s", "-m101")
        self.assertIn("timed out", err)

    def test_pushed_streams_save_nothing(self):
        promise = bytes.fromhex("8286") + (self.LITERAL(b":path", b"/.bashrc") +
                                            self.LITERAL(b":authority", b"127.0.0.1:#####"))
        push = (self.frame(5, 4, 1, (2).to_bytes(4, "big") + promise) + self.frame(1, 4, 2, self.STATUS) +
                self.frame(0, 1, 2, b"planted") + self.frame(1, 4, 1, self.STATUS) + self.frame(0, 1, 1, b"wanted"))
        here = os.getcwd()
        box, peers.H2BOX = peers.H2BOX, os.path.abspath(peers.H2BOX)
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                self.against(push, "-O", code=0)
                self.assertEqual(os.listdir("."), ["x"])
                with open("x", "rb") as f:
                    self.assertEqual(f.read(), b"wanted")
                self.assertEqual(self.against(push, code=0)[0], b"wanted")
            finally:
                os.chdir(here)
                peers.H2BOX = box

    def test_pushes_for_others_are_refused(self):
        """RFC 9113 section 8.4: a server promises what it answers for, and that is what the connection was made for."""
        for own in (True, False):
            received = bytearray()
            def answer(s):
                authority = b"127.0.0.1:%d" % (s.getsockname()[1] if own else 1)
                promise = bytes.fromhex("828684") + self.LITERAL(b":authority", authority)
                s.sendall(self.SETTINGS + self.frame(5, 4, 1, (2).to_bytes(4, "big") + promise) +
                          self.frame(1, 5, 2, self.STATUS) + self.frame(1, 5, 1, self.STATUS))
                while data := s.recv(65536):
                    received.extend(data)
            self.with_peer(answer, "-n", code=0)
            refused = self.frame(3, 0, 2, (1).to_bytes(4, "big")) in received
            self.assertEqual(refused, not own, received.hex())

    def test_hostile_servers(self):
        frame = self.frame
        status200 = bytes.fromhex("88")
        cases = {
            b"": "closed by the peer",
            b"HTTP/1.1 400 Bad Request\r\n\r\n": "first frame must be SETTINGS|over SETTINGS_MAX_FRAME_SIZE",
            self.SETTINGS: "closed by the peer",
            self.SETTINGS + frame(1, 4, 1, status200): "closed by the peer",
            self.SETTINGS + frame(1, 4, 1, status200 + bytes.fromhex("0f0d0135")) + frame(0, 1, 1, b"12"): "less DATA",
            self.SETTINGS + frame(3, 0, 1, (11).to_bytes(4, "big")): "reset by the server: ENHANCE_YOUR_CALM",
            self.SETTINGS + frame(1, 5, 1, bytes.fromhex("ff")): "ends inside a field|truncated|block",
            self.SETTINGS + frame(0, 1, 1, b"early"): "DATA before the response",
            self.SETTINGS + frame(1, 4, 3, status200): "idle stream",
            self.SETTINGS + frame(8, 0, 0, bytes(4)): "WINDOW_UPDATE by 0",
        }
        for sent, expected in cases.items():
            def answer(s):
                s.sendall(sent)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            _, err = self.with_peer(answer, "-n")
            self.assertRegex(err, expected, sent)
            self.assertTrue(err.endswith("Some requests were not processed. total=1, processed=0\n"), err)

    def test_timeout(self):
        _, err = self.with_peer(lambda s: (s.sendall(self.SETTINGS), s.recv(65536), s.recv(65536), s.recv(65536),
                                           s.recv(65536)), "-t", "500ms")
        self.assertIn("timed out", err)

    def test_output_that_cannot_be_written(self):
        with tempfile.TemporaryDirectory(prefix="h2box-site-") as site:
            peers.make_site(site)
            with peers.h2box_server(site) as server, open("/dev/full", "w") as full:
                done = subprocess.run([peers.H2BOX, "client", "http://127.0.0.1:%d/size-65536" % server.port], stdout=full,
                                      stderr=subprocess.PIPE, timeout=20, text=True)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertEqual(done.stderr, "h2box client: stdout: No space left on device\n")


if __name__ == "__main__":
    peers.have("nghttp", "nghttpd", "nginx")
    unittest.main(verbosity=2)
