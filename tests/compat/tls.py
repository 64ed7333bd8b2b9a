#!/usr/bin/env python3
"""Our server and our client over TLS with OpenSSL's, GnuTLS's and other programs, on bad networks and with peers that
break the rules. timeout: 180"""
import os
import re
import select
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
import types
import unittest

import h2.config
import h2.connection
import h2.events

import peers

NETWORKS = [("sndbuf=4096,rcvbuf=4096,eagain=30,write=3000", 1 << 20), ("write=300,read=500,eagain=30", 65536),
            ("write=1,read=1,eagain=30", 612)]


def setUpModule():
    global folder, site, identity
    folder = tempfile.TemporaryDirectory(prefix="h2box-site-")
    site = peers.make_site(folder.name)
    identity = peers.Identity()


def tearDownModule():
    folder.cleanup()


def run(*args, stdin=b"", timeout=60, env=None):
    return subprocess.run(args, input=stdin, capture_output=True, timeout=timeout, env=env)


def shown(done):
    return (done.stdout + done.stderr).decode(errors="replace")


def context(protocols=("h2",), **versions):
    c = ssl.create_default_context(cafile=identity.cert)
    c.set_alpn_protocols(list(protocols))
    for name, version in versions.items():
        setattr(c, name, version)
    return c


def connect(port, c=None):
    raw = socket.create_connection(("127.0.0.1", port), 20)
    return (c or context()).wrap_socket(raw, server_hostname="localhost")


def hello():
    """The first flight of a handshake."""
    out = ssl.MemoryBIO()
    try:
        context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        return out.read()


class Pinger:
    """An HTTP/2 connection over TLS that sends PINGs. `wait` returns when its socket has something to read."""

    def __init__(self, raw, wait):
        self.raw, self.wait, self.inn, self.out, self.count = raw, wait, ssl.MemoryBIO(), ssl.MemoryBIO(), 0
        self.tls = context().wrap_bio(self.inn, self.out, server_hostname="localhost")
        self.until(lambda: self.tls.do_handshake() or True)
        self.tls.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))

    def until(self, step):
        """Does the step again with each piece that comes until it gives something."""
        while True:
            try:
                while not step():
                    pass
                return
            except ssl.SSLWantReadError:
                self.raw.sendall(self.out.read())
            self.wait()
            self.inn.write(self.raw.recv(1 << 20))

    def ping(self):
        """Sends one and returns when its answer is there."""
        self.count += 1
        mark, got = self.count.to_bytes(8, "big"), bytearray()

        def answer():
            got.extend(self.tls.read(65536))
            return bytes([0, 0, 8, 6, 1, 0, 0, 0, 0]) + mark in got

        self.tls.write(bytes([0, 0, 8, 6, 0, 0, 0, 0, 0]) + mark)
        self.until(answer)


