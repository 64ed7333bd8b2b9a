#!/usr/bin/env python3
"""hpack-deflate and hpack-inflate as programs: the examples of the 2014 README with RFC 7541 wires, round trips over
the stories, one feeding the other, malformed input, and python3-hpack as a second opinion.

Environment: H2BOX = the executable, H2BOX_VECTORS = the folder of test vectors."""
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

H2BOX = os.environ["H2BOX"]
VECTORS = os.environ.get("H2BOX_VECTORS", os.path.join(os.path.dirname(__file__), "..", "vectors"))

README = [
    [[":authority", "example.org"], [":method", "GET"], [":path", "/"], [":scheme", "https"],
     ["user-agent", "nghttp2"]],
    [[":authority", "example.org"], [":method", "POST"], [":path", "/account"],
     [":scheme", "https"], ["user-agent", "nghttp2"]],
]
WIRES = ["41882f91d35d055cf64d8284877a85aa69d29ac5", "bf830486606421eda93f87be"]


def run(name, text, *options, code=0):
    """stdout and stderr of an applet; the exit code must be as said."""
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogateescape")
    done = subprocess.run([H2BOX, name, *options], input=text, capture_output=True, timeout=60)
    err = done.stderr.decode()
    assert done.returncode == code, (name, options, done.returncode, err)
    return done.stdout.decode(), err


def objects(headers):
    return [{name: value} for name, value in headers]


def pairs(case):
    out = []
    for item in case["headers"]:
        assert len(item) == 1
        out += [list(p) for p in item.items()]
    return out


def cases_of(text):
    """The cases of a document, with keys in order and without duplicates."""
    def unique(items):
        keys = [k for k, _ in items]
        assert len(keys) == len(set(keys)), keys
        return dict(items)
    return json.loads(text, object_pairs_hook=unique)["cases"]


def document(*cases):
    return json.dumps({"context": "request", "cases": list(cases)})


def inflate(text, *options, code=0):
    out, err = run("hpack-inflate", text, *options, code=code)
    return cases_of(out), err


def deflate(text, *options, code=0):
    out, err = run("hpack-deflate", text, *options, code=code)
    return cases_of(out), err


def stories(kind):
    found = sorted(glob.glob(os.path.join(VECTORS, "hpack-test-case", kind, "story_*.json.gz")))
    assert found, f"no stories of {kind} in {VECTORS}"
    for path in found:
        with gzip.open(path, "rt", encoding="utf-8") as f:
            yield os.path.basename(path), f.read()


class Readme(unittest.TestCase):
    def test_deflate(self):
        cases, err = deflate(document(*({"headers": objects(h)} for h in README)))
        self.assertEqual(err, "")
        self.assertEqual([c["wire"] for c in cases], WIRES)
        self.assertEqual(list(cases[0]), ["seq", "input_length", "output_length",
                                          "percentage_of_original_size", "wire", "headers",
                                          "header_table_size"])
        self.assertEqual([(c["seq"], c["input_length"], c["output_length"]) for c in cases],
                         [(0, 66, 20), (1, 74, 12)])
        self.assertEqual([pairs(c) for c in cases], README)
        self.assertEqual([c["header_table_size"] for c in cases], [4096, 4096])

    def test_layout(self):
        out, _ = run("hpack-deflate", document({"headers": objects(README[0][:1])},
                                               {"headers": objects(README[0])}))
        lines = out.splitlines()
        self.assertEqual(lines[0], "{")
        self.assertEqual(lines.count(","), 1)
        self.assertIn('  "percentage_of_original_size": 30.303030303030305,',
                      run("hpack-deflate", document({"headers": objects(README[0])}))[0].splitlines())
        self.assertIn('  "seq": 0,', lines)
        self.assertIn('      ":authority": "example.org"', lines)

    def test_text(self):
        text = "\n\n".join("\n".join(f"{n}: {v}" for n, v in block) for block in README)
        for form in (text, text + "\n", text + "\n\n", "\n\n" + text.replace("\n", "\r\n"),
                     text.replace(": ", ":"), text.replace(": ", ": \t") + "  "):
            cases, err = deflate(form, "-t")
            self.assertEqual([c["wire"] for c in cases], WIRES, form)
            self.assertEqual(err, "")

    def test_table(self):
        cases, _ = deflate(document(*({"headers": objects(h)} for h in README)), "-d")
        table = cases[1]["header_table"]
        self.assertEqual(list(table), ["entries", "size", "max_size", "deflate_size",
                                       "max_deflate_size"])
        self.assertEqual(table["entries"], [
            {"index": 62, "name": "user-agent", "value": "nghttp2", "size": 49},
            {"index": 63, "name": ":authority", "value": "example.org", "size": 53}])
        self.assertEqual(list(table["entries"][0]), ["index", "name", "value", "size"])
        self.assertEqual((table["size"], table["max_size"], table["deflate_size"],
                          table["max_deflate_size"]), (102, 4096, 102, 4096))
        cases, _ = inflate(document(*({"wire": w} for w in WIRES)), "-d")
        self.assertEqual(cases[1]["header_table"], table)
        self.assertEqual(list(cases[0]), ["seq", "wire", "headers", "header_table_size",
                                          "header_table"])

    def test_inflate(self):
        cases, err = inflate(document({"wire": "8285"}, {"wire": "8583"}))
        self.assertEqual([pairs(c) for c in cases],
                         [[[":method", "GET"], [":path", "/index.html"]],
                          [[":path", "/index.html"], [":method", "POST"]]])
        self.assertEqual(list(cases[0]), ["seq", "wire", "headers", "header_table_size"])
        self.assertEqual(err, "")


