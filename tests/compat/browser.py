#!/usr/bin/env python3
"""A browser and our server: Chromium without a window loads a page with fifty parts over HTTP/2 and TLS, and its own log of the
network must say so. labels: browser"""
import os
import re

import peers
from chromium import PARTS, Page, main


class Browser(Page):
    def serve(self, *options):
        port = peers.free_port()
        server = peers.Running([peers.H2BOX, "server", "-d", self.site, "-a", "127.0.0.1", *options, str(port)], port)
        self.addCleanup(server.__exit__)
        return server

    def test_a_page_with_fifty_parts(self):
        log = self.folder + "/access"
        server = self.serve("--access-log", log)
        dom, net = self.browse("https://127.0.0.1:%d/" % server.port, "--dump-dom")
        self.look(dom, net)
        self.assertEqual(server.stop(), 0, server.output)
        with open(log) as f:
            lines = [line for line in f if '"GET ' in line]
        self.assertGreaterEqual(len([line for line in lines if 'HTTP/2.0" 200 ' in line]), PARTS + 1)
        self.assertFalse([line for line in lines if "favicon" not in line and not re.search(r'" 200 ', line)])

    def test_a_listing(self):
        os.unlink(self.site + "/index.html")
        server = self.serve("--index")
        dom, _ = self.browse("https://127.0.0.1:%d/?sort=size&order=desc" % server.port, "--dump-dom")
        self.assertEqual(dom.count('<a href="./'), PARTS)
        self.assertIn("aria-sort=\"descending\"", dom)
        self.assertEqual(server.stop(), 0, server.output)


if __name__ == "__main__":
    main()
