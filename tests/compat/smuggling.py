"""Requests that try to be two, or to be another for the backend than for the proxy. Not a test itself.

Of each case either nothing whole reaches a backend and the client is refused, or exactly the requests that are said here."""

# What a case may come to.
REFUSED = None


def passes(method="GET", target="/x", content=b"", host="a.test", **fields):
    """fields: values that the backend must see, or None for fields that it must not; _ stands for -."""
    return method, target, content, host, {n.replace("_", "-"): v for n, v in fields.items()}


def perhaps(request):
    """A backend may have had that request already, and the client its answer, when the fault is seen."""
    return "perhaps", request


H1, H2 = {}, {}
HOST = b"Host: a.test\r\n"
SMUGGLED = b"0\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n"


def get(*lines, target=b"/x", host=HOST):
    return b"GET " + target + b" HTTP/1.1\r\n" + host + b"".join(x + b"\r\n" for x in lines) + b"\r\n"


def post(*lines, content=b""):
    return b"POST /x HTTP/1.1\r\n" + HOST + b"".join(x + b"\r\n" for x in lines) + b"\r\n" + content


def chunks(content):
    return post(b"Transfer-Encoding: chunked", content=content)


# ---- which length (RFC 9112 section 6.3) --------------------------------------------------------------------------------------