class Chain(unittest.TestCase):
    def test_stories(self):
        for name, text in stories("raw-data"):
            want = [pairs(c) for c in cases_of(text)]
            for options in ((), ("-s", "0"), ("-s", "16K", "-S", "16384"), ("-S1024",), ("-s", "512")):
                packed, _ = run("hpack-deflate", text, *options)
                plain, _ = run("hpack-inflate", packed)
                self.assertEqual([pairs(c) for c in cases_of(plain)], want, (name, options))
            # And round again: the output of inflate feeds deflate, with the same wires.
            again, _ = run("hpack-deflate", plain)
            self.assertEqual([c["wire"] for c in cases_of(again)],
                             [c["wire"] for c in cases_of(packed)], name)
            twice, _ = run("hpack-deflate", packed)
            self.assertEqual(twice, again, name)
            self.assertEqual([c["wire"] for c in inflate(plain)[0]],
                             [c["wire"] for c in cases_of(packed)], name)

    def test_other_encoders(self):
        for kind in ("nghttp2", "nghttp2-change-table-size", "go-hpack"):
            for name, text in stories(kind):
                cases, err = inflate(text)
                self.assertEqual([pairs(c) for c in cases], [pairs(c) for c in cases_of(text)],
                                 (kind, name, err))

    def test_second_opinion(self):
        try:
            import hpack
        except ImportError:
            self.skipTest("python3-hpack is not installed")
        for number, (name, text) in enumerate(stories("raw-data")):
            if number >= 12:
                break
            for size in (4096, 256):
                decoder = hpack.Decoder(max_header_list_size=1 << 20)
                decoder.max_allowed_table_size = size
                packed, _ = deflate(text, "-s", str(size))
                for case in packed:
                    got = decoder.decode(bytes.fromhex(case["wire"]), raw=True)
                    self.assertEqual([[n.decode(), v.decode()] for n, v in got], pairs(case), name)
            encoder = hpack.Encoder()
            blocks = [pairs(c) for c in cases_of(text)]
            wires = [encoder.encode(b).hex() for b in blocks]
            cases, _ = inflate(document(*({"wire": w} for w in wires)))
            self.assertEqual([pairs(c) for c in cases], blocks, name)

    def test_explicit_size_wins(self):
        case = {"headers": objects(README[0]), "header_table_size": 100}
        self.assertEqual(deflate(document(case))[0][0]["header_table_size"], 100)
        cases, _ = deflate(document(case), "-s", "8192", "-S", "8K", "-d")
        self.assertEqual(cases[0]["header_table_size"], 8192)
        self.assertEqual(cases[0]["header_table"]["max_deflate_size"], 8192)

    def test_sizes_in_cases(self):
        given = [{"headers": objects(README[0])},
                 {"headers": objects(README[0]), "header_table_size": 0},
                 {"headers": objects(README[0]), "header_table_size": 200},
                 {"headers": objects(README[0])}]
        packed, _ = run("hpack-deflate", document(*given), "-d")
        cases = cases_of(packed)
        self.assertEqual([c["header_table_size"] for c in cases], [4096, 0, 200, 200])
        self.assertEqual(cases[1]["header_table"]["entries"], [])
        self.assertTrue(cases[1]["wire"].startswith("20"))
        plain, err = inflate(packed, "-d")
        self.assertEqual(err, "")
        self.assertEqual([c["header_table_size"] for c in plain], [4096, 0, 200, 200])
        self.assertEqual([c["header_table"]["entries"] for c in plain],
                         [c["header_table"]["entries"] for c in cases])

    def test_bytes(self):
        """What is not UTF-8 comes back as it was."""
        text = b"x-a: caf\xe9\nx-b: \xff\x80\xc3\n\nx-a: caf\xc3\xa9\n"
        packed, _ = run("hpack-deflate", text, "-t", "-d")
        cases = cases_of(packed)
        self.assertEqual(pairs(cases[0]), [["x-a", "caf\xe9"], ["x-b", "\xff\x80\xc3"]])
        self.assertEqual(cases[0]["encoding"], "latin-1")
        # The dynamic table of the second case still holds the bytes of the first.
        self.assertEqual(pairs(cases[1]), [["x-a", "caf\xc3\xa9"]])
        self.assertEqual(cases[1]["encoding"], "latin-1")
        plain, _ = run("hpack-inflate", packed)
        self.assertEqual(pairs(cases_of(plain)[1]), [["x-a", "café"]])
        self.assertNotIn("encoding", cases_of(plain)[1])
        for feed in (packed, plain):
            self.assertEqual([c["wire"] for c in deflate(feed)[0]], [c["wire"] for c in cases])
        one, _ = inflate(document({"wire": "0001610100"}))  # a value of one NUL
        self.assertEqual(pairs(one[0]), [["a", "\0"]])
        self.assertEqual(deflate(json.dumps({"cases": one}))[1], "")

    def test_names_in_lower_case(self):
        cases, _ = deflate("User-Agent: X\n", "-t")
        self.assertEqual(pairs(cases[0]), [["user-agent", "X"]])
        cases, _ = deflate(document({"headers": [{"HOST": "A"}]}))
        self.assertEqual(pairs(cases[0]), [["host", "A"]])

    def test_edges(self):
        self.assertEqual(inflate('{"cases":[]}'), ([], ""))
        self.assertEqual(deflate("", "-t"), ([], ""))
        self.assertEqual(deflate("\n\r\n\n", "-t"), ([], ""))
        cases, _ = deflate(document({"headers": []}, {"headers": [{"": ""}]}, {"headers": [{"a": ""}]}))
        self.assertEqual([c["wire"] for c in cases][0], "")
        self.assertEqual(cases[0]["percentage_of_original_size"], 0)
        plain, _ = inflate(json.dumps({"cases": cases}))
        self.assertEqual([pairs(c) for c in plain], [[], [["", ""]], [["a", ""]]])
        cases, _ = inflate(document({"wire": "8286845F"}, {"wire": "8286845f"}), code=1)
        self.assertEqual(cases, [])
        cases, _ = inflate(document({"wire": "4003666F6F03626172"}))
        self.assertEqual(pairs(cases[0]), [["foo", "bar"]])
        self.assertEqual(cases[0]["wire"], "4003666F6F03626172")