class Arrivals:
    """What the kernel got for one connection and for a crowd, in the order in which it came: epoll keeps a queue. It
    matters neither how long this process nor how long the server waits for a processor."""

    def __init__(self, raw):
        self.poll, self.raw, self.answered = select.epoll(), raw.fileno(), 0
        self.poll.register(raw, select.EPOLLIN | select.EPOLLET)

    def add(self, s):
        self.poll.register(s, select.EPOLLIN | select.EPOLLONESHOT)

    def look(self, timeout):
        """Counts those of the crowd that were answered, until something came for `raw`: whether it did."""
        while events := self.poll.poll(timeout, 1):  # one: those behind it wait in the queue
            if events[0][0] == self.raw:
                return True
            self.answered += 1
        return False

    def wait(self):
        if not self.look(20):
            raise TimeoutError("no answer within 20 s")


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = peers.h2box_server(site, "-n1", identity=identity)
        cls.port = cls.server.port
        cls.url = "https://localhost:%d/size-" % cls.port

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        assert code == 0, cls.server.output
        cls.server.log.close()

    def s_client(self, *args, stdin=b"Q\n"):
        return shown(run("openssl", "s_client", "-connect", "127.0.0.1:%d" % self.port, "-servername", "localhost",
                         "-CAfile", identity.cert, *args, stdin=stdin))

    def test_curl_gets_bodies(self):
        for version in ("--tls-max=1.2", "--tlsv1.3"):
            for n in (0, 612, 16385, 1 << 20):
                done = run("curl", "-sS", "--http2", *version.split("="), "--cacert", identity.cert, self.url + str(n))
                self.assertEqual((done.returncode, done.stderr), (0, b""), version)
                self.assertEqual(peers.digest(done.stdout), peers.digest(peers.content(n)))

    def test_nghttp_and_h2load(self):
        done = run("nghttp", "-nsm20", "--no-verify-peer", self.url + "65536")
        self.assertEqual(shown(done).count(" 200  64K /size-65536"), 20, shown(done))
        done = run("h2load", "-n300", "-c10", "-m10", self.url + "612")
        self.assertIn("300 succeeded, 0 failed", shown(done))

    def test_openssl_ciphers_and_groups(self):
        for options, want in ((["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
                               "TLSv1.3, Cipher is TLS_CHACHA20_POLY1305_SHA256"),
                              (["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"], "TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384"),
                              (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], "TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"),
                              (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], "TLSv1.2, Cipher is ECDHE-ECDSA-CHACHA20-POLY1305"),
                              # OpenSSL before 3.5 calls the peer "Server".
                              (["-groups", "P-256"], "Temp Key: ECDH, prime256v1"), (["-groups", "P-521"], "secp521r1"),
                              (["-groups", "X25519"], "Temp Key: X25519"),
                              # What RFC 9113 appendix A blocks, and TLS 1.1, is not to be had.
                              (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], "alert handshake failure"),
                              (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "alert protocol version")):
            out = self.s_client("-alpn", "h2", *options)
            self.assertIn(want, out, options)
            if "Cipher is" in want:
                self.assertIn("ALPN protocol: h2", out)
                self.assertIn("Verify return code: 0 (ok)", out)

    def test_openssl_resumes(self):
        for version in ("-tls1_2", "-tls1_3"):
            with tempfile.NamedTemporaryFile() as session:
                # The first line makes our server answer (h2's preface it is not), so that the ticket has come.
                self.assertIn("New, TLSv", self.s_client(version, "-alpn", "h2", "-sess_out", session.name, "-ign_eof", stdin=b"hello\n"))
                self.assertIn("Reused, TLSv", self.s_client(version, "-alpn", "h2", "-sess_in", session.name, "-ign_eof", stdin=b"hello\n"))

    def test_openssl_updates_keys(self):
        """KeyUpdate (RFC 8446 section 4.6.3) in the middle of a connection: 'K' asks for one and makes one."""
        with subprocess.Popen(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.port, "-tls1_3", "-alpn", "h2"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
            conn = h2.connection.H2Connection(h2.config.H2Configuration())
            os.set_blocking(p.stdout.fileno(), False)
            got, end = b"", time.time() + 30
            p.stdin.write(b"K\n")
            p.stdin.flush()
            conn.initiate_connection()
            while b"KEYUPDATE" not in got and time.time() < end:
                got += p.stdout.read() or b""
                time.sleep(0.01)
            p.stdin.write(conn.data_to_send() + b"\n")
            p.stdin.flush()
            # A SETTINGS frame of the server: its first bytes are of length and type.
            while b"\x00\x00\x00\x04\x01\x00\x00\x00\x00" not in got and time.time() < end:
                got += p.stdout.read() or b""
                time.sleep(0.01)
            p.terminate()
        self.assertIn(b"\x00\x00\x00\x04\x01\x00\x00\x00\x00", got)

    def test_gnutls(self):
        for priority in ("NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305",
                         "NORMAL:-GROUP-ALL:+GROUP-SECP384R1"):
            out = shown(run("gnutls-cli", "--x509cafile", identity.cert, "--alpn=h2", "--priority=" + priority, "-p", str(self.port),
                            "localhost"))
            self.assertIn("- Handshake was completed", out, priority)
            self.assertIn("Application protocol: h2", out)
        out = shown(run("gnutls-cli", "--x509cafile", identity.cert, "--alpn=h2", "--resume", "-p", str(self.port), "localhost"))
        self.assertIn("*** This is a resumed session", out)

    def test_no_protocol_in_common(self):
        for name in ("spdy/3", "h2c"):  # RFC 9113 section 3.2: never h2c
            self.assertIn("no application protocol", self.s_client("-alpn", name))

    def test_without_alpn(self):
        """HTTP/2 must be agreed on by ALPN (RFC 9113 section 3.3): without it, it is HTTP/1.1."""
        out = self.s_client("-ign_eof", stdin=b"GET /size-1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertIn("HTTP/1.1 200 OK", out)
        out = self.s_client("-ign_eof", stdin=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.assertIn("HTTP/1.1 505 ", out)

    def test_no_renegotiation(self):
        """RFC 9113 section 9.2.1. s_client asks for it at a line that is 'R'; SETTINGS might come between."""
        with subprocess.Popen(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.port, "-tls1_2", "-alpn", "http/1.1"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
            lines = b""
            while b"Extended master secret" not in lines:
                self.assertTrue(line := p.stdout.readline(), lines)
                lines += line
            p.stdin.write(b"R\n")
            p.stdin.flush()
            out = p.stdout.read().decode(errors="replace")
        self.assertIn("RENEGOTIATING", out)
        self.assertIn("no renegotiation", out)

    def test_the_suite_that_all_have(self):
        """RFC 9113 section 9.2.2: ECDHE_RSA_WITH_AES_128_GCM_SHA256 with P-256."""
        with tempfile.TemporaryDirectory() as d:
            rsa = types.SimpleNamespace(key=d + "/key", cert=d + "/cert")
            run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost", "-keyout", rsa.key, "-out", rsa.cert)
            with peers.h2box_server(site, "-n1", identity=rsa) as server:
                done = run("curl", "-sS", "--http2", "--tls-max", "1.2", "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256", "--curves", "P-256",
                           "--cacert", rsa.cert, "https://localhost:%d/size-612" % server.port)
                self.assertEqual((done.stdout, done.stderr), (peers.content(612), b""))

    def test_plain_http_is_told(self):
        done = run("curl", "-sS", "-w", "%{http_code}", "http://127.0.0.1:%d/" % self.port)
        self.assertEqual(done.stdout.decode(), "This port speaks TLS: use https://\r\n400")
        done = run("curl", "-sS", "-d@" + site + "/size-65536", "-w", "%{http_code}", "http://127.0.0.1:%d/" % self.port)
        self.assertIn("400", done.stdout.decode())

    def test_a_peer_that_says_nothing_and_one_that_leaves(self):
        for start in (b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"):
            s = socket.create_connection(("127.0.0.1", self.port), 20)
            s.sendall(start)
            s.close()
        with socket.create_connection(("127.0.0.1", self.port), 20) as s:
            s.sendall(b"\x16\x03\x01\xff\xff" + bytes(70000))
            s.settimeout(20)
            try:
                while s.recv(4096):
                    pass
            except ConnectionResetError:
                pass
        connect(self.port).close()

    def test_handshakes_hold_up_nobody(self):
        """200 hellos at once beside a connection that pings: between a ping and its answer go one or two of them.

        One hello may be under way when the ping comes, and one goes with the turn that answers it. In a row they would be
        200, and no ping would be answered between two. This process may be stopped before it sends a ping, so single pings
        can have waited for more: the middle one counts."""
        hellos, waits = [hello() for _ in range(200)], []
        with socket.create_connection(("127.0.0.1", self.port), 20) as raw:
            arrivals = Arrivals(raw)
            pinger = Pinger(raw, arrivals.wait)
            pinger.ping()
            for _ in range(20):  # until enough pings have met hellos: on a busy machine a crowd can pass between two
                waits += self.ping_beside(pinger, arrivals, hellos)
                if len(waits) >= 20:
                    break
        middle = statistics.median([n for n in waits if n] or [0])  # many pings come when the server begins no handshake
        print("%d pings; hellos between one and its answer: %d, at most %d" % (len(waits), middle, max(waits or [0])))
        self.assertGreaterEqual(len(waits), 20)
        self.assertLessEqual(middle, 2)

    def ping_beside(self, pinger, arrivals, hellos):
        """Pings until the crowd has its answers: for each ping whose answer came between two of the crowd's, how many of
        the crowd were answered since it was sent."""
        crowd, waits = [socket.create_connection(("127.0.0.1", self.port), 20) for _ in hellos], []
        arrivals.answered = 0
        for s, one in zip(crowd, hellos):
            arrivals.add(s)
            s.sendall(one)
        while arrivals.answered < len(crowd):
            while arrivals.look(0):
                pass
            before = arrivals.answered
            pinger.ping()
            if 0 < arrivals.answered < len(crowd):
                waits.append(arrivals.answered - before)
        for s in crowd:
            s.close()
        return waits


class Client(unittest.TestCase):
    def good(self, port, *args, n=1 << 20):
        done = run(peers.H2BOX, "client", "--cacert", identity.cert, *args, "https://localhost:%d/size-%d" % (port, n))
        self.assertEqual((done.returncode, done.stderr), (0, b""), args)
        self.assertEqual(peers.digest(done.stdout), peers.digest(peers.content(n)))

    def test_servers_that_people_run(self):
        starts = [peers.nghttpd, peers.nginx] + ([peers.h2o] if peers.installed("h2o") else [])
        for start in starts:
            with start(site, identity=identity) as server:
                for version in ("TLSv1.2", "TLSv1.3"):
                    self.good(server.port, "--tls-max-proto-version=" + version)
                    self.good(server.port, "--tls-max-proto-version=" + version, "--ciphers",
                              "ECDHE-ECDSA-CHACHA20-POLY1305:TLS_CHACHA20_POLY1305_SHA256", n=65536)
                self.good(server.port, "--groups=P-256", n=612)

    def talk(self, args, port, *options):
        """Our client to a server that does not speak HTTP/2 and shows what it gets."""
        with tempfile.TemporaryFile() as log, subprocess.Popen(args, stdin=subprocess.PIPE, stdout=log, stderr=log) as server:
            try:  # it reads its input, and ends when that does
                peers.wait_port(port, server)
                done = run(peers.H2BOX, "client", "--cacert", identity.cert, "-t2", *options, "https://localhost:%d/" % port)
                self.assertEqual(done.returncode, 1)
                time.sleep(0.1)
            finally:
                server.terminate()
                server.wait(20)
            log.seek(0)
            return log.read().decode(errors="replace") + shown(done)

    def test_openssl_s_server(self):
        for options in (["-tls1_2"], ["-tls1_3"], ["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"], ["-tls1_3", "-groups", "P-384"]):
            port = peers.free_port()
            out = self.talk(["openssl", "s_server", "-accept", str(port), "-cert", identity.cert, "-key", identity.key, "-alpn", "h2",
                             "-quiet", *options], port)
            self.assertIn("PRI * HTTP/2.0", out, options)

    def test_openssl_asks_for_a_certificate(self):
        for version in ("-tls1_2", "-tls1_3"):
            args = ["openssl", "s_server", "-cert", identity.cert, "-key", identity.key, "-alpn", "h2", version, "-Verify", "1",
                    "-CAfile", identity.cert, "-verify_return_error", "-accept"]
            port = peers.free_port()
            self.assertIn("PRI * HTTP/2.0", self.talk(args + [str(port)], port, "--cert", identity.cert, "--key", identity.key))
            port = peers.free_port()
            out = self.talk(args + [str(port)], port)
            self.assertRegex(out, "the peer refuses: (certificate required|no version, cipher or group in common)")

    def test_gnutls_serv(self):
        for priority in ("NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3"):
            port = peers.free_port()
            # It sends our preface back, which no HTTP/2 server would.
            out = self.talk(["gnutls-serv", "--echo", "-p", str(port), "--x509certfile", identity.cert, "--x509keyfile", identity.key,
                             "--alpn=h2", "--priority=" + priority], port)
            self.assertIn("SETTINGS", out)

    def test_peers_can_read_a_refusal(self):
        """An alert after ServerHello is sealed with the handshake keys (RFC 8446 section 5.2): GnuTLS takes no other."""
        port = peers.free_port()
        args = ["gnutls-serv", "-p", str(port), "--x509certfile", identity.cert, "--x509keyfile", identity.key, "--alpn=h2",
                "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.3"]
        stranger = peers.Identity()
        out = self.talk(args, port, "--cacert", stranger.cert)
        self.assertNotIn("Decryption", out)
        self.assertIn("self-signed", out)

    def test_trust(self):
        with peers.h2box_server(site, "-n1", identity=identity) as server:
            url = "https://127.0.0.1:%d/size-1" % server.port
            _, err = peers.client(url, code=1)
            self.assertIn("connect 127.0.0.1:%d: certificate is self-signed" % server.port, err)
            self.assertEqual(peers.client("-k", url), (peers.content(1), ""))
            self.assertEqual(peers.client("--no-verify-peer", url), (peers.content(1), ""))
            self.assertEqual(peers.client("--cacert", identity.cert, url), (peers.content(1), ""))
            _, err = peers.client("--cacert", "/nowhere", url, code=1)
            self.assertIn("h2box client: /nowhere: No such file or directory", err)

    def test_a_certificate_for_this_run(self):
        with peers.Running([peers.H2BOX, "server", "-n1", "-d", site, "-a", "127.0.0.1", str(port := peers.free_port())], port) as server:
            self.assertEqual(peers.client("-k", "https://localhost:%d/size-1" % port)[0], peers.content(1))
            self.assertIn("self-signed", peers.client("https://localhost:%d/size-1" % port, code=1)[1])
            self.assertEqual(server.stop(), 0, server.output)

    def test_keys_are_logged(self):
        with tempfile.TemporaryDirectory() as d, peers.h2box_server(site, "-n1", identity=identity,
                                                                    env={"SSLKEYLOGFILE": d + "/server"}) as server:
            url = "https://localhost:%d/size-1" % server.port
            for version in ("TLSv1.2", "TLSv1.3"):
                run(peers.H2BOX, "client", "-k", "--tls-max-proto-version=" + version, url,
                    env={**os.environ, "SSLKEYLOGFILE": d + "/client"})
            with open(d + "/server") as a, open(d + "/client") as b:
                logged = a.read()
                self.assertEqual(sorted(logged.splitlines()), sorted(b.read().splitlines()))
            self.assertTrue(all(re.fullmatch("[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]{64,96}", line) for line in logged.splitlines()), logged)
            self.assertEqual(len(logged.splitlines()), 5)

    def test_a_body_that_is_cut(self):
        """The socket ends without close_notify: no body counts as whole."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def serve():
                c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                c.load_cert_chain(identity.cert, identity.key)
                c.set_alpn_protocols(["h2"])
                with c.wrap_socket(listener.accept()[0], server_side=True) as s:
                    conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
                    conn.initiate_connection()
                    while not any(isinstance(e, h2.events.StreamEnded) for e in conn.receive_data(s.recv(65536))):
                        s.sendall(conn.data_to_send())
                    conn.send_headers(1, [(":status", "200")])
                    conn.send_data(1, b"half of it")
                    s.sendall(conn.data_to_send())
                    s.shutdown(socket.SHUT_WR)  # of the socket alone
                    time.sleep(0.2)
            t = threading.Thread(target=serve)
            t.start()
            done = run(peers.H2BOX, "client", "--cacert", identity.cert, "https://localhost:%d/" % listener.getsockname()[1])
            t.join()
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"the connection was cut (no close_notify)", done.stderr)

    def test_bad_networks(self):
        for words, n in NETWORKS:
            env = lambda seed: {**os.environ, "H2BOX_FAULT": "%s,seed=%d" % (words, seed)}
            with peers.h2box_server(site, "-n1", identity=identity, env=env(99)) as server:
                for version in ("TLSv1.2", "TLSv1.3"):
                    for seed in (1, 2):
                        done = run(peers.H2BOX, "client", "-k", "--tls-max-proto-version=" + version,
                                   "https://127.0.0.1:%d/size-%d" % (server.port, n), env=env(seed))
                        self.assertEqual(done.returncode, 0, (words, done.stderr))
                        self.assertEqual(peers.digest(done.stdout), peers.digest(peers.content(n)), words)
                self.assertEqual(server.stop(), 0, server.output)

    def test_refused_memory(self):
        """The n-th allocation of either side's loop: the connection ends with a message, the server goes on."""
        for n in range(1, 60, 4):
            try:
                server = peers.h2box_server(site, "-n1", identity=identity, env={"H2BOX_FAULT": "alloc=%d" % n})
            except AssertionError as why:  # it was one that its start needs
                self.assertIn("out of memory", str(why))
                continue
            with server:
                for _ in range(3):
                    done = run(peers.H2BOX, "client", "-k", "https://127.0.0.1:%d/size-65536" % server.port)
                self.assertEqual((done.returncode, len(done.stdout)), (0, 65536), (n, done.stderr))
                done = run(peers.H2BOX, "client", "-k", "https://127.0.0.1:%d/size-65536" % server.port,
                           env={**os.environ, "H2BOX_FAULT": "alloc=%d" % n})
                self.assertTrue(done.returncode == 0 or b"h2box client: " in done.stderr, (n, done.stderr))
                self.assertEqual(server.stop(), 0, server.output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