for name, lines in {
        "length and chunked": (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        "chunked and length": (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
        "length of 0 and chunked": (b"Content-Length: 0", b"Transfer-Encoding: chunked"),
        "chunked twice": (b"Transfer-Encoding: chunked, chunked",),
        "chunked in two fields": (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        "xchunked": (b"Transfer-Encoding: xchunked",),
        "chunked with a parameter": (b"Transfer-Encoding: chunked;x=y",),
        "identity": (b"Transfer-Encoding: identity", b"Content-Length: 5"),
        "gzip": (b"Transfer-Encoding: gzip",), "gzip, chunked": (b"Transfer-Encoding: gzip, chunked",),
        "chunked, gzip": (b"Transfer-Encoding: chunked, gzip",),
        "chunked, identity": (b"Transfer-Encoding: chunked, identity",), "an empty coding": (b"Transfer-Encoding:", b"Content-Length: 5"),
        "quoted chunked": (b'Transfer-Encoding: "chunked"',), "chunked behind VT": (b"Transfer-Encoding: \x0bchunked",),
        "chunked before NUL": (b"Transfer-Encoding: chunked\0",),
        "blank before the colon of the coding": (b"Transfer-Encoding : chunked", b"Content-Length: 5"),
        "tab before the colon": (b"Transfer-Encoding\t: chunked", b"Content-Length: 5"),
        "coding on a folded line": (b"Transfer-Encoding:", b" chunked"),
        "coding behind a folded line": (b"X: y", b" Transfer-Encoding: chunked", b"Content-Length: 5"),
        "coding behind bare CR": (b"X: y\rTransfer-Encoding: chunked", b"Content-Length: 5"),
        "coding behind bare LF": (b"X: y\nTransfer-Encoding: chunked", b"Content-Length: 5"),
        "coding behind NUL": (b"\0Transfer-Encoding: chunked", b"Content-Length: 5"),
        "a blank line in front": (b" ", b"Transfer-Encoding: chunked"),
        "two lengths": (b"Content-Length: 5", b"Content-Length: 6"), "lengths in a list": (b"Content-Length: 5, 6",),
        "length +5": (b"Content-Length: +5",),
        "length -1": (b"Content-Length: -1",), "length in hex": (b"Content-Length: 0x5",), "length 5x": (b"Content-Length: 5x",),
        "length 5 5": (b"Content-Length: 5 5",),
        "length 5.0": (b"Content-Length: 5.0",), "no length in the field": (b"Content-Length:",),
        "length past 64 bits": (b"Content-Length: 18446744073709551621",),
        "blank before the colon of the length": (b"Content-Length : 5",), "length behind VT": (b"Content-Length: \x0b5",),
        "length and NUL": (b"Content-Length: 5\0",),
        "a folded length": (b"Content-Length: 5", b" 6")}.items():
    H1[name] = (post(*lines, content=SMUGGLED), REFUSED)
H1["chunked in HTTP/1.0"] = (chunks(b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"), REFUSED)
H1["length"] = (post(b"Content-Length: 5", content=b"hello"), passes("POST", content=b"hello"))
H1["the same length twice"] = (post(b"Content-Length: 5", b"Content-Length: 5", content=b"hello"), passes("POST", content=b"hello"))
H1["content of GET"] = (get(b"Content-Length: 5") + b"hello", passes(content=b"hello"))
H1["chunks"] = (chunks(b"3\r\nhel\r\n02\r\nlo\r\n0\r\n\r\n"), passes("POST", content=b"hello"))
H1["CHUNKED behind a tab"] = (post(b"tRANSFER-eNCODING:\tCHUNKED", content=b"5\r\nhello\r\n0\r\n\r\n"), passes("POST", content=b"hello"))
H1["a coding that is none"] = (post(b"Transfer_Encoding: chunked", b"Content-Length: 5", content=b"hello"),
                               passes("POST", content=b"hello"))
H1["length that Connection names"] = (post(b"Connection: content-length", b"Content-Length: 5", content=b"hello"),
                                      passes("POST", content=b"hello"))
H1["coding that Connection names"] = (post(b"Connection: transfer-encoding", b"Transfer-Encoding: chunked",
                                           content=b"5\r\nhello\r\n0\r\n\r\n"), passes("POST", content=b"hello"))

# ---- chunks (RFC 9112 section 7.1) --------------------------------------------------------------------------------------------

for name, content in {
        "chunk size 0x5": b"0x5\r\nhello\r\n0\r\n\r\n", "chunk size +5": b"+5\r\nhello\r\n0\r\n\r\n",
        "chunk size -5": b"-5\r\nhello\r\n0\r\n\r\n",
        "a blank before the size": b" 5\r\nhello\r\n0\r\n\r\n", "chunk size 5 5": b"5 5\r\nhello\r\n0\r\n\r\n",
        "bare LF behind the size": b"5\nhello\r\n0\r\n\r\n",
        "bare CR behind the size": b"5\rhello\r\n0\r\n\r\n", "no size": b"\r\nhello\r\n0\r\n\r\n",
        "a size past 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
        "bare LF in an extension": b"5;x\nhello\r\n0\r\n\r\n", "bare CR in an extension": b"5;x\rhello\r\n0\r\n\r\n",
        "NUL in an extension": b"5;\0\r\nhello\r\n0\r\n\r\n",
        "an extension of 64 KiB": b"5;" + b"x" * 70000 + b"\r\nhello\r\n0\r\n\r\n", "a chunk that is longer": b"3\r\nhello\r\n0\r\n\r\n",
        "bare LF behind a chunk": b"5\r\nhello\n0\r\n\r\n",
        "nothing behind a chunk": b"5\r\nhello0\r\n\r\n", "bare LF at the end": b"5\r\nhello\r\n0\n\n",
        "folded trailers": b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
        "trailers without a colon": b"5\r\nhello\r\n0\r\nGET /evil HTTP/1.1\r\n\r\n",
        "CR in trailers": b"5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n",
        "no end": b"5\r\nhello\r\n", "half an end": b"5\r\nhello\r\n0\r\n"}.items():
    H1[name] = (chunks(content), REFUSED)
H1["an extension"] = (chunks(b"5;x=\"y\"\r\nhello\r\n0;z\r\n\r\n"), passes("POST", content=b"hello"))
H1["trailers"] = (chunks(b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"), passes("POST", content=b"hello"))
for name in b"Content-Length: 9", b"Host: evil", b"Cookie: x=y", b"Transfer-Encoding: chunked", b"Connection: x", b"Trailer: x":
    refused = name.startswith((b"Transfer-Encoding", b"Connection"))
    H1["trailers with " + name.decode()] = (chunks(b"5\r\nhello\r\n0\r\n" + name + b"\r\n\r\n"),
                                            REFUSED if refused else passes("POST", content=b"hello"))

# ---- lines and fields (RFC 9112 sections 2.2 and 5) ---------------------------------------------------------------------------

for name, sent in {
        "bare LF everywhere": get().replace(b"\r\n", b"\n"), "bare LF behind the request line": b"GET /x HTTP/1.1\nHost: a.test\r\n\r\n",
        "bare LF behind a field": get(b"X: y\nZ: z"),
        "bare LF at the end": b"GET /x HTTP/1.1\r\nHost: a.test\n\n", "bare CR in a value": get(b"X: a\rb"), "CR CR LF": get(b"X: a\r"),
        "bare LF in front": b"\n" + get(),
        "two blanks in the request line": get().replace(b"GET ", b"GET  "), "a tab in the request line": get().replace(b"GET ", b"GET\t"),
        "a blank behind the version": get().replace(b"1.1\r", b"1.1 \r", 1), "no version": b"GET /x\r\n" + HOST + b"\r\n",
        "HTTP/1.1x": get().replace(b"1.1\r", b"1.1x\r", 1),
        "http/1.1": get().replace(b"HTTP/", b"http/"), "HTTP/01.1": get().replace(b"/1.1", b"/01.1"),
        "HTTP/1.10": get().replace(b"/1.1", b"/1.10"), "HTTP/2.0": get().replace(b"/1.1", b"/2.0"),
        "a method in brackets": get().replace(b"GET", b"G(T"), "no method": b" /x HTTP/1.1\r\n" + HOST + b"\r\n",
        "a blank in the target": get(target=b"/x y"),
        "CR in the target": get(target=b"/x\ry"), "NUL in the target": get(target=b"/x\0"), "DEL in the target": get(target=b"/x\x7f"),
        "bytes above ASCII in the target": get(target=b"/\x80"),
        "target *": get(target=b"*"), "target without /": get(target=b"x"), "an authority as the target": get(target=b"a.test:80"),
        "a fragment": get(target=b"/x#y"),
        "no Host": get(host=b""), "two Hosts": get(host=HOST * 2), "two Hosts that differ": get(host=HOST + b"Host: evil\r\n"),
        "an empty Host": get(host=b"Host:\r\n"),
        "a blank in Host": get(host=b"Host: a b\r\n"), "a path in Host": get(host=b"Host: a/b\r\n"),
        "a user in Host": get(host=b"Host: u@a\r\n"), "a list in Host": get(host=b"Host: a, b\r\n"),
        "NUL in Host": get(host=b"Host: a\0\r\n"), "blank before the colon of Host": get(host=b"Host : a\r\n"),
        "a folded Host": get(host=b"Host:\r\n a\r\n"), "a port of letters": get(host=b"Host: a:b\r\n"),
        "user in an absolute target": get(target=b"http://u@a.test/x"), "ftp as the scheme": get(target=b"ftp://a.test/x"),
        "no host in an absolute target": get(target=b"http:///x"),
        "a blank in a name": get(b"X Y: z"), "a name of HTTP/2": get(b":path: /evil"), "brackets in a name": get(b"X(: z"),
        "NUL in a name": get(b"X\0: z"), "a name above ASCII": get(b"X\x80: z"),
        "an empty name": get(b": z"), "no colon": get(b"X"), "NUL in a value": get(b"X: a\0b"), "a folded line": get(b"X: a", b" b"),
        "a field before the first line": b" X: y\r\n" + get(),
        "a folded line at once": b"GET /x HTTP/1.1\r\n Host: a.test\r\n" + HOST + b"\r\n"}.items():
    H1[name] = (sent, REFUSED)
H1["CR LF in front"] = (b"\r\n" + get(), passes())
H1["another host in the target"] = (get(target=b"http://b.test/x"), passes(host="b.test"))
H1["a query without a path in the target"] = (get(target=b"http://b.test?x"), passes(target="/?x", host="b.test"))
H1["two slashes"] = (get(target=b"//evil/x"), passes(target="//evil/x"))
H1["dots"] = (get(target=b"/a/../x/%2e%2e/%00"), passes(target="/a/../x/%2e%2e/%00"))
H1["Host that Connection names"] = (get(b"Connection: host, x", b"X: y"), passes(x=None))
H1["fields of the connection"] = (get(b"Keep-Alive: 5", b"Proxy-Connection: x", b"TE: gzip", b"Upgrade: x",
                                      b"Connection: X-Y, TE, Keep-Alive", b"X-Y: z"),
                                  passes(x_y=None, te=None, upgrade=None, keep_alive=None, proxy_connection=None))
H1["two in a row"] = (get() + get(target=b"/y"), [passes(), passes(target="/y")])
H1["one behind content"] = (post(b"Content-Length: 5", content=b"hello") + get(target=b"/y"),
                            [passes("POST", content=b"hello"), passes(target="/y")])

# ---- HTTP/2: a field may hold what HTTP/1.1 would take apart (RFC 9113 sections 8.2.1, 8.3.1 and 10.3) ------------------------

EVIL = " HTTP/1.1\r\nHost: evil\r\n\r\nGET /evil"


def fields(*more, drop=(), **pseudo):
    first = {"method": "GET", "scheme": "http", "authority": "a.test", "path": "/x", **pseudo}
    return [*[(":" + n, v) for n, v in first.items() if n not in drop], *more]


for what, values in {"path": ["/" + EVIL, "/\r\nX: y", "/\n", "/\r", "/\0", "/a b", "/a\tb", "/\x7f", "/\x80", "", "x", "*", "http://evil/",
                              "/x#y"],
                     "method": ["GET / HTTP/1.1\r\nHost: x\r\n\r\nGET", "GE T", "GET\r\n", "GET\n", "", "G\0T", "G(T", "G\x80"],
                     "authority": ["a\r\nX: y", "a\n", "a b", "a/b", "u@a", "a#b", "a?b", "a\0", "a:b", "", "\x80"],
                     "scheme": ["http\r\nX: y", "http\n", "ht tp", "http\0", "", "http://evil/?", ":"]}.items():
    for value in values:
        H2[":%s %s" % (what, ascii(value))] = (fields(**{what: value}), None, REFUSED)
for what in "method", "scheme", "authority", "path":
    H2[":%s twice" % what] = (fields((":" + what, dict(fields())[":" + what])), None, REFUSED)
    if what != "authority":
        H2["no :" + what] = (fields(drop=[what]), None, REFUSED)
    H2[":%s behind a field" % what] = ([*fields(("x", "y"), drop=[what]), (":" + what, dict(fields())[":" + what])], None, REFUSED)
for name, value in {"x:y": "z", "x y": "z", "X-Y": "z", "": "z", "x\r\ny": "z", "x: y\r\ntransfer-encoding": "chunked", "x\n": "z",
                    "x\0": "z", "x\x80": "z", "x\x7f": "z", ":x": "z",
                    ":status": "200", ":protocol": "x", "transfer-encoding": "chunked", "Transfer-Encoding": "chunked",
                    "connection": "close", "keep-alive": "x",
                    "proxy-connection": "x", "upgrade": "h2c", "te": "gzip"}.items():
    H2["field %s: %s" % (ascii(name), value)] = (fields((name, value)), None, REFUSED)
for value in "a\r\nTransfer-Encoding: chunked", "a\nb", "a\rb", "a\0b", " a", "a ", "\ta", "a\r\n", "\r\n\r\nGET /evil HTTP/1.1":
    H2["value %s" % ascii(value)] = (fields(("x", value)), None, REFUSED)
for name, lengths, content in (("shorter", ["5"], b"hel"), ("longer", ["3"], b"hello"), ("without content", ["5"], None),
                               ("twice", ["5", "6"], b"hello"),
                               ("+5", ["+5"], b"hello"), ("in a list", ["5, 6"], b"hello"), ("0x5", ["0x5"], b"hello"),
                               ("empty", [""], b"hello"), ("past all", ["18446744073709551621"], b"hello")):
    H2["length " + name] = (fields(*[("content-length", v) for v in lengths], method="POST"), content, REFUSED)
H2["host that differs"] = (fields(("host", "evil")), None, REFUSED)
H2["two hosts"] = (fields(("host", "a.test"), ("host", "a.test")), None, REFUSED)
H2["host with a path"] = (fields(("host", "a/b"), drop=["authority"]), None, REFUSED)
H2["neither host nor :authority"] = (fields(drop=["authority"]), None, REFUSED)
H2["CONNECT with :path"] = (fields(method="CONNECT"), None, REFUSED)
H2["nothing wrong"] = (fields(("x", "y")), None, passes(x="y"))
H2["length of nothing"] = (fields(("content-length", "0"), method="POST"), b"hello", perhaps(passes("POST")))
H2["a comma in :authority"] = (fields(authority="a,b"), None, passes(host="a,b"))
H2["host alone"] = (fields(("host", "a.test"), drop=["authority"]), None, passes())
H2["the same host"] = (fields(("host", "a.test")), None, passes())
H2["te: trailers"] = (fields(("te", "trailers")), None, passes())
H2["cookies"] = (fields(("cookie", "a=1"), ("cookie", "b=2")), None, passes(cookie="a=1; b=2"))
H2["content"] = (fields(method="POST"), b"hello", passes("POST", content=b"hello"))
H2["content with its length"] = (fields(("content-length", "5"), method="POST"), b"hello", passes("POST", content=b"hello"))
H2["two slashes"] = (fields(path="//evil/x"), None, passes(target="//evil/x"))
H2["content that is a request"] = (fields(method="POST"), b"0\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n",
                                   passes("POST", content=b"0\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n"))
