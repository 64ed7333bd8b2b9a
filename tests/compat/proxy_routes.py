#!/usr/bin/env python3
"""Which backend of `h2box proxy` a request goes to: patterns, weights, affinity, names of TLS, UNIX sockets, and what is never forwarded.
timeout: 60"""
import collections
import contextlib
import json
import os
import re
import socket
import tempfile
import unittest

import peers
from configured import wait_for
from proxying import Proxy, backend, curl
from scripted import Server


def named(name):
    """A play that tells its name to all who ask, on connections that stay."""
    def play(peer):
        with contextlib.suppress(EOFError):
            while True:
                _, fields = peer.head()
                body = b"%s %s" % (name.encode(), fields.get("host", "-").encode())
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    return play


class Named(unittest.TestCase):
    """Three servers that tell their names."""

    @classmethod
    def setUpClass(cls):
        cls.servers = {name: Server(named(name)) for name in ("a", "b", "c")}
        cls.identity = peers.Identity()
        cls.folder = tempfile.TemporaryDirectory(prefix="h2box-routes-")

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers.values():
            server.__exit__()
        cls.folder.cleanup()

    def at(self, name, pattern="", *params):
        return backend(self.servers[name].port, pattern, *params)

    def start(self, *words, **more):
        proxy = Proxy(*words, **more)
        self.addCleanup(proxy.__exit__)
        return proxy

    def who(self, proxy, path="/", *words):
        return curl(*words, proxy.url(path)).decode().split()[0]