class Mistakes(unittest.TestCase):
    def check(self, name, text, seqs, *messages, options=()):
        out, err = run(name, text, *options, code=1)
        self.assertEqual([c["seq"] for c in cases_of(out)], seqs, err)
        for message in messages:
            self.assertIn(f"h2box {name}: {message}", err)

    def test_inflate_cases(self):
        for bad, message in (
                ({"wire": "8"}, "case 1: wire: an odd number of hex digits\n"),
                ({"wire": "8g"}, "case 1: wire: not a hex digit at 1\n"),
                ({"wire": "82 4"}, "case 1: wire: not a hex digit at 2\n"),
                ({"wire": 82}, "case 1: wire: not a string\n"),
                ({"wire": None}, "case 1: wire: not a string\n"),
                ({}, "case 1: wire: missing\n"),
                ({"wire": "82", "header_table_size": -1}, "case 1: header_table_size: not an integer"),
                ({"wire": "82", "header_table_size": 2**32}, "case 1: header_table_size: not an"),
                ({"wire": "82", "header_table_size": 1.5}, "case 1: header_table_size: not an"),
                ({"wire": "82", "encoding": "koi8-r"}, "case 1: encoding: neither"),
                ([], "case 1: not a JSON object\n"),
                (None, "case 1: not a JSON object\n"),
                ("x", "case 1: not a JSON object\n")):
            self.check("hpack-inflate", document({"wire": "82"}, bad, {"wire": "84"}), [0, 2], message)

    def test_inflate_stops_after_a_fault_of_hpack(self):
        """RFC 7541: the dynamic table is unknown from here on."""
        for wire in ("bf", "80", "00", "41", "7fffffffffffffff", "40016101", "0001618103", "3fffffff0f",
                     "823f"):
            self.check("hpack-inflate", document({"wire": "82"}, {"wire": wire}, {"wire": "84"}), [0],
                       "case 1: wire: ")
        self.check("hpack-inflate", document({"wire": "82", "header_table_size": 10}), [], "case 0: wire: ")

    def test_deflate_cases(self):
        for bad, message in (
                ({}, "case 1: headers: missing\n"),
                ({"headers": {}}, "case 1: headers: not an array\n"),
                ({"headers": ["a"]}, "case 1: headers: an item is not an object of one"),
                ({"headers": [{}]}, "case 1: headers: an item is not an object of one"),
                ({"headers": [{"a": "b", "c": "d"}]}, "case 1: headers: an item is not an object of one"),
                ({"headers": [{"a": 1}]}, "case 1: headers: a value is not a string\n"),
                ({"headers": [{"a": "\u0100"}], "encoding": "latin-1"}, "case 1: headers: a character"),
                (7, "case 1: not a JSON object\n")):
            good = {"headers": [{"a": "b"}]}
            self.check("hpack-deflate", document(good, bad, good), [0, 2], message)

    def test_malformed_case(self):
        """Only the case suffers, as long as its brackets match."""
        for bad in ('{"wire": "82", "wire": "83"}', '{"wire": 82x}', "foo", '{"wire"}', '{wire: "82"}',
                    '{"wire": "8\\u00"}', '{"wire": "\n"}', '[1, 2}', '{"wire": "82",}', "", '"\\ud800"'):
            text = '{"cases": [{"wire": "82"}, %s, {"wire": "84"}]}' % bad
            self.check("hpack-inflate", text, [0, 2], "case 1: malformed JSON: ")
        twice = '{"cases": [{"headers": [{"a": "b", "a": "c"}]}, {"headers": []}]}'
        self.check("hpack-deflate", twice, [1], "case 0: malformed JSON: duplicate")

    def test_broken_document(self):
        for tail, message in ((',]}', "a comma without a case"), ('}', "case 0: a bracket"),
                              ('', "case 0: the document ends inside"), (',', "case 1: the document ends"),
                              (']', "the document ends early"), (']x', "malformed JSON behind"),
                              (']}x', "malformed JSON behind"), ('],"cases":[]}', '"cases" stands twice'),
                              ('],"a":}', "malformed JSON beside"), (',{"wire": "84', "case 1: the document")):
            seqs = [] if message.startswith("case 0") else [0]
            self.check("hpack-inflate", '{"cases": [{"wire": "82"}' + tail, seqs, message)

    def test_no_document(self):
        for text in ("", " ", "[]", "7", "{", "{}", '{"a": 1}', '{"cases": 1}', '{"cases": {}}', '{"cases"}',
                     '{"a": [}', "\0", '{"cases', '{"a":1 "cases":[]}', "\xef\xbb\xbf{}"):
            for name in ("hpack-inflate", "hpack-deflate"):
                out, err = run(name, text, code=1)
                self.assertEqual(out, "", text)
                self.assertTrue(err.startswith(f"h2box {name}: "), (text, err))

    def test_text(self):
        text = "a: b\n\nno colon\nc: d\n\ne: f\n\n : x\n\na : b\n\ng:h\n"
        self.check("hpack-deflate", text, [0, 2, 5], "case 1: line 3: no colon", "case 3: line 8: a blank",
                   "case 4: line 10: a blank", options=("-t",))
        long = "a: " + "b" * 65533
        cases, _ = deflate(long, "-t")
        self.assertEqual(cases[0]["input_length"], 65534)
        self.check("hpack-deflate", f"{long}b\na: b\n\nc: d\n", [1], "case 0: line 1: longer than 64 KiB",
                   options=("-t",))

    def test_large_case(self):
        self.check("hpack-inflate", '{"cases": [{"wire": "%s"}]}' % ("8" * (17 << 20)), [],
                   "case 0: a case is too long")

    def test_bomb(self):
        """Four kilobytes named 20,000 times: refused, but the table is in step, so the next case counts. 100,000 times:
        not decoded to the end, so reading stops."""
        entry = "4001617fa11e" + "62" * 4000
        self.check("hpack-inflate", document({"wire": entry + "be" * 20000}, {"wire": "be"}, {"wire": "82"}), [1, 2],
                   "case 0: wire: holds more than")
        self.check("hpack-inflate", document({"wire": entry + "be" * 100000}, {"wire": "82"}), [],
                   "case 0: wire: header fields many times over the limit; reading stops here")

    def test_usage(self):
        for name, old in (("hpack-inflate", "inflatehd"), ("hpack-deflate", "deflatehd")):
            for options, message in ((("--nope",), "unrecognized option '--nope'"), (("x",), "too many"),
                                     (("-q",), "invalid option -- 'q'")):
                _, err = run(name, "", *options, code=2)
                self.assertIn(f"h2box {name}: {message}", err)
                _, err = run(old, "", *options, code=1)
                self.assertIn(f"{old}: {message}", err)
            for options in (("-h",), ("--help",), ("--version",)):
                self.assertEqual(run(old, "", *options)[1], "")
        _, err = run("deflatehd", "a: b", "-tc")
        self.assertIn("deflatehd: --no-refset has no effect", err)
        _, err = run("hpack-deflate", "", "-s", "5G", code=2)
        self.assertIn("--table-size: '5G' is not accepted: a size", err)


