#!/usr/bin/env python3
"""Rules of RFC 9110 and RFC 9112 for those in the middle that no other test shows: what a message must not have, or must, on its
way through. timeout: 60"""
import socket
import ssl
import unittest

import peers
from backends import Frames, Watched, head_frames, parse_h1, request_fields, talk
from proxying import PROTOS, Proxy, backend
from scripted import END_HEADERS, END_STREAM, HEADERS, Server, block, frame, response

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSE = "Connection: close"


class Rules(unittest.TestCase):
    def start(self, play, *options, proto="h1", **more):
        """A proxy before a play."""
        server = Server(play)
        self.addCleanup(server.__exit__)
        proxy = Watched(backend(server.port, "", *PROTOS[proto]), *options, **more)
        self.addCleanup(proxy.__exit__, None)
        return proxy

    def behind(self, answer, *options):
        """Each request is answered by these bytes; self.seen has (line, fields) of each."""
        self.seen = []

        def play(peer):
            while True:
                self.seen.append(peer.head())
                peer.send(answer)
        return self.start(play, *options).port

    def ask(self, port, *lines, content=b""):
        return talk(port, "\r\n".join([*lines, "", ""]).encode() + content)

    def ask_h2(self, port, fields, end=True):
        """The fields of the first answer's head."""
        with Frames(port) as c:
            c.send(head_frames(1, fields, end))
            while True:
                kind, _, _, payload = c.frame()
                if kind == HEADERS:
                    return dict(c.decoder.decode(payload))

    def test_no_length_where_there_is_no_content(self):
        """RFC 9110 section 8.6."""
        none = b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"
        self.assertNotIn("content-length", self.ask_h2(self.behind(none), request_fields()))
        self.assertNotIn("content-length", parse_h1(self.ask(self.behind(none), "GET / HTTP/1.1", "Host: a", CLOSE)).fields)
        tunnel = [(":method", "CONNECT"), (":authority", "a.test:443")]
        got = self.ask_h2(self.behind(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "-s"), tunnel, False)
        self.assertEqual((got[":status"], got.get("content-length")), ("200", None))
        # A HEAD and a 304 tell of content that is elsewhere.
        for method, status in (("HEAD", 200), ("GET", 304)):
            port = self.behind(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status)
            self.assertEqual(self.ask_h2(port, request_fields(method))["content-length"], "5")
            self.assertIn(b"Content-Length: 5\r\n", self.ask(port, method + " / HTTP/1.1", "Host: a", CLOSE))

    def test_upgrade_required(self):
        """RFC 9110 section 7.8: 426 names a protocol; that of the backend was meant for us."""
        port = self.behind(b"HTTP/1.1 426 X\r\nUpgrade: foo\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n")
        fields = parse_h1(self.ask(port, "GET / HTTP/1.1", "Host: a", CLOSE)).fields
        self.assertEqual((fields["upgrade"], fields["connection"]), ("websocket", "Upgrade, close"))
        self.assertNotIn("upgrade", self.ask_h2(port, request_fields()))

    def test_max_forwards_beyond_counting(self):
        """RFC 9110 section 7.6.2: it never goes on as it came."""
        port = self.behind(OK)
        for came, goes in (("99999999999999999999999", "4294967294"), ("4294967295", "4294967294"), ("1", "0"), ("x", "x")):
            self.ask(port, "OPTIONS / HTTP/1.1", "Host: a", "Max-Forwards: " + came, CLOSE)
            self.assertEqual(self.seen[-1][1]["max-forwards"], goes)

    def test_a_proxy_keeps_no_old_client(self):
        """RFC 9112 section 9.3: a gateway may keep a connection of HTTP/1.0, a proxy must not."""
        port = self.behind(OK, "-s")
        got = self.ask(port, "GET http://a.test/ HTTP/1.0", "Connection: keep-alive")
        self.assertIn(b"Connection: close\r\n", got)
        with socket.create_connection(("127.0.0.1", self.behind(OK)), 15) as s:
            for _ in range(2):
                s.sendall(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                got = b""
                while not got.endswith(b"ok"):
                    got += s.recv(1000)
                self.assertIn(b"Connection: keep-alive\r\n", got)

    def test_trace_with_content(self):
        """RFC 9110 section 9.3.8: we must not send it."""
        port = self.behind(OK)
        self.assertIn(b" 400 ", self.ask(port, "TRACE / HTTP/1.1", "Host: a", "Content-Length: 2", CLOSE, content=b"hi"))
        self.assertEqual(self.ask_h2(port, request_fields("TRACE"), False)[":status"], "400")
        self.assertEqual(self.seen, [])
        self.assertIn(b" 200 ", self.ask(port, "TRACE / HTTP/1.1", "Host: a", CLOSE))

    def test_expectations_of_old_clients(self):
        """RFC 9110 section 10.1.1: HTTP/1.0 knows none."""
        port = self.behind(OK)
        self.ask(port, "POST / HTTP/1.0", "Expect: 100-continue", "Content-Length: 0")
        self.assertNotIn("expect", self.seen[-1][1])
        self.ask(port, "POST / HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 0", CLOSE)
        self.assertEqual(self.seen[-1][1]["expect"], "100-continue")

    def test_trailers_that_connection_names(self):
        """RFC 9110 section 7.6.1: header fields and trailers."""
        hop = (b"HTTP/1.1 200 OK\r\nConnection: %s\r\nTransfer-Encoding: chunked\r\nX-Hop: 1\r\nX-End: 2\r\n\r\n"
               b"2\r\nok\r\n0\r\nX-Hop: 3\r\n\r\n")
        got = self.ask(self.behind(hop % b"x-hop"), "GET / HTTP/1.1", "Host: a", CLOSE)
        self.assertNotIn(b"X-Hop", got)
        self.assertIn(b"X-End: 2", got)
        self.assertIn(b"X-Hop: 3", self.ask(self.behind(hop % b"TE"), "GET / HTTP/1.1", "Host: a", CLOSE))

    def test_alternatives_of_a_forward_proxy(self):
        """RFC 7838 section 3: they are for the origin to tell; its own pass."""
        port = self.behind(OK, "-s", "--altsvc=h2,443")
        self.assertNotIn(b"Alt-Svc", self.ask(port, "GET http://a.test/ HTTP/1.1", "Host: a.test", CLOSE))
        port = self.behind(OK.replace(b"OK\r\n", b"OK\r\nAlt-Svc: clear\r\n"), "-s")
        self.assertIn(b"Alt-Svc: clear", self.ask(port, "GET http://a.test/ HTTP/1.1", "Host: a.test", CLOSE))

    def test_interim_answers_name_a_forward_proxy(self):
        """RFC 9110 section 7.6.3: each message of a proxy, the answers of a gateway if it likes."""
        early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK
        got = self.ask(self.behind(early, "-s"), "GET http://a.test/ HTTP/1.1", "Host: a.test", CLOSE)
        self.assertEqual(got.count(b"Via: 1.1 h2box\r\n"), 2)
        got = self.ask(self.behind(early), "GET / HTTP/1.1", "Host: a.test", CLOSE)
        self.assertEqual((got.count(b" 103 "), got.count(b"Via: 1.1 h2box\r\n")), (1, 1))

    def test_faults_of_answers(self):
        """RFC 9112 sections 5.1, 5.2, 6.1 and 6.3: a proxy discards such an answer, and says 502."""
        length = b"Content-Length: 2\r\n"
        for head in (b"X : a\r\n" + length, b"X: a\r\n b\r\n" + length, length + b"Content-Length: 3\r\n", b"Content-Length: 2, 3\r\n",
                     b"Content-Length: +2\r\n", b"Transfer-Encoding: gzip\r\n", b"Transfer-Encoding: chunked, gzip\r\n",
                     b"Transfer-Encoding: chunked\r\n" + length, b"X: a\rb\r\n" + length, b"X: a\0b\r\n" + length):
            with self.subTest(head):
                port = self.behind(b"HTTP/1.1 200 OK\r\n" + head + b"\r\nok")
                got = self.ask(port, "GET / HTTP/1.1", "Host: a", CLOSE)
                self.assertIn(b" 502 ", got)
                self.assertNotIn(b"\r\n\r\nok", got)
        port = self.behind(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        self.assertIn(b" 502 ", self.ask(port, "GET / HTTP/1.1", "Host: a", CLOSE))

    def test_old_clients_get_no_chunks(self):
        """RFC 9112 section 6.1; the end of the connection says it."""
        port = self.behind(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: 1\r\n\r\n")
        head, _, content = self.ask(port, "GET / HTTP/1.0").partition(b"\r\n\r\n")
        self.assertEqual((b"Transfer-Encoding" in head, content), (False, b"ok"))
        self.assertEqual(head[:9], b"HTTP/1.1 ")  # RFC 9112 section 2.3: our own version

    def test_status_lines(self):
        """RFC 9112 section 4: a blank stands behind the status, whatever the words of the backend."""
        for status, line in (("200 Fine", b"HTTP/1.1 200 OK\r\n"), ("299 Mine", b"HTTP/1.1 299 \r\n"), ("299 ", b"HTTP/1.1 299 \r\n")):
            port = self.behind(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status.encode())
            self.assertTrue(self.ask(port, "GET / HTTP/1.1", "Host: a", CLOSE).startswith(line))

    def test_schemes_of_other_connections(self):
        """RFC 9110 section 7.4: whoever connects counts as one that may speak for others, unless it is said otherwise."""
        for options, status in (([], b" 200 "), (["--require-http-scheme"], b" 400 ")):
            port = self.behind(OK, *options)
            self.assertIn(status, self.ask(port, "GET https://a.test/ HTTP/1.1", "Host: a.test", CLOSE))
            self.assertIn(b" 200 ", self.ask(port, "GET http://a.test/ HTTP/1.1", "Host: a.test", CLOSE))

    def test_ends_of_tls(self):
        """RFC 9112 section 9.8: both sides of the proxy end with close_notify."""
        identity, ends = peers.Identity(), []
        self.addCleanup(identity.folder.cleanup)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.cert, identity.key)

        def play(peer):
            peer.head()
            peer.send(OK)
            peer.sock.suppress_ragged_eofs = False
            try:
                ends.append(peer.sock.recv(1))
            except ssl.SSLError as why:
                ends.append(why)
                peer.cut = True
        with Server(play, context=context) as server:
            with Proxy("-n1", backend(server.port, "", "tls"), "-k", "--backend-keep-alive-timeout=1s", identity=identity) as proxy:
                trust = ssl.create_default_context(cafile=identity.cert)
                with socket.create_connection(("127.0.0.1", proxy.port), 15) as s, \
                        trust.wrap_socket(s, server_hostname="localhost", suppress_ragged_eofs=False) as c:
                    c.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    got = b""
                    while chunk := c.recv(1000): # an end without close_notify is an error
                        got += chunk
                self.assertTrue(got.endswith(b"ok"))
                server.threads[-1].join(15)
        self.assertEqual(ends, [b""])

    def test_dates_of_its_own_answers(self):
        """RFC 9110 section 6.6.1: whoever has a clock says when it answered."""
        for kind, path, status in (("healthmon", "/", b" 200 "), ("api", "/nothing", b" 404 ")):
            port = self.start(lambda peer: None, frontend=";" + kind).port
            got = self.ask(port, "GET %s HTTP/1.1" % path, "Host: a", CLOSE)
            self.assertIn(status, got)
            self.assertEqual(got.count(b"\r\nDate: "), 1)
        for lines in (["BAD"], ["GET / HTTP/1.1"], ["OPTIONS * HTTP/1.1", "Host: a", "Max-Forwards: 0", CLOSE]):
            self.assertEqual(self.ask(self.behind(OK), *lines).count(b"\r\nDate: "), 1)

    def test_forwarded_without_a_host(self):
        """RFC 7239 section 5.3: what was not said is not told."""
        port = self.behind(OK, "--add-forwarded=host,proto")
        for fields, said in ((["Host: a.test"], 'host="a.test";proto=http'), ([], "proto=http")):
            self.ask(port, "GET / HTTP/1.0", *fields)
            self.assertEqual(self.seen[-1][1]["forwarded"], said)

    def test_targets(self):
        """RFC 9112 section 3.2.2, RFC 9110 section 7.7: a target's host is Host, an empty path is "/", "*" only where none was named."""
        port = self.behind(OK, "-s")
        for method, target, goes in (("GET", "http://a.test", "http://a.test/"), ("GET", "http://a.test?x", "http://a.test/?x"),
                                     ("GET", "http://a.test/%7e/../b//c?d=%2f", "http://a.test/%7e/../b//c?d=%2f"),
                                     ("OPTIONS", "http://a.test", "http://a.test"), ("OPTIONS", "http://a.test?x", "http://a.test/?x")):
            self.ask(port, method + " %s HTTP/1.1" % target, "Host: other.test", CLOSE)
            self.assertEqual(self.seen[-1][0], "%s %s HTTP/1.1" % (method, goes))
            self.assertEqual(self.seen[-1][1]["host"], "a.test")

    def test_authorities_over_http2(self):
        """RFC 9113 section 8.3.1: :authority from what the request was directed to, Host from :authority."""
        seen = []

        def play(peer):
            peer.begin()
            while True:
                r = peer.request()
                seen.append(r)
                peer.send(response(r.stream, 200, [("content-length", "0")]))
        port = self.start(play, proto="h2").port
        for lines, authority in ((("GET / HTTP/1.1", "Host: a.test:81"), "a.test:81"),
                                 (("GET http://b.test/ HTTP/1.1", "Host: a.test"), "b.test"),
                                 (("OPTIONS * HTTP/1.1", "Host: a.test"), "a.test")):
            self.ask(port, *lines, CLOSE)
            self.assertEqual((seen[-1][":authority"], seen[-1]["host"]), (authority, None))
        self.ask_h2(port, [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a.test")])
        self.assertEqual((seen[-1][":authority"], seen[-1]["host"]), ("a.test", None))
        port = self.behind(OK)
        self.ask_h2(port, [(":method", "GET"), (":scheme", "http"), (":authority", "A.test"), (":path", "/"), ("host", "a.test:80")])
        self.assertEqual(self.seen[-1][1]["host"], "A.test")

    def test_malformed_answers_over_http2(self):
        """RFC 9113 sections 8.1.1, 8.2.1, 8.2.2 and 10.3: not passed on."""
        for fields in ([("x", "a\rb")], [("x", "a\nb")], [("x", "a\0b")], [("x", " a")], [("X", "a")], [("x y", "a")], [("x:y", "a")],
                       [("connection", "x")], [("transfer-encoding", "chunked")], [("keep-alive", "5")], [("upgrade", "x")],
                       [("content-length", "1"), ("content-length", "2")], [("content-length", "-1")], [(":status", "200")],
                       [(":path", "/")]):
            def play(peer, fields=fields):
                peer.begin()
                r = peer.request()
                peer.send(frame(HEADERS, END_HEADERS | END_STREAM, r.stream, block(200, *fields)))
                peer.frames_left()
            with self.subTest(fields):
                got = self.ask(self.start(play, proto="h2").port, "GET / HTTP/1.1", "Host: a", CLOSE)
                self.assertIn(b" 502 ", got)


if __name__ == "__main__":
    unittest.main()