class Routes(Named):
    def test_patterns(self):
        proxy = self.start(self.at("a"), self.at("b", "b.example:/b/"), self.at("c", "*.example/c/"))
        for host, path, name in (("x", "/", "a"), ("x", "/b/1", "b"), ("x", "/b", "b"), ("B.Example", "/any", "b"),
                                 ("b.example:99", "/c/", "b"),
                                 ("z.example", "/c/1", "c"), ("z.example", "/d", "a"), ("x", "/a/../b/1", "b")):
            with self.subTest(host + path):
                for words in ["--http1.1"], ["--http2-prior-knowledge"]:
                    self.assertEqual(self.who(proxy, path, *words, "--path-as-is", "-H", "Host: " + host), name)

    def test_weights(self):
        proxy = self.start(self.at("a", "", "weight=3"), self.at("b", "", "weight=1"), "-n1")
        got = collections.Counter(re.findall(r"[ab](?= )", curl(*[proxy.url()] * 40).decode()))
        self.assertEqual(got, {"a": 30, "b": 10})

    def test_groups(self):
        proxy = self.start(self.at("a", "", "group=x", "group-weight=1"), self.at("b", "", "group=x", "group-weight=1"),
                           self.at("c", "", "group=y", "group-weight=2"), "-n1")
        got = collections.Counter(re.findall(r"[abc](?= )", curl(*[proxy.url()] * 30).decode()))
        self.assertEqual(got, {"a": 5, "b": 5, "c": 20})

    def test_affinity_by_address(self):
        proxy = self.start(*[self.at(name, "", "affinity=ip") for name in "abc"], "-n1")
        self.assertEqual(len({self.who(proxy) for _ in range(8)}), 1)

    def test_affinity_by_cookie(self):
        proxy = self.start(*[self.at(name, "", "affinity=cookie", "affinity-cookie-name=lb", "affinity-cookie-path=/p") for name in "abc"],
                           "-n1")
        cookies, names = {}, []
        for _ in range(6):
            head = curl("-i", proxy.url()).decode()
            value = re.search(r"(?i)set-cookie: lb=([0-9a-f]{8}); Path=/p\r\n", head).group(1)
            names.append(head.split("\r\n\r\n")[1].split()[0])
            cookies[value] = names[-1]
        self.assertEqual(set(names), {"a", "b", "c"})
        self.assertEqual(len(cookies), 3)
        for value, name in cookies.items():
            for words in ["--http1.1"], ["--http2-prior-knowledge"]:
                for _ in range(3):
                    got = curl("-i", *words, "-H", "Cookie: x=1; lb=%s; y=2" % value, proxy.url()).decode()
                    self.assertEqual(got.split("\r\n\r\n")[1].split()[0], name)
                    self.assertNotIn("set-cookie", got.lower())

    def test_affinity_that_is_strict(self):
        params = ("affinity=cookie", "affinity-cookie-name=lb", "affinity-cookie-stickiness=strict")
        gone = Server(named("gone"))
        proxy = self.start(self.at("a", "", *params), backend(gone.port, "", *params), "-n1", "--backend-connect-timeout=2s")
        cookie = None
        while not cookie:
            got = curl("-i", proxy.url()).decode()
            if got.endswith("gone 127.0.0.1:%d" % proxy.port):
                cookie = re.search(r"lb=\w{8}", got).group()
        gone.__exit__()
        proxy_answers = [curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "Cookie: " + cookie, proxy.url()) for _ in range(4)]
        self.assertTrue(set(proxy_answers) <= {b"502", b"503"}, proxy_answers)

    def test_secure_cookies(self):
        for secure, tls, there in (("auto", True, True), ("auto", False, False), ("yes", False, True), ("no", True, False)):
            proxy = self.start(self.at("a", "", "affinity=cookie", "affinity-cookie-name=lb", "affinity-cookie-secure=" + secure),
                               identity=self.identity if tls else None)
            got = curl("-i", proxy.url()).decode()
            self.assertEqual(bool(re.search(r"lb=\w{8}; Secure\r\n", got)), there, got)

    def test_what_is_never_forwarded(self):
        proxy = self.start(self.at("a"), self.at("b", "/no/", "dnf"))
        self.assertEqual(curl("-o", "/dev/null", "-w", "%{http_code}", proxy.url("/no/thing")), b"404")
        self.assertEqual(self.who(proxy), "a")

    def test_redirects_to_tls(self):
        for port, told in ((443, ""), (8443, ":8443")):
            proxy = self.start(self.at("a", "", "redirect-if-not-tls"), "--redirect-https-port=%d" % port)
            for words in ["--http1.1"], ["--http2-prior-knowledge"]:
                got = curl(*words, "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "-H", "Host: x.example:80", proxy.url("/p?q=1"))
                self.assertEqual(got.decode(), "308 https://x.example%s/p?q=1" % told)
        proxy = self.start(self.at("a", "", "redirect-if-not-tls"), identity=self.identity)
        self.assertEqual(self.who(proxy), "a")

    def test_names_of_tls(self):
        """sni-fwd: the name of the handshake counts, not that of the request."""
        proxy = self.start(self.at("a"), self.at("b", "localhost"), frontend=";sni-fwd", identity=self.identity)
        url = "https://localhost:%d/" % proxy.port
        words = ["--resolve", "localhost:%d:127.0.0.1" % proxy.port]
        self.assertEqual(curl(*words, "-H", "Host: other.example", url).decode().split()[0], "b")
        self.assertEqual(self.who(proxy, "/", "-H", "Host: localhost"), "b")  # without a name the request's counts
        proxy = self.start(self.at("a"), self.at("b", "localhost"), identity=self.identity)
        url = "https://localhost:%d/" % proxy.port
        words = ["--resolve", "localhost:%d:127.0.0.1" % proxy.port]
        self.assertEqual(curl(*words, "-H", "Host: other.example", url).decode().split()[0], "a")

    def test_names_and_families(self):
        """Names are looked up at the start, or with dns when they are needed, of the family that is asked for."""
        port = self.servers["a"].port
        for params in "", ";;dns":
            for words in [], ["--backend-address-family=IPv4"]:
                proxy = self.start("-blocalhost,%d%s" % (port, params), *words)
                self.assertEqual(self.who(proxy), "a")
        try:
            six = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError:
            self.skipTest("no IPv6 here")
        six.close()
        proxy = self.start("-blocalhost,%d;;dns" % port, "--backend-address-family=IPv6")
        self.assertEqual(curl("-o", "/dev/null", "-w", "%{http_code}", proxy.url()), b"502")
        front = peers.free_port()
        with peers.Running([peers.H2BOX, "proxy", "-f::1,%d;no-tls" % front, "-b127.0.0.1,%d" % port]):
            url = "http://[::1]:%d/" % front
            wait_for(lambda: curl("-g", url, code=None) == b"a [::1]:%d" % front)
            near = self.start("-b::1,%d" % front)
            self.assertEqual(curl(near.url()), b"a 127.0.0.1:%d" % near.port)

    def test_names_that_nobody_knows(self):
        proxy = self.start("-bnobody.invalid,80;;dns")
        self.assertEqual(curl("-o", "/dev/null", "-w", "%{http_code}", proxy.url()), b"502")

    def test_hosts_of_backends(self):
        proxy = self.start(self.at("a"), "--host-rewrite")
        self.assertEqual(curl(proxy.url()).decode(), "a 127.0.0.1:%d" % self.servers["a"].port)

    def test_unix_sockets(self):
        path = self.folder.name + "/back"
        with Server(named("u"), address=path):
            proxy = self.start("-bunix:%s" % path)
            self.assertEqual(curl(proxy.url()).decode(), "u 127.0.0.1:%d" % proxy.port)
        front = self.folder.name + "/front"
        args = [peers.H2BOX, "proxy", "-n2", "-funix:%s;no-tls" % front, self.at("a")]
        with peers.Running(args) as running:
            wait_for(lambda: os.path.exists(front))
            for words in ["--http1.1"], ["--http2-prior-knowledge"]:
                self.assertEqual(curl(*words, "--unix-socket", front, "http://x/").decode(), "a x")
            self.assertEqual(running.stop(), 0)
        with peers.Running(args):  # and again, over what may be left of it
            wait_for(lambda: curl("--unix-socket", front, "http://x/", code=None) == b"a x")


class Control(Named):
    """Frontends of another kind: api and healthmon."""

    def control(self, *params, conf=()):
        self.port = peers.free_port()
        proxy = self.start(self.at("a"), "-f127.0.0.1,%d;no-tls;%s" % (self.port, ";".join(params)), *conf)
        peers.wait_port(self.port, proxy.process)
        return proxy

    def api(self, path, *words):
        got = curl("-w", "\n%{http_code}", *words, "http://127.0.0.1:%d%s" % (self.port, path)).decode()
        body, code = got.rsplit("\n", 1)
        answer = json.loads(body)
        self.assertEqual(answer["code"], int(code))
        self.assertEqual(answer["status"], "Success" if code == "200" else "Failure")
        return answer

    def test_healthmon(self):
        self.control("healthmon")
        for words in ["--http1.1"], ["--http2-prior-knowledge"], ["-XPOST", "-d", "x"]:
            got = curl("-i", *words, "http://127.0.0.1:%d/any/thing" % self.port).lower()
            self.assertIn(b" 200", got.split(b"\r\n")[0])
            self.assertIn(b"\r\ncontent-length: 0\r\n", got)

    def test_other_backends(self):
        proxy = self.control("api")
        for version in ["--http1.1"], ["--http2-prior-knowledge"]:
            for method in "POST", "PUT":
                for name in "b", "c":
                    text = "# other backends\nbackend=127.0.0.1,%d;;proto=http/1.1\nfrontend=*,1\n" % self.servers[name].port
                    self.assertEqual(self.api("/api/v1beta1/backendconfig", *version, "-X", method, "--data-binary", text)["code"], 200)
                    wait_for(lambda name=name: self.who(proxy) == name)

    def test_what_is_refused(self):
        proxy = self.control("api", conf=["--api-max-request-body=1K"])
        path = "/api/v1beta1/backendconfig"
        self.assertEqual(self.api("/nothing")["code"], 404)
        self.assertEqual(self.api(path)["code"], 405)
        self.assertEqual(self.api("/api/v1beta1/configrevision", "-d", "x")["code"], 405)
        self.assertIn("allow: post, put", curl("-i", "http://127.0.0.1:%d%s" % (self.port, path)).decode().lower())
        for text in ("backend=127.0.0.1", "backend=not.an.address,80", "backend=127.0.0.1,80;/only", "backend=127.0.0.1,80;;fall=x",
                     "nonsense"):
            with self.subTest(text):
                self.assertEqual(self.api(path, "--data-binary", text)["code"], 400)
        self.assertEqual(self.api(path, "--data-binary", "#" * 2000)["code"], 413)
        self.assertEqual(self.api(path, "-H", "Transfer-Encoding: chunked", "--data-binary", "#" * 2000)["code"], 413)
        self.assertEqual(self.who(proxy), "a")

    def test_revisions(self):
        self.control("api")
        self.assertEqual(self.api("/api/v1beta1/configrevision")["data"]["configRevision"], 1)


if __name__ == "__main__":
    peers.have("curl")
    unittest.main()