class Streams(unittest.TestCase):
    def test_case_by_case(self):
        """A case is answered before the next arrives."""
        tool = subprocess.Popen([H2BOX, "hpack-inflate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            got = b""
            tool.stdin.write(b'{"cases": [')
            for number in range(3):
                tool.stdin.write(b'{"wire": "82"},')
                tool.stdin.flush()
                until = time.monotonic() + 20
                while got.count(b"header_table_size") <= number and time.monotonic() < until:
                    got += os.read(tool.stdout.fileno(), 65536)
                self.assertEqual(got.count(b"header_table_size"), number + 1)
            tool.stdin.write(b'{"wire": "84"}]}')
            tool.stdin.close()
            got += tool.stdout.read()
            self.assertEqual(tool.wait(20), 0)
            self.assertEqual(len(cases_of(got)), 4)
        finally:
            tool.kill()
            tool.wait()
            tool.stdout.close()

    def test_many_cases(self):
        cases, _ = inflate('{"cases": [%s]}' % ",".join(['{"wire": "828684"}'] * 20000))
        self.assertEqual(cases[-1]["seq"], 19999)

    def test_full_disk(self):
        for text in (document({"wire": "82"}), document(*[{"wire": "82"}] * 5000)):
            with open("/dev/full", "wb") as full, tempfile.TemporaryFile() as given:
                given.write(text.encode())
                given.seek(0)
                done = subprocess.run([H2BOX, "hpack-inflate"], stdin=given, stdout=full,
                                      stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"h2box hpack-inflate: write to standard output: No space left", done.stderr)

    def test_closed_stdin(self):
        done = subprocess.run(["sh", "-c", '"$0" hpack-inflate <&-', H2BOX], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard input cannot be read", done.stderr)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=1)
    if program.result.testsRun == 0:
        sys.exit("no test ran")
    sys.exit(not program.result.wasSuccessful())
