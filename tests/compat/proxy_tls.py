#!/usr/bin/env python3
"""`h2box proxy` and certificates: several by SNI, those of clients and of backends, passwords, versions, names. timeout: 60"""
import contextlib
import re
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

import peers
from proxying import Proxy, backend, curl
from scripted import Server


class Authority:
    """Certificates that one authority has signed."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, folder + "/" + name
        self.cert = self.openssl(name, "-x509", "-days", "30", "-subj", "/CN=" + name, "-addext", "keyUsage=critical,keyCertSign")

    def openssl(self, name, *words):
        key, cert = "%s/%s-key.pem" % (self.folder, name), "%s/%s.pem" % (self.folder, name)
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                        *words],
                       check=True, capture_output=True, timeout=60)
        return cert

    def sign(self, name, host, days=30):
        request = self.openssl(name, "-subj", "/CN=" + host)
        with open(request + ".ext", "w") as f:
            f.write("subjectAltName=DNS:%s,IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n" % host)
        subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.name + "-key.pem", "-CAcreateserial",
                        "-days",
                        str(days), "-extfile", request + ".ext", "-out", request], check=True, capture_output=True, timeout=60)
        pair = peers.Identity.__new__(peers.Identity)
        pair.key, pair.cert = "%s/%s-key.pem" % (self.folder, name), request
        return pair


def setUpModule():
    global folder, authority, first, second, client, server
    folder = tempfile.TemporaryDirectory(prefix="h2box-proxy-tls-")
    authority = Authority(folder.name, "ca")
    first, second, client = (authority.sign(name, name + ".example") for name in ("first", "second", "client"))
    server = peers.h2box_server(peers.make_site(folder.name + "/site"), "-n1")


def tearDownModule():
    server.__exit__()
    folder.cleanup()


class Tls(unittest.TestCase):
    def start(self, *words, identity=None, **more):
        proxy = Proxy(*words, identity=identity, **more)
        self.addCleanup(proxy.__exit__)
        return proxy

    def ask(self, proxy, *words, host=None, code=0):
        words = ["-o", "/dev/null", "-w", "%{http_code} %{http_version}", *words]
        if host:
            words += ["--resolve", "%s:%d:127.0.0.1" % (host, proxy.port), "https://%s:%d/size-612" % (host, proxy.port)]
        else:
            words.append(proxy.url("/size-612"))
        return curl(*words, code=code).decode()


class Front(Tls):
    def test_certificates_by_name(self):
        proxy = self.start(backend(server.port), "--subcert=%s:%s" % (second.key, second.cert), identity=first)
        for name, shown in (("first.example", first), ("second.example", second), ("other.example", first), (None, first)):
            c = ssl.create_default_context(cafile=authority.cert)
            c.check_hostname = False
            with c.wrap_socket(socket.create_connection(("127.0.0.1", proxy.port)), server_hostname=name) as s:
                with open(shown.cert) as f:
                    self.assertEqual(s.getpeercert(True), ssl.PEM_cert_to_DER_cert(f.read()), name)

    def test_certificates_of_clients(self):
        proxy = self.start(backend(server.port), "--verify-client", "--verify-client-cacert=" + authority.cert, identity=first)
        for words in ["--http1.1"], ["--http2"], ["--http2", "--tls-max", "1.2"]:
            with self.subTest(words):
                self.assertIn("200", self.ask(proxy, *words, "--cert", client.cert, "--key", client.key))
                self.assertEqual(self.ask(proxy, *words, code=None)[:3], "000")
        other = peers.Identity()
        self.assertEqual(self.ask(proxy, "--cert", other.cert, "--key", other.key, code=None)[:3], "000")

    def test_keys_with_passwords(self):
        key, word = folder.name + "/locked.pem", folder.name + "/word"
        subprocess.run(["openssl", "pkcs8", "-topk8", "-in", first.key, "-out", key, "-passout", "pass:secret"], check=True,
                       capture_output=True)
        with open(word, "w") as f:
            f.write("secret\n")
        locked = peers.Identity.__new__(peers.Identity)
        locked.key, locked.cert = key, first.cert
        proxy = self.start(backend(server.port), "--private-key-passwd-file=" + word, identity=locked)
        self.assertEqual(self.ask(proxy), "200 2")

    def test_versions_and_suites(self):
        for words, good, bad in ((["--tls-max-proto-version=TLSv1.2"], ["--tls-max", "1.2"], ["--tlsv1.3"]),
                                 (["--tls-min-proto-version=TLSv1.3"], ["--tlsv1.3"], ["--tls-max", "1.2"]),
                                 (["--tls13-ciphers=TLS_AES_256_GCM_SHA384"], ["--tls13-ciphers", "TLS_AES_256_GCM_SHA384"],
                                  ["--tlsv1.3", "--tls13-ciphers", "TLS_AES_128_GCM_SHA256"]),
                                 (["--ciphers=ECDHE-ECDSA-AES128-GCM-SHA256"],
                                  ["--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"],
                                  ["--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"])):
            with self.subTest(words):
                proxy = self.start(backend(server.port), *words, identity=first)
                self.assertEqual(self.ask(proxy, *good)[:3], "200")
                self.assertEqual(self.ask(proxy, *bad, code=None)[:3], "000")

    def test_alternatives(self):
        """By the field to each version, and by a frame of HTTP/2."""
        proxy = self.start(backend(server.port), "--altsvc=h2,8443,one.example", "--http2-altsvc=h2,8444,two.example,,ma=60",
                           identity=first)
        self.assertIn('alt-svc: h2="one.example:8443"\r\n', curl("--http1.1", "-I", proxy.url("/size-1")).decode().lower())
        self.assertIn('alt-svc: h2="two.example:8444"; ma=60\r\n', curl("--http2", "-I", proxy.url("/size-1")).decode().lower())
        done = subprocess.run(["nghttp", "-nvy", proxy.url("/size-1"), proxy.url("/size-612")], capture_output=True, timeout=30)
        self.assertEqual(len(re.findall(rb"recv ALTSVC frame", done.stdout)), 1, done.stdout.decode())
        self.assertIn(b"two.example:8444", done.stdout)


class Client:
    """A connection over TLS that knows how large the records are that come."""

    def __init__(self, proxy, version=ssl.TLSVersion.TLSv1_3):
        context = ssl._create_unverified_context()
        context.minimum_version = context.maximum_version = version
        self.socket = socket.create_connection(("127.0.0.1", proxy.port), 20)
        self.came, self.sent, self.rest = ssl.MemoryBIO(), ssl.MemoryBIO(), b""
        self.tls = context.wrap_bio(self.came, self.sent, server_hostname="localhost")
        self.pump(self.tls.do_handshake)
        self.overhead = 17 if version == ssl.TLSVersion.TLSv1_3 else 24

    def pump(self, step):
        """What step returns, once enough has come for it; and the content of the records of data that came."""
        sizes = []
        while True:
            try:
                return step(), sizes
            except ssl.SSLWantReadError:
                self.socket.sendall(self.sent.read())
                got = self.socket.recv(65536)
                self.came.write(got)
                self.rest += got
                while len(self.rest) >= 5 and len(self.rest) >= 5 + (n := int.from_bytes(self.rest[3:5], "big")):
                    if self.rest[0] == 23:
                        sizes.append(n)
                    self.rest = self.rest[5 + n:]
            finally:
                self.socket.sendall(self.sent.read())

    def get(self, n):
        """The sizes of the records that a file of n bytes comes in."""
        self.tls.write(b"GET /size-%d HTTP/1.1\r\nHost: a\r\n\r\n" % n)
        got, all_sizes = b"", []
        while b"\r\n\r\n" not in got or len(got.partition(b"\r\n\r\n")[2]) < n:
            piece, sizes = self.pump(lambda: self.tls.read(65536))
            got += piece
            all_sizes += sizes
        return [size - self.overhead for size in all_sizes]


class Records(Tls):
    """They are small at first, and after a pause, as far as the options say."""
    SMALL = 1370

    def connect(self, proxy, *version):
        client = Client(proxy, *version)
        self.addCleanup(client.socket.close)
        return client

    def test_sizes(self):
        options = "--tls-dyn-rec-warmup-threshold=%s", "--tls-dyn-rec-idle-timeout=%s"
        for words, small in (([], 65536), ([options[0] % "8K", options[1] % "1h"], 8192), ([options[0] % 0], 0),
                             ([options[0] % "2M"], 2 << 20)):
            proxy = self.start("-n1", backend(server.port), *words, identity=first)
            for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
                with self.subTest("%s %s" % (words, version)):
                    client = self.connect(proxy, version)
                    client.get(0)  # with it come tickets of TLS 1.3, which look like data
                    at, sizes = 0, client.get(1048576)
                    for size in sizes:
                        if at + 2 * self.SMALL < small:
                            self.assertLessEqual(size, self.SMALL, (at, sizes))
                        at += size
                    self.assertEqual(max(sizes) > self.SMALL, small < 1048576, sizes)
                    if small < 65536:
                        time.sleep(1.1)
                        self.assertGreater(sum(client.get(65536)[:2]), 2 * self.SMALL)

    def test_pauses(self):
        client = self.connect(self.start("-n1", backend(server.port), "--tls-dyn-rec-idle-timeout=200ms", identity=first))
        self.assertGreater(max(client.get(1048576)), self.SMALL)
        time.sleep(0.5)
        sizes = client.get(65536)
        self.assertLessEqual(max(sizes[:10]), self.SMALL, sizes)


class Back(Tls):
    def test_certificates_of_backends(self):
        """They are looked at: authority and name."""
        with peers.h2box_server(folder.name + "/site", "-n1", identity=first) as behind:
            for proto in [], ["proto=h2"]:
                for words, sni, code in ((["--cacert=" + authority.cert], ["sni=first.example"], "200"),
                                         (["--cacert=" + authority.cert], ["sni=second.example"], "502"),
                                         ([], ["sni=first.example"], "502"),
                                         (["--insecure"], [], "200"),
                                         (["--cacert=" + authority.cert, "--backend-tls-sni-field=first.example"], [], "200")):
                    with self.subTest("%s %s %s" % (proto, words, sni)):
                        proxy = self.start(backend(behind.port, "", "tls", *proto, *sni), *words)
                        self.assertEqual(self.ask(proxy)[:3], code, proxy.output)

    def test_certificates_for_backends(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(first.cert, first.key)
        context.load_verify_locations(authority.cert)
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["http/1.1"])
        seen = []

        def play(peer):
            seen.append((peer.sock.getpeercert()["subject"], peer.sock.selected_alpn_protocol()))
            with contextlib.suppress(EOFError):
                while True:
                    peer.head()
                    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        with Server(play, context=context) as behind:
            for words, code in ((["--client-cert-file=" + client.cert, "--client-private-key-file=" + client.key], "200"), ([], "502")):
                proxy = self.start(backend(behind.port, "", "tls"), "-k", *words)
                self.assertEqual(self.ask(proxy)[:3], code, proxy.output)
                proxy.stop()
        self.assertEqual(seen, [(((("commonName", "client.example"),),), "http/1.1")])

    def test_schemes(self):
        """:scheme is the client's; upgrade-scheme tells a backend over TLS that it is https."""
        with peers.nghttpd(folder.name + "/site", "-v", identity=first) as behind:
            for params, scheme in (("upgrade-scheme",), "https"), ((), "http"):
                proxy = self.start(backend(behind.port, "", "tls", "proto=h2", *params), "-k")
                self.ask(proxy)
                self.assertEqual(re.findall(r":scheme: (\w+)", behind.output)[-1], scheme)


if __name__ == "__main__":
    peers.have("curl", "openssl", "nghttp", "nghttpd")
    unittest.main()
