#!/usr/bin/env python3
"""A browser and our proxy: Chromium loads a page with fifty parts through it, as from any server, and as through a forward proxy.
labels: browser"""
import peers
from chromium import PARTS, Page, main
from proxying import Proxy, backend


class Proxied(Page):
    def start(self, *words, **more):
        proxy = Proxy(*words, **more)
        self.addCleanup(proxy.__exit__)
        return proxy

    def origin(self, **more):
        server = peers.h2box_server(self.site, "-n1", **more)
        self.addCleanup(server.__exit__)
        return server

    def test_as_a_server(self):
        proxy = self.start(backend(self.origin().port, "", "proto=h2"), identity=peers.Identity())
        self.look(*self.browse(proxy.url(), "--dump-dom"))

    def test_as_a_forward_proxy(self):
        """To origins over TLS by CONNECT, and in the clear by whole URIs; the proxy itself over TLS and HTTP/2."""
        secure, clear = self.origin(identity=peers.Identity()), self.origin()
        for identity in None, peers.Identity():
            proxy = self.start("-s", identity=identity)
            through = ["--proxy-server=" + proxy.url(""), "--proxy-bypass-list=<-loopback>", "--dump-dom"]
            self.look(*self.browse("https://127.0.0.1:%d/" % secure.port, *through))
        dom, _ = self.browse("http://127.0.0.1:%d/" % clear.port, *through)
        self.assertIn("%d loaded, 0 failed" % PARTS, dom)


if __name__ == "__main__":
    main()
